"""torch's own kernels (oneDNN on CPUs, cuDNN on GPUs) for the cells that equal one of them."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seqmodels.engine.layer_pass import LayerPass, LayerResult, within_lengths
from seqmodels.engine.torch_cells import STEP_FUNCTIONS

KERNELS = {"RNN_TANH": torch.rnn_tanh, "RNN_RELU": torch.rnn_relu, "GRU": torch.gru, "LSTM": torch.lstm}
STEPS = {
    "RNN_TANH": torch.rnn_tanh_cell,
    "RNN_RELU": torch.rnn_relu_cell,
    "GRU": torch.gru_cell,
    "LSTM": torch.lstm_cell,
}


def refusal(layer: LayerPass) -> str | None:
    """Why no vendor kernel computes this, or None if one does."""
    if layer.cell.torch_twin is None:
        return f"{type(layer.cell).__name__} equals none of torch's modules"
    if layer.has_hooks:
        return "hooks of the cell's modules want to be called at every step"
    if not layer.is_plain:
        return "resets, zoneout, recurrent or weight dropout, layer norm and all states need the step itself"
    if layer.input.is_cpu and torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") is torch.float16:
        return "float16 autocast on a CPU needs the step itself: oneDNN can't train its LSTM so"
    tensors = (layer.input, *layer.state, *layer.cell.parameters())
    if torch._C._are_functorch_transforms_active() or any(
        forward_ad.unpack_dual(t).tangent is not None for t in tensors
    ):
        return "vmap and forward-mode derivatives need the step itself"
    return None


def run(layer: LayerPass) -> LayerResult:
    """Runs the kernel; its first derivatives are the vendor's, higher ones the plain loop's."""
    weights = layer.cell.torch_weights()
    if torch.is_grad_enabled() and any(t.requires_grad for t in (layer.input, *layer.state, *weights)):
        output, *state = _Kernel.apply(layer, len(layer.state), layer.input, *layer.state, *weights)
    else:
        with torch.no_grad():
            output, *state = _kernel(layer, layer.input, layer.state, weights)
    return LayerResult(output, tuple(state), None)


class _Kernel(torch.autograd.Function):
    """The kernel, differentiable again: when a graph of the backward pass is asked for, the plain loop gives it."""

    @staticmethod
    def forward(ctx: Any, layer: LayerPass, states: int, *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.layer, ctx.states = layer, states
        ctx.save_for_backward(*tensors)
        ctx.set_materialize_grads(False)
        needed = ctx.needs_input_grad[2:]
        with torch.enable_grad():
            ctx.inputs = [t.detach().requires_grad_(need) for t, need in zip(tensors, needed, strict=True)]
            ctx.outputs = _kernel(layer, ctx.inputs[0], ctx.inputs[1 : 1 + states], ctx.inputs[1 + states :])
        return tuple(output.detach() for output in ctx.outputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Any, ...]:
        tensors = ctx.saved_tensors
        if torch.is_grad_enabled():
            inputs = [tensor.view_as(tensor) for tensor in tensors]  # one may have been computed from another
            outputs = _plain(ctx.layer, inputs[0], inputs[1 : 1 + ctx.states], inputs[1 + ctx.states :])
        else:
            inputs, outputs = ctx.inputs, ctx.outputs
        asked = [i for i, need in enumerate(ctx.needs_input_grad[2:]) if need]
        given = [(output, g) for output, g in zip(outputs, gradients, strict=True) if g is not None]
        found = torch.autograd.grad(
            [output for output, _ in given],
            [inputs[i] for i in asked],
            [g for _, g in given],
            create_graph=torch.is_grad_enabled(),
            retain_graph=True,
            allow_unused=True,
        )
        results: list[Tensor | None] = [None] * len(tensors)
        for i, gradient in zip(asked, found, strict=True):
            results[i] = gradient
        return (None, None, *results)


def _kernel(layer: LayerPass, input: Tensor, state: Sequence[Tensor], weights: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Output [T, B, H] and final states [B, H]."""
    hx = [tensor[None].contiguous() for tensor in state]
    if layer.lengths is None or not len(layer.lengths):  # an empty batch can't be packed
        output, *final = _call(layer.cell.torch_twin, (input,), hx, weights, (False,))
        return (output, *(tensor[0] for tensor in final))
    # A packed sequence can't be empty: rows of length 0 run one step, which is then undone.
    packed = pack_padded_sequence(input, layer.lengths.cpu().clamp(min=1), enforce_sorted=False)
    hx = [tensor[:, packed.sorted_indices] for tensor in hx]
    data, *final = _call(layer.cell.torch_twin, (packed.data, packed.batch_sizes), hx, weights, ())
    output, _ = pad_packed_sequence(packed._replace(data=data), total_length=input.shape[0])
    real = layer.lengths.to(input.device) > 0
    final = [tensor[0, packed.unsorted_indices] for tensor in final]
    final = [torch.where(real[:, None], new, old) for new, old in zip(final, state, strict=True)]
    return (torch.where(real[:, None], output, 0.0), *final)


def _call(kind: str | None, data: tuple, hx: list[Tensor], weights: Sequence[Tensor], batch_first: tuple) -> Any:
    """One layer, one direction, no dropout, of a kernel of torch's."""
    assert kind is not None
    training = torch.is_grad_enabled()  # cuDNN's flag for "a backward pass will come"
    hidden = hx if kind == "LSTM" else hx[0]
    return KERNELS[kind](*data, hidden, list(weights), True, 1, 0.0, training, False, *batch_first)  # type: ignore[operator]


def _plain(layer: LayerPass, input: Tensor, state: Sequence[Tensor], weights: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """What :func:`_kernel` computes, as a loop over torch's step written out."""
    step = STEP_FUNCTIONS[STEPS[layer.cell.torch_twin or ""]]
    real = None if layer.lengths is None else within_lengths(layer.lengths, input.shape[0])[..., None]
    state, outputs = tuple(state), []
    for t, x in enumerate(input.unbind(0)):
        new = step(x, state if len(state) > 1 else state[0], *weights)
        new = (new,) if isinstance(new, Tensor) else new
        if real is not None:
            new = tuple(torch.where(real[t], a, b) for a, b in zip(new, state, strict=True))
        state = new
        outputs.append(state[0])
    output = torch.stack(outputs)
    return (output if real is None else output * real, *state)
