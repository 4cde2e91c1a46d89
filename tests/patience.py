"""How long tests wait for what comes at once on an idle machine."""

PATIENCE = 240.0  # seconds: a busy machine takes a thousand times as long as an idle one for a moment
