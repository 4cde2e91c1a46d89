"""A language model reads a text: what it expected, and what its units were at every token."""

import functools
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from seqmodels.errors import InputError
from seqmodels.inspect.recording import LayerRecording, Recording, record, tokens_of
from seqmodels.tasks import LanguageModel


class Units(NamedTuple):
    """One named value of one layer, at every token."""

    layer: str
    name: str
    values: Float[Tensor, "T U"]
    activation: str | None
    """The function that gave it, such as "sigmoid"; None: none of the usual ones."""


@dataclass
class Reading:
    """A text as a model read it, T tokens long."""

    tokens: list[str]
    """As text, with the spaces between words; joined they are what the model knows of the text.

    Of a character that several tokens make, as several bytes do, the last one has it and those before have nothing.
    """
    units: list[Units]
    """After each token was read."""
    log_probabilities: Float[Tensor, " T"]
    """Of each token before it was read, in nats; the first one's is NaN."""
    likeliest: list[list[tuple[str, float]]]
    """After each token: what the model expected next, and its probability."""

    def of(self, name: str, layer: str | None = None) -> Float[Tensor, "T U"]:
        """The units of that name: of a layer, or of all layers side by side.

        Raises:
            InputError: If none is called so.
        """
        found = [units.values for units in self.units if units.name == name and layer in (None, units.layer)]
        if not found:
            known = ", ".join(sorted({units.name for units in self.units}))
            raise InputError(f"nothing is called {name!r}; there is {known}")
        return torch.cat(found, -1)


def read(
    model: LanguageModel,
    text: str,
    names: Collection[str] | None = None,
    layers: Collection[str] | None = None,
    likeliest: int = 5,
    window: int = 1000,
) -> Reading:
    """Lets a language model read a text, and records it.

    Args:
        model: A trained one, or not.
        text: What to read.
        names: The values to keep, as :func:`seqmodels.inspect.record` takes them; all, if not given.
        layers: The layers to keep; all, if not given.
        likeliest: How many of the tokens that it expects next to keep; 0: none.
        window: Tokens that are read at once; the state goes on from window to window.

    Raises:
        InputError: If the text is empty, or has something that the model has no token for.

    Example:
        >>> from seqmodels.data import build_tokenizer
        >>> model = LanguageModel(build_tokenizer("character", "hello"), cell="gru", hidden_size=3)
        >>> reading = read(model, "hell", names=["h", "z"])
        >>> reading.tokens, reading.of("z").shape, len(reading.likeliest[0])
        (['h', 'e', 'l', 'l'], torch.Size([4, 3]), 4)
    """
    tokens = tokens_of(model, text)
    recorded: list[list[LayerRecording]] = []
    expected = [torch.full((1,), torch.nan, device=tokens.device)]
    begin = 1
    best: list[list[tuple[str, float]]] = []
    text_of = functools.cache(lambda token: model.tokenizer.decode([token]))
    for found in read_windows(model, tokens, names, layers, window):
        logits, _ = found.output
        log_probabilities = logits[:, 0].float().log_softmax(-1)
        # Of the tokens that came, not of all: a text has many more tokens than a window.
        came = tokens[begin : begin + len(log_probabilities)]
        expected.append(log_probabilities[: len(came)].gather(1, came)[:, 0])
        begin += len(log_probabilities)
        top = log_probabilities.exp().topk(min(likeliest, len(model.tokenizer)))
        for probabilities, ids in zip(top.values.tolist(), top.indices.tolist(), strict=True):
            best.append([(text_of(token), p) for token, p in zip(ids, probabilities, strict=True)])
        recorded.append(found.layers)
    return Reading(
        tokens=model.tokenizer.decode_each(tokens[:, 0]),
        units=[units for parts in zip(*recorded, strict=True) for units in _joined(parts)],
        log_probabilities=torch.cat(expected),
        likeliest=best,
    )


def read_windows(
    model: LanguageModel,
    tokens: Int64[Tensor, "T 1"],
    names: Collection[str] | None,
    layers: Collection[str] | None,
    window: int,
) -> Iterator[Recording]:
    """What :func:`seqmodels.inspect.record` gives of one window after the other, so that none needs to be kept.

    Raises:
        InputError: If there are no tokens.
    """
    if len(tokens) == 0:
        raise InputError("the text is empty; give one to read")
    state: Any = None
    for part in tokens.split(window):
        found = record(model, part, state, names=names, layers=layers)
        _, state = found.output
        yield found


def _joined(windows: tuple[LayerRecording, ...]) -> list[Units]:
    first = windows[0]
    return [
        Units(first.place, name, torch.cat([part[name][:, 0] for part in windows]), first.activations.get(name))
        for name in first
    ]
