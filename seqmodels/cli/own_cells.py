"""A person's own cells are looked at before anything is trained with them."""

import copy
import inspect
import sys

from seqmodels.cell import Cell
from seqmodels.errors import CellError
from seqmodels.registry import get_cell, split_options
from seqmodels.rnn import RNN
from seqmodels.strangers import make, try_step
from seqmodels.testing import check_cell
from seqmodels.trees import TreeCell

OURS = "seqmodels.plugins."
SIZE = 240  # of input and states: most numbers of heads divide it


def look_at(cell: Cell) -> None:
    """Runs a step once; warns of a step that isn't pure, or mixes rows, whose results depend on what is beside them.

    Raises:
        CellError: If the step fails.
    """
    if type(cell).__module__.startswith(OURS) or isinstance(cell, TreeCell):  # which may have no step for chains
        return
    try_step(cell)
    try:
        check_cell(copy.deepcopy(cell), quick=True)
    except CellError as error:
        print(f"warning: {error}", file=sys.stderr)


def look_at_named(name: str) -> None:
    """Looks at a cell, with options or without, that will be made in several sizes.

    That it can't be made in this one is a warning, too.
    """
    path, given = split_options(name)
    options = {name: value for name, value in given.items() if name not in inspect.signature(RNN).parameters}
    try:
        look_at(make(get_cell(path), SIZE, SIZE, options))
    except CellError as error:
        print(f"warning: {error}", file=sys.stderr)
