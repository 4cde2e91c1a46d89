"""Features of many pictures: computed once, gone on with after a kill, bad pictures counted."""

import json
import multiprocessing
import os
import signal
import time

import numpy as np
import pytest
import torch
from patience import PATIENCE
from PIL import Image

from seqmodels.errors import DataError, OptionError
from seqmodels.images import Backbone, FeatureStore, extract_features, read_image

FILES = ("features.bin", "index.jsonl")


@pytest.fixture
def backbone():
    return Backbone("small_cnn", image_size=16, feature_size=8, trainable=False, seed=0)


def draw(path, seed):
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (20, 24, 3), dtype=np.uint8)).save(path)


@pytest.fixture
def paths(tmp_path):
    found = {f"picture {number}": tmp_path / f"{number}.png" for number in range(10)}
    for seed, path in enumerate(found.values()):
        draw(path, seed)
    return found


def content(store):
    return [(store.folder / name).read_bytes() for name in FILES]


@pytest.mark.parametrize("num_workers", [0, 2])
def test_features_are_those_of_the_backbone(tmp_path, paths, backbone, num_workers):
    store = extract_features(paths, backbone, tmp_path / "features", batch_size=4, num_workers=num_workers)
    assert list(store) == list(paths)
    assert store.shape == (8,)
    assert store.bad == {}
    for key, path in paths.items():
        expected = backbone(backbone.preprocess(read_image(path))[None])[0]
        torch.testing.assert_close(store[key], expected)
    assert FeatureStore(tmp_path / "features", backbone.spec)["picture 3"].tolist() == store["picture 3"].tolist()


@pytest.mark.parametrize("num_workers", [0, 1])
def test_nothing_is_drawn_from_the_global_generator(tmp_path, paths, backbone, num_workers):
    before = torch.get_rng_state()
    for _ in range(2):  # computed, then found
        extract_features(paths, backbone, tmp_path / "features", num_workers=num_workers)
        assert torch.equal(torch.get_rng_state(), before)


def test_grids_in_half_precision(tmp_path, paths):
    backbone = Backbone("small_cnn", "grid", image_size=16, trainable=False)
    store = extract_features(paths, backbone, tmp_path / "features", float16=True)
    assert store["picture 0"].shape == (4, 64)
    assert store["picture 0"].dtype == torch.float16


def test_what_is_there_is_not_computed_again(tmp_path, paths, backbone, monkeypatch):
    store = extract_features(paths, backbone, tmp_path / "features", batch_size=4)
    before = content(store)
    seen = []
    monkeypatch.setattr(backbone, "forward", lambda images: seen.append(images))
    assert content(extract_features(paths, backbone, tmp_path / "features", batch_size=4)) == before
    assert not seen


def test_pictures_that_come_later_are_added(tmp_path, paths, backbone):
    first = dict(list(paths.items())[:3])
    extract_features(first, backbone, tmp_path / "features")
    store = extract_features(paths, backbone, tmp_path / "features")
    assert list(store) == list(paths)
    assert len((store.folder / "index.jsonl").read_text().splitlines()) == 10


def test_a_picture_that_changed_is_computed_again(tmp_path, paths, backbone):
    before = extract_features(paths, backbone, tmp_path / "features")
    old = before["picture 4"]
    size = paths["picture 4"].stat().st_size
    draw(paths["picture 4"], 99)
    with paths["picture 4"].open("ab") as file:  # PNG ignores what follows its end
        file.write(bytes(max(0, size - file.tell())))
    store = extract_features(paths, backbone, tmp_path / "features")
    expected = backbone(backbone.preprocess(read_image(paths["picture 4"]))[None])[0]
    torch.testing.assert_close(store["picture 4"], expected)
    assert not torch.equal(store["picture 4"], old)
    assert torch.equal(store["picture 5"], before["picture 5"])
    assert len(store) == 10
    assert len((store.folder / "index.jsonl").read_text().splitlines()) == 11


class Slow(Backbone):
    def forward(self, images):
        time.sleep(0.2)
        return super().forward(images)


def run_slowly(paths, folder, num_workers):
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in what a shell runs in the background
    backbone = Slow("small_cnn", image_size=16, feature_size=8, trainable=False, seed=0)
    extract_features(paths, backbone, folder, batch_size=2, num_workers=num_workers)


def start(tmp_path, paths, num_workers=0):
    process = multiprocessing.get_context("fork").Process(
        target=run_slowly, args=(paths, tmp_path / "features", num_workers)
    )
    process.start()
    return process


def wait_for_lines(index, count):
    until = time.monotonic() + PATIENCE
    while not index.exists() or index.read_bytes().count(b"\n") < count:
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize(("num_workers", "end"), [(0, signal.SIGKILL), (1, signal.SIGKILL), (0, signal.SIGINT)])
def test_a_run_that_was_ended_is_gone_on_with_to_the_same_bytes(tmp_path, paths, backbone, num_workers, end):
    whole = extract_features(paths, backbone, tmp_path / "undisturbed", batch_size=2)
    process = start(tmp_path, paths, num_workers)
    wait_for_lines(tmp_path / "features" / "index.jsonl", 4)
    os.kill(process.pid, end)
    process.join()  # with a time limit it would wait for the workers too, which live longer
    assert process.exitcode != 0
    assert 4 <= len(FeatureStore(tmp_path / "features")) < 10
    store = extract_features(paths, backbone, tmp_path / "features", batch_size=2)
    assert content(store) == content(whole)


