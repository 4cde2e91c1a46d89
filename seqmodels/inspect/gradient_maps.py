"""How much the loss at each step depends on the states before it: |dL_t / dh_s|, by autograd.

Zeros, the taps, are added to the states of a layer while it runs. What comes of that is a part of the graph, whatever
the cell, and autograd gives the gradient with respect to it.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from seqmodels import engine
from seqmodels.engine import LayerPass, LayerResult, within_lengths
from seqmodels.errors import InputError
from seqmodels.inspect.layers import join_runs, layers_of
from seqmodels.layer import Layer, reverse

States = tuple[Tensor, ...]  # each [B, S]


class GradientNorms(NamedTuple):
    """Euclidean norms of the gradient with respect to one state of one layer, at every step."""

    place: str
    """The layer in the model, such as ``rnn.layers.0``."""
    state: str
    """The name of the state, such as ``h``."""
    norms: Tensor
    """[T, B], or for a map [L, T, B]: of each row of the batch by itself, and 0 past its length. ``norms.mean(-1)`` is
    their mean over the batch."""


def gradient_map(model: nn.Module, losses: Callable[[], Tensor]) -> list[GradientNorms]:
    """|dL_t / dh_s| for every loss L_t and every state h_s.

    h_s is what step s hands on to the next step and to the output, and dL_t / dh_s counts every way from there to the
    loss, layers above included. It is 0 for s > t, unless the layer runs backwards. Of several states each is one
    variable: an LSTM's c_s acts by way of step s + 1 only, since h_s is a state beside it. The layers run in the plain
    loop, and each loss takes a backward pass.

    Args:
        model: An RNN, or any module that has some, such as a task. Gradients of its parameters stay as they are.
        losses: Runs the model and returns the losses [L], one a step, or [L, B], one a step and row of the batch,
            where no row may depend on another. Dropout is what the model's mode makes it: call ``model.eval()``.

    Returns:
        For each layer, in the order in which they ran, and each of its states the norms [L, T, B]: [t, s, b] is that
        of the gradient of loss t, of row b if losses have rows, with respect to the state after step s. T are the
        steps of the sequence, also where the layer runs backwards. A layer that runs several times, as in a decoder
        that goes token by token, has its steps one after the other.

    Raises:
        InputError: If the losses have another shape or no gradient, or the model runs no RNN, or ran one several times
            with batches of different sizes.

    Source: Pascanu, Mikolov and Bengio 2013, section 2; dL_t / dh_s is what makes long-term components grow or shrink.

    Example:
        >>> import torch
        >>> from seqmodels import RNN
        >>> rnn, x, target = RNN("lstm", 2, 3, num_layers=2), torch.randn(5, 4, 2), torch.randn(5, 4, 3)
        >>> flow = gradient_map(rnn, lambda: (rnn(x)[0] - target).pow(2).sum(-1))
        >>> [(place, state) for place, state, norms in flow]
        [('layers.0', 'h'), ('layers.0', 'c'), ('layers.1', 'h'), ('layers.1', 'c')]
        >>> flow[0].norms.shape
        torch.Size([5, 5, 4])
    """
    tapped, value = _run(model, losses)
    last = len(value) - 1
    by_loss = [tapped.norms(loss.sum(), keep=t < last) for t, loss in enumerate(value)]
    return [GradientNorms(*key, torch.stack([norms[key] for norms in by_loss])) for key in by_loss[0]]


def gradient_norms(model: nn.Module, losses: Callable[[], Tensor]) -> list[GradientNorms]:
    """|dL / dh_s| for every state h_s, where L is the sum of all losses.

    As :func:`gradient_map`, in one backward pass.

    Args:
        model: See there.
        losses: Runs the model and returns a loss, or several of any shape.

    Returns:
        For each layer and each of its states the norms [T, B].

    Raises:
        InputError: As there.

    Example:
        >>> import torch
        >>> from seqmodels import RNN
        >>> rnn, x = RNN("gru", 2, 3), torch.randn(5, 4, 2)
        >>> (h,) = gradient_norms(rnn, lambda: rnn(x)[0][-1].sum())
        >>> h.place, h.state, h.norms.shape
        ('layers.0', 'h', torch.Size([5, 4]))
    """
    tapped, value = _run(model, lambda: losses()[None])
    return [GradientNorms(*key, norms) for key, norms in tapped.norms(value.sum()).items()]


def run_with_taps(layer: LayerPass, backend: str, steps: Sequence[int]) -> tuple[LayerResult, list[States]]:
    """Runs a layer with zeros added to its states after the given steps, so that they are parts of the graph.

    Args:
        layer: What to compute.
        backend: As :func:`seqmodels.engine.run`; from tap to tap the layer runs as fast as it can.
        steps: Ascending; the last one is T - 1.

    Returns:
        What the layer gives, and for each of the steps the states after it, by which the result can be differentiated.
    """
    state, start = layer.state, 0
    outputs: list[Tensor] = []
    histories: list[States] = []
    tapped: list[States] = []
    for step in steps:
        result = engine.run(_part(layer, start, step + 1, state), backend)
        state = tuple(new + torch.zeros_like(new, requires_grad=True) for new in result.state)
        last = tuple(tensor[None] for tensor in state)
        outputs += [result.output[:-1], _part(layer, step, step + 1, state).output(last)]
        if result.states is not None:
            histories.append(_with_last(result.states, last))
        tapped.append(state)
        start = step + 1
    states = tuple(torch.cat(parts) for parts in zip(*histories, strict=True)) if histories else None
    return LayerResult(torch.cat(outputs), state, states), tapped


def _part(layer: LayerPass, start: int, stop: int, state: States) -> LayerPass:
    """Some of its steps, from a state."""
    lengths = None if layer.lengths is None else (layer.lengths - start).clamp(0, stop - start)
    reset = None if layer.reset is None else layer.reset[start:stop]
    return replace(layer, input=layer.input[start:stop], state=state, lengths=lengths, reset=reset)


def _with_last(states: States, last: States) -> States:
    return tuple(torch.cat([sequence[:-1], end]) for sequence, end in zip(states, last, strict=True))


class _Call(NamedTuple):
    """One run of a layer."""

    place: str
    layer: Layer
    names: tuple[str, ...]  # of the states
    lengths: Tensor | None
    states: list[States]  # after every step

    def norms(self, gradients: Sequence[Tensor], state: int) -> Tensor:
        """[T, B], from the gradients with respect to all states."""
        count = len(self.names)
        norms = torch.stack([gradient.norm(dim=-1) for gradient in gradients[state::count]])
        if self.lengths is not None:
            norms = norms * within_lengths(self.lengths, len(norms))
        return reverse(norms, self.lengths) if self.layer.backwards else norms


class _Tapped:
    """Runs the layers of a model with a tap at every step."""

    def __init__(self, model: nn.Module) -> None:
        self._layers = layers_of(model)
        self.calls: list[_Call] = []

    def __call__(self, layer: LayerPass, backend: str) -> LayerResult:
        if id(layer.cell) not in self._layers:
            return engine.run(layer, backend)
        result, states = run_with_taps(layer, "reference", range(len(layer.input)))
        self.calls.append(_Call(*self._layers[id(layer.cell)], layer.cell.state_names, layer.lengths, states))
        return result

    def norms(self, loss: Tensor, keep: bool = False) -> dict[tuple[str, str], Tensor]:
        """(place, state) -> [T, B]; the graph is kept for another loss."""
        states = [tensor for call in self.calls for state in call.states for tensor in state]
        gradients = iter(torch.autograd.grad(loss, states, retain_graph=keep, materialize_grads=True))
        found: dict[tuple[str, str], list[Tensor]] = {}
        for call in self.calls:
            own = [next(gradients) for state in call.states for _ in state]
            for index, name in enumerate(call.names):
                found.setdefault((call.place, name), []).append(call.norms(own, index))
        return {key: join_runs(key[0], parts) for key, parts in found.items()}


def _run(model: nn.Module, losses: Callable[[], Tensor]) -> tuple[_Tapped, Tensor]:
    tapped = _Tapped(model)
    with torch.enable_grad(), engine.intercept(tapped):
        value = losses()
    if not tapped.calls:
        raise InputError(f"{type(model).__name__}: the losses were computed without running an RNN of the model")
    if value.dim() == 0 or not value.requires_grad:
        what = "a single number" if value.dim() == 0 else "without a gradient"
        raise InputError(
            f"the losses are {what}; return [L] or [L, B], computed from the model's output without no_grad"
        )
    return tapped, value
