"""Gradients with respect to every state, against autograd through a loop of the cells' own steps."""

import pytest
import torch
from torch import nn

from seqmodels import RNN
from seqmodels.errors import InputError
from seqmodels.inspect.gradient_maps import gradient_map, gradient_norms

BUILT_IN = ["elman", "lstm", "peephole", "coupled", "gru", "mut1", "mut2", "mut3"]
T, B, H = 6, 3, 4


def readout(output):
    """A loss a step and row that weighs every output otherwise."""
    weights = torch.arange(1, output.shape[-1] + 1).to(output)
    return (output * weights).sum(-1).sin()


def states_by_hand(rnn, x):
    """Output [T, B, H], and (layer, name) -> the states of every step, parts of one graph."""
    states = {}
    for number, layer in enumerate(rnn.layers):
        cell, outputs = layer.cell, []
        state = [torch.zeros(x.shape[1], size, dtype=x.dtype) for size in cell.state_sizes]
        for t in range(len(x)):
            new = cell.step(x[t], *state)
            state = [new] if isinstance(new, torch.Tensor) else list(new)
            state = [tensor * 1.0 for tensor in state]  # what is handed on, as variables beside each other
            outputs.append(cell.output(*state))
            for name, tensor in zip(cell.state_names, state, strict=True):
                states.setdefault((f"layers.{number}", name), []).append(tensor)
        x = torch.stack(outputs)
    return x, states


def norms_by_hand(loss, states):
    gradients = torch.autograd.grad(loss, states, retain_graph=True, materialize_grads=True)
    return torch.stack([gradient.norm(dim=-1) for gradient in gradients])


@pytest.mark.parametrize("cell", [*BUILT_IN, "scrn"])
def test_it_is_what_autograd_gives(cell):
    rnn, x = RNN(cell, 5, H, num_layers=2).double(), torch.randn(T, B, 5, dtype=torch.float64)
    output, states = states_by_hand(rnn, x)
    losses = readout(output)
    found = gradient_map(rnn, lambda: readout(rnn(x)[0]))
    assert [(place, name) for place, name, _ in found] == list(states)
    for place, name, norms in found:
        expected = torch.stack([norms_by_hand(loss.sum(), states[place, name]) for loss in losses])
        assert norms.shape == (T, T, B)
        torch.testing.assert_close(norms, expected, rtol=0, atol=1e-8)
    for place, name, norms in gradient_norms(rnn, lambda: readout(rnn(x)[0])):
        expected = norms_by_hand(losses.sum(), states[place, name])
        torch.testing.assert_close(norms, expected, rtol=0, atol=1e-8)


def test_the_future_does_not_count_and_the_present_does():
    rnn, x = RNN("gru", 5, H), torch.randn(T, B, 5)
    ((_, _, norms),) = gradient_map(rnn, lambda: readout(rnn(x)[0]))
    earlier = torch.ones(T, T, dtype=torch.bool).tril()
    assert bool((norms[earlier] > 0).all())
    assert bool((norms[~earlier] == 0).all())


def test_parameters_keep_their_gradients_and_the_random_state_is_the_models():
    rnn, x = RNN("lstm", 5, H), torch.randn(T, B, 5)
    before = torch.get_rng_state()
    gradient_map(rnn, lambda: readout(rnn(x)[0]))
    assert all(parameter.grad is None for parameter in rnn.parameters())
    assert torch.equal(torch.get_rng_state(), before)


def test_rows_of_other_lengths_are_as_if_alone():
    rnn, x = RNN("lstm", 5, H).double(), torch.randn(T, 2, 5, dtype=torch.float64)
    lengths = torch.tensor([T, 4])
    flow = gradient_norms(rnn, lambda: rnn(x, lengths=lengths)[1][0].sum())  # of the last real step
    alone = gradient_norms(rnn, lambda: rnn(x[:4, 1:])[1][0].sum())
    for whole, short in zip(flow, alone, strict=True):
        torch.testing.assert_close(whole.norms[:4, 1:], short.norms)
        assert whole.norms[4:, 1].tolist() == [0, 0]
    h, c = (one.norms[:, 0] > 0 for one in flow)
    assert h.tolist() == [True] * T
    assert c.tolist() == [True] * (T - 1) + [False]  # by way of a next step only


