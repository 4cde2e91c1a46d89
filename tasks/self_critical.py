"""Training by the score of what a model writes itself (Rennie et al. 2017, arXiv 1612.00563)."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from seqmodels.data.caption_data import CaptionData, words_of
from seqmodels.data.tokenizer import Tokenizer
from seqmodels.errors import OptionError
from seqmodels.metrics import CiderD
from seqmodels.tasks.writing import line_of


class Drawn(NamedTuple):
    """B sequences drawn from a model, of at most T tokens."""

    tokens: Int[Tensor, "B T"]
    """The end, again and again, after the one that ends a sequence."""
    log_probabilities: Float[Tensor, "B T"]
    """Of each token, in nats, with the gradient of the model."""
    alive: Bool[Tensor, "B T"]
    """Whether a token belongs to its sequence, as its end does."""

    def loss(self, reward: Float[Tensor, " B"]) -> tuple[Float[Tensor, ""], Int[Tensor, ""]]:
        """REINFORCE: the sum over tokens of - reward * log-probability, and the number of tokens.

        Args:
            reward: Of each sequence, above that of a baseline; no gradient goes through it.
        """
        weighted = reward[:, None] * self.log_probabilities * self.alive
        return -weighted.sum(), self.alive.sum()


def draw(
    step: Callable[[Tensor, Any], tuple[Tensor, Any]], state: Any, start: Int[Tensor, " B"], max_length: int, end: int
) -> Drawn:
    """Sequences drawn token by token from a model, with gradients.

    Args:
        step: One token further: tokens [B] and state -> scores [B, V] and state.
        state: Before the first token.
        start: What stands before it.
        max_length: Tokens at most.
        end: The token that ends a sequence.

    Example:
        >>> always_two = lambda tokens, state: (torch.tensor([[-99.0, -99.0, 0.0]]), state)
        >>> draw(always_two, None, torch.tensor([0]), max_length=3, end=2).alive
        tensor([[ True, False, False]])
    """
    tokens, alive = start, torch.ones_like(start, dtype=torch.bool)
    rows: list[tuple[Tensor, Tensor, Tensor]] = []
    for _ in range(max_length):
        logits, state = step(tokens, state)
        log_probabilities = logits.log_softmax(-1)
        tokens = torch.multinomial(log_probabilities.detach().exp(), 1)[:, 0]
        rows.append((tokens, log_probabilities.gather(1, tokens[:, None])[:, 0], alive))
        alive = alive & (tokens != end)
    drawn, gathered, was_alive = (torch.stack(parts, 1) for parts in zip(*rows, strict=True))
    return Drawn(drawn.masked_fill(~was_alive, end), gathered, was_alive)


class CaptionReward:
    """CIDEr-D of captions, with the document frequencies of the training captions.

    Args:
        data: The training captions.
        tokenizer: Which makes text of tokens.

    Raises:
        OptionError: If ``data`` is no CaptionData.
    """

    def __init__(self, data: Any, tokenizer: Tokenizer) -> None:
        if not isinstance(data, CaptionData):
            raise OptionError("Captioner: self_critical needs a CaptionData as the Trainer's datamodule")
        self._tokenizer = tokenizer
        self._cider = CiderD({one.key: [line.split() for line in words_of(one)] for one in data.records["train"]})

    def __call__(self, captions: Int[Tensor, "B T"], references: Sequence[Sequence[str]]) -> Float[Tensor, " B"]:
        """The scores of captions against what people said, as words with spaces between."""
        written = [line_of(tokens, self._tokenizer).split() for tokens in captions.tolist()]
        scores = self._cider.score(written, [[line.split() for line in lines] for lines in references])
        return torch.as_tensor(scores, dtype=torch.float32, device=captions.device)
