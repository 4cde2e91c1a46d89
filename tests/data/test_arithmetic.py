"""Arithmetic: every result is right, letters are strewn as asked, and only results are scored."""

import re

import pytest
import torch
from quick_fit import fit_and_test

from seqmodels.data import Arithmetic
from seqmodels.errors import OptionError
from seqmodels.tasks import LanguageModel

EXPRESSION = re.compile(r"(\d[\da-z]*)([+-])([\da-z]*)=(-?\d+)\.")


def stream(characters=60_000, **options):
    """One long stream of training text, and which of its characters are scored."""
    data = Arithmetic(batch_size=1, steps=characters, windows=1, **options)
    (window,) = data.train_dataloader()
    return data.tokenizer.decode(window.input[:, 0]), [False, *(window.target[:-1, 0] >= 0).tolist()]


def without_letters(text):
    return re.sub("[a-z]", "", text)


@pytest.mark.parametrize("digits", [1, 3, 8, 17])
def test_every_result_is_right(digits):
    text, _ = stream(digits=digits)
    whole = text[: text.rindex(".") + 1]
    found = list(EXPRESSION.finditer(whole))
    assert "".join(match[0] for match in found) == whole
    for match in found:
        left, right = without_letters(match[1]), without_letters(match[3])
        for number in (left, right, match[4].lstrip("-")):
            assert number == str(int(number))
        assert max(len(left), len(right)) <= digits
        assert eval(f"{left}{match[2]}{right}") == int(match[4])
    assert any(match[4].startswith("-") for match in found)


def test_numbers_of_all_lengths_and_both_operations_are_equally_frequent():
    text, _ = stream(400_000)
    found = list(EXPRESSION.finditer(text))
    lengths = [len(without_letters(number)) for match in found for number in (match[1], match[3])]
    for digits in range(1, 9):
        assert lengths.count(digits) / len(lengths) == pytest.approx(1 / 8, abs=0.01)
    assert sum(match[2] == "+" for match in found) / len(found) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("probability", [0.0, 0.3, 0.6])
def test_letters_are_strewn_geometrically_between_the_characters_before_the_result(probability):
    text, _ = stream(200_000, distractor_probability=probability)
    runs = [
        len(run)
        for match in EXPRESSION.finditer(text)
        for run in re.findall("[0-9+-]([a-z]*)", match[0].partition("=")[0])
    ]
    for length in range(4):
        expected = (1 - probability) * probability**length
        assert runs.count(length) / len(runs) == pytest.approx(expected, abs=0.01)
    if probability:
        letters = re.sub("[^a-z]", "", text)
        assert all(letters.count(letter) / len(letters) == pytest.approx(1 / 26, abs=0.005) for letter in set(letters))
        assert len(set(letters)) == 26


def test_only_what_follows_the_equals_sign_is_scored():
    text, scored = stream()
    begin = text.index(".") + 1
    answering = False
    for character, counts in zip(text[begin:], scored[begin:], strict=True):
        assert counts == answering
        answering = (answering or character == "=") and character != "."


def test_there_are_forty_characters():
    data = Arithmetic()
    assert len(data.tokenizer) == 40
    assert data.tokenizer.tokens == list(data.alphabet)
    assert set(data.tokenizer.decode(next(iter(data.val_dataloader())).input.flatten())) == set(data.alphabet)


def test_it_says_what_it_is():
    said = Arithmetic(batch_size=2, steps=5, windows=7).describe()
    assert "7 windows of 2 x 5" in said
    assert "40 characters" in said
    assert "\n" not in said
    assert str(Arithmetic()) == "Arithmetic"


@pytest.mark.parametrize(
    "options", [{"distractor_probability": 1.0}, {"digits": 0}, {"digits": 18}, {"windows": 0}, {"seed": -1}]
)
def test_options_out_of_range(options, one_line):
    (name,) = options
    with one_line(OptionError, name, "use"):
        Arithmetic(**options)


def test_a_model_learns_to_add_digits():
    torch.manual_seed(0)
    data = Arithmetic(0.0, digits=1, batch_size=32, eval_batch_size=32, steps=30, windows=300, eval_windows=10)
    model = LanguageModel(data.tokenizer, cell="gru", hidden_size=64, learning_rate=1e-2)
    values = fit_and_test(model, data)
    assert values["val_accuracy"] > 0.9  # 0.45 without looking at the numbers
    assert values["test_accuracy"] > 0.9
