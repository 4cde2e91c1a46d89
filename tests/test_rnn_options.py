"""What RNN does to the step of any cell: dropouts, zoneout, layer normalisation, learned initial states."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqmodels import RNN, Cell

T, B, H = 8, 4, 64
EVERYTHING = {
    "num_layers": 2,
    "bidirectional": True,
    "dropout": 0.3,
    "input_dropout": (0.1, 0.2),
    "recurrent_dropout": 0.25,
    "weight_dropout": 0.5,
    "zoneout": 0.1,
    "layer_norm": True,
    "learn_initial_state": True,
}


class Carry(Cell):
    """h_t = W h_{t-1} with W the identity at first: whatever is done to the product shows in the state."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.W = nn.Parameter(torch.eye(hidden_size))

    def step(self, x, h):
        return h @ self.W.t()


class Count(Cell):
    """a and b count the steps."""

    state_names = ("a", "b")

    def step(self, x, a, b):
        return a + 1, b + 1


class Echo(Cell):
    """h_t = x_t."""

    def step(self, x, h):
        return x + 0 * h


def run_everything(cell_name: str, seed: int) -> list[Tensor]:
    torch.manual_seed(seed)
    rnn = RNN(cell_name, 3, 5, **EVERYTHING)
    x = torch.randn(T, B, 3)
    output, state = rnn(x, lengths=[8, 3, 0, 1], reset=torch.rand(T, B) < 0.2)
    total = output.square().sum() + sum(s.square().sum() for s in rnn.cell.pack_state(state))
    total.backward()
    return [output, *rnn.cell.pack_state(state), *(p.grad for p in rnn.parameters())]


def test_everything_at_once_trains_every_parameter(cell_name):
    found = run_everything(cell_name, seed=1)
    assert all(tensor is not None and tensor.isfinite().all() for tensor in found)


