"""Files and folders that survive a killed process: written in one piece, held by one process at a time."""
