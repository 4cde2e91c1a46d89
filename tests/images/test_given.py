"""Features made elsewhere: every format gives the same records, and what is wrong with a file or a record."""

import json
import pickle
import sys

import h5py
import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from torch.utils.data import DataLoader, Dataset

from seqmodels.errors import DataError, OptionError
from seqmodels.images import read_features

KEYS = ["cat.jpg", "dog.jpg", "7"]
VALUES = np.arange(12, dtype=np.float32).reshape(3, 4) / 8


def npy(folder, values=VALUES, keys=KEYS):
    path = folder / "vgg.npy"
    np.save(path, values)
    path.with_name("vgg.keys.txt").write_text("".join(f"{key}\n" for key in keys))
    return path


def npy_json(folder, values=VALUES, keys=KEYS):
    path = folder / "vgg.npy"
    np.save(path, values)
    path.with_name("keys.json").write_text(json.dumps(keys))
    return path


def npz(folder, values=VALUES, keys=KEYS):
    np.savez(folder / "vgg.npz", **dict(zip(keys, values, strict=True)))
    return folder / "vgg.npz"


def npz_whole(folder, values=VALUES, keys=KEYS):
    np.savez(folder / "vgg.npz", features=values, keys=np.array(keys))
    return folder / "vgg.npz"


def safetensors(folder, values=VALUES, keys=KEYS):
    save_file({key: value.copy() for key, value in zip(keys, values, strict=True)}, folder / "vgg.safetensors")
    return folder / "vgg.safetensors"


def safetensors_whole(folder, values=VALUES, keys=KEYS):
    save_file({"features": values}, folder / "vgg.safetensors", metadata={"keys": json.dumps(keys)})
    return folder / "vgg.safetensors"


def hdf5(folder, values=VALUES, keys=KEYS):
    with h5py.File(folder / "vgg.h5", "w") as file:
        for key, value in zip(keys, values, strict=True):
            file[key] = value
    return folder / "vgg.h5"


def hdf5_whole(folder, values=VALUES, keys=KEYS):
    with h5py.File(folder / "vgg.hdf5", "w") as file:
        file["features"], file["ids"] = values, keys
    return folder / "vgg.hdf5"


def folder_npy(folder, values=VALUES, keys=KEYS):
    (folder / "vgg").mkdir()
    for key, value in zip(keys, values, strict=True):
        np.save(folder / "vgg" / f"{key}.npy", value)
    return folder / "vgg"


def folder_npz(folder, values=VALUES, keys=KEYS):
    (folder / "vgg").mkdir()
    for key, value in zip(keys, values, strict=True):
        np.savez(folder / "vgg" / f"{key}.npz", feat=value)
    return folder / "vgg"


FORMATS = [npy, npy_json, npz, npz_whole, safetensors, safetensors_whole, hdf5, hdf5_whole, folder_npy, folder_npz]
every_format = pytest.mark.parametrize("write", FORMATS, ids=lambda write: write.__name__)


@every_format
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64])
def test_every_format_gives_the_same_records(tmp_path, write, dtype):
    features = read_features(write(tmp_path, VALUES.astype(dtype)))
    assert sorted(features) == sorted(KEYS)
    assert len(features) == 3
    assert features.feature_size == 4
    assert "bird.jpg" not in features
    for key, value in zip(KEYS, VALUES, strict=True):
        assert features[key].dtype == torch.float32
        assert features[key].tolist() == value.astype(dtype).astype(np.float32).tolist()


@every_format
def test_grids_and_maps_become_regions_row_by_row(tmp_path, write):
    maps = np.arange(72, dtype=np.float32).reshape(3, 2, 3, 4)
    features = read_features(write(tmp_path, maps))
    assert features["dog.jpg"].shape == (6, 4)
    assert features["dog.jpg"][5].tolist() == maps[1, 1, 2].tolist()


@every_format
def test_pickles_and_workers_read(tmp_path, write):
    features = read_features(write(tmp_path))

    class Records(Dataset):
        def __len__(self):
            return 3

        def __getitem__(self, number):
            return features[KEYS[number]]

    assert pickle.loads(pickle.dumps(features))["7"].tolist() == VALUES[2].tolist()
    batches = list(DataLoader(Records(), batch_size=1, num_workers=2))
    assert torch.cat(batches).tolist() == VALUES.tolist()


@every_format
def test_missing_keys_are_one_line(tmp_path, one_line, write):
    path = write(tmp_path)
    features = read_features(path)
    assert features.get("bird.jpg") is None
    with one_line(DataError, str(path), "no features of 'bird.jpg'"):
        features["bird.jpg"]


@every_format
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_values_that_are_not_finite_are_one_line(tmp_path, one_line, write, value):
    values = VALUES.astype(np.float64)
    values[1, 2] = value
    path = write(tmp_path, values)
    features = read_features(path)
    assert features["7"].tolist() == VALUES[2].tolist()
    with one_line(DataError, str(path), "record 'dog.jpg'", "aren't finite"):
        features["dog.jpg"]


@pytest.mark.parametrize("write", [npz, safetensors, hdf5, folder_npy, folder_npz], ids=lambda write: write.__name__)
def test_a_record_of_another_width_is_one_line(tmp_path, one_line, write):
    path = write(tmp_path, [np.ones(4), np.ones(5), np.ones(4)], ["a", "b", "c"])
    features = read_features(path)
    with one_line(DataError, str(path), "record 'b'", "has 5 features, but 4 are needed"):
        features["b"]


