"""A language model reads a text."""

import math
import weakref

import pytest
import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from seqmodels.data import build_tokenizer
from seqmodels.errors import InputError
from seqmodels.inspect import read
from seqmodels.tasks import LanguageModel

TEXT = 'he said "hello", and left.\n'


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return LanguageModel(build_tokenizer("character", TEXT), cell="lstm", hidden_size=4, num_layers=2).eval()


def test_tokens_are_the_text(model):
    assert "".join(read(model, TEXT).tokens) == TEXT


@pytest.mark.parametrize(("unit", "size"), [("character", None), ("byte", None), ("subword", 257)])
def test_tokens_are_the_text_of_any_alphabet(unit, size):
    text = "él dijo “sí”\n"
    model = LanguageModel(build_tokenizer(unit, text, size), cell="gru", hidden_size=3)
    reading = read(model, text)
    assert "".join(reading.tokens) == text
    assert len(reading.tokens) == len(reading.of("h")) == len(model.tokenizer.encode(text))


def test_log_probabilities_are_the_models_own(model):
    reading = read(model, TEXT)
    tokens = model.tokenizer.encode(TEXT)[:, None]
    logits, _ = model(tokens)
    assert math.isnan(reading.log_probabilities[0])
    expected = -F.cross_entropy(logits[:-1, 0], tokens[1:, 0], reduction="none")
    assert torch.allclose(reading.log_probabilities[1:], expected.detach(), atol=1e-6)


def test_the_likeliest_next_tokens_come_in_order(model):
    reading = read(model, TEXT, likeliest=3)
    logits, _ = model(model.tokenizer.encode(TEXT)[:, None])
    for step, expected in enumerate(logits[:, 0].softmax(-1)):
        texts, probabilities = zip(*reading.likeliest[step], strict=True)
        assert list(probabilities) == sorted(probabilities, reverse=True)
        assert texts[0] == model.tokenizer.decode([int(expected.argmax())])
        assert probabilities[0] == pytest.approx(float(expected.max()), abs=1e-6)


def test_windows_change_nothing(model):
    whole, cut = read(model, TEXT), read(model, TEXT, window=4)
    assert torch.allclose(whole.log_probabilities[1:], cut.log_probabilities[1:], atol=1e-6)
    for one, two in zip(whole.units, cut.units, strict=True):
        assert one.name == two.name
        assert torch.allclose(one.values, two.values, atol=1e-6)


def test_expectations_are_kept_of_the_tokens_of_the_text_only(model):
    """Not of the whole vocabulary: that is thousands of times as much."""

    class Watch(TorchFunctionMode):
        def __init__(self):
            super().__init__()
            self.made, self.most = [], 0

        def __torch_function__(self, function, types, arguments=(), options=None):
            result = function(*arguments, **(options or {}))
            if function is torch.Tensor.log_softmax:
                self.made.append(weakref.ref(result))
                self.most = max(self.most, sum(made() is not None for made in self.made))
            return result

    with Watch() as watch:
        read(model, TEXT, window=4)
    assert len(watch.made) == 7
    assert watch.most <= 2


@pytest.mark.parametrize("window", [1, 5, 26])
def test_the_last_window_may_be_of_one_token(model, window):
    text = TEXT[:26]
    assert torch.allclose(
        read(model, text, window=window).log_probabilities[1:], read(model, text).log_probabilities[1:], atol=1e-6
    )


def test_units_are_found_by_name_and_layer(model):
    reading = read(model, TEXT, names=["c", "sigmoid(f)"])
    assert reading.of("c").shape == (len(TEXT), 8)
    assert torch.equal(reading.of("c", "rnn.layers.1"), reading.of("c")[:, 4:])
    assert [units.activation for units in reading.units] == [None, "sigmoid"] * 2
    with pytest.raises(InputError, match=r"nothing is called 'h'; there is c, sigmoid\(f\)"):
        reading.of("h")


def test_there_must_be_a_text(model):
    with pytest.raises(InputError, match="empty"):
        read(model, "")