def test_a_reading_process_that_dies_is_one_line_and_the_rest_is_kept(tmp_path, paths, backbone, monkeypatch, one_line):
    reader = os.getpid()

    def read(path):
        if path == paths["picture 7"] and os.getpid() != reader:
            time.sleep(1.0)  # the first pictures have arrived
            os.kill(os.getpid(), signal.SIGKILL)
        return read_image(path)

    monkeypatch.setattr("seqmodels.images.extract.read_image", read)
    with one_line(DataError, "a worker process died while reading", ".png", "num_workers=0"):
        extract_features(paths, backbone, tmp_path / "features", batch_size=2, num_workers=1)
    assert 2 <= len(FeatureStore(tmp_path / "features")) < 10
    assert len(extract_features(paths, backbone, tmp_path / "features", batch_size=2)) == 10


def test_a_second_process_waits_and_computes_nothing_again(tmp_path, paths, backbone, monkeypatch, capsys):
    process = start(tmp_path, paths)
    wait_for_lines(tmp_path / "features" / "index.jsonl", 2)
    monkeypatch.setattr(backbone, "forward", lambda images: pytest.fail("computed again"))
    assert list(extract_features(paths, backbone, tmp_path / "features")) == list(paths)
    process.join(PATIENCE)
    assert process.exitcode == 0
    said = f"{tmp_path / 'features'}: another process writes to this feature store; waiting for it\n"
    assert capsys.readouterr().err == said


def test_a_store_that_has_all_is_read_while_another_process_writes_to_it(tmp_path, paths, backbone):
    store = extract_features(paths, backbone, tmp_path / "features")
    with store.writing():
        assert list(extract_features(paths, backbone, tmp_path / "features")) == list(paths)


def test_another_backbone_and_another_type_are_refused(tmp_path, paths, backbone, one_line):
    extract_features(paths, backbone, tmp_path / "features")
    other = Backbone("small_cnn", image_size=16, feature_size=8, trainable=False, seed=1)
    with one_line(DataError, "another backbone", "its seed is 0, here 1"):
        extract_features(paths, other, tmp_path / "features")
    with one_line(DataError, "has features in float32, not float16"):
        extract_features(paths, backbone, tmp_path / "features", float16=True)


@pytest.mark.parametrize("num_workers", [0, 1])
def test_bad_pictures_are_named_and_counted(tmp_path, paths, backbone, capsys, num_workers):
    paths["picture 2"].write_bytes(b"<html>404</html>")
    paths["picture 7"].unlink()
    options = {"batch_size": 4, "num_workers": num_workers, "max_bad": 2}
    store = extract_features(paths, backbone, tmp_path / "features", **options)
    assert list(store) == [key for key in paths if key not in ("picture 2", "picture 7")]
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert str(paths["picture 2"]) in lines[0]
    assert "web page" in lines[0]
    assert str(paths["picture 7"]) in lines[1]
    assert list(FeatureStore(store.folder).bad.values()) == lines
    records = [json.loads(line) for line in (store.folder / "bad.jsonl").read_text().splitlines()]
    assert [record["path"] for record in records] == [str(paths["picture 2"]), str(paths["picture 7"])]
    draw(paths["picture 2"], 2)
    draw(paths["picture 7"], 7)
    store = extract_features(paths, backbone, tmp_path / "features", **options)
    assert store.bad == {}
    assert sorted(store) == sorted(paths)


def test_more_bad_pictures_than_allowed_are_one_line(tmp_path, paths, backbone, one_line):
    paths["picture 5"].write_bytes(b"")
    with one_line(DataError, str(paths["picture 5"]), "is empty", "1, above max_bad=0", "bad.jsonl"):
        extract_features(paths, backbone, tmp_path / "features", batch_size=2)
    store = extract_features(paths, backbone, tmp_path / "features", batch_size=2, max_bad=1)
    assert len(store) == 9
    # Nothing but the bad one is left to do.
    assert len(extract_features(paths, backbone, tmp_path / "features", batch_size=2, max_bad=1)) == 9


def test_features_that_are_not_finite_are_refused(tmp_path, paths, backbone, one_line):
    for weights in backbone.parameters():
        weights.fill_(torch.nan)
    with one_line(DataError, str(tmp_path / "features"), "features of 'picture 0' aren't finite"):
        extract_features(paths, backbone, tmp_path / "features")


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"batch_size": 0}, "batch_size must be 1 or more"),
        ({"num_workers": -1}, "num_workers must be 0 or more"),
        ({"max_bad": -1}, "max_bad must be 0 or more"),
    ],
)
def test_options_out_of_range_are_one_line(tmp_path, paths, backbone, one_line, options, part):
    with one_line(OptionError, part):
        extract_features(paths, backbone, tmp_path / "features", **options)


def test_a_trainable_backbone_is_refused(tmp_path, paths, one_line):
    with one_line(OptionError, "backbone is trainable"):
        extract_features(paths, Backbone("small_cnn"), tmp_path / "features")
    assert not (tmp_path / "features").exists()
