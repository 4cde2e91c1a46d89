"""Files of trees."""

from seqmodels.data.tree_files.brackets import parse_brackets
from seqmodels.data.tree_files.expressions import draw_expressions
from seqmodels.data.tree_files.operators import parse_operators
from seqmodels.data.tree_files.reading import LabelledTree, form_of, parse_trees, read_trees

__all__ = [
    "LabelledTree",
    "draw_expressions",
    "form_of",
    "parse_brackets",
    "parse_operators",
    "parse_trees",
    "read_trees",
]