def test_the_same_seed_gives_the_same_bits(cell_name):
    first, second, third = (run_everything(cell_name, seed) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not torch.equal(first[0], third[0])


def test_evaluation_draws_no_random_numbers(cell_name):
    rnn, x = RNN(cell_name, 3, 5, **EVERYTHING).eval(), torch.randn(T, B, 3)
    before = torch.get_rng_state()
    first, second = rnn(x)[0], rnn(x)[0]
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(first, second)


@pytest.mark.parametrize("option", ["dropout", "input_dropout", "recurrent_dropout", "weight_dropout"])
def test_dropouts_act_in_training_only(cell_name, option):
    torch.manual_seed(1)
    plain = RNN(cell_name, 3, 5, num_layers=2)
    torch.manual_seed(1)
    rnn, x = RNN(cell_name, 3, 5, num_layers=2, **{option: 0.5}), torch.randn(T, B, 3)
    assert not torch.equal(rnn(x)[0], plain(x)[0])
    torch.testing.assert_close(rnn.eval()(x)[0], plain.eval()(x)[0])


def test_recurrent_dropout_keeps_one_mask_a_sequence_and_row():
    rnn = RNN(Carry, 1, H, recurrent_dropout=0.5)
    _, _, states = rnn(torch.zeros(T, B, 1), torch.ones(1, B, H), return_states=True)
    survivors = states[0, -1] != 0
    # With a mask a step, 1 in 256 would survive 8 steps.
    assert 0.3 < survivors.float().mean() < 0.7
    assert torch.equal(states[0], survivors * 2.0 ** torch.arange(1, 1 + T)[:, None, None])
    assert not torch.equal(survivors[0], survivors[1])


def test_weight_dropout_keeps_one_mask_a_sequence_for_all_rows():
    rnn = RNN(Carry, 1, H, weight_dropout=0.5)
    _, _, states = rnn(torch.zeros(T, B, 1), torch.ones(1, B, H), return_states=True)
    survivors = states[0, -1] != 0
    assert 0.25 < survivors[0].float().mean() < 0.75
    assert torch.equal(states[0], survivors * 2.0 ** torch.arange(1, 1 + T)[:, None, None])
    assert torch.equal(survivors, survivors[:1].expand(B, H))
    assert torch.equal(rnn.cell.W, torch.eye(H))  # the parameter itself is whole


@pytest.mark.parametrize("option", ["recurrent_dropout", "weight_dropout"])
def test_masks_are_drawn_anew_for_each_sequence(option):
    rnn, x, state = RNN(Carry, 1, H, **{option: 0.5}), torch.zeros(T, B, 1), torch.ones(1, B, H)
    assert not torch.equal(rnn(x, state)[0], rnn(x, state)[0])


@pytest.mark.parametrize("option", ["recurrent_dropout", "weight_dropout"])
def test_what_multiplies_the_input_is_not_dropped(cell_name, option):
    rnn, x = RNN(cell_name, 3, H, **{option: 0.5}), torch.randn(1, B, 3)
    # From a state of zeros the products of the state vanish but for those of a state made in this very step.
    if cell_name == "peephole":
        nn.init.zeros_(rnn.cell.W_co.weight)
    torch.testing.assert_close(rnn(x)[0], rnn.eval()(x)[0])


def test_input_dropout_keeps_one_mask_a_sequence():
    rnn = RNN(Echo, H, H, input_dropout=0.5)
    output, _ = rnn(torch.ones(T, B, H))
    assert output.unique().tolist() == [0, 2]
    assert torch.equal(output, output[:1].expand_as(output))
    assert not torch.equal(output[0, 0], output[0, 1])


def test_input_dropout_may_be_given_for_each_layer():
    lower, upper = (RNN(Echo, H, H, num_layers=2, input_dropout=rates) for rates in ((0.5, 0.0), (0.0, 0.75)))
    assert lower(torch.ones(T, B, H))[0].unique().tolist() == [0, 2]
    assert upper(torch.ones(T, B, H))[0].unique().tolist() == [0, 4]


def test_dropout_between_layers_is_drawn_at_each_step():
    output, state = RNN(Echo, H, H, num_layers=2, dropout=0.5)(torch.ones(T, B, H))
    assert output.unique().tolist() == [0, 2]
    assert not torch.equal(output[0], output[1])
    assert state[0].unique().tolist() == [1]  # the first layer's own state is whole
    assert RNN(Echo, H, H, dropout=0.5)(torch.ones(T, B, H))[0].unique().tolist() == [1]  # none after the last layer


def test_zoneout_keeps_old_values_with_its_probability():
    rnn = RNN(Count, 1, H, zoneout=(0.25, 0.0))
    _, (a, b) = rnn(torch.zeros(100, B, 1))
    assert b.unique().tolist() == [100]
    assert abs(a.mean() - 75) < 1
    assert 3 < a.std() < 6  # sqrt(100 * 0.75 * 0.25) = 4.3
    _, _, (history, _) = rnn(torch.zeros(T, B, 1), return_states=True)
    assert set(history.diff(dim=1).unique().tolist()) == {0, 1}


def test_zoneout_takes_the_expectation_in_evaluation():
    _, (a, b) = RNN(Count, 1, H, zoneout=0.25).eval()(torch.zeros(100, B, 1))
    assert a.unique().tolist() == b.unique().tolist() == [75]


def test_zoneout_of_all_but_nothing_is_no_zoneout(cell_name):
    rnn, x = RNN(cell_name, 3, 5, zoneout=0.0), torch.randn(T, B, 3)
    torch.testing.assert_close(rnn(x)[0], RNN(rnn.cell, backend="reference")(x)[0])


def test_layer_norm_normalises_each_product_before_the_bias():
    rnn, x = RNN("elman", 3, H, layer_norm=True).double(), torch.randn(T, B, 3, dtype=torch.float64)
    cell, norms = rnn.cell, rnn.layers[0].norms
    for norm in norms.values():
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
    h, expected = torch.zeros(B, H, dtype=torch.float64), []
    of_x, of_h = (lambda a, n=norms[key]: F.layer_norm(a, (H,), n.weight, n.bias, n.eps) for key in ("0", "1"))
    for t in range(T):
        h = torch.tanh(of_x(x[t] @ cell.W_xh.weight.t()) + cell.W_xh.bias + of_h(h @ cell.W_hh.weight.t()))
        expected.append(h)
    torch.testing.assert_close(rnn(x)[0], torch.stack(expected), rtol=0, atol=1e-12)


def test_layer_norm_forgets_the_scale_of_the_weights(cell_name):
    rnn, x = RNN(cell_name, 3, H, layer_norm=True).double(), torch.randn(T, B, 3, dtype=torch.float64)
    for norm in rnn.layers[0].norms.values():
        norm.eps = 1e-12
    before, _ = rnn(x)
    for parameter in rnn.cell.parameters():
        if parameter.dim() == 2:
            parameter.data *= 100
    torch.testing.assert_close(rnn(x)[0], before, rtol=0, atol=1e-6)
    assert (RNN(rnn.cell)(x)[0] - before).abs().max() > 0.1


def test_the_initial_state_is_learned(cell_name):
    rnn, x = RNN(cell_name, 3, 5, num_layers=2, bidirectional=True, learn_initial_state=True), torch.randn(T, B, 3)
    torch.testing.assert_close(rnn(x)[0], RNN.forward(rnn, x, zero_state(rnn))[0])
    learned = [p for layer in rnn.layers for p in layer.learned_state]
    assert [p.shape for p in learned] == [(5,)] * (4 * len(rnn.cell.state_names))
    gradients = torch.autograd.grad(rnn(x)[0].sum(), learned)
    assert all(gradient.abs().max() > 0 for gradient in gradients)
    # A given state replaces it.
    given = torch.autograd.grad(rnn(x, zero_state(rnn))[0].sum(), learned, allow_unused=True)
    assert given == (None,) * len(learned)


def zero_state(rnn: RNN):
    return rnn.cell.unpack_state(tuple(torch.zeros(len(rnn.layers), B, 5) for _ in rnn.cell.state_names))


def test_rows_start_and_restart_from_the_learned_state(cell_name):
    rnn, x = RNN(cell_name, 3, 5, learn_initial_state=True), torch.randn(T, B, 3)
    for state in rnn.layers[0].learned_state:
        nn.init.normal_(state)
    reset = torch.zeros(T, B, dtype=torch.bool)
    reset[3, 1] = True
    output, final = rnn(x, lengths=[8, 8, 0, 0], reset=reset)
    torch.testing.assert_close(output[3:, 1], rnn(x[3:, 1])[0])
    for now, learned in zip(rnn.cell.pack_state(final), rnn.layers[0].learned_state, strict=True):
        torch.testing.assert_close(now[0, 2:], learned.expand(2, 5))


def test_products_inside_cat_are_dropped_in_their_state_columns_only():
    class Joined(Cell):
        def __init__(self, input_size, hidden_size):
            super().__init__(input_size, hidden_size)
            self.W = nn.Linear(input_size + hidden_size, hidden_size)

        def step(self, x, h):
            return self.W(torch.cat([x, h], -1))

    rnn = RNN(Joined, 3, H, recurrent_dropout=0.5)
    assert rnn.layers[0].products[0].state_columns.tolist() == [False] * 3 + [True] * H
    x = torch.randn(1, B, 3)
    torch.testing.assert_close(rnn(x)[0], rnn.eval()(x)[0])
