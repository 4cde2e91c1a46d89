"""Pooling: each sequence as if it were alone."""

import pytest
import torch

import seqmodels
from seqmodels.errors import OptionError
from seqmodels.tasks.pooling import POOLINGS, Pooling

EACH = pytest.mark.parametrize("how", POOLINGS)
LENGTHS = torch.tensor([6, 1, 4])


def pooled_alone(pooling, output, length):
    """The definition, step by step, for one sequence [T, S]."""
    steps = output[:length]
    if pooling.how == "last":
        half = output.shape[1] // 2
        return torch.cat([steps[-1, :half], steps[0, half:]]) if pooling.bidirectional else steps[-1]
    if pooling.how == "mean":
        return sum(steps) / length
    if pooling.how == "max":
        return torch.stack([max(column) for column in steps.T])
    scores = [pooling.query.weight[0] @ torch.tanh(pooling.hidden(step)) for step in steps]
    exponentials = [score.exp() for score in scores]
    return sum(weight * step for weight, step in zip(exponentials, steps, strict=True)) / sum(exponentials)


@EACH
@pytest.mark.parametrize("bidirectional", [False, True])
def test_each_sequence_is_pooled_as_if_alone(how, bidirectional):
    rnn = seqmodels.RNN("gru", 3, 4, bidirectional=bidirectional)
    pooling = Pooling(how, rnn.output_size, bidirectional)
    output, _ = rnn(torch.randn(6, 3, 3), lengths=LENGTHS)
    pooled = pooling(output, LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        torch.testing.assert_close(pooled[row], pooled_alone(pooling, output[:, row], length))


@EACH
def test_without_lengths_all_steps_count(how):
    pooling, output = Pooling(how, 4), torch.randn(5, 2, 4)
    assert torch.equal(pooling(output), pooling(output, torch.tensor([5, 5])))


def test_the_maximum_of_negative_outputs_is_not_the_zero_past_the_end():
    output = torch.tensor([[[-2.0]], [[-1.0]], [[0.0]]])
    assert float(Pooling("max", 1)(output, torch.tensor([2]))) == -1


@EACH
@pytest.mark.parametrize("bidirectional", [False, True])
def test_an_empty_sequence_gives_zeros_and_no_gradient(how, bidirectional):
    rnn = seqmodels.RNN("lstm", 3, 4, bidirectional=bidirectional)
    pooling = Pooling(how, rnn.output_size, bidirectional)
    input = torch.randn(5, 2, 3, requires_grad=True)
    lengths = torch.tensor([0, 5])
    pooled = pooling(rnn(input, lengths=lengths)[0], lengths)
    assert torch.equal(pooled[0], torch.zeros(rnn.output_size))
    assert pooled[1].abs().sum() > 0
    pooled.pow(2).sum().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in [*rnn.parameters(), *pooling.parameters()])
    assert torch.equal(input.grad[:, 0], torch.zeros(5, 3))


def test_an_unknown_pooling_is_one_line(one_line):
    with one_line(OptionError, "pooling is 'sum'", "last, mean, max, attention"):
        Pooling("sum", 4)
