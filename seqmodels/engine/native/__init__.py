"""The native backend: one step as C, compiled here, run over whole sequences."""
