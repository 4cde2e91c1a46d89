"""The ways in which a picture enters a network that writes."""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from seqmodels.errors import OptionError
from seqmodels.rnn import RNN
from seqmodels.tasks.attention import AdditiveAttention
from seqmodels.tasks.feature_scaling import FeatureScaling
from seqmodels.tasks.image_input import ImageInput

CONDITIONINGS = ("input", "state", "every_step", "attention", "none")


class ImageConditioning(nn.Module):
    """Makes the state that a caption begins with, and what is read beside each word, both of scaled features.

    The state is a dict: ``rnn``, the network's own [L, B, H]; for "every_step" ``image`` [B, E]; for "attention"
    ``memory`` [B, R, F], ``prepared`` [B, R, A], ``output`` [B, H], the network's last output, and ``weights`` [B, R].

    Args:
        how: One of ``CONDITIONINGS``.
        image: What gives the features.
        rnn: The network.
        embedding_size: E, of a word.
        attention_size: A, of the attention's hidden layer.
        dropout: On the picture's embedding.

    Raises:
        OptionError: For attention, if the features are not of regions.
    """

    def __init__(
        self, how: str, image: ImageInput, rnn: RNN, embedding_size: int, attention_size: int, dropout: float
    ) -> None:
        super().__init__()
        if how == "attention" and image.regions is None:
            raise OptionError(
                "conditioning 'attention' needs features of regions; give the data module a layer that has them, "
                "such as layer='grid'"
            )
        self.how, self._dropout = how, dropout
        self.scaling = FeatureScaling(image.size)
        self._sizes = [(rnn.num_layers, size) for size in rnn.cell.state_sizes]
        if how in ("input", "every_step"):
            self.project = nn.Linear(image.size, embedding_size)
        if how in ("state", "attention"):
            self.to_state = nn.Linear(image.size, sum(layers * size for layers, size in self._sizes))
        if how == "attention":
            self.attention = AdditiveAttention(image.size, rnn.output_size, attention_size)
        self._output_size = rnn.output_size

    @property
    def looks_again(self) -> bool:
        """Whether what is read depends on what was written, so that steps can't be taken together."""
        return self.how == "attention"

    @property
    def batch_dim(self) -> dict[str, int]:
        """Where the batch is in each part of the state."""
        parts = {"every_step": ("image",), "attention": ("memory", "prepared", "weights")}.get(self.how, ())
        return {"rnn": 1, "output": 0, **dict.fromkeys(parts, 0)}

    def begin(
        self, features: Float[Tensor, "B *R F"], rnn: RNN, owner: Int[Tensor, " N"] | None = None
    ) -> dict[str, Any]:
        """The state of the network before the first word.

        Args:
            features: Of the pictures.
            rnn: The network.
            owner: The picture that each of N captions is of; the n-th of the n-th if not given.
        """
        features = self.scaling(features)  # each picture counts once, however many captions it has
        features = features if owner is None else features[owner]
        mean = features.mean(1) if features.dim() == 3 else features
        blank = features.new_zeros(len(features), self._output_size)
        state: dict[str, Any] = {"rnn": None, "output": blank}
        if self.how == "input":
            state["rnn"] = rnn(self._project(mean)[None])[1]
        elif self.how in ("state", "attention"):
            state["rnn"] = self._split(torch.tanh(self.to_state(mean)))
        elif self.how == "every_step":
            state["image"] = self._project(mean)
        if self.how == "attention":
            state |= {"memory": features, "prepared": self.attention.prepare(features)}
            state["weights"] = features.new_zeros(features.shape[:2])
        return state

    def beside(self, words: Float[Tensor, "T B E"], state: dict[str, Any]) -> Float[Tensor, "T B I"]:
        """What the network reads at all steps, where that doesn't depend on what it writes."""
        if self.how != "every_step":
            return words
        return torch.cat([words, state["image"].expand(len(words), -1, -1)], -1)

    def look(self, words: Float[Tensor, "B E"], state: dict[str, Any]) -> tuple[Float[Tensor, "B I"], dict[str, Any]]:
        """What the network reads at one step, and the state with the weights of its attention."""
        if self.how != "attention":
            return self.beside(words[None], state)[0], state
        context, weights = self.attention(state["prepared"], state["memory"], state["output"])
        return torch.cat([words, context], -1), {**state, "weights": weights}

    def _project(self, features: Tensor) -> Tensor:
        return F.dropout(self.project(features), self._dropout, self.training)

    def _split(self, joined: Tensor) -> Any:
        parts = joined.split([layers * size for layers, size in self._sizes], -1)
        states = tuple(
            part.unflatten(-1, (layers, size)).transpose(0, 1).contiguous()
            for part, (layers, size) in zip(parts, self._sizes, strict=True)
        )
        return states[0] if len(states) == 1 else states
