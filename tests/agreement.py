"""How two runs of one cell are compared: all values and gradients."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from seqmodels import RNN, Cell


def measure(rnn: RNN, x: Tensor, state: Sequence[Tensor] = (), **arguments: Any) -> dict[str, Tensor]:
    """All that an RNN gives, and the gradients of a weighted sum of it by x, the given states and the parameters.

    The weights are standard normal: a gradient is then about as large as its summands, not what is left of them.
    """
    names = rnn.cell.state_names
    inputs = {"x": x, **{f"the initial {name}": s for name, s in zip(names, state, strict=False)}}
    inputs = {name: tensor.detach().clone().requires_grad_() for name, tensor in inputs.items()}
    x, *state = inputs.values()
    output, *packed = rnn(x, rnn.cell.unpack_state(tuple(state)) if state else None, **arguments)
    values = {"output": output}
    for which, states in zip(("final", "every"), packed, strict=False):
        values |= {f"{which} {name}": s for name, s in zip(names, rnn.cell.pack_state(states), strict=True)}
    leaves = inputs | {name: p for name, p in rnn.named_parameters() if p.requires_grad}
    source = torch.Generator().manual_seed(0)
    weighted = [(value, torch.randn(value.shape, generator=source).to(value)) for value in values.values()]
    weighted = [pair for pair in weighted if pair[0].requires_grad]  # a state may be zeros, or count
    results, weights = zip(*weighted, strict=True)
    gradients = torch.autograd.grad(results, list(leaves.values()), weights, allow_unused=True, materialize_grads=True)
    return values | {f"gradient of {name}": g for name, g in zip(leaves, gradients, strict=True)}


def measured(cell: type[Cell], backend: str, input_size: int, hidden_size: int, **options: Any) -> dict[str, Tensor]:
    """What `measure` gives of a cell in double precision, made and run with the same numbers each time."""
    torch.manual_seed(0)
    rnn = RNN(cell, input_size, hidden_size, backend=backend, **options).double()
    return measure(rnn, torch.randn(4, 3, input_size, dtype=torch.float64))


def largest_difference(found: dict[str, Tensor], expected: dict[str, Tensor]) -> float:
    """Of all tensors that `measure` gave, each relative to its largest entry, or to 1 if that is less."""
    assert found.keys() == expected.keys()
    differences = [0.0]
    for name, tensor in expected.items():
        assert found[name].shape == tensor.shape, name
        assert found[name].isfinite().all(), name
        if tensor.numel():
            other, own = found[name].detach().to(tensor), tensor.detach()
            differences.append(float((other - own).abs().max() / own.abs().max().clamp(min=1)))
    return max(differences)


def require_equal(found: dict[str, Tensor], expected: dict[str, Tensor], tolerance: float) -> None:
    """Each tensor that `measure` gave, within a tolerance relative to its largest entry, or to 1 if that is less."""
    assert found.keys() == expected.keys()
    wrong = {}
    for name, tensor in expected.items():
        assert found[name].shape == tensor.shape, name
        assert tensor.isfinite().all(), f"{name} of the plain loop is not finite: the cell or its start is unfit"
        if tensor.numel():
            difference = (found[name].to(tensor) - tensor).abs().max() / tensor.abs().max().clamp(min=1)
            if not difference <= tolerance:  # NaN is a difference
                wrong[name] = difference.item()
    assert not wrong, f"relative differences above {tolerance:.0e}: {wrong}"
