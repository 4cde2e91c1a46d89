"""Measuring how gradients flow back through one layer in a training step, without a change to the step."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from seqmodels.cell import Cell
from seqmodels.engine import LayerPass, LayerResult, within_lengths
from seqmodels.engine.products import SequenceProducts
from seqmodels.inspect.gradient_maps import States, run_with_taps
from seqmodels.inspect.jacobians import recurrent_matrices
from seqmodels.inspect.saturation import GATE_MARGIN, TANH_LIMIT
from seqmodels.inspect.spectra import largest_singular_value, spectral_radius

UNSATURATED = {"sigmoid": (GATE_MARGIN, 1 - GATE_MARGIN), "tanh": (-TANH_LIMIT, TANH_LIMIT)}


class WatchedLayer:
    """What one layer was given in a training step, and the gradients that come back to what it gave.

    Args:
        layer: What it was asked to compute.
        backend: By what.
        result: What it gave, before the backward pass.
    """

    def __init__(self, layer: LayerPass, backend: str, result: LayerResult) -> None:
        self._layer, self._backend = layer, backend
        self._gradients: dict[int, Tensor] = {}  # of the output, then of each final state
        for index, tensor in enumerate((result.output, *result.state)):
            if tensor.requires_grad:
                tensor.register_hook(partial(self._keep, index))

    def _keep(self, index: int, gradient: Tensor | None) -> None:
        if gradient is not None:  # as of final states that nobody uses
            self._gradients[index] = gradient.clone()

    @property
    def steps(self) -> int:
        """T."""
        return len(self._layer.input)

    def measure(self, distances: Sequence[int], scale: float = 1.0) -> dict[str, Tensor]:
        """Name -> number, as :class:`seqmodels.inspect.GradientFlow` logs them; nothing if no gradient came.

        Args:
            distances: Steps back from the last.
            scale: By which the loss was multiplied.
        """
        if not self._gradients:
            return {}
        layer, last = _detached(self._layer), self.steps - 1
        back = [distance for distance in distances if distance <= last]
        steps = sorted({0, last - 1, last, *(last - distance for distance in back)})
        with torch.enable_grad():
            result, states = run_with_taps(layer, self._backend, steps)
        by_step = dict(zip(steps, self._norms(result, states, self._gradients), strict=True))
        names = layer.cell.state_names
        found = {
            f"{name}/{distance}_back": norm / scale
            for distance in back
            for name, norm in zip(names, by_step[last - distance], strict=True)
        }
        of_last = self._norms(result, states, self._gradients_of_last_step())
        found["over_window"] = of_last[0].norm() / of_last[-1].norm()
        found |= _of_recurrent_matrices(layer.cell)
        before_last = tuple(tensor.detach() for tensor in states[steps.index(last - 1)])
        saturated = _saturated(layer, before_last)
        return found | ({} if saturated is None else {"saturated": saturated})

    def _norms(self, result: LayerResult, states: list[States], gradients: dict[int, Tensor]) -> list[Tensor]:
        """For each of the steps the norms [number of states], from the gradients of what the layer gives."""
        given = (result.output, *result.state)
        outputs = [given[index] for index in gradients]
        inputs = [tensor for state in states for tensor in state]
        found = torch.autograd.grad(
            outputs, inputs, list(gradients.values()), retain_graph=True, materialize_grads=True
        )
        norms = torch.stack([gradient.float().norm() for gradient in found])
        return list(norms.split(len(result.state)))

    def _gradients_of_last_step(self) -> dict[int, Tensor]:
        """Those that came to each row's last real step, or to its final state."""
        output = self._gradients.get(0)
        if output is None:
            return self._gradients
        steps = torch.arange(self.steps, device=output.device)[:, None]
        ends = self.steps if self._layer.lengths is None else self._layer.lengths
        return self._gradients | {0: output * (steps == ends - 1)[..., None]}


def _detached(layer: LayerPass) -> LayerPass:
    """The same without its past, giving no more than it must."""

    def cut(tensors: dict[int, Tensor]) -> dict[int, Tensor]:
        return {index: tensor.detach() for index, tensor in tensors.items()}

    return replace(
        layer,
        input=layer.input.detach(),
        state=tuple(tensor.detach() for tensor in layer.state),
        initial=tuple(tensor.detach() for tensor in layer.initial),
        operand_masks=cut(layer.operand_masks),
        weight_masks=cut(layer.weight_masks),
        every_state=False,
    )


@torch.no_grad()
def _of_recurrent_matrices(cell: Cell) -> dict[str, Tensor]:
    """The largest of all blocks of the recurrent matrices; nothing if there are none, no radius if none is square."""
    matrices = [matrix.weight.float() for matrix in recurrent_matrices(cell)]
    if not matrices:
        return {}
    with torch.autocast(matrices[0].device.type, enabled=False):  # low precision would show
        stretches = [largest_singular_value(matrix) for matrix in matrices]
        radii = [spectral_radius(matrix) for matrix in matrices if matrix.shape[0] == matrix.shape[1]]
    found = {"largest_singular_value": torch.stack(stretches).max()}
    return found | ({"spectral_radius": torch.stack(radii).max()} if radii else {})


@torch.no_grad()
def _saturated(layer: LayerPass, state: States) -> Tensor | None:
    """The share of saturated values within the last step; None if there is neither sigmoid nor tanh, nor a real row."""
    real = torch.ones_like(layer.input[0, :, 0], dtype=torch.bool)
    if layer.lengths is not None:
        real = within_lengths(layer.lengths, len(layer.input))[-1]
    if layer.reset is not None:
        real = real & ~layer.reset[-1]  # whose state is another
    masks = {index: mask[real] for index, mask in layer.operand_masks.items()}
    products = SequenceProducts(layer.input[-1:, real], masks, layer.weight_masks, layer.norms)
    with _Activations() as activations, products:
        layer.cell.next_state(products.begin_step(0), [tensor[real] for tensor in state])
    values = [is_saturated.flatten() for is_saturated in activations.saturated]
    return torch.cat(values).float().mean() if values and bool(real.any()) else None


class _Activations(TorchFunctionMode):
    """Looks at the results of sigmoid and tanh."""

    def __init__(self) -> None:
        super().__init__()
        self.saturated: list[Tensor] = []

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        result = func(*args, **(kwargs or {}))
        bounds = UNSATURATED.get(getattr(func, "__name__", "").rstrip("_"))
        if bounds is not None:
            low, high = bounds
            self.saturated.append((result < low) | (result > high))
        return result
