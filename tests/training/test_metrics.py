"""Loss, perplexity and bits per character of a corpus."""

import math

import pytest
import torch

from seqmodels.training import TokenLoss

TARGET = torch.tensor([[0, 1], [1, -100]])


def test_means_are_over_tokens_not_batches():
    metric = TokenLoss()
    metric.update(torch.tensor(6.0), torch.tensor(3), TARGET)
    metric.update(torch.tensor(1.0), torch.tensor(1), TARGET[:1, :1])
    values = metric.compute()
    assert float(values["loss"]) == pytest.approx(7 / 4)
    assert float(values["perplexity"]) == pytest.approx(math.exp(7 / 4))
    assert "bits_per_character" not in values


def test_bits_per_character_count_scored_characters():
    metric = TokenLoss(torch.tensor([1.0, 5.0]))
    metric.update(torch.tensor(6.0), torch.tensor(3), TARGET)
    assert float(metric.compute()["bits_per_character"]) == pytest.approx(6 / math.log(2) / 11)


def test_a_hopeless_model_has_a_finite_perplexity():
    metric = TokenLoss()
    metric.update(torch.tensor(1e6), torch.tensor(1), TARGET)
    assert math.isfinite(float(metric.compute()["perplexity"]))


def test_reset_forgets():
    metric = TokenLoss()
    metric.update(torch.tensor(6.0), torch.tensor(3), TARGET)
    metric.reset()
    metric.update(torch.tensor(1.0), torch.tensor(1), TARGET[:1, :1])
    assert float(metric.compute()["loss"]) == 1
