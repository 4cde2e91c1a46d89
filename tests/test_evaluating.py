"""A model that is evaluated is in training again afterwards, however many evaluate it at once."""

import threading

import pytest
import torch
from patience import PATIENCE
from torch import nn

from seqmodels.evaluating import evaluating


@pytest.fixture
def model():
    """In training, but for a frozen part."""
    model = nn.Sequential(nn.Dropout(), nn.Sequential(nn.Dropout(), nn.Dropout()))
    model[1][0].eval()
    return model


def modes(model):
    return [part.training for part in model.modules()]


def test_there_is_no_dropout_and_no_gradient_and_all_is_as_before(model):
    before = modes(model)
    with evaluating(model):
        assert not any(modes(model))
        assert not torch.is_grad_enabled()
    assert modes(model) == before
    assert torch.is_grad_enabled()


def test_a_mistake_within_leaves_all_as_before(model):
    before = modes(model)
    with pytest.raises(ZeroDivisionError), evaluating(model):
        1 / 0  # noqa: B018
    assert modes(model) == before


def test_the_same_may_be_evaluated_within(model):
    before = modes(model)
    with evaluating(model, model[1]):
        with evaluating(model[1]):
            pass
        assert not any(modes(model))
    assert modes(model) == before


@pytest.mark.parametrize("part", [lambda model: model, lambda model: model[1]], ids=["all of it", "a part"])
def test_the_first_of_two_threads_to_end_does_not_bring_dropout_back_for_the_other(model, part):
    before = modes(model)
    began, ended = threading.Event(), threading.Event()
    found = []

    def second():
        with evaluating(part(model)):
            began.set()
            ended.wait(PATIENCE)
            found.append(modes(part(model)))

    thread = threading.Thread(target=second)
    with evaluating(model):
        thread.start()
        began.wait(PATIENCE)
    ended.set()
    thread.join()
    assert not any(found[0])
    assert modes(model) == before
