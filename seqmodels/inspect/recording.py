"""What the cells of a model compute while it reads: every state, gate and named value, at every step."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from seqmodels import engine
from seqmodels.engine import LayerPass, LayerResult, within_lengths
from seqmodels.engine.products import SequenceProducts
from seqmodels.errors import InputError, OptionError
from seqmodels.evaluating import evaluating
from seqmodels.inspect.layers import layers_of
from seqmodels.inspect.step_variables import Variable, step_variables
from seqmodels.layer import Layer, reverse

ROWS = 1024  # computed together: few enough to be kept in the processor's cache, many enough for fast products


@dataclass
class LayerRecording(Mapping[str, Tensor]):
    """What one layer computed in one direction: names -> values [T, B, K].

    Values past a sequence's length are 0. Those of a backwards layer stand where their input does.
    """

    place: str
    """The layer in the model, such as ``rnn.layers.0``."""
    cell: str
    """The class of its cell."""
    states: tuple[str, ...]
    """The names that are states, after the step."""
    data: dict[str, Float[Tensor, "T B K"]] = field(default_factory=dict)
    activations: dict[str, str] = field(default_factory=dict)
    """Which names are results of an activation function, and of which; a "sigmoid" is a gate as a rule."""

    def __getitem__(self, name: str) -> Tensor:
        if name not in self.data:
            raise InputError(f"{self.place} has no {name!r} recorded; it has {', '.join(self.data)}")
        return self.data[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)


@dataclass
class Recording:
    """What a model computed while it read.

    Example:
        >>> from seqmodels import RNN, inspect
        >>> rnn = RNN("gru", input_size=2, hidden_size=3, num_layers=2)
        >>> recording = inspect.record(rnn, torch.randn(5, 1, 2), names=["h", "z"])
        >>> [layer.place for layer in recording.layers], recording.layers[1]["z"].shape
        (['layers.0', 'layers.1'], torch.Size([5, 1, 3]))
    """

    layers: list[LayerRecording]
    """In the order in which they ran."""
    output: Any = None
    """What the model gave back."""


def record(
    model: nn.Module,
    *input: Any,
    names: Collection[str] | None = None,
    layers: Collection[str] | None = None,
    **options: Any,
) -> Recording:
    """Runs a model and keeps what the cells of its RNNs compute.

    The states are the engine's own. What is between them comes from the cell's step, run once more over all time steps
    as one batch, so that a recording takes little more time than a second pass. The model is evaluated: no dropout,
    no gradients. Every cell is recorded as it is, another package's too.

    Args:
        model: An RNN, or any module that has some, such as a task.
        input: Arguments of the model; or one text, for a model with a ``tokenizer`` that reads tokens [T, B].
        names: The values to keep, by name or pattern, such as ``["h", "sigmoid(*)"]``; all, if not given. See
            :func:`names_of` for those there are.
        layers: The layers to keep, by place or pattern, such as ``["rnn.layers.0"]``; all, if not given.
        options: Further arguments of the model.

    Raises:
        InputError: If the model runs no such layer, or one that ran several times with batches of different sizes.
        OptionError: If no name fits.

    Example:
        >>> from seqmodels import RNN, inspect
        >>> recording = inspect.record(RNN("lstm", 2, 3), torch.randn(5, 1, 2))
        >>> list(recording.layers[0])
        ['h', 'c', 'W_x', 'W_h', 'i', 'f', 'new', 'o', 'sigmoid(f)', 'sigmoid(i)', 'tanh(new)', 'sigmoid(o)', 'tanh(c)']
    """
    if len(input) == 1 and isinstance(input[0], str):
        input = (tokens_of(model, input[0]),)
    recorder = _Recorder(model, names, layers)
    with evaluating(model), engine.intercept(recorder):
        output = model(*input, **options)
    return Recording(recorder.recorded(), output)


def names_of(model: nn.Module) -> dict[str, list[str]]:
    """The layers of a model, and the names of what can be recorded of each.

    Example:
        >>> from seqmodels import RNN
        >>> names_of(RNN("elman", 2, 3))
        {'layers.0': ['h', 'W_xh', 'W_hh']}
    """
    return {place: [*layer.cell.state_names, *_inside_of_step(layer)] for place, layer in layers_of(model).values()}


def gates_of(model: nn.Module) -> dict[str, list[str]]:
    """The layers of a model, and the names of their gates: what a sigmoid gives.

    Example:
        >>> from seqmodels import RNN
        >>> gates_of(RNN("gru", 2, 3))
        {'layers.0': ['r', 'z']}
    """
    return {
        place: [name for name, variable in _inside_of_step(layer).items() if variable.activation == "sigmoid"]
        for place, layer in layers_of(model).values()
    }


def _inside_of_step(layer: Layer) -> dict[str, Variable]:
    """The variables of a step from zeros, of one row."""
    like = next(layer.cell.parameters(), torch.empty(0))
    state = [like.new_zeros(1, size) for size in layer.cell.state_sizes]
    return step_variables(layer.cell, like.new_zeros(1, layer.cell.input_size), state)


class _Recorder:
    """Stands between a model and the engine."""

    def __init__(self, model: nn.Module, names: Collection[str] | None, layers: Collection[str] | None) -> None:
        self._names = names
        every = layers_of(model)
        self._layers = {key: (place, layer) for key, (place, layer) in every.items() if _fits(place, layers)}
        if not self._layers:
            known = f"it has {', '.join(place for place, _ in every.values())}" if every else "it has no RNN"
            raise InputError(f"{type(model).__name__}: there is no layer to record; {known}")
        self._found: dict[str, list[LayerRecording]] = {}

    def __call__(self, layer: LayerPass, backend: str) -> LayerResult:
        if id(layer.cell) not in self._layers:
            return engine.run(layer, backend)
        place, module = self._layers[id(layer.cell)]
        result = engine.run(replace(layer, every_state=True), backend)
        assert result.states is not None
        names = layer.cell.state_names
        found = LayerRecording(place, type(layer.cell).__name__, names)
        found.data = {name: value for name, value in zip(names, result.states, strict=True) if self._keeps(name)}
        if self._names is None or not set(self._names) <= set(names):
            self._add_variables(found, layer, result.states)
        if layer.lengths is not None:
            real = within_lengths(layer.lengths, len(layer.input))[..., None]
            found.data = {name: value * real for name, value in found.data.items()}
        if module.backwards:
            found.data = {name: reverse(value, layer.lengths) for name, value in found.data.items()}
        self._found.setdefault(place, []).append(found)
        return result if layer.every_state else result._replace(states=None)

    def _keeps(self, name: str) -> bool:
        return _fits(name, self._names)

    def _add_variables(self, found: LayerRecording, layer: LayerPass, states: tuple[Tensor, ...]) -> None:
        """A step is independent of the others once the state before it is known: all are one batch."""
        before = [_before(*each, layer.reset) for each in zip(layer.state, layer.initial, states, strict=True)]
        shape = layer.input.shape[:2]
        rows = [tensor.flatten(0, 1).split(ROWS) for tensor in (layer.input, *before)]
        parts: dict[str, list[Tensor]] = {}
        for x, *state in zip(*rows, strict=True):
            products = SequenceProducts(x[None], {}, {}, layer.norms)
            for name, variable in step_variables(layer.cell, products.begin_step(0), state, [products]).items():
                if name not in found.states and self._keeps(name):
                    parts.setdefault(name, []).append(variable.value)
                    if variable.activation is not None:
                        found.activations[name] = variable.activation
        found.data |= {name: torch.cat(values).unflatten(0, shape) for name, values in parts.items()}

    def recorded(self) -> list[LayerRecording]:
        if not self._found:
            raise InputError("nothing was recorded: the model ran none of these layers")
        joined = [_joined(calls) for calls in self._found.values()]
        if not any(joined):
            raise OptionError(
                f"names: nothing is called {', '.join(map(repr, self._names or ()))}; see names_of(model)"
            )
        return joined


def _fits(name: str, patterns: Collection[str] | None) -> bool:
    return patterns is None or any(name == pattern or fnmatchcase(name, pattern) for pattern in patterns)


def _before(first: Tensor, initial: Tensor, states: Tensor, reset: Tensor | None) -> Tensor:
    """The state before each step [T, B, S]."""
    before = torch.cat([first[None], states[:-1]])
    return before if reset is None else torch.where(reset[..., None], initial, before)


def _joined(calls: list[LayerRecording]) -> LayerRecording:
    """What a model that goes step by step has run one after the other."""
    first = calls[0]
    if len(calls) == 1:
        return first
    if len({value.shape[1] for call in calls for value in call.values()}) > 1:
        raise InputError(f"{first.place} ran with batches of different sizes; record one of them")
    values = {name: torch.cat([call[name] for call in calls]) for name in first}
    return replace(first, data=values)


def tokens_of(model: nn.Module, text: str) -> Int64[Tensor, "T 1"]:
    """A text as its model's tokens.

    Raises:
        InputError: If the model reads no text, or has never seen something of it.
    """
    tokenizer: Any = getattr(model, "tokenizer", None)
    if tokenizer is None:
        raise InputError(f"{type(model).__name__} has no tokenizer, so it reads no text; give what its forward takes")
    unknown = tokenizer.unknown_in(text)
    if unknown is not None:
        raise InputError(f"the model has never seen the {tokenizer.unit} {unknown!r}; leave it out of the text")
    tokens: Tensor = tokenizer.encode(text)[:, None]
    return tokens.to(next(model.parameters()).device)
