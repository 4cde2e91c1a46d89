"""Recursive networks: cells over trees, all trees of a batch level by level."""

from seqmodels.trees.forest import Forest, plant
from seqmodels.trees.names import sequence_cells, tree_cells
from seqmodels.trees.tree import Branch, Tree
from seqmodels.trees.tree_cell import TreeCell
from seqmodels.trees.tree_rnn import TreeRNN

__all__ = ["Branch", "Forest", "Tree", "TreeCell", "TreeRNN", "plant", "sequence_cells", "tree_cells"]
