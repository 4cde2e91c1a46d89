"""SGD that averages once validation stops improving."""

import copy
import math

import pytest
import torch

from seqmodels.training import NTASGD


def quadratic(start=1.0, **options):
    weight = torch.nn.Parameter(torch.tensor([start], dtype=torch.float64))
    return weight, NTASGD([weight], **{"lr": 0.1, **options})


def step(weight, optimizer):
    def closure():
        optimizer.zero_grad()
        loss = (weight**2).sum() / 2
        loss.backward()
        return loss

    return optimizer.step(closure)


def test_it_is_sgd_before_the_trigger():
    weight, optimizer = quadratic(weight_decay=0.5)
    twin = torch.nn.Parameter(weight.detach().clone())
    other = torch.optim.SGD([twin], lr=0.1, weight_decay=0.5)
    for _ in range(5):
        step(weight, optimizer)
        other.zero_grad()
        ((twin**2).sum() / 2).backward()
        other.step()
    assert torch.equal(weight, twin)


@pytest.mark.parametrize(
    ("patience", "losses", "triggered_by"),
    [
        (1, [3, 2, 1, 2.5], 3),
        (2, [3, 2, 1, 2, 2.5], 4),
        (2, [3, 2.5, 2, 1.5], None),
        (0, [3, 4], 1),
        (1, [math.nan, 3, 2, 2.5, 3.5], 4),
        (0, [math.nan, 3, 4], 2),
    ],
)
def test_averaging_begins_when_a_loss_is_worse_than_the_best_of_all_but_the_last(patience, losses, triggered_by):
    _, optimizer = quadratic(patience=patience)
    began = None
    for number, loss in enumerate(losses):
        optimizer.record_validation(loss)
        if optimizer.averages and began is None:
            began = number
    assert began == triggered_by


def test_averages_are_the_mean_of_the_weights_since_the_trigger():
    weight, optimizer = quadratic(patience=0)
    optimizer.record_validation(1.0)
    optimizer.record_validation(2.0)
    seen = []
    for _ in range(6):
        step(weight, optimizer)
        seen.append(weight.detach().clone())
    optimizer.use_averages()
    torch.testing.assert_close(weight.detach(), torch.stack(seen).mean(0))
    optimizer.use_weights()
    assert torch.equal(weight, seen[-1])


def test_a_step_puts_the_weights_back_first():
    weight, optimizer = quadratic(patience=0)
    optimizer.record_validation(1.0)
    optimizer.record_validation(2.0)
    for _ in range(3):
        step(weight, optimizer)
    expected = weight.detach() * 0.9
    optimizer.use_averages()
    step(weight, optimizer)
    torch.testing.assert_close(weight.detach(), expected)


@pytest.mark.parametrize("in_place", [False, True])
def test_its_state_goes_on_in_either_position(in_place):
    weight, optimizer = quadratic(patience=0)
    optimizer.record_validation(1.0)
    optimizer.record_validation(2.0)
    for _ in range(3):
        step(weight, optimizer)
    if in_place:
        optimizer.use_averages()
    other_weight, other = quadratic(patience=0)
    other_weight.data.copy_(weight.data)
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for w, o in ((weight, optimizer), (other_weight, other)):
        step(w, o)
        o.use_averages()
    assert torch.equal(weight, other_weight)


def test_a_step_without_gradients_does_not_count():
    """Such as one that NonFiniteGuard skips: the average is the mean of the weights after the other steps."""
    weight, optimizer = quadratic(patience=0)
    optimizer.record_validation(1.0)
    optimizer.record_validation(2.0)
    seen = []
    for skipped in (True, False, False, True, False):
        if skipped:
            weight.grad = None
            optimizer.step()
        else:
            step(weight, optimizer)
            seen.append(weight.detach().clone())
    optimizer.use_averages()
    torch.testing.assert_close(weight.detach(), torch.stack(seen).mean(0))


def test_weights_that_a_step_leaves_out_count_as_they_are():
    weights = [torch.nn.Parameter(torch.zeros(1)) for _ in range(2)]
    optimizer = NTASGD(weights, lr=1.0, patience=0)
    optimizer.record_validation(1.0)
    optimizer.record_validation(2.0)
    for gradients in ((-1.0, None), (-1.0, -2.0), (None, -2.0)):
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.grad = None if gradient is None else torch.tensor([gradient])
        optimizer.step()
    optimizer.use_averages()
    torch.testing.assert_close(torch.cat(weights).tolist(), [(1 + 2 + 2) / 3, (0 + 2 + 4) / 3])