@every_format
def test_another_width_than_asked_is_one_line(tmp_path, one_line, write):
    path = write(tmp_path)
    assert read_features(path, 4).feature_size == 4
    with one_line(DataError, str(path), "has 4 features, but 4096 are needed"):
        read_features(path, 4096)


def test_rows_without_keys_are_numbered(tmp_path):
    np.save(tmp_path / "vgg.npy", VALUES)
    assert list(read_features(tmp_path / "vgg.npy")) == ["0", "1", "2"]


@pytest.mark.parametrize("write", [npy, npy_json, npz_whole, safetensors_whole, hdf5_whole])
@pytest.mark.parametrize(
    ("keys", "part"), [(["a", "b"], "has 3 records, but 2 keys"), (["a", "b", "a"], "has the key 'a' twice")]
)
def test_keys_that_do_not_fit_are_one_line(tmp_path, one_line, write, keys, part):
    path = write(tmp_path, VALUES, keys)
    with one_line(DataError, str(path), part):
        read_features(path)


@pytest.mark.parametrize("text", ["{", "7", "[[1]]", '"abc"'])
def test_keys_that_are_no_list_are_one_line(tmp_path, one_line, text):
    path = npy_json(tmp_path)
    path.with_name("keys.json").write_text(text)
    with one_line(DataError, str(path), "keys.json is no JSON list of names"):
        read_features(path)


@pytest.mark.parametrize("name", ["vgg.npy", "vgg.npz", "vgg.safetensors", "vgg.h5", "vgg.hdf5"])
@pytest.mark.parametrize(
    ("content", "part"), [(b"", "is empty"), (b"nothing of the kind", "make the file again"), (b"PK\3\4", "again")]
)
def test_damaged_files_are_one_line(tmp_path, one_line, name, content, part):
    (tmp_path / name).write_bytes(content)
    with one_line(DataError, str(tmp_path / name), part):
        read_features(tmp_path / name)


@every_format
def test_truncated_files_are_one_line(tmp_path, one_line, write):
    path = write(tmp_path)
    file = sorted(path.iterdir())[0] if path.is_dir() else path
    file.write_bytes(file.read_bytes()[:-9])
    with one_line(DataError, str(path)):
        [read_features(path)[key] for key in KEYS]


def test_an_empty_file_in_a_folder_is_named(tmp_path, one_line):
    path = folder_npy(tmp_path)
    features = read_features(path)
    (path / "dog.jpg.npy").write_bytes(b"")
    with one_line(DataError, str(path), "record 'dog.jpg'", "its file is empty"):
        features["dog.jpg"]


class Hostile:
    """Prints when unpickled."""

    def __reduce__(self):
        return print, ("pwned",)


def test_nothing_is_unpickled(tmp_path, one_line, capsys):
    array = np.empty((2, 1), dtype=object)
    array[:] = Hostile()
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    (tmp_path / "b.npy").write_bytes(pickle.dumps(Hostile()))
    np.savez(tmp_path / "c.npz", cat=array)
    for name in ("a.npy", "b.npy", "c.npz"):
        with one_line(DataError, str(tmp_path / name)):
            read_features(tmp_path / name)
    assert "pwned" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("values", "part"),
    [
        (np.array([["a"], ["b"]]), "features must be numbers"),
        (np.ones((2, 3), np.complex64), "features must be numbers"),
        (np.ones((2, 0)), "is [0]; features must be [F]"),
        (np.ones((2, 3, 4, 5, 6)), "is [3, 4, 5, 6]"),
        (np.ones(5), "is [5]; it must be [pictures, features]"),
        (np.ones((0, 5)), "has no features"),
    ],
)
def test_arrays_that_are_no_features_are_one_line(tmp_path, one_line, values, part):
    np.save(tmp_path / "vgg.npy", values)
    with one_line(DataError, str(tmp_path / "vgg.npy"), part):
        read_features(tmp_path / "vgg.npy")


@pytest.mark.parametrize(("write", "package"), [(hdf5, "h5py"), (safetensors, "safetensors")])
def test_missing_packages_are_one_line(tmp_path, monkeypatch, one_line, write, package):
    path = write(tmp_path)
    monkeypatch.setitem(sys.modules, package, None)
    with one_line(OptionError, str(path), package, "pip install 'seqmodels[images]'"):
        read_features(path)


def test_what_is_missing_or_unknown_is_one_line(tmp_path, one_line):
    with one_line(DataError, "no.npy", "no such file"):
        read_features(tmp_path / "no.npy")
    (tmp_path / "vgg.tsv").write_text("0 1 2")
    with one_line(DataError, "vgg.tsv", "no known kind"):
        read_features(tmp_path / "vgg.tsv")
    with one_line(DataError, str(tmp_path), "has no .npy files"):
        read_features(tmp_path)
    path = folder_npz(tmp_path)
    np.save(path / "cat.jpg.npy", VALUES[0])
    with one_line(DataError, str(path), "of one name"):
        read_features(path)
    (path / "cat.jpg.npy").unlink()
    np.savez(path / "cat.jpg.npz", a=VALUES, b=VALUES)
    with one_line(DataError, str(path), "its file has 2 arrays"):
        read_features(path)["cat.jpg"]
