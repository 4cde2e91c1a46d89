"""The feature store: what is written is read back, whatever was cut off; other backbones and processes are refused."""

import multiprocessing
import pickle

import numpy as np
import pytest
import torch
from patience import PATIENCE
from torch.utils.data import DataLoader

from seqmodels.errors import DataError, InputError, OptionError
from seqmodels.images import FeatureStore

SPEC = {"name": "vgg16", "layer": "fc7", "image_size": 224}


def rows(*values, size=3):
    return np.array([[value + column / 8 for column in range(size)] for value in values], np.float32)


@pytest.fixture
def store(tmp_path):
    made = FeatureStore.create(tmp_path / "features", SPEC, (3,))
    made.append(["a", "b"], ["da", "db"], [1, 2], rows(1, 2))
    return made


def test_records_are_read_back(store):
    for found in (store, FeatureStore(store.folder), FeatureStore(store.folder, SPEC)):
        assert list(found) == list(found.keys()) == ["a", "b"]
        assert len(found) == 2
        assert found.shape == (3,)
        assert found["b"].tolist() == [2, 2.125, 2.25]
        assert found["b"].dtype == torch.float32
        assert found.entry("b") == (1, 2, "db")
        assert "a" in found
        assert "c" not in found
        assert found.get("c") is None
        assert found.spec == SPEC


def test_a_record_is_a_copy(store):
    store["a"].zero_()
    assert store["a"].tolist() == [1, 1.125, 1.25]


@pytest.mark.parametrize("shape", [(4,), (49, 8)])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_shapes_and_types(tmp_path, shape, dtype):
    store = FeatureStore.create(tmp_path, SPEC, shape, dtype)
    values = torch.randn(5, *shape)
    store.append(list("abcde"), ["d"] * 5, [1] * 5, values)
    assert store["d"].dtype == getattr(torch, dtype)
    assert torch.equal(store["d"], values[3].to(store["d"].dtype))
    assert (tmp_path / "features.bin").stat().st_size == values.numel() * store["d"].element_size()


def test_what_is_appended_is_seen_at_once_and_by_who_opens_later(store):
    assert store["a"][0] == 1
    store.append(["c"], ["dc"], [3], rows(3))
    assert store["c"][0] == 3
    assert FeatureStore(store.folder)["c"][0] == 3


def test_a_key_that_is_appended_again_takes_the_new_row(store):
    store.append(["a"], ["new"], [9], rows(7))
    for found in (store, FeatureStore(store.folder)):
        assert found["a"][0] == 7
        assert found.entry("a").digest == "new"
        assert len(found) == 2


@pytest.mark.parametrize("cut", range(1, 50, 7))
def test_half_a_line_is_ignored_and_overwritten(store, cut):
    """As a process leaves it that is killed while it writes the index."""
    store.append(["c"], ["dc"], [3], rows(3))
    index = store.folder / "index.jsonl"
    whole = index.read_bytes()
    index.write_bytes(whole[:-cut])
    found = FeatureStore(store.folder)
    assert list(found) == ["a", "b"]
    found.append(["c"], ["dc"], [3], rows(3))
    assert index.read_bytes() == whole
    assert FeatureStore(store.folder)["c"][0] == 3


def test_rows_without_a_line_are_overwritten(store):
    """As a process leaves it that is killed before it writes the index."""
    data = store.folder / "features.bin"
    whole = data.read_bytes()
    data.write_bytes(whole + b"\xff" * 7)
    found = FeatureStore(store.folder)
    found.append(["c"], ["dc"], [3], rows(3))
    assert data.read_bytes() == whole + rows(3).tobytes()


def test_pickles_and_workers_read(store):
    again = pickle.loads(pickle.dumps(store))
    assert torch.equal(again["b"], store["b"])

    class Records(torch.utils.data.Dataset):
        def __len__(self):
            return len(store)

        def __getitem__(self, number):
            return store["ab"[number]]

    batch = next(iter(DataLoader(Records(), batch_size=2, num_workers=1)))
    assert batch.tolist() == rows(1, 2).tolist()


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"layer": "fc6"}, "its layer is 'fc7', here 'fc6'"),
        ({"seed": 3}, "its seed is None, here 3"),
        ({"image_size": 448}, "its image_size is 224, here 448"),
    ],
)
def test_features_of_another_backbone_are_refused(store, one_line, change, part):
    with one_line(DataError, str(store.folder), "another backbone", part, "give another folder"):
        FeatureStore(store.folder, SPEC | change)


