"""Batches of series with classes."""

import numpy as np
import pytest
import torch
from quick_fit import fit_and_test

from seqmodels.data.series import SeriesData
from seqmodels.data.streams import NOT_SCORED
from seqmodels.errors import DataError
from seqmodels.tasks import SequenceClassifier


@pytest.fixture
def two(tmp_path):
    """Two series of two dimensions, the second of which never changes."""
    path = tmp_path / "two.ts"
    path.write_text("@classLabel true up down\n@data\n1,2,6:5,5,5:up\n3,3:5,5:down\n")
    return str(path)


def test_a_batch_is_scaled_by_the_training_series(two):
    data = SeriesData(two, valid_source=two)
    (batch,) = data.val_dataloader()
    steps = np.array([1, 2, 6, 3, 3])
    assert data.scaling == {"mean": [3.0, 5.0], "deviation": [pytest.approx(steps.std()), 1.0]}
    assert data.input_size == 2
    assert data.labels == ["down", "up"]
    assert batch.target.tolist() == [1, 0]
    assert batch.lengths.tolist() == [3, 2]
    expected = torch.zeros(3, 2, 2)
    expected[:, 0, 0] = torch.tensor([-2.0, -1.0, 3.0]) / steps.std()
    torch.testing.assert_close(batch.input, expected)
    assert "2 train, 2 validation, 2 test series of 2 dimensions, 2 classes" in data.describe()


def test_values_as_they_are(two):
    data = SeriesData(two, valid_source=two, normalise=False)
    (batch,) = data.val_dataloader()
    assert data.scaling == {"mean": [0.0, 0.0], "deviation": [1.0, 1.0]}  # which tells a model the number of dimensions
    assert batch.input[:, 0].tolist() == [[1, 5], [2, 5], [6, 5]]
    assert batch.input[2, 1].tolist() == [0, 0]


def test_the_scaling_of_a_trained_model_can_be_set(two):
    data = SeriesData(two, valid_source=two)
    data.scaling = {"mean": [1.0, 0.0], "deviation": [1.0, 5.0]}
    (batch,) = data.val_dataloader()
    assert batch.input[:, 0].tolist() == [[0, 1], [1, 1], [5, 1]]


def test_classes_of_steps_are_not_scored_past_the_end(tmp_path):
    series, classes = np.empty(2, object), np.empty(2, object)
    series[:], classes[:] = [np.ones((3, 1)), np.ones((1, 1))], [np.array([2, 0, 2]), np.array([1])]
    np.savez(tmp_path / "frames.npz", X=series, y=classes)
    path = str(tmp_path / "frames.npz")
    (batch,) = SeriesData(path, valid_source=path).val_dataloader()
    assert batch.target.T.tolist() == [[2, 0, 2], [1, NOT_SCORED, NOT_SCORED]]
    assert batch.lengths.tolist() == [3, 1]


def test_files_that_do_not_go_together_are_one_line(two, tmp_path, one_line):
    np.savez(tmp_path / "one.npz", X=np.zeros((1, 3, 1)), y=np.array(["up"]))
    with one_line(DataError, "one.npz, X[0]", "has 1 dimensions", "two.ts, line 3 has 2"):
        _ = SeriesData(two, str(tmp_path / "one.npz")).records
    np.savez(tmp_path / "steps.npz", X=np.zeros((1, 3, 2)), y=np.array([["up", "up", "down"]]))
    with one_line(DataError, "steps.npz, X[0]", "two.ts, line 3", "a class for each step"):
        _ = SeriesData(two, str(tmp_path / "steps.npz")).records


def test_a_model_learns_to_tell_slow_from_fast_waves(tmp_path):
    generator = np.random.default_rng(0)
    lines = ["@univariate true", "@classLabel true fast slow", "@data"]
    for number in range(240):
        label, frequency = (("fast", 1.2), ("slow", 0.4))[number % 2]
        wave = 100 + 50 * np.sin(generator.uniform(0, 6) + frequency * np.arange(generator.integers(15, 25)))
        lines.append(",".join(f"{value:.3f}" for value in wave) + f":{label}")
    (tmp_path / "waves.ts").write_text("\n".join(lines))
    data = SeriesData(str(tmp_path / "waves.ts"), batch_size=16)
    model = SequenceClassifier(2, data.input_size, cell="gru", hidden_size=16, learning_rate=2e-2)
    values = fit_and_test(model, data, max_epochs=6, gradient_clip_val=1.0)
    assert values["test_accuracy"] > 0.9
