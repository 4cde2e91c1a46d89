"""What looks across rows, or takes their number for a number, is left to the plain loop, whatever its shapes."""

import pytest
import torch
from agreement import measured, require_equal
from torch import nn
from torch.nn import functional as F

from seqmodels import RNN, Cell
from seqmodels.errors import OptionError

T, B, INPUTS, H = 4, 3, 12, 4


class Written(Cell):
    """A step whose candidate is any function of what is at hand."""

    def __init__(self, input_size, hidden_size, candidate):
        super().__init__(input_size, hidden_size)
        self.candidate = candidate
        self.W, self.U = nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size)
        self.b, self.d = nn.Parameter(torch.randn(hidden_size)), nn.Parameter(torch.randn(hidden_size // 2))

    def step(self, x, h):
        return torch.tanh(self.candidate(self, x, h))


def plain(cell, x, h):
    return cell.W(x) + cell.U(h)


def changed(cell, x, h, change):
    """After something was done to the candidate in place."""
    y = plain(cell, x, h)
    change(y, h)
    return y


ACROSS_ROWS = {
    "number of rows": lambda c, x, h: plain(c, x, h) / h.shape[0],
    "length of the input": lambda c, x, h: plain(c, x, h) * len(x),
    "number of rows in a tensor": lambda c, x, h: plain(c, x, h) / torch.tensor(float(len(h))),
    "norm of all": lambda c, x, h: c.W(x / x.norm()) + c.U(h),
    "largest of all": lambda c, x, h: c.W(x / x.abs().max()) + c.U(h),
    "mean of rows": lambda c, x, h: c.W(x.sort(-1).values - x.mean(0)) + c.U(h),
    "first row": lambda c, x, h: c.W(x.sort(-1).values + x[0]) + c.U(h),
    "first rows": lambda c, x, h: c.W(x.sort(-1).values + x[:1]) + c.U(h),
    "batch norm": lambda c, x, h: c.W(F.batch_norm(x, None, None, training=True)) + c.U(h),
    "sorted rows": lambda c, x, h: c.W(x.sort(0).values) + c.U(h),
    "sums of rows": lambda c, x, h: c.W(x.cumsum(0)) + c.U(h),
    "moved rows": lambda c, x, h: c.W(x.roll(1, 0)) + c.U(h),
    "layer norm of all": lambda c, x, h: c.W(F.layer_norm(x, x.shape)) + c.U(h),
}
WITHIN_ROWS = {
    "numbers like the rows of a trace": lambda c, x, h: c.W(torch.round(x * 11) / 11) + c.U(h) * 211 / 200,
    "borders like the rows of a trace": lambda c, x, h: c.W(torch.cat([x[:, 11:], x[:, :11]], 1).cumsum(1)) + c.U(h),
    "a parameter expanded to the batch": lambda c, x, h: plain(c, x, h) + c.b.expand_as(h) + c.b.expand(len(h), -1),
    "a chosen parameter": lambda c, x, h: torch.where(h > 0, plain(c, x, h), c.b.expand_as(h)),
    "a parameter for each part": lambda c, x, h: plain(c, x, h) + (h.view(-1, 2, 2) * c.d).flatten(1),
    "a parameter multiplied": lambda c, x, h: c.W(x) + c.U(torch.cat([h[:, 2:], c.d.expand(len(h), -1)], 1)),
}
IN_PLACE = {
    "all": lambda y, h: y.add_(h),
    "some columns": lambda y, h: y[:, 1:].mul_(2),
    "columns given": lambda y, h: y.__setitem__((slice(None), slice(1, 3)), h[:, 1:3]),
    "columns where it is large": lambda y, h: y[:, :2].masked_fill_(y[:, :2] > 0, 0.5),
    "through a view": lambda y, h: y.unsqueeze(1).mul_(2),
    "through numbers in a line": lambda y, h: y.view(-1).mul_(2),
    "through a transposed view": lambda y, h: y.t()[:2].mul_(2),
}


@pytest.mark.parametrize("name", ACROSS_ROWS)
def test_what_looks_across_rows_is_refused(name):
    with pytest.raises(OptionError, match="row"):
        measured(Written, "native", INPUTS, H, candidate=ACROSS_ROWS[name])


@pytest.mark.parametrize("name", WITHIN_ROWS)
def test_what_looks_at_rows_alone_is_computed(name):
    require_equal(
        measured(Written, "native", INPUTS, H, candidate=WITHIN_ROWS[name]),
        measured(Written, "reference", INPUTS, H, candidate=WITHIN_ROWS[name]),
        1e-9,
    )


@pytest.mark.parametrize("name", IN_PLACE)
@pytest.mark.filterwarnings("ignore:Written runs as a plain loop")
def test_what_is_changed_in_place_is_seen(name):
    def candidate(cell, x, h):
        return changed(cell, x, h, IN_PLACE[name])

    require_equal(
        measured(Written, "auto", INPUTS, H, candidate=candidate),
        measured(Written, "reference", INPUTS, H, candidate=candidate),
        1e-9,
    )


class Counting(Cell):
    """It counts its steps in a buffer, in an attribute, and in a list."""

    def __init__(self, input_size, hidden_size, where):
        super().__init__(input_size, hidden_size)
        self.where = where
        self.W = nn.Linear(input_size, hidden_size)
        self.register_buffer("in_buffer", torch.zeros(()))
        self.in_attribute, self.in_list = 0, []

    def step(self, x, h):
        if self.where == "buffer":
            self.in_buffer += 1
        elif self.where == "attribute":
            self.in_attribute += 1
        else:
            self.in_list.append(h)
        return torch.tanh(self.W(x) + h)


@pytest.mark.parametrize("where", ["buffer", "attribute", "list"])
@pytest.mark.filterwarnings("ignore:Counting runs as a plain loop")
def test_a_step_that_counts_is_run_at_every_step(where):
    rnn = RNN(Counting, INPUTS, H, where=where)
    rnn(torch.randn(T, B, INPUTS))
    cell = rnn.cell
    assert {"buffer": int(cell.in_buffer), "attribute": cell.in_attribute, "list": len(cell.in_list)}[where] == T
