import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from demo.conftest import LETTERS
from patience import PATIENCE

from seqmodels.demo.writing import stream_lines, stream_text, way_of_drawing
from seqmodels.errors import InputError, OptionError
from seqmodels.tasks import LanguageModel

WAYS = [
    {"temperature": 0.8, "top_k": 9, "top_p": 0.9, "min_p": 0.01, "seed": 3},
    {"temperature": 0, "top_k": None, "top_p": None, "min_p": None, "seed": None},
]


@pytest.mark.parametrize("way", WAYS)
def test_what_is_streamed_grows_into_what_generate_writes(models, way):
    model = models["letters"]
    texts = list(stream_text(model, "the ", 12, way_of_drawing(**way)))
    assert [len(text) for text in texts] == list(range(1, 13))
    assert all(after.startswith(before) for before, after in itertools.pairwise(texts))
    assert texts[-1] == model.generate("the ", 12, **way)


@pytest.mark.parametrize("way", WAYS)
def test_lines_of_a_class_grow_into_what_generate_writes(models, way):
    model = models["names"]
    count = 3 if way["temperature"] else 1  # of the likeliest there is one
    *_, text = stream_lines(model, "Irish", count, 30, way_of_drawing(**way))
    assert text.split("\n") == model.generate("Irish", count, 30, **way)


def test_lines_stop_once_all_have_ended(models, monkeypatch):
    model = models["names"]
    monkeypatch.setattr(model.decoder, "bias", torch.nn.Parameter(model.decoder.bias.detach().clone()))
    model.decoder.bias.data[model.end] = 1e3
    assert list(stream_lines(model, "Czech", 4, 30, way_of_drawing(**WAYS[0]))) == ["\n\n\n"]


def test_gradients_stay_on_between_two_tokens(models):
    stream = stream_text(models["letters"], "a", 3, way_of_drawing(**WAYS[0]))
    next(stream)
    assert torch.is_grad_enabled()


def test_two_persons_may_ask_a_model_in_training_at_once():
    torch.manual_seed(0)
    model = LanguageModel(LETTERS, cell="gru", hidden_size=8, dropout=0.5).train()
    expected = model.generate("t", 1, temperature=0)
    began, ended, modes = [threading.Event(), threading.Event()], threading.Event(), []

    def meet(module, given):
        if not began[0].is_set():
            began[0].set()
            began[1].wait(PATIENCE)
        else:
            began[1].set()
            ended.wait(PATIENCE)
        modes.append(module.training)

    model.rnn.register_forward_pre_hook(meet)
    with ThreadPoolExecutor() as persons:
        first = persons.submit(list, stream_text(model, "t", 1, way_of_drawing(**WAYS[1])))
        began[0].wait(PATIENCE)
        second = persons.submit(list, stream_text(model, "t", 1, way_of_drawing(**WAYS[1])))
        assert first.result() == [expected]
        ended.set()
        assert second.result() == [expected]
    assert modes == [False, False]
    assert all(part.training for part in model.modules())


def test_mistakes_are_one_line(models, one_line):
    with one_line(InputError, "never seen", "'é'"):
        next(stream_text(models["letters"], "é", 3, way_of_drawing(**WAYS[0])))
    with one_line(InputError, "'Dutch'", "Czech, Irish"):
        next(stream_lines(models["names"], "Dutch", 1, 3, way_of_drawing(**WAYS[0])))
    with one_line(OptionError, "temperature", "-1"):
        way_of_drawing(**{**WAYS[0], "temperature": -1})
    with one_line(OptionError, "top_p"):
        next(stream_text(models["letters"], "a", 3, way_of_drawing(**{**WAYS[0], "top_p": 2})))