def test_a_reset_stops_the_gradient():
    rnn, x = RNN("gru", 5, H), torch.randn(T, 1, 5)
    reset = torch.zeros(T, 1, dtype=torch.bool)
    reset[3] = True
    ((_, _, norms),) = gradient_norms(rnn, lambda: rnn(x, reset=reset)[0][-1].sum())
    assert [norm > 0 for norm in norms[:, 0].tolist()] == [False] * 3 + [True] * 3


def test_a_backwards_layer_counts_the_steps_of_the_sequence():
    rnn, x = RNN("elman", 5, H, bidirectional=True), torch.randn(T, 2, 5)
    lengths = torch.tensor([T, 4])
    forward, backward = gradient_map(rnn, lambda: readout(rnn(x, lengths=lengths)[0]))
    assert (forward.place, backward.place) == ("layers.0", "layers.1")
    real = torch.tensor([[t < length for length in (T, 4)] for t in range(T)])
    for t in range(T):
        for s in range(T):
            both = real[t] & real[s]
            assert ((forward.norms[t, s] > 0) == (both & torch.tensor(s <= t))).all()
            assert ((backward.norms[t, s] > 0) == (both & torch.tensor(s >= t))).all()


class Decoder(nn.Module):
    """Runs its RNN token by token."""

    def __init__(self):
        super().__init__()
        self.rnn = RNN("gru", 5, H)

    def forward(self, x):
        outputs, state = [], None
        for step in x:
            output, state = self.rnn(step[None], state)
            outputs.append(output)
        return torch.cat(outputs)


def test_a_layer_that_runs_step_by_step_is_one_sequence():
    decoder, x = Decoder().double(), torch.randn(T, B, 5, dtype=torch.float64)
    ((place, _, by_step),) = gradient_map(decoder, lambda: readout(decoder(x)))
    ((_, _, at_once),) = gradient_map(decoder.rnn, lambda: readout(decoder.rnn(x)[0]))
    assert place == "rnn.layers.0"
    torch.testing.assert_close(by_step, at_once)


def test_every_option_of_rnn_keeps_what_the_model_computes():
    options = {"layer_norm": True, "recurrent_dropout": 0.2, "weight_dropout": 0.2, "learn_initial_state": True}
    rnn, x = RNN("lstm", 5, H, num_layers=2, dropout=0.3, **options), torch.randn(T, B, 5)
    outputs = []

    def losses():
        torch.manual_seed(1)
        output, _, states = rnn(x, return_states=True)
        outputs.append((output, *states))
        return readout(output)

    losses()
    gradient_norms(rnn, losses)
    torch.testing.assert_close(outputs[0], outputs[1])


def test_what_gives_no_gradient_is_refused(one_line):
    rnn, x = RNN("gru", 5, H), torch.randn(T, B, 5)
    with one_line(InputError, "single number", "[L] or [L, B]"):
        gradient_map(rnn, lambda: rnn(x)[0].sum())
    with one_line(InputError, "without a gradient", "no_grad"):
        gradient_map(rnn, lambda: rnn(x)[0].detach())
    with one_line(InputError, "GRU: the losses were computed without running an RNN"):
        gradient_map(nn.GRU(5, H), lambda: rnn(x)[0].sum(-1))


def test_batches_of_different_sizes_are_refused(one_line):
    rnn, x = RNN("gru", 5, H), torch.randn(T, B, 5)
    with one_line(InputError, "layers.0 ran with batches of different sizes"):
        gradient_norms(rnn, lambda: rnn(x)[0].sum() + rnn(x[:, :1])[0].sum())
