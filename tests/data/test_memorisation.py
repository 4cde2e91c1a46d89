"""Memorisation: what was read is what is to be written."""

import pytest
import torch
from quick_fit import fit_and_test

from seqmodels.data import Memorisation
from seqmodels.errors import OptionError
from seqmodels.tasks import LanguageModel


@pytest.mark.parametrize(("length", "symbols"), [(5, 26), (1, 2), (12, 4)])
def test_only_what_was_read_is_scored(length, symbols):
    data = Memorisation(length, symbols, batch_size=50)
    window = next(iter(data.train_dataloader()))
    assert window.input.shape == window.target.shape == (2 * length, 50)
    for input, target in zip(window.input.T, window.target.T, strict=True):
        read = data.tokenizer.decode(input[:length])
        assert data.tokenizer.decode(input) == f"{read}>{read[:-1]}"
        assert target[:length].tolist() == [-100] * length
        assert data.tokenizer.decode(target[length:]) == read


def test_all_symbols_are_equally_frequent():
    data = Memorisation(eval_batch_size=4000)
    symbols = next(iter(data.test_dataloader())).input[:5]
    counts = torch.bincount(symbols.flatten(), minlength=27)
    assert counts[0] == 0  # ">"
    assert (counts[1:] / symbols.numel()).tolist() == pytest.approx([1 / 26] * 26, abs=0.01)


def test_it_says_what_it_is():
    said = Memorisation(length=3, batch_size=4, batches=5).describe()
    assert "3 of 26 symbols" in said
    assert "20 sequences an epoch" in said


@pytest.mark.parametrize("options", [{"length": 0}, {"symbols": 1}, {"symbols": 27}, {"batches": 0}])
def test_options_out_of_range(options, one_line):
    (name,) = options
    with one_line(OptionError, name, "use"):
        Memorisation(**options)


def test_a_model_learns_to_remember():
    torch.manual_seed(0)
    data = Memorisation(length=2, symbols=6, batch_size=32, batches=300, eval_batches=5)
    model = LanguageModel(data.tokenizer, cell="gru", hidden_size=32, learning_rate=1e-2)
    values = fit_and_test(model, data)
    assert values["val_accuracy"] > 0.95  # 1/6 without memory
    assert values["test_accuracy"] > 0.95
    assert model.generate("ca>", length=2, temperature=0) == "ca"
