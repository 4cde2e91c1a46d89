"""Recurrent sequence models: write one time step, train it in every task."""

from seqmodels.adapter import from_module
from seqmodels.cell import Cell
from seqmodels.explain import explain
from seqmodels.registry import cells, get_cell, register_cell
from seqmodels.rnn import RNN

__all__ = ["RNN", "Cell", "cells", "explain", "from_module", "get_cell", "register_cell"]
