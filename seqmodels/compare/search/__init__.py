"""An evolutionary search for recurrent cells, after Jozefowicz, Zaremba & Sutskever 2015, sections 3.1 to 3.4.

A cell's step is a graph (:class:`CellGraph`). It is changed at random (:func:`mutate`), printed as a Python file that a
person can keep (:func:`source`), trained, and has children if it is good (:class:`Search`).
"""

from seqmodels.compare.search.canonical import canonical, fingerprint
from seqmodels.compare.search.evolution import Search
from seqmodels.compare.search.graph import CellGraph, Node, violation
from seqmodels.compare.search.history import Candidate, Evaluation, best_so_far, standings
from seqmodels.compare.search.jobs import Evaluator
from seqmodels.compare.search.mutations import MUTATIONS, Mutant, mutate
from seqmodels.compare.search.options import SearchOptions
from seqmodels.compare.search.seeds import SEEDS
from seqmodels.compare.search.source import Provenance, linear_names, source

__all__ = [
    "MUTATIONS",
    "SEEDS",
    "Candidate",
    "CellGraph",
    "Evaluation",
    "Evaluator",
    "Mutant",
    "Node",
    "Provenance",
    "Search",
    "SearchOptions",
    "best_so_far",
    "canonical",
    "fingerprint",
    "linear_names",
    "mutate",
    "source",
    "standings",
    "violation",
]
