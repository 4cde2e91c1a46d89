"""Writing sequences with a model that predicts the next token, over any structure of states."""

from seqmodels.decoding.beam_search import beam_search, diverse_beam_search
from seqmodels.decoding.constraints import Constraints
from seqmodels.decoding.ensembles import ensemble
from seqmodels.decoding.filters import filter_logits
from seqmodels.decoding.hypothesis import Hypothesis
from seqmodels.decoding.sampling import greedy, sample
from seqmodels.decoding.step import Step
from seqmodels.decoding.trace import TraceStep

__all__ = [
    "Constraints",
    "Hypothesis",
    "Step",
    "TraceStep",
    "beam_search",
    "diverse_beam_search",
    "ensemble",
    "filter_logits",
    "greedy",
    "sample",
]
