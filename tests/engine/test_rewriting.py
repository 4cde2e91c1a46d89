"""What a step makes on its way: numbers in tensors, tensors changed in place, products of two values of the batch."""

import pytest
import torch
from agreement import measure, measured, require_equal
from torch import fx, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional as F

from seqmodels import RNN, Cell
from seqmodels.engine.graph import Unsupported
from seqmodels.engine.rewriting import Writer

T, B, H = 4, 2, 3


class Written(Cell):
    """How the old state and a new one become the next is given."""

    def __init__(self, input_size, hidden_size, change, rate):
        super().__init__(input_size, hidden_size)
        self.change, self.rate = change, rate
        self.product = nn.Linear(input_size + hidden_size, hidden_size)

    def step(self, x, h):
        return self.change(self, torch.tanh(self.product(torch.cat([x, h], 1))), h)


NUMBERS = {
    "tensor": lambda cell, new, h: torch.tensor(0.3) * h + new,
    "tensor in double precision": lambda cell, new, h: torch.tensor(0.3, dtype=torch.float64) * h + new,
    "tensor of an attribute": lambda cell, new, h: torch.tensor(cell.rate) * h + new,
    "of the state's kind": lambda cell, new, h: h.new_tensor([[0.3]]) * h + new,
    "integer": lambda cell, new, h: h + new ** torch.as_tensor(2),
    "choice": lambda cell, new, h: torch.where(new > 0, torch.tensor(0.0), new) + torch.maximum(h, torch.tensor(0.1)),
    "expression": lambda cell, new, h: (1 - torch.tensor(0.3)).sqrt() * h + new,
    "changed in place": lambda cell, new, h: torch.tensor(0.3).add_(1) * new,
}
IN_PLACE = {  # within what torch makes of them, on tensors of their own
    "rms_norm": lambda cell, new, h: F.rms_norm(new + h, (H,)),
    "cosine_similarity": lambda cell, new, h: F.cosine_similarity(new, h + 1)[:, None] * new,
}


WRITTEN_OUT = {  # by torch, for what the engine has no rule of
    "beside a norm of zeros": lambda cell, new, h: F.softshrink(new, 0.1) + F.normalize(cell.product.weight[0, :H] * h),
    "beside a deviation": lambda cell, new, h: F.softshrink(new, 0.1) + h.std(1, keepdim=True),
    "beside a roll": lambda cell, new, h: F.softshrink(new, 0.1) + h.roll(1, 1),
    "columns changed in place": lambda cell, new, h: changed(new) + h,
}


def changed(new):
    new = new * 1.0
    new[:, 0] += 1
    new[:, 1] = torch.sigmoid(new[:, 2])
    return new


PADDED = {
    "a shift": lambda cell, new, h: F.pad(h, (1, -1)) + new,
    "on both sides": lambda cell, new, h: F.pad(new * h, (2, 1), value=0.5)[:, 1:-2] + h,
    "of an outer dimension": lambda cell, new, h: F.pad(h[:, None], (0, 0, 1, 1))[:, 1:].mean(1) + new,
    "of the input": lambda cell, new, h: F.pad(new, (1, -1)) + h,
    "of all columns": lambda cell, new, h: F.pad(h, (-H, H), value=0.25) + new,
}


@pytest.mark.parametrize("name", [*NUMBERS, *IN_PLACE, *PADDED])
def test_what_a_step_makes_on_its_way_is_computed(name):
    torch.manual_seed(0)
    change = (NUMBERS | IN_PLACE | PADDED)[name]
    native = RNN(Written, H, H, backend="native", change=change, rate=0.25)
    loop = RNN(Written, H, H, backend="reference", change=change, rate=0.25)
    loop.load_state_dict(native.state_dict())
    x = torch.randn(T, B, H)
    for rate in (0.25, 0.75):
        native.cell.rate = loop.cell.rate = rate
        torch.testing.assert_close(native(x)[0], loop(x)[0])


@pytest.mark.parametrize("name", WRITTEN_OUT)
def test_what_torch_writes_out_has_the_same_gradients(name):
    options = {"change": WRITTEN_OUT[name], "rate": 0.25}
    require_equal(*(measured(Written, each, H, H, **options) for each in ("native", "reference")), 1e-9)


@pytest.mark.parametrize(
    "change",
    [
        lambda cell, new, h: new + torch.empty_like(h).normal_(),
        lambda cell, new, h: new * torch.empty_like(h).bernoulli_(0.5),
        lambda cell, new, h: new + torch.empty_like(h).uniform_(),
        lambda cell, new, h: (h + new).floor_divide_(0.3),
    ],
)
@pytest.mark.filterwarnings("ignore:Written runs as a plain loop")
def test_noise_and_what_has_no_other_form_are_left_to_the_loop(change):
    rnn = RNN(Written, H, H, change=change, rate=0.25)
    loop = RNN(rnn.cell, H, H, backend="reference")
    found = []
    for each in (rnn, loop):
        torch.manual_seed(1)
        found.append(each(torch.ones(T, B, H))[0])
    assert torch.equal(*found)


