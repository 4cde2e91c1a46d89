"""What the papers say of how the cells are related."""

import pytest
import torch
from torch import nn

from seqmodels import RNN, get_cell

H = 5


def run(rnn: RNN) -> tuple:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(6, 2, 3, dtype=torch.float64, generator=generator)
    state = tuple(torch.randn(1, 2, H, dtype=torch.float64, generator=generator) for _ in rnn.cell.state_names)
    output, final = rnn.double()(x, rnn.cell.unpack_state(state))
    return output, *rnn.cell.pack_state(final)


def assert_same(first: RNN, second: RNN):
    for a, b in zip(run(first), run(second), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


def test_coupled_is_an_lstm_whose_input_gate_is_one_minus_its_forget_gate():
    coupled, lstm = RNN("coupled", 3, H).double(), RNN("lstm", 3, H).double()
    for theirs, ours in zip(lstm.parameters(), coupled.parameters(), strict=True):
        f, new, o = ours.data.chunk(3)
        theirs.data = torch.cat([-f, f, new, o])  # 1 - sigmoid(a) = sigmoid(-a)
    assert_same(coupled, lstm)


@pytest.mark.parametrize("peepholes", ["full", "diagonal"])
def test_peepholes_of_zero_make_an_lstm(peepholes):
    peephole, lstm = RNN("peephole", 3, H, peepholes=peepholes).double(), RNN("lstm", 3, H).double()
    lstm.cell.W_x, lstm.cell.W_h = peephole.cell.W_x, peephole.cell.W_h
    for gate in (peephole.cell.W_ci, peephole.cell.W_cf, peephole.cell.W_co):
        nn.init.zeros_(gate.weight)
    assert_same(peephole, lstm)


@pytest.mark.parametrize(
    ("name", "rows"), [("lstm", slice(H, 2 * H)), ("peephole", slice(H, 2 * H)), ("coupled", slice(H))]
)
def test_forget_bias_is_added_where_b_f_starts(name, rows):
    torch.manual_seed(1)
    plain = get_cell(name)(3, H, forget_bias=0.0)
    torch.manual_seed(1)
    biased = get_cell(name)(3, H, forget_bias=2.0)
    expected = plain.W_x.bias.detach().clone()
    expected[rows] += 2
    assert torch.equal(biased.W_x.bias, expected)
    assert torch.equal(biased.W_x.weight, plain.W_x.weight)


def test_forget_bias_is_one_by_default():
    torch.manual_seed(1)
    default = get_cell("lstm")(3, H)
    torch.manual_seed(1)
    assert torch.equal(default.W_x.bias, get_cell("lstm")(3, H, forget_bias=1.0).W_x.bias)


@pytest.mark.parametrize(("name", "sees_h"), [("mut1", False), ("mut2", True), ("mut3", True)])
def test_update_gate_sees_the_state_except_in_mut1(name, sees_h):
    cell, h, calls = get_cell(name)(3, H), torch.randn(2, H, requires_grad=True), []
    real = torch.sigmoid

    def recorded(a):
        calls.append(a)
        return real(a)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "sigmoid", recorded)
        cell.step(torch.randn(2, 3), h)
    z, _ = calls  # z comes first in every MUT
    depends = z.requires_grad and torch.autograd.grad(z.sum(), h, allow_unused=True)[0] is not None
    assert depends is sees_h


def test_gru_is_torchs_with_the_update_gate_turned_round():
    ours, theirs = RNN("gru", 3, H, reset="after").double(), nn.GRU(3, H).double()
    cell, x = ours.cell, torch.randn(6, 2, 3, dtype=torch.float64)

    def assign(sign: int):
        turn = torch.tensor([1, sign, 1]).repeat_interleave(H)[:, None]
        theirs.weight_ih_l0.data = cell.W_x.weight.data * turn
        theirs.weight_hh_l0.data = torch.cat([cell.W_h.weight, cell.W_hh.weight]).data * turn
        theirs.bias_ih_l0.data = cell.W_x.bias.data * turn[:, 0]
        theirs.bias_hh_l0.data = torch.cat([torch.zeros(2 * H), cell.W_hh.bias.data])

    assign(-1)
    torch.testing.assert_close(ours(x)[0], theirs(x)[0], rtol=0, atol=1e-12)
    assign(1)
    assert (ours(x)[0] - theirs(x)[0]).abs().max() > 1e-3
