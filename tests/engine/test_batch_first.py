"""Values whose batch is not the first dimension on the way: computed where it comes first again, refused elsewhere."""

import pytest
import torch
from agreement import measured, require_equal
from torch import nn
from torch.nn import functional as F

from seqmodels import Cell
from seqmodels.errors import OptionError

T, B, I, H = 4, 3, 5, 6  # noqa: E741


class Written(Cell):
    """A step whose candidate is any function of what is at hand."""

    def __init__(self, input_size, hidden_size, candidate):
        super().__init__(input_size, hidden_size)
        self.candidate = candidate
        self.W = nn.Linear(input_size, hidden_size)
        self.M, self.b = nn.Parameter(torch.randn(hidden_size, hidden_size)), nn.Parameter(torch.randn(hidden_size))
        self.gates = nn.Parameter(torch.randn(3, hidden_size, hidden_size))
        self.of_gates = nn.Parameter(torch.randn(3, 1, hidden_size))
        self.heads = nn.Parameter(torch.randn(2, hidden_size // 2, hidden_size // 2))
        self.of_units = nn.Parameter(torch.randn(3, hidden_size))

    def step(self, x, h):
        return torch.tanh(self.W(x) + self.candidate(self, x, h))


def gated(cell, x, h):
    i, f, o = torch.sigmoid(h @ cell.gates + cell.of_gates)
    return i * h + f * o


def gated_by_the_input(cell, x, h):
    i, f, o = torch.sigmoid(torch.einsum("bi,gij->gbj", h, cell.gates) + cell.W(x)) - 0.5
    return torch.where(i > 0, f, o)


def of_heads(cell, x, h):
    apart = h.view(-1, 2, H // 2).transpose(0, 1)
    return torch.tanh(torch.bmm(apart, cell.heads)).transpose(0, 1).flatten(1)


def of_heads_and_back(cell, x, h):
    apart = (h.view(-1, 2, H // 2).permute(1, 0, 2) @ cell.heads).permute(2, 1, 0)
    return apart.permute(1, 2, 0).flatten(1)


COMPUTED = {
    "gates": gated,
    "gates by einsum": gated_by_the_input,
    "one of the gates": lambda c, x, h: (h @ c.gates)[-1],
    "a sum of gates": lambda c, x, h: (h @ c.gates).sum(0) + torch.tanh(h @ c.gates).mean(dim=0),
    "the largest of the gates": lambda c, x, h: (h @ c.gates).amax(0),
    "stacked": lambda c, x, h: (torch.stack([h, c.W(x)]) * 2).sum(0),
    "a number a gate": lambda c, x, h: ((h @ c.gates) * c.of_gates[:, :, :1]).sum(0),
    "a number a gate and unit": lambda c, x, h: ((h @ c.gates) * c.of_units[:, None]).sum(0),
    "a number a unit": lambda c, x, h: ((h @ c.gates) * c.b).sum(0),
    "heads": of_heads,
    "heads and back": of_heads_and_back,
    "a head": lambda c, x, h: torch.bmm(h.view(-1, 2, H // 2).transpose(0, 1), c.heads)[1].repeat(1, 2),
    "a sum of the input in another type": lambda c, x, h: c.M @ c.b + h * x.sum(-1, keepdim=True, dtype=torch.float64),
    "columns": lambda c, x, h: (c.M @ h.T).T,
    "columns and a bias": lambda c, x, h: F.relu(c.M.t() @ h.T + c.b[:, None]).t(),
    "columns of both": lambda c, x, h: (c.M @ torch.tanh(c.W(x).mT + h.mT)).mT.clone(),
}
REFUSED = {
    "a sum over the batch": lambda c, x, h: (h @ c.gates).sum(1)[0],
    "a row": lambda c, x, h: (h @ c.gates)[:, 0].sum(0),
    "all that it is": lambda c, x, h: (h @ c.gates).sum() * h,
    "rows mixed": lambda c, x, h: (h @ c.gates).transpose(0, 1).reshape(3, -1, H).sum(0),
    "a product of rows": lambda c, x, h: h @ h.T @ h,
}


@pytest.mark.parametrize("name", COMPUTED)
def test_a_batch_that_becomes_the_first_dimension_again(name):
    require_equal(
        measured(Written, "native", I, H, candidate=COMPUTED[name]),
        measured(Written, "reference", I, H, candidate=COMPUTED[name]),
        1e-9,
    )


@pytest.mark.parametrize("name", REFUSED)
def test_rows_that_are_mixed_are_refused(name):
    with pytest.raises(OptionError, match="native"):
        measured(Written, "native", I, H, candidate=REFUSED[name])
