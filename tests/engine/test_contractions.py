"""What is written out as products of rows with matrices: the same numbers, and only what should be."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from seqmodels import RNN, Cell
from seqmodels.engine import find_products
from seqmodels.engine.contractions import as_contraction

torch.manual_seed(0)
ROWS, CUBE, WIDE = torch.randn(3, 8), torch.randn(3, 2, 4), torch.randn(3, 2, 3, 4)
M, HEADS, GATES, BOTH = torch.randn(8, 5), torch.randn(2, 4, 5), torch.randn(6, 8, 5), torch.randn(6, 2, 4, 5)

# An einsum, its operands, and as how many products it is written.
EINSUMS = {
    "a matrix": ("bi,ij->bj", ROWS, M, 1),
    "a transposed matrix": ("bi,ji->bj", ROWS, M.t(), 1),
    "the matrix first": (" ij, bi -> bj ", M, ROWS, 1),
    "result left out": ("ai,ij", ROWS, M, 1),
    "a matrix a gate": ("bi,gij->bgj", ROWS, GATES, 1),
    "gates last": ("bi,gij->bjg", ROWS, GATES, 1),
    "a matrix a head": ("bhi,hij->bhj", CUBE, HEADS, 2),
    "heads last": ("bhi,hij->bjh", CUBE, HEADS, 2),
    "heads and gates": ("bhi,ghij->bghj", CUBE, BOTH, 2),
    "one matrix for all heads": ("bhi,ij->bhj", CUBE, M[:4], 2),
    "one matrix for all heads of all": ("bhki,hij->bhkj", WIDE, HEADS, 6),
    "all is summed": ("bhi,hi->b", CUBE, HEADS[:, :, 0], 1),
    "several are summed": ("bhi,hij->bj", CUBE, HEADS, 1),
    "dots": ("...i,ij->...j", CUBE, M[:4], 2),
    "dots in both": ("...hi,hij->...hj", CUBE, HEADS, 2),
    "the batch last": ("bi,ij->jb", ROWS, M, 1),
    "gates before the batch": ("bi,gij->gbj", ROWS, GATES, 1),
    "gates before the batch and heads": ("ghij,bhi->gbhj", BOTH, CUBE, 2),
    "dots in the matrix": ("bi,...ij->b...j", ROWS, GATES, 1),
}
OTHER_EINSUMS = {
    "no sum": ("bi,j->bij", ROWS, M[0]),
    "a sum over one operand": ("bi,jk->bj", ROWS, M),
    "two of the batch": ("bi,bi->b", ROWS, ROWS),
    "the batch is summed": ("bi,ij->j", ROWS, M),
    "a diagonal": ("bii,ij->bj", torch.randn(3, 4, 4), M[:4]),
    "too many products": ("bhi,hij->bhj", torch.randn(3, 40, 2), torch.randn(40, 2, 2)),
    "a size of one": ("bhi,hij->bhj", CUBE, HEADS[:1]),
}


@pytest.mark.parametrize("name", EINSUMS)
def test_an_einsum_as_products(name):
    equation, first, second, count = EINSUMS[name]
    contraction = as_contraction(torch.einsum, (equation, first, second))
    with torch.profiler.profile() as profile:
        found = contraction.written_out()
    torch.testing.assert_close(found, torch.einsum(equation, first, second))
    assert sum(event.count for event in profile.key_averages() if event.key == "aten::linear") == count


@pytest.mark.parametrize("name", OTHER_EINSUMS)
def test_other_einsums_are_left_to_torch(name):
    assert as_contraction(torch.einsum, OTHER_EINSUMS[name]) is None


def test_wrong_einsums_are_left_to_torch():
    for wrong in (
        ("bhi,ij->bhj", ROWS, M),
        ("b,ij->bj", ROWS, M),
        ("bi,ij", [ROWS, M]),
        ("bi->b", ROWS),
        ("bi,ij->bk", ROWS, M),
    ):
        assert as_contraction(torch.einsum, wrong) is None


@pytest.mark.parametrize(
    ("function", "first", "second"),
    [
        (torch.matmul, CUBE, M[:4]),
        (torch.matmul, WIDE, HEADS),
        (torch.matmul, ROWS, GATES),
        (torch.Tensor.matmul, CUBE[:, :, None], HEADS),
        (torch.matmul, M.t(), ROWS[..., None]),
        (torch.Tensor.__matmul__, HEADS.mT, CUBE[..., None]),
        (F.linear, CUBE, M[:4].t()),
    ],
)
def test_products_of_more_dimensions(function, first, second):
    torch.testing.assert_close(as_contraction(function, (first, second)).written_out(), function(first, second))


def test_a_module_without_a_bias():
    weight = M[:4].t()
    expected = F.linear(CUBE, weight)
    torch.testing.assert_close(as_contraction(F.linear, (CUBE, weight, None)).written_out(), expected)


@pytest.mark.parametrize(
    ("first", "second"),
    [(ROWS, M), (ROWS, M[:, 0]), (CUBE, HEADS[0, :, 0]), (GATES, GATES.mT), (WIDE, BOTH)],
)
def test_other_products_are_left_to_torch(first, second):
    assert as_contraction(torch.matmul, (first, second)) is None


class Heads(Cell):
    """The state's product with a matrix for each head, written in one of several ways."""

    def __init__(self, input_size, hidden_size, way):
        super().__init__(input_size, hidden_size)
        self.way = way
        self.W = nn.Linear(input_size, hidden_size)
        self.R = nn.Parameter(torch.randn(2, hidden_size // 2, hidden_size // 2))
        self.shared = nn.Linear(hidden_size // 2, hidden_size // 2)

    def step(self, x, h):
        return torch.tanh(self.W(x) + WAYS[self.way](self, h.view(len(h), 2, -1)))


WAYS = {
    "einsum": lambda cell, h: torch.einsum("bhi,hij->bhj", h, cell.R).flatten(1),
    "matmul": lambda cell, h: (h[:, :, None] @ cell.R).flatten(1),
    "columns": lambda cell, h: (cell.R @ h[..., None]).flatten(1),
    "a module": lambda cell, h: cell.shared(h).flatten(1),
}


@pytest.mark.parametrize("way", WAYS)
def test_heads_have_rnns_options_and_generated_code(way):
    assert [(product.rows, product.is_recurrent) for product in find_products(Heads(3, 6, way))] == [
        (6, False),
        (3, True),
        (3, True),
    ]
    options = {"way": way, "weight_dropout": 0.3, "recurrent_dropout": 0.3}
    native, loop = (RNN(Heads, 3, 6, backend=backend, **options) for backend in ("native", "reference"))
    loop.load_state_dict(native.state_dict())
    x, found = torch.randn(5, 4, 3), []
    for rnn in (native, loop):
        torch.manual_seed(1)
        output, _ = rnn(x)
        found.append(
            (
                output,
                torch.autograd.grad(output.sum(), list(rnn.parameters()), materialize_grads=True, allow_unused=True),
            )
        )
    torch.testing.assert_close(*found)
    with torch.no_grad():
        assert not torch.allclose(found[0][0], native.eval()(x)[0])
