"""Centring and scaling of features by what was seen in training."""

import multiprocessing

import torch
from patience import PATIENCE

from seqmodels.tasks.feature_scaling import FeatureScaling


def test_moments_are_those_of_all_training_rows_together():
    rows = torch.randn(100, 3, dtype=torch.float64) * torch.tensor([1.0, 5.0, 0.1]) + torch.tensor([0.0, 9.0, -2.0])
    scaling = FeatureScaling(3).double()
    for batch in rows.split([1, 60, 39]):
        scaling(batch)
    torch.testing.assert_close(scaling.mean, rows.mean(0))
    torch.testing.assert_close(scaling.variance, rows.var(0, correction=0).mean())


def _count_a_share(rank, meeting, rows, found):
    torch.distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=2)
    scaling = FeatureScaling(3)
    for some in rows.split(4):
        scaling(some[:1] if rank else some[1:])  # one process has more rows than the other
    torch.save(dict(scaling.named_buffers()), found / str(rank))
    torch.distributed.destroy_process_group()


def test_each_of_two_processes_has_the_moments_of_the_rows_of_both(tmp_path):
    rows, alone = torch.randn(12, 3) + 4, FeatureScaling(3)
    alone(rows)
    fork = multiprocessing.get_context("fork")
    given = (tmp_path / "meeting", rows, tmp_path)
    processes = [fork.Process(target=_count_a_share, args=(rank, *given)) for rank in (0, 1)]
    for process in processes:
        process.start()
    for rank, process in enumerate(processes):
        process.join(PATIENCE)
        assert process.exitcode == 0
        torch.testing.assert_close(torch.load(tmp_path / str(rank)), dict(alone.named_buffers()))


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
