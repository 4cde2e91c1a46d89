"""Recurrent sequence models: write one time step, train it in every task.

Names are imported when they are used, so that the command can answer before torch is there.
"""

from typing import TYPE_CHECKING

from seqmodels.lazy import lazy

if TYPE_CHECKING:
    from seqmodels.adapter import from_module
    from seqmodels.cell import Cell
    from seqmodels.explaining import explain
    from seqmodels.registry import cells, get_cell, register_cell
    from seqmodels.rnn import RNN

_MODULES = {
    "RNN": "rnn",
    "Cell": "cell",
    "cells": "registry",
    "explain": "explaining",
    "from_module": "adapter",
    "get_cell": "registry",
    "register_cell": "registry",
}

__all__ = ["RNN", "Cell", "cells", "explain", "from_module", "get_cell", "register_cell"]

__getattr__, __dir__ = lazy(__name__, _MODULES)
