"""The two regimes: what is computed is what the theory says."""

import pytest
import torch

from seqmodels.errors import OptionError
from seqmodels.inspect.regimes import cell_decays, clipping, forget_path, two_regimes


def test_a_linear_network_multiplies_the_gradient_by_the_singular_value_at_each_step():
    values = [0.8, 1.0, 1.2]
    for value, regime in zip(values, two_regimes(values), strict=True):
        assert regime.title == f"elman, largest singular value {value:g}"
        expected = value ** regime.steps_back.double()  # an orthogonal matrix stretches all alike, and |dL_T/dh_T| is 1
        torch.testing.assert_close(regime.norms, expected, rtol=1e-2, atol=0)


def test_large_states_saturate_tanh_and_hold_the_explosion_but_not_the_vanishing():
    (small,), (large,) = two_regimes([1.5], steps=30), two_regimes([1.5], steps=30, input_scale=3.0)
    assert large.norms[-1] < 1e-3 * small.norms[-1]
    (vanishing,) = two_regimes([0.9], steps=30, input_scale=3.0)
    assert bool((vanishing.norms <= 0.9 ** vanishing.steps_back.double() * (1 + 1e-9)).all())


def test_the_forget_path_keeps_the_gradient_and_its_bias_decides_how_long():
    elman, one, two, three = (decay.norms for decay in forget_path(steps=60))
    assert elman[-1] < 1e-15
    assert elman[-1] < 1e-6 * one[-1] < 1e-8 * two[-1]
    assert three[-1] > 0.01
    # Once the gradient is in c, a step takes about sigmoid(b) of it.
    for bias, norms in ((1.0, one), (2.0, two)):
        factor = (norms[40] / norms[20]) ** (1 / 20)
        assert float(factor) == pytest.approx(float(torch.sigmoid(torch.tensor(bias))), abs=0.1)


def test_cells_are_drawn_with_their_options():
    one, three = cell_decays(["lstm", "lstm:forget_bias=3"], steps=40)
    assert (one.title, three.title) == ("lstm", "lstm:forget_bias=3")
    assert three.norms[-1] > 1e3 * one.norms[-1]


@pytest.mark.parametrize("option", ["batch_first=true", "cell=gru", "hidden_size=3", "input_size=3"])
def test_what_is_the_same_for_all_cells_is_no_option(option, one_line):
    with one_line(OptionError, f"lstm:{option}", "is the same for all cells; leave it out"):
        cell_decays([f"lstm:{option}"])


def test_clipping_saves_a_training_that_explodes():
    free, clipped = clipping(updates=120)
    assert (free.clip, clipped.clip) == (None, 1.0)
    assert free.losses[0] == clipped.losses[0]
    assert clipped.losses[-20:].mean() < 0.01
    assert not free.losses[-20:].mean() < 1.0  # NaN counts
    assert free.norms.nan_to_num(torch.inf).max() > 1000


def test_numbers_are_the_same_every_time_and_the_callers_own_go_on():
    before = torch.get_rng_state()
    torch.manual_seed(1)
    first = [two_regimes([1.5], steps=5)[0].norms, clipping(updates=3)[1].losses]
    torch.manual_seed(2)
    second = [two_regimes([1.5], steps=5)[0].norms, clipping(updates=3)[1].losses]
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    torch.set_rng_state(before)
    clipping(updates=1)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_default_dtype() == torch.float32
    assert not torch.equal(two_regimes([1.0], seed=1)[0].norms, two_regimes([1.0], seed=2)[0].norms)
