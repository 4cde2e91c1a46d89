"""check_cell passes good cells, of every kind, and names what is wrong with a bad one."""

import pytest
import torch
from torch import nn

import seqmodels
from seqmodels.errors import CellError, OptionError, UnknownCell
from seqmodels.testing import CHECKS, check_cell, property_of


def test_every_registered_cell_passes(cell_name):
    check_cell(cell_name)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("elman", {"nonlinearity": "relu"}),
        ("lstm", {"bias": False}),
        ("peephole", {"peepholes": "diagonal"}),
        ("gru", {"reset": "after"}),
        ("mut1", {"input_size": 5}),
        ("mut2", {"input_size": 5}),
    ],
)
def test_variants_pass(name, options):
    check_cell(name, **options)


class Leaky(seqmodels.Cell):
    """No parameters, no product."""

    def step(self, x, h):
        return 0.9 * h + 0.1 * x


class Projected(seqmodels.Cell):
    """Sizes of its own, an output that isn't a state, products inside a cat and with @."""

    state_names = ("memory", "key", "count")

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.into = nn.Linear(input_size + 2, hidden_size)
        self.key = nn.Parameter(torch.randn(hidden_size, 2))
        self.out = nn.Linear(hidden_size + 2, 4)

    @property
    def state_sizes(self):
        return self.hidden_size, 2, 1

    @property
    def output_size(self):
        return 4

    def step(self, x, memory, key, count):
        memory = 0.5 * memory + torch.tanh(self.into(torch.cat([x, key], -1)))
        return memory, torch.tanh(memory @ self.key), 0.9 * count + 1

    def output(self, memory, key, count):
        return self.out(torch.cat([memory, key], -1)) / (1 + count)


class InPlace(seqmodels.Cell):
    """Changes its own intermediate results in place, which is no one else's business."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.a, self.b = nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size)

    def step(self, x, h):
        return self.a(x).add_(self.b(h)).tanh_()


@pytest.mark.parametrize(
    ("cell", "options"),
    [
        (Leaky, {"input_size": 5}),
        (Leaky(4, 4), {}),
        (Projected, {}),
        (Projected(3, 5), {}),
        (InPlace, {}),
        ("seqmodels.plugins.mut3:MUT3", {}),
        (seqmodels.get_cell("lstm")(2, 7), {}),
        (seqmodels.from_module(nn.GRUCell), {}),
        (seqmodels.from_module(nn.LSTMCell(3, 4), ("h", "c")), {}),
    ],
    ids=lambda value: getattr(value, "__name__", None) or type(value).__name__,
)
def test_names_classes_instances_and_strangers_pass(cell, options):
    check_cell(cell, **options)


def test_neither_the_cell_nor_the_random_state_changes():
    cell = seqmodels.get_cell("lstm")(3, 5)
    before, generator = [p.clone() for p in cell.parameters()], torch.get_rng_state()
    check_cell(cell)
    assert torch.equal(generator, torch.get_rng_state())
    assert all(torch.equal(p, q) and p.dtype == torch.float32 for p, q in zip(cell.parameters(), before, strict=True))
    assert cell.training


class Linear(seqmodels.Cell):
    """A good cell, for the bad ones below to spoil."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.W = nn.Linear(input_size, hidden_size)

    def step(self, x, h):
        return torch.tanh(self.W(x) + 0.5 * h)


class WrongShape(Linear):
    def step(self, x, h):
        return torch.cat([h, h], -1)


class TooManyStates(Linear):
    def step(self, x, h):
        return h, h


class SameNames(Linear):
    state_names = ("h", "h")


class WrongOutputSize(Linear):
    output_size = 3


class SinglePrecision(Linear):
    def step(self, x, h):
        return super().step(x, h).float()


class Squeezing(Linear):
    def step(self, x, h):
        return super().step(x, h).squeeze()


class Noisy(Linear):
    def step(self, x, h):
        return super().step(x, h) + torch.randn(h.shape)


class ChangesItsState(Linear):
    def step(self, x, h):
        return h.mul_(0.5) + self.W(x)


class ChangesItsWeights(Linear):
    def step(self, x, h):
        with torch.no_grad():
            self.W.weight *= 0.5
        return super().step(x, h)


class Remembers(Linear):
    last = 0.0

    def step(self, x, h):
        new = super().step(x, h) + self.last
        self.last = new.mean().item()
        return new


class Mixes(Linear):
    def step(self, x, h):
        return super().step(x, h - h.mean(0))


class KnowsRows(Linear):
    def step(self, x, h):
        return super().step(x, h) * torch.arange(1, 1 + len(h), dtype=h.dtype)[:, None]


class Detaches(Linear):
    def step(self, x, h):
        return super().step(x, h.detach())


class _Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * 2 * x.detach()  # right, but its own derivative is lost


class OnceDifferentiable(Linear):
    def step(self, x, h):
        return super().step(_Square.apply(x), h)


