"""The half of an encoder-decoder that writes, looking back at what was read."""

from typing import Any, Literal, get_args

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from seqmodels.cell import Cell, State
from seqmodels.errors import OptionError
from seqmodels.rnn import RNN
from seqmodels.tasks.attention import AdditiveAttention, MultiplicativeAttention
from seqmodels.tasks.encoder import top_output

Attention = Literal["none", "additive", "dot", "general"]
ATTENTIONS: tuple[str, ...] = get_args(Attention)


class AttentionalDecoder(nn.Module):
    """Any cell over the embedded target, and at each step R features from which the next token is chosen.

    "dot" and "general" (Luong et al. 2015): the network's output looks at the memory, and the features are
    tanh(W [context; output]). What is read doesn't depend on what was looked at, so all steps are taken together;
    with ``input_feeding``, where each step also reads the features of the one before, they can't. "additive" (Bahdanau
    et al. 2015): the last output looks, and the context is read beside the token. "none": only the state that it begins
    with tells of the source.

    The state is a dict: ``rnn``, the network's own [L, B, H]; with attention ``memory`` [B, S, M] and ``mask`` [B, S];
    for "additive" ``prepared`` [B, S, A]; with ``input_feeding`` ``fed`` [B, R].

    Args:
        cell: Any cell.
        embedding_size: E, of a token.
        hidden_size: H.
        num_layers: L.
        features: R.
        memory_size: M, of what the encoder gave at a token.
        attention: One of ``ATTENTIONS``.
        attention_size: A, of the hidden layer of "additive".
        input_feeding: See above.
        **options: Of RNN and of the cell.

    Raises:
        OptionError: If an option is out of range, or two exclude each other.
    """

    def __init__(
        self,
        cell: str | type[Cell] | Cell,
        embedding_size: int,
        hidden_size: int,
        num_layers: int,
        features: int,
        memory_size: int,
        attention: Attention,
        attention_size: int,
        input_feeding: bool,
        **options: Any,
    ) -> None:
        super().__init__()
        _check(attention, input_feeding)
        self.how, self.input_feeding, self.features = attention, input_feeding, features
        beside = memory_size if attention == "additive" else features if input_feeding else 0
        self.rnn = RNN(cell, embedding_size + beside, hidden_size, num_layers, **options)
        size = self.rnn.output_size
        if attention == "none":
            self.readout: nn.Module = nn.Identity() if size == features else nn.Linear(size, features)
            return
        self.readout = nn.Sequential(nn.Linear(memory_size + size, features, bias=False), nn.Tanh())
        self.attention: Any  # of two classes that are called differently
        if attention == "additive":
            self.attention = AdditiveAttention(memory_size, size, attention_size)
        else:
            self.attention = MultiplicativeAttention(memory_size, size, learned=attention == "general")

    @property
    def batch_dim(self) -> dict[str, int]:
        """Where the batch is in each part of the state."""
        parts = [] if self.how == "none" else ["memory", "mask"]
        parts += ["prepared"] * (self.how == "additive") + ["fed"] * self.input_feeding
        return {"rnn": 1, **dict.fromkeys(parts, 0)}

    def begin(self, memory: Float[Tensor, "B S M"], mask: Bool[Tensor, "B S"], state: State) -> dict[str, Any]:
        """The state before the first token, from what was read and the network's own initial state."""
        begun: dict[str, Any] = {"rnn": state}
        if self.how != "none":
            begun |= {"memory": memory, "mask": mask}
        if self.how == "additive":
            begun["prepared"] = self.attention.prepare(memory)
        if self.input_feeding:
            begun["fed"] = memory.new_zeros(len(memory), self.features)
        return begun

    def forward(
        self, words: Float[Tensor, "T B E"], state: dict[str, Any]
    ) -> tuple[Float[Tensor, "T B R"], Float[Tensor, "T B S"] | None]:
        """The features after each of the given words, and the weights of the attention at each."""
        if self.how == "additive" or self.input_feeding:
            return self._step_by_step(words, state)
        output, _ = self.rnn(words, state["rnn"])
        if self.how == "none":
            return self.readout(output), None
        context, weights = self.attention(state["memory"], output.transpose(0, 1), state["mask"])
        return self._combined(context.transpose(0, 1), output), weights.transpose(0, 1)

    def _step_by_step(self, words: Tensor, state: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """Where what is read depends on what was looked at before."""
        features, weights = [], []
        for word in words:
            found, state, looked = self.step(word, state)
            features.append(found)
            weights.append(looked)
        return torch.stack(features), torch.stack(weights)  # type: ignore[arg-type]  # "none" never comes here

    def step(
        self, word: Float[Tensor, "B E"], state: dict[str, Any]
    ) -> tuple[Float[Tensor, "B R"], dict[str, Any], Float[Tensor, "B S"] | None]:
        """One word further: the features, the new state, and the weights of the attention."""
        if self.how == "additive":
            query = top_output(self.rnn, state["rnn"])
            context, weights = self.attention(state["prepared"], state["memory"], query, state["mask"])
            output, carried = self._advance([word, context], state)
            return self._combined(context, output), {**state, "rnn": carried}, weights
        output, carried = self._advance([word, state["fed"]] if self.input_feeding else [word], state)
        state = {**state, "rnn": carried}
        if self.how == "none":
            return self.readout(output), state, None
        context, weights = self.attention(state["memory"], output[:, None], state["mask"])
        features = self._combined(context[:, 0], output)
        return features, {**state, "fed": features} if self.input_feeding else state, weights[:, 0]

    def _advance(self, read: list[Tensor], state: dict[str, Any]) -> tuple[Tensor, State]:
        output, carried = self.rnn(torch.cat(read, -1)[None], state["rnn"])
        return output[0], carried

    def _combined(self, context: Tensor, output: Tensor) -> Tensor:
        return self.readout(torch.cat([context, output], -1))


def _check(attention: str, input_feeding: bool) -> None:
    if attention not in ATTENTIONS:
        raise OptionError(f"attention is {attention!r}; use one of {', '.join(ATTENTIONS)}")
    if input_feeding and attention in ("none", "additive"):
        raise OptionError(f"input_feeding needs attention 'dot' or 'general', not {attention!r}; leave it away")
