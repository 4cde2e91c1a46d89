"""Which cells are made for trees."""

from seqmodels import registry
from seqmodels.errors import SeqmodelsError
from seqmodels.trees.tree_cell import TreeCell


def tree_cells() -> list[str]:
    """Names of the cells with an equation of their own for trees. Imports all cells; those that can't be are left out.

    Example:
        >>> from seqmodels.trees import tree_cells
        >>> "tree_lstm" in tree_cells(), "lstm" in tree_cells()
        (True, False)
    """
    return [name for name in registry.cells() if _is_tree_cell(name)]


def sequence_cells() -> list[str]:
    """Names of the cells that are compared on sequences where none are named: those of the lecture, and one's own.

    Example:
        >>> from seqmodels.trees import sequence_cells
        >>> [name in sequence_cells() for name in ("lstm", "tree_lstm", "janet")]
        [True, False, False]
    """
    literature = registry.literature_names()  # left out before the others are imported
    return [name for name in registry.cells() if name not in literature and not _is_tree_cell(name)]


def _is_tree_cell(name: str) -> bool:
    try:
        return issubclass(registry.get_cell(name), TreeCell)
    except SeqmodelsError:
        return False
