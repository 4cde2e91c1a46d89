"""Writing sequences with a model that predicts the next token, over any structure of states."""

from seqmodels.decoding.filters import filter_logits
from seqmodels.decoding.sampling import Step, greedy, sample

__all__ = ["Step", "filter_logits", "greedy", "sample"]
