"""Copying: symbols, blanks, the marker, and the symbols once more."""

import math

import pytest
import torch
from quick_fit import fit_and_test

from seqmodels.data import Copying
from seqmodels.errors import OptionError
from seqmodels.tasks import LanguageModel


@pytest.mark.parametrize("delay", [1, 2, 30])
def test_sequences_are_those_of_the_paper(delay):
    data = Copying(delay, batch_size=50)
    window = next(iter(data.train_dataloader()))
    assert window.input.shape == window.target.shape == (delay + 20, 50)
    for input, target in zip(window.input.T, window.target.T, strict=True):
        text = data.tokenizer.decode(input)
        symbols = text[:10]
        assert set(symbols) <= set("12345678")
        assert text == symbols + "_" * (delay - 1) + ">" + "_" * 10
        assert (target[:-10] == -100).all()
        assert data.tokenizer.decode(target[-10:]) == symbols


def test_there_are_ten_symbols_the_eight_equally_frequent():
    data = Copying(1, eval_batch_size=4000)
    assert len(data.tokenizer) == 10
    counts = torch.bincount(next(iter(data.val_dataloader())).input[:10].flatten())
    assert (counts / counts.sum()).tolist() == pytest.approx([1 / 8] * 8, abs=0.01)


def test_it_says_what_it_is():
    assert "over 7 steps" in Copying(7).describe()


def test_options_out_of_range(one_line):
    with one_line(OptionError, "delay is 0", "use"):
        Copying(0)


def test_a_model_learns_more_than_the_frequencies():
    torch.manual_seed(0)
    data = Copying(delay=1, batch_size=32, batches=250, eval_batches=5)
    model = LanguageModel(data.tokenizer, cell="gru", hidden_size=48, learning_rate=1e-2)
    values = fit_and_test(model, data)
    assert values["test_loss"] < 0.8 * math.log(8)
    assert values["test_accuracy"] > 0.25
