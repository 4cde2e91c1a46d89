"""Adding: two marked numbers and their sum."""

import pytest
import torch
from quick_fit import fit_and_test

from seqmodels.data import Adding
from seqmodels.errors import OptionError
from seqmodels.tasks import SequenceRegressor


@pytest.mark.parametrize("steps", [2, 3, 50])
def test_the_target_is_the_sum_of_the_two_marked_numbers(steps):
    batch = next(iter(Adding(steps, batch_size=200).train_dataloader()))
    number, marked = batch.input.unbind(-1)
    assert batch.input.shape == (steps, 200, 2)
    assert batch.input.dtype == batch.target.dtype == torch.float32
    assert set(marked.flatten().tolist()) <= {0.0, 1.0}
    assert (marked.sum(0) == 2).all()
    torch.testing.assert_close((number * marked).sum(0), batch.target)


def test_numbers_and_places_are_uniform():
    batch = next(iter(Adding(5, batch_size=20_000).train_dataloader()))
    number, marked = batch.input.unbind(-1)
    assert marked.mean(1).tolist() == pytest.approx([0.4] * 5, abs=0.02)
    assert (number.min(), number.max()) == (pytest.approx(0, abs=0.01), pytest.approx(1, abs=0.01))
    assert float(number.var()) == pytest.approx(1 / 12, abs=0.002)
    assert float((batch.target - 1).pow(2).mean()) == pytest.approx(1 / 6, abs=0.01)


def test_it_says_what_it_is():
    assert "2 of 40 numbers" in Adding(40).describe()


def test_options_out_of_range(one_line):
    with one_line(OptionError, "steps is 1", "use 2 or more"):
        Adding(1)


def test_a_model_learns_to_add():
    torch.manual_seed(0)
    data = Adding(10, batch_size=32, batches=400, eval_batches=5)
    model = SequenceRegressor(data.input_size, cell="gru", hidden_size=24, learning_rate=1e-2)
    values = fit_and_test(model, data)
    assert values["val_mse"] < 0.03  # 0.167 for always 1
    assert values["test_mse"] < 0.03
