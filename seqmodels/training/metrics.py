"""Loss, perplexity and bits per character over all tokens of a corpus."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torchmetrics import Metric

# Apple's GPUs have no float64; sums of a corpus lose a few digits there.
SUMS = torch.float32 if torch.backends.mps.is_available() else torch.float64
LARGEST_EXPONENT = math.log(torch.finfo(SUMS).max)


class TokenLoss(Metric):
    """Mean nats a token, and what follows from it.

    The means are over all tokens of all batches and ranks, however they are spread over batches.

    Args:
        characters_per_token: [V] number of characters of each token, for bits per character; None where a token has no
            fixed text.

    Example:
        >>> import torch
        >>> metric = TokenLoss(torch.tensor([1.0, 1.0]))
        >>> metric.update(torch.tensor(2 * math.log(2)), torch.tensor(2), torch.tensor([[0], [1]]))
        >>> {name: round(float(value), 4) for name, value in metric.compute().items()}
        {'loss': 0.6931, 'perplexity': 2.0, 'bits_per_character': 1.0}
    """

    full_state_update = False
    nats: Tensor
    tokens: Tensor
    characters: Tensor

    def __init__(self, characters_per_token: Float[Tensor, " V"] | None = None) -> None:
        super().__init__()
        for name in ("nats", "tokens", "characters"):
            self.add_state(name, torch.zeros((), dtype=SUMS), dist_reduce_fx="sum")
        self.characters_per_token = characters_per_token

    def update(self, nats: Float[Tensor, ""], tokens: Int[Tensor, ""], target: Int[Tensor, "T B"]) -> None:
        """Adds a batch.

        Args:
            nats: Sum of the cross-entropies of the scored targets.
            tokens: Number of scored targets.
            target: The targets; negative where not scored.
        """
        self.nats += nats.to(SUMS)
        self.tokens += tokens
        if self.characters_per_token is not None:
            lengths = self.characters_per_token.to(target.device)
            self.characters += torch.where(target >= 0, lengths[target.clamp(min=0)], 0.0).sum().to(SUMS)

    def compute(self) -> dict[str, Tensor]:
        """``loss`` (nats a token), ``perplexity`` (its exponential) and ``bits_per_character``, where defined."""
        loss = self.nats / self.tokens
        values = {"loss": loss, "perplexity": loss.clamp(max=LARGEST_EXPONENT).exp()}
        if self.characters_per_token is not None:
            values["bits_per_character"] = self.nats / math.log(2) / self.characters
        return values
