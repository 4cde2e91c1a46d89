"""Cells of the literature beside those of the lecture: one file a cell, whose name is the cell's name in the registry."""