def test_weights_of_the_same_content_may_be_moved(tmp_path):
    spec = SPEC | {"weights": "here.pt", "weights_digest": "12"}
    FeatureStore.create(tmp_path, spec, (3,))
    assert FeatureStore(tmp_path, spec | {"weights": "there.pt"}).shape == (3,)


def write_and_wait(folder, ready, done):
    store = FeatureStore(folder)
    with store.writing():
        store.append(["c"], ["dc"], [3], rows(3))
        ready.set()
        done.wait(PATIENCE)


def test_a_second_process_may_read_but_not_write(store, one_line):
    context = multiprocessing.get_context("fork")
    ready, done = context.Event(), context.Event()
    process = context.Process(target=write_and_wait, args=(store.folder, ready, done))
    process.start()
    assert ready.wait(PATIENCE)
    assert FeatureStore(store.folder)["c"][0] == 3
    with one_line(DataError, str(store.folder), "another process writes"):
        store.append(["d"], ["dd"], [4], rows(4))
    done.set()
    process.join(PATIENCE)
    assert process.exitcode == 0
    store.append(["d"], ["dd"], [4], rows(4))
    found = FeatureStore(store.folder)
    assert [found[key][0].item() for key in found] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("keys", "digests", "array", "part"),
    [
        (["c", "d"], ["1", "2"], rows(1), "array is [1, 3] with 2 keys"),
        (["c"], ["1"], rows(1, size=4), "it must be [keys, 3]"),
        (["c"], [], rows(1), "0 digests"),
        (["c", "c"], ["1", "1"], rows(1, 2), "keys has 'c' twice"),
        (["c", "d"], ["1", "2"], rows(1, np.nan), "features of 'd' aren't finite"),
        (["c"], ["1"], rows(np.inf), "features of 'c' aren't finite"),
    ],
)
def test_what_is_wrong_with_a_batch(store, one_line, keys, digests, array, part):
    with one_line(InputError, part):
        store.append(keys, digests, [1] * len(keys), array)
    assert list(FeatureStore(store.folder)) == ["a", "b"]


def test_what_float16_cannot_hold_is_refused(tmp_path, one_line):
    store = FeatureStore.create(tmp_path, SPEC, (1,), "float16")
    with one_line(InputError, "features of 'a' aren't finite in float16", "keep float32"):
        store.append(["a"], ["d"], [1], [[1e5]])


def test_missing_things_are_one_line(store, tmp_path, one_line):
    with one_line(DataError, str(store.folder), "no features of 'c'"):
        store["c"]
    with one_line(DataError, "no feature store"):
        FeatureStore(tmp_path / "nowhere")
    with one_line(DataError, "has a feature store already"):
        FeatureStore.create(store.folder, SPEC, (3,))
    (store.folder / "store.json").unlink()
    with one_line(DataError, "features.bin", "without a store.json"):
        FeatureStore.create(store.folder, SPEC, (3,))


@pytest.mark.parametrize(("shape", "dtype"), [((), "float32"), ((0,), "float32"), ((3,), "int8")])
def test_shapes_and_types_of_no_use_are_refused(tmp_path, one_line, shape, dtype):
    with one_line(OptionError, "must be"):
        FeatureStore.create(tmp_path, SPEC, shape, dtype)


@pytest.mark.parametrize(
    ("name", "content", "part"),
    [
        ("store.json", "{", "can't be read"),
        ("store.json", "[]", "can't be read"),
        ("store.json", '{"format": 2, "spec": {}, "shape": [3], "dtype": "float32"}', "not written by this version"),
        ("store.json", '{"format": 1, "spec": {}, "shape": [3], "dtype": "object"}', "can't be read"),
        ("index.jsonl", "nothing\n", "line 1: can't be read"),
        (
            "index.jsonl",
            '{"key": "a", "row": 5, "size": 1, "digest": "d"}\n',
            "line 1: can't be read (rows aren't in order",
        ),
        ("index.jsonl", '{"key": "a", "row": 0, "size": 1, "digest": "d"}\n7\n', "line 2: can't be read"),
        ("features.bin", "1234", "has 4 bytes, but the index needs 24"),
    ],
)
def test_a_damaged_store_is_one_line(store, one_line, name, content, part):
    (store.folder / name).write_text(content)
    with one_line(DataError, str(store.folder / name), part, "remove it to compute the features again"):
        FeatureStore(store.folder)
