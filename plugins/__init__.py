"""The built-in cells: one file a cell, whose name is the cell's name in the registry."""
