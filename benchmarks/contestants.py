"""What is timed: torch's recurrent modules, loops in Python, torchrecurrent's cells, and any cell on a backend."""

import importlib
from collections.abc import Callable

import torch
from engine_cells import cell_sources
from torch import Tensor, nn

from seqmodels import RNN
from seqmodels.engine import find_products

Make = Callable[[int], nn.Module]  # from the size of input and state to a module: output, state = module(x)

BASELINE = "torch.nn.LSTM"
LOOP = "lstm, plain loop"
TORCHRECURRENT = ("MUT1", "MUT2", "MUT3", "PeepholeLSTM")


def torch_modules() -> dict[str, Make]:
    """The baseline first; held against another of its kind, it shows what is noise."""
    kinds: dict[str, type[nn.RNNBase]] = {BASELINE: nn.LSTM, "torch.nn.GRU": nn.GRU, "torch.nn.RNN": nn.RNN}
    return {name: lambda size, kind=kind: kind(size, size) for name, kind in kinds.items()}  # type: ignore[misc]


def plain_loop() -> dict[str, Make]:
    return {LOOP: lambda size: RNN("lstm", size, size, backend="reference")}


def torchrecurrent() -> dict[str, Make]:
    """Empty where it isn't installed: ``pip install 'seqmodels[benchmark]'``."""
    try:
        library = importlib.import_module("torchrecurrent")
    except ModuleNotFoundError:
        return {}
    kinds = {f"torchrecurrent.{name}": getattr(library, name) for name in TORCHRECURRENT}
    return {name: lambda size, kind=kind: kind(size, size) for name, kind in kinds.items()}  # type: ignore[misc]


def any_cell(backend: str) -> dict[str, Make]:
    return {
        name: lambda size, source=source: RNN(source, size, size, backend=backend)  # type: ignore[misc]
        for name, source in cell_sources().items()
    }


def by_name(name: str, backend: str) -> Make:
    return {**torch_modules(), **plain_loop(), **torchrecurrent(), **any_cell(backend)}[name]


class LoopToCompile(nn.Module):
    """An LSTM as one writes it for torch.compile; products of the input are computed for all steps at once."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.W_x = nn.Linear(size, 4 * size)
        self.W_h = nn.Linear(size, 4 * size, bias=False)

    def forward(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        h = c = x.new_zeros(x.shape[1:])
        outputs = []
        for part in self.W_x(x).unbind(0):
            i, f, new, o = (part + self.W_h(h)).chunk(4, -1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(new)
            h = torch.sigmoid(o) * torch.tanh(c)
            outputs.append(h)
        return torch.stack(outputs), (h, c)


def multiply_adds(module: nn.Module) -> int:
    """Multiply-adds of the matrix products of one step of one row."""
    if isinstance(module, RNN):
        return sum(product.rows * len(product.state_columns) for product in find_products(module.cell))
    # Every matrix of the others multiplies once a step: 4 H (I + H) for an LSTM, 3 H (I + H) for a GRU.
    return sum(parameter.numel() for parameter in module.parameters() if parameter.dim() == 2)
