"""Reading a source whole, and what a decoder begins with."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from seqmodels.cell import State
from seqmodels.rnn import RNN


class Encoder(nn.Module):
    """Reads a source: embedding, any cell in one direction or both.

    Args:
        embedding: Of the source's tokens.
        rnn: The network.
        dropout: On the embedded tokens.

    Example:
        >>> import seqmodels
        >>> rnn = seqmodels.RNN("gru", input_size=4, hidden_size=3, bidirectional=True)
        >>> output, state = Encoder(nn.Embedding(9, 4), rnn)(torch.tensor([[1], [2]]), torch.tensor([2]))
        >>> output.shape, state.shape
        (torch.Size([2, 1, 6]), torch.Size([2, 1, 3]))
    """

    def __init__(self, embedding: nn.Embedding, rnn: RNN, dropout: float = 0.0) -> None:
        super().__init__()
        self.embedding, self.rnn, self._dropout = embedding, rnn, dropout

    def forward(self, source: Int[Tensor, "S B"], lengths: Int[Tensor, " B"]) -> tuple[Float[Tensor, "S B M"], State]:
        """The output at every token, 0 past the end, and the final state, which no padding has touched."""
        words = F.dropout(self.embedding(source), self._dropout, self.training)
        output, state = self.rnn(words, lengths=lengths)
        return output, state


class Bridge(nn.Module):
    """Makes the state that a decoder begins with from the last one of an encoder of as many layers.

    Each state comes from that of the same name and layer, forwards and backwards side by side: as it is if it fits
    (Sutskever et al. 2014), else as tanh(W s) (Bahdanau et al. 2015, A.2.2). If the two cells have different states,
    all of the decoder's come from what the encoder gave at its ends, as tanh(W y).

    Args:
        encoder: The network that reads.
        decoder: The network that writes.
    """

    def __init__(self, encoder: RNN, decoder: RNN) -> None:
        super().__init__()
        directions, sizes = _directions(encoder), decoder.cell.state_sizes
        self._same_states = encoder.cell.state_names == decoder.cell.state_names
        given = [size * directions for size in encoder.cell.state_sizes]
        if not self._same_states:
            given = [encoder.output_size] * len(sizes)
        fits = self._same_states and given == list(sizes)
        self.maps = nn.ModuleList(
            nn.ModuleList(nn.Linear(before, after) for _ in range(decoder.num_layers))
            for before, after in ([] if fits else zip(given, sizes, strict=True))
        )

    def forward(self, encoder: RNN, decoder: RNN, state: State) -> State:
        """The decoder's state [L, B, S] (or several) from the encoder's [L * directions, B, S']."""
        if self._same_states:
            given = [_side_by_side(one, _directions(encoder)) for one in encoder.cell.pack_state(state)]
        else:
            layers = top_output(encoder, state).expand(decoder.num_layers, -1, -1)
            given = [layers] * len(decoder.cell.state_names)
        if self.maps:
            given = [_mapped(maps, one) for maps, one in zip(self.maps, given, strict=True)]  # type: ignore[arg-type]
        return decoder.cell.unpack_state(tuple(given))


def top_output(rnn: RNN, state: State) -> Float[Tensor, "B M"]:
    """What the top layer gives in this state, forwards and backwards side by side."""
    states = rnn.cell.pack_state(state)
    top = range(len(rnn.layers) - _directions(rnn), len(rnn.layers))
    outputs = [rnn.layers[number].cell.output(*(one[number] for one in states)) for number in top]  # type: ignore[operator,union-attr]
    return torch.cat(outputs, -1)


def _directions(rnn: RNN) -> int:
    return 2 if rnn.bidirectional else 1


def _side_by_side(state: Tensor, directions: int) -> Tensor:
    """[L * D, B, S] -> [L, B, D * S]."""
    return state.unflatten(0, (-1, directions)).transpose(1, 2).flatten(2)


def _mapped(maps: nn.ModuleList, layers: Tensor) -> Tensor:
    return torch.stack([torch.tanh(one(layer)) for one, layer in zip(maps, layers, strict=True)])
