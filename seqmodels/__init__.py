"""Recurrent sequence models: write one time step, train it in every task."""