class MatrixMemory(Cell):
    """A matrix in the state, which is written and read in one of several ways."""

    state_names = ("h", "M")

    def __init__(self, input_size, hidden_size, way):
        super().__init__(input_size, hidden_size)
        self.way = way
        self.W, self.U = nn.Linear(input_size, 3 * hidden_size), nn.Linear(hidden_size, hidden_size)

    @property
    def state_sizes(self):
        return self.hidden_size, self.hidden_size**2

    def step(self, x, h, M):
        key, value, query = self.W(x).chunk(3, -1)
        memory, read = WAYS[self.way](M.view(-1, self.hidden_size, self.hidden_size), key, value, query + self.U(h))
        return torch.tanh(read), 0.9 * memory.flatten(1)


def corrected(M, key, value, query):
    wrong = value - torch.einsum("bij,bj->bi", M, key)
    return M + torch.einsum("bi,bj->bij", wrong, key), torch.einsum("bij,bj->bi", M, query)


WAYS = {
    "einsum": corrected,
    "bmm": lambda M, k, v, q: (M + torch.bmm(v[:, :, None], k[:, None]), torch.bmm(M, q[:, :, None])[:, :, 0]),
    "@": lambda M, k, v, q: (M + v[:, :, None] @ k[:, None], (M.mT @ q[:, :, None]).squeeze(-1)),
    "from the left": lambda M, k, v, q: (M + v[:, :, None] * k[:, None], (q[:, None] @ M)[:, 0]),
    "form": lambda M, k, v, q: (
        torch.baddbmm(M, v[..., None], k[:, None]),
        torch.einsum("bi,bij,bj->b", q, M, k)[:, None] * v,
    ),
    "products": lambda M, k, v, q: (M + (v * q)[:, :, None], torch.einsum("bi,bi->b", q, k)[:, None] * v),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_matrix_in_the_state(way):
    torch.manual_seed(0)
    native = RNN(MatrixMemory, 2, H, backend="native", way=way).double()
    loop = RNN(MatrixMemory, 2, H, backend="reference", way=way).double()
    loop.load_state_dict(native.state_dict())
    x = torch.randn(T, B, 2, dtype=torch.float64)
    require_equal(measure(native, x), measure(loop, x), 1e-9)


class LongRows(Cell):
    """A memory of three long rows in the state, and how it is read."""

    state_names = ("h", "M")

    def __init__(self, input_size, hidden_size, read):
        super().__init__(input_size, hidden_size)
        self.W, self.read = nn.Linear(input_size, 6 + hidden_size), read

    @property
    def state_sizes(self):
        return self.hidden_size, 3 * self.hidden_size

    def step(self, x, h, M):
        key, query, value = self.W(x).split([3, 3, self.hidden_size], -1)
        M = 0.9 * M.view(-1, 3, self.hidden_size) + torch.einsum("bk,bv->bkv", key, torch.tanh(value + h))
        return torch.tanh(self.read(M, query)), M.flatten(1)


@pytest.mark.parametrize(
    "read",
    [
        lambda M, q: torch.einsum("bkv,bk->bv", M, q),
        lambda M, q: torch.einsum("bk,bkv->bv", q, M),
        lambda M, q: torch.einsum("bvk,bk->bv", M.mT, q),
        lambda M, q: (M.mT @ q[..., None])[..., 0],
        lambda M, q: torch.bmm(q[:, None], M).squeeze(1),
        lambda M, q: (M * q[:, :, None]).sum(1),
    ],
)
def test_a_matrix_of_long_rows_is_read_row_by_row(read):
    native, loop = (RNN(LongRows, 2, 100, backend=way, read=read).double() for way in ("native", "reference"))
    loop.load_state_dict(native.state_dict())
    x = torch.randn(T, B, 2, dtype=torch.float64)
    require_equal(measure(native, x), measure(loop, x), 1e-9)


def test_what_torch_refuses_while_a_step_is_rewritten_is_a_reason_for_the_plain_loop():
    graph = fx.Graph()
    state = graph.placeholder("state")
    with FakeTensorMode():
        state.meta["val"] = torch.empty(2, 3)
    with pytest.raises(Unsupported, match="can't be written so"):
        Writer(graph).call(torch.ops.aten.mm.default, state, state)
