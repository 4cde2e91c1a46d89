"""Weights carried between RNN and torch.nn.RNN, LSTM and GRU."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from seqmodels.cell import Cell
from seqmodels.errors import CellError

NAMES = {"LSTM": "lstm", "GRU": "gru", "RNN_TANH": "elman", "RNN_RELU": "elman"}
MODULES = {"LSTM": nn.LSTM, "GRU": nn.GRU, "RNN_TANH": nn.RNN, "RNN_RELU": nn.RNN}


def describe(module: nn.RNNBase) -> tuple[str, dict[str, Any]]:
    """Name of the cell, and arguments of the RNN, that equal a torch module.

    Raises:
        CellError: If it is none of RNN, LSTM, GRU, or has projections.
    """
    if not isinstance(module, nn.RNNBase) or module.mode not in NAMES:
        raise CellError(f"RNN.from_torch takes torch.nn.RNN, LSTM or GRU, not {type(module).__name__}")
    if getattr(module, "proj_size", 0):
        raise CellError("RNN.from_torch: an LSTM with proj_size has no twin here; use proj_size=0")
    arguments: dict[str, Any] = {
        name: getattr(module, name)
        for name in ("input_size", "hidden_size", "num_layers", "batch_first", "dropout", "bidirectional")
    }
    if module.mode == "GRU":
        arguments["reset"] = "after"
    if not module.bias:
        arguments["bias"] = False
    if module.mode.startswith("RNN_"):
        arguments["nonlinearity"] = module.mode[len("RNN_") :].lower()
    return NAMES[module.mode], arguments


def load_weights(module: nn.RNNBase, cells: Sequence[Cell]) -> None:
    """Copies the weights of a torch module into the cells of its layers and directions, in order."""
    for cell, weights in zip(cells, module.all_weights, strict=True):
        zeros = weights[0].new_zeros(weights[0].shape[0])
        weight_ih, weight_hh, bias_ih, bias_hh = [*weights, zeros, zeros][:4] if not module.bias else weights
        cell.load_torch_weights(weight_ih, weight_hh, bias_ih, bias_hh)


@torch.no_grad()
def make(cells: Sequence[Cell], **arguments: Any) -> nn.RNNBase:
    """The torch module whose layers and directions compute these cells."""
    first = cells[0]
    if first.torch_twin is None:
        raise CellError(f"RNN.to_torch: {type(first).__name__} has no twin among torch's modules")
    if first.torch_twin.startswith("RNN_"):
        arguments["nonlinearity"] = first.torch_twin[len("RNN_") :].lower()
    arguments["bias"] = any(name.endswith("bias") for name, _ in first.named_parameters())
    module = MODULES[first.torch_twin](first.input_size, first.hidden_size, **arguments)
    module = module.to(next(first.parameters()))
    for cell, weights in zip(cells, module.all_weights, strict=True):
        for target, source in zip(weights, cell.torch_weights()[: len(weights)], strict=True):
            target.copy_(source)
    return module
