"""Digits pixel by pixel: scikit-learn's scans and MNIST's files, in fixed splits."""

import struct
import sys

import numpy as np
import pytest
import torch
from quick_fit import fit_and_test

from seqmodels.data import SequentialDigits
from seqmodels.errors import DataError, OptionError
from seqmodels.tasks import SequenceClassifier


@pytest.fixture
def mnist(tmp_path):
    """A folder as torchvision's download leaves it, with 24 training and 6 test pictures of 2 x 3 pixels."""
    folder = tmp_path / "MNIST" / "raw"
    folder.mkdir(parents=True)
    pictures = {}
    for name, count, first in (("train", 24, 0), ("t10k", 6, 100)):
        pixels = (np.arange(count * 6) % 256).astype(np.uint8).reshape(count, 2, 3)
        digits = ((np.arange(count) + first) % 10).astype(np.uint8)
        header = struct.pack(">4i", 0x0803, count, 2, 3)
        (folder / f"{name}-images-idx3-ubyte").write_bytes(header + pixels.tobytes())
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(struct.pack(">2i", 0x0801, count) + digits.tobytes())
        pictures[name] = (torch.from_numpy(pixels.reshape(count, 6) / 255).float(), torch.from_numpy(digits).long())
    return tmp_path, pictures


def whole(loader):
    batches = list(loader)
    return torch.cat([batch.input for batch in batches], 1), torch.cat([batch.target for batch in batches])


def test_mnist_is_read_as_torchvision_stores_it(mnist):
    root, pictures = mnist
    data = SequentialDigits("mnist", root=str(root), batch_size=4)
    pixels, digits = pictures["train"]
    for loader, expected in (
        (data.val_dataloader(), (pixels[22:], digits[22:])),  # the last twelfth
        (data.test_dataloader(), pictures["t10k"]),
    ):
        input, target = whole(loader)
        torch.testing.assert_close(input, expected[0].T[..., None])
        assert torch.equal(target, expected[1])
    batches = list(data.train_dataloader())
    assert [batch.input.shape for batch in batches] == [(6, 4, 1)] * 5 + [(6, 2, 1)]
    assert batches[0].lengths is None
    input, target = whole(data.train_dataloader())
    rows = sorted([*row, digit] for row, digit in zip(input[..., 0].T.tolist(), target.tolist(), strict=True))
    assert rows == sorted([*row, digit] for row, digit in zip(pixels[:22].tolist(), digits[:22].tolist(), strict=True))
    assert "6 pixels row by row, 22 train, 2 validation, 6 test" in data.describe()


def test_a_permutation_is_one_for_all_pictures_parts_and_seeds(mnist):
    root, pictures = mnist
    found = []
    for seed in (0, 1):
        data = SequentialDigits("mnist", root=str(root), permuted=True, seed=seed)
        input, _ = whole(data.test_dataloader())
        order = [pictures["t10k"][0][0].tolist().index(value) for value in input[:, 0, 0].tolist()]
        torch.testing.assert_close(input[..., 0].T, pictures["t10k"][0][:, order])
        torch.testing.assert_close(whole(data.val_dataloader())[0][..., 0].T, pictures["train"][0][22:, order])
        found.append(order)
    assert sorted(found[0]) == list(range(6)) != found[0]
    assert found[0] == found[1]
    assert "in a fixed random order" in data.describe()


def test_damaged_mnist_files_are_one_line(mnist, one_line):
    root, _ = mnist
    (root / "MNIST" / "raw" / "train-images-idx3-ubyte").write_bytes(b"\0\0\x08\x03 not pictures")
    with one_line(DataError, str(root), "remove damaged ones"):
        SequentialDigits("mnist", root=str(root)).prepare_data()


def test_mnist_that_cannot_be_downloaded_is_one_line(tmp_path, monkeypatch, one_line):
    from torchvision.datasets import MNIST

    def fail(self):
        raise RuntimeError("Error downloading\ntrain-images")

    monkeypatch.setattr(MNIST, "download", fail)
    with one_line(DataError, str(tmp_path), "can't be downloaded", "put its files there"):
        SequentialDigits("mnist", root=str(tmp_path)).prepare_data()


def test_the_scans_come_in_fixed_splits_without_overlap():
    datasets = pytest.importorskip("sklearn.datasets", reason="needs scikit-learn: pip install 'seqmodels[digits]'")
    first, second = SequentialDigits(), SequentialDigits(seed=1)
    parts = {}
    for name in ("train", "val", "test"):
        input, target = whole(getattr(first, f"{name}_dataloader")())
        assert (input.min(), input.max()) == (0, 1)
        parts[name] = [(*row, digit) for row, digit in zip(input[..., 0].T.tolist(), target.tolist(), strict=True)]
        other, _ = whole(getattr(second, f"{name}_dataloader")())
        assert torch.equal(input, other) == (name != "train")
    assert [len(part) for part in parts.values()] == [1258, 269, 270]
    scans = datasets.load_digits()
    together = sorted(row for part in parts.values() for row in part)
    assert together == sorted(
        (*row, digit) for row, digit in zip((scans.data / 16).tolist(), scans.target.tolist(), strict=True)
    )
    for part in parts.values():  # not by writer, nor by digit
        counts = np.bincount([row[-1] for row in part], minlength=10) / len(part)
        assert counts.min() > 0.05


def test_without_scikit_learn_the_error_says_what_to_install(monkeypatch, one_line):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with one_line(OptionError, "pip install 'seqmodels[digits]'"):
        SequentialDigits().train_dataloader()


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"source": "emnist"}, "'digits' or 'mnist'"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"eval_batch_size": 0}, "eval_batch_size is 0"),
        ({"seed": -1}, "seed is -1"),
    ],
)
@pytest.mark.usefixtures("_types_unchecked")
def test_options_that_cannot_be_used(options, part, one_line):
    with one_line(OptionError, part):
        SequentialDigits(**options)


def test_a_model_learns_to_read_digits():
    pytest.importorskip("sklearn.datasets", reason="needs scikit-learn: pip install 'seqmodels[digits]'")
    torch.manual_seed(0)
    data = SequentialDigits(batch_size=32)
    model = SequenceClassifier(data.num_classes, data.input_size, cell="gru", hidden_size=48, learning_rate=1e-2)
    values = fit_and_test(model, data, max_epochs=6, gradient_clip_val=1.0)
    assert values["val_accuracy"] > 0.6  # 0.1 by chance
    assert values["test_accuracy"] > 0.6