class FalseTwin(seqmodels.get_cell("elman")):
    torch_twin = "RNN_RELU"


class HiddenTensor(Linear):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.mask = torch.rand(hidden_size)

    def step(self, x, h):
        return super().step(x, h) * self.mask


class Unpicklable(Linear):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.activation = lambda a: a


class Explodes(Linear):
    def step(self, x, h):
        return 2 * h + self.W(x)


class Roots(Linear):
    state_names = ("h", "c")

    def step(self, x, h, c):
        return super().step(x, h), torch.sqrt(x[:, :1]) + c


class Counts(Linear):
    """The output has no value after the third step."""

    state_names = ("h", "t")

    def step(self, x, h, t):
        return super().step(x, h), torch.where(t.abs() < 3, 3.0, t + 1)

    def output(self, h, t):
        return torch.where(t >= 5, torch.nan, h)


class Raises(Linear):
    def step(self, x, h):
        raise KeyError("no such\nthing")


class Normalises(Linear):
    """As nn.BatchNorm1d, whose evaluation mode treats rows by themselves."""

    def step(self, x, h):
        new = super().step(x, h)
        return new - new.mean(0) if self.training else new


class Fires(Linear):
    def step(self, x, h):
        return (super().step(x, h) > 0).to(x.dtype)


class ReturnsNothing(Linear):
    def step(self, x, h):
        super().step(x, h)


class NoStep(seqmodels.Cell):
    pass


class OfHeads(seqmodels.Cell):
    """A cell that some sizes don't suit."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.W, self.norm = nn.Linear(input_size, hidden_size), nn.GroupNorm(4, hidden_size)

    def step(self, x, h):
        return torch.tanh(self.norm(h) + self.W(x))


def test_a_cell_of_heads_is_tried_with_sizes_that_it_takes(one_line):
    with one_line(CellError, "num_groups (4)", "tried with input_size=3, hidden_size=5: give others"):
        check_cell(OfHeads)
    check_cell(OfHeads, hidden_size=8)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (WrongShape, "states are as declared: h has shape [3, 10], not [3, 5]"),
        (TooManyStates, "states are as declared: step returned 2 states, state_names has 1"),
        (SameNames, "states are as declared: state_names is ('h', 'h')"),
        (WrongOutputSize, "states are as declared: output has shape [3, 5], not [3, 3]"),
        (SinglePrecision, "states are as declared: h is torch.float32"),
        (NoStep, "states are as declared: NoStep defines no step(x, h)"),
        (ReturnsNothing, "states are as declared: ReturnsNothing: step returned NoneType; return a tensor, or a tuple"),
        (Raises, "states are as declared: KeyError: 'no such\\nthing'"),
        (Squeezing, "one row is enough: h has shape [5], not [1, 5]"),
        (Noisy, "step is pure: step draws random numbers"),
        (ChangesItsState, "step is pure: the old h after the step differs by"),
        (ChangesItsWeights, "step is pure: W.weight after the step differs by"),
        (Remembers, "step is pure: h the second time differs by"),
        (Mixes, "rows don't mix: h of row 0 alone differs by"),
        (KnowsRows, "rows don't mix: h of row 1 alone differs by"),
        (Normalises, "rows don't mix in training: h of row 0 where other rows change differs by"),
        (Fires, "gradients are right: no state that step returns has a gradient"),
        (Detaches, "gradients are right: "),
        (OnceDifferentiable, "second gradients are right: "),
        (FalseTwin, "backends agree: output with backend 'vendor' differs by"),
        (HiddenTensor, "state dict restores: output after saving and loading differs by"),
        (Unpicklable, "copies are equal and apart: "),
        (Explodes, "float32 stays finite: h is infinite after step 1"),
        (Roots, "values are finite: c is NaN after step 1 of standard normal input; keep from 0 / 0"),
        (Counts, "values are finite: output is NaN after step 3 of"),
    ],
)
def test_bad_cell_is_refused_by_the_property_it_breaks(cell, expected, one_line):
    with one_line(CellError, f"check_cell({cell.__name__}): {expected}"):
        check_cell(cell)


def test_wrong_derivative_names_what_it_is_taken_of(one_line):
    with one_line(CellError, "with respect to the old h"):
        check_cell(Detaches)


def test_message_ends_with_what_to_do(one_line):
    with one_line(CellError, "; keep the batch dimension when it is 1"):
        check_cell(Squeezing)


def test_unknown_names_and_options_are_errors_of_their_own(one_line):
    with one_line(UnknownCell, "did you mean 'lstm'?"):
        check_cell("lstn")
    with one_line(OptionError, "an option 'forget_bais'; did you mean 'forget_bias'?"):
        check_cell("lstm", forget_bais=1.0)


def test_each_check_says_how_to_keep_its_property():
    assert all(check.__doc__ and "\n" not in check.__doc__ for check in CHECKS)
    assert len({property_of(check) for check in CHECKS}) == len(CHECKS)
