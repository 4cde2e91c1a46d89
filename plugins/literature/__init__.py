"""Cells of the literature, compared only where they are named: one file a cell, named as the cell is."""
