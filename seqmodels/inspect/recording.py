"""What the cells of a model compute while it reads: every state, gate and named value, at every step."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from seqmodels import engine
from seqmodels.cell import Cell
from seqmodels.engine import LayerPass, LayerResult, within_lengths
from seqmodels.engine.products import SequenceProducts
from seqmodels.errors import InputError, OptionError
from seqmodels.evaluating import evaluating
from seqmodels.inspect.layers import join_runs, layers_of
from seqmodels.inspect.recording_cell import recording_cell
from seqmodels.inspect.step_variables import Variable, step_variables
from seqmodels.layer import Layer, reverse

_inside: "WeakKeyDictionary[Layer, tuple[Cell, tuple, dict[str, Variable]]]" = WeakKeyDictionary()
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

    def __contains__(self, name: object) -> bool:
        return name in self.data

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
    """What the model gave back; as ever, up to rounding."""


def record(
    model: nn.Module,
    *input: Any,
    names: Collection[str] | None = None,
    layers: Collection[str] | None = None,
    **options: Any,
) -> Recording:
    """Runs a model and keeps what the cells of its RNNs compute.

    One pass gives all: the engine generates code that keeps what is asked for, compiled when it is first needed. Where
    it can't, the states are the engine's, and what is between them comes from the cell's step, run once more over all
    time steps as one batch. The model is evaluated: no dropout, no gradients. Every cell is recorded as it is, another
    package's too.

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
    """The variables of a step from zeros, of one row; looked for again once the cell has other settings."""
    cell, settings = layer.cell, engine.plain_settings(layer.cell)
    known = _inside.get(layer)
    if known is None or known[:2] != (cell, settings):
        like = next(cell.parameters(), torch.empty(0))
        state = [like.new_zeros(1, size) for size in cell.state_sizes]
        known = _inside[layer] = cell, settings, step_variables(cell, like.new_zeros(1, cell.input_size), state)
    return known[2]


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
        wants_states_only = self._names is not None and set(self._names) <= set(layer.cell.state_names)
        inside = {} if wants_states_only else _inside_of_step(module)
        variables = {name: each for name, each in inside.items() if self._keeps(name)}
        result, values = _run(module, layer, variables, backend)
        found = LayerRecording(place, type(layer.cell).__name__, layer.cell.state_names)
        found.data = {name: value for name, value in values.items() if self._keeps(name)}
        found.activations = {name: each.activation for name, each in variables.items() if each.activation is not None}
        if layer.lengths is not None:
            real = within_lengths(layer.lengths, len(layer.input))[..., None]
            found.data = {name: value * real for name, value in found.data.items()}
        if module.backwards:
            found.data = {name: reverse(value, layer.lengths) for name, value in found.data.items()}
        self._found.setdefault(place, []).append(found)
        return result if layer.every_state else result._replace(states=None)

    def _keeps(self, name: str) -> bool:
        return _fits(name, self._names)

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


def _run(
    module: Layer, layer: LayerPass, variables: Mapping[str, Variable], backend: str
) -> tuple[LayerResult, dict[str, Tensor]]:
    """What the layer gives, and its states and variables [T, B, K] by name."""
    if variables and (found := _run_generated(module, layer, variables, backend)) is not None:
        return found
    result = engine.run(replace(layer, every_state=True), backend)
    assert result.states is not None
    values = dict(zip(layer.cell.state_names, result.states, strict=True))
    return result, values | _variables_at_once(layer, result.states, variables)


def _run_generated(
    module: Layer, layer: LayerPass, variables: Mapping[str, Variable], backend: str | None
) -> tuple[LayerResult, dict[str, Tensor]] | None:
    """By code that keeps the variables where it computes them; None where there is no such code."""
    backend = engine.backend_of(layer.input.device) if backend == "auto" else backend
    if backend not in ("native", "cuda") or len(layer.input) == 1:
        return None
    sizes = {name: variable.value.shape[1] for name, variable in variables.items()}
    cell, count = recording_cell(module, sizes), len(layer.state)
    more = tuple(layer.input.new_zeros(layer.input.shape[1], size) for size in sizes.values())
    watched = replace(
        layer,
        cell=cell,
        state=(*layer.state, *more),
        initial=(*layer.initial, *more),
        zoneout=(*layer.zoneout, *(0.0 for _ in more)) if layer.zoneout else (),
        every_state=True,
    )
    try:
        result = engine.run(watched, backend)
    except OptionError:  # the engine's: no compiler, or a step that it can't take
        return None
    assert result.states is not None
    values = dict(zip(cell.state_names, result.states, strict=True))
    return result._replace(state=result.state[:count], states=result.states[:count]), values


def _variables_at_once(layer: LayerPass, states: tuple[Tensor, ...], variables: Collection[str]) -> dict[str, Tensor]:
    """By the cell's own step: it is independent of the others once the state before it is known, so all are a batch."""
    if not variables:
        return {}
    before = [_before(*each, layer.reset) for each in zip(layer.state, layer.initial, states, strict=True)]
    parts = []
    for x, *state in zip(*(tensor.flatten(0, 1).split(ROWS) for tensor in (layer.input, *before)), strict=True):
        products = SequenceProducts(x[None], {}, {}, layer.norms)
        parts.append(step_variables(layer.cell, products.begin_step(0), state, [products]))
    return {
        name: torch.cat([part[name].value for part in parts]).unflatten(0, layer.input.shape[:2])
        for name in variables
        if all(name in part for part in parts)  # a step may choose by values what it computes
    }


def _before(first: Tensor, initial: Tensor, states: Tensor, reset: Tensor | None) -> Tensor:
    """The state before each step [T, B, S]."""
    before = torch.cat([first[None], states[:-1]])
    return before if reset is None else torch.where(reset[..., None], initial, before)


def _joined(calls: list[LayerRecording]) -> LayerRecording:
    """What a model that goes step by step has run one after the other."""
    first = calls[0]
    if len(calls) == 1:
        return first
    return replace(first, data={name: join_runs(first.place, [call[name] for call in calls]) for name in first})


def tokens_of(model: nn.Module, text: str) -> Int64[Tensor, "T 1"]:
    """A text as its model's tokens; what is outside the vocabulary is ``<unk>`` if there is one, as in a test.

    Raises:
        InputError: If the model reads no text, or has no token for something of it.
    """
    tokenizer: Any = getattr(model, "tokenizer", None)
    if tokenizer is None:
        raise InputError(f"{type(model).__name__} has no tokenizer, so it reads no text; give what its forward takes")
    if tokenizer.unknown_id is None and (unknown := tokenizer.unknown_in(text)) is not None:
        raise InputError(f"the model has never seen the {tokenizer.unit} {unknown!r}; leave it out of the text")
    tokens: Tensor = tokenizer.encode(text)[:, None]
    return tokens.to(next(model.parameters()).device)
