"""Centring and scaling of features by what was seen in training."""

import torch

from seqmodels.tasks.feature_scaling import FeatureScaling


def test_moments_are_those_of_all_training_rows_together():
    rows = torch.randn(100, 3, dtype=torch.float64) * torch.tensor([1.0, 5.0, 0.1]) + torch.tensor([0.0, 9.0, -2.0])
    scaling = FeatureScaling(3).double()
    for batch in rows.split([1, 60, 39]):
        scaling(batch)
    torch.testing.assert_close(scaling.mean, rows.mean(0))
    torch.testing.assert_close(scaling.variance, rows.var(0, correction=0).mean())


def test_evaluation_counts_nothing_and_regions_are_rows():
    scaling = FeatureScaling(2)
    scaling(torch.randn(4, 7, 2))
    before = {name: value.clone() for name, value in scaling.state_dict().items()}
    scaled = scaling.eval()(torch.randn(4, 7, 2) + 3)
    assert scaled.shape == (4, 7, 2)
    assert before["count"] == 28
    assert all(torch.equal(value, before[name]) for name, value in scaling.state_dict().items())


def test_features_without_spread_stay_finite():
    assert torch.isfinite(FeatureScaling(2)(torch.ones(3, 2))).all()
    assert torch.isfinite(FeatureScaling(2).eval()(torch.ones(3, 2))).all()
