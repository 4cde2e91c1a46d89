"""Pictures of data modules: bad ones are left out up to a limit."""

import multiprocessing

import pictures
import pytest
import torch
from patience import PATIENCE

from seqmodels.data import pictures as module
from seqmodels.data.pictures import Pictures
from seqmodels.errors import DataError


@pytest.mark.parametrize("store_features", [True, False])
def test_bad_pictures_are_left_out_up_to_the_limit(tmp_path, capsys, one_line, store_features):
    names = list(pictures.draw_all(tmp_path))
    sources = {name: str(tmp_path / name) for name in names}
    for name in names[:2]:
        (tmp_path / name).write_bytes(b"<html>")

    def read(max_bad):
        folder = str(tmp_path / f"features-{max_bad}")
        return Pictures(sources, "pixels", None, 8, None, store_features, folder, max_bad)

    assert [name for name in names if name in read(2)] == names[2:]
    said = capsys.readouterr().err
    assert names[0] in said
    assert names[1] in said
    with one_line(DataError, names[1], "max_bad=1"):
        _ = names[0] in read(1)


def test_small_pictures_stay_in_memory_up_to_a_limit(tmp_path, monkeypatch):
    sources = {name: str(tmp_path / name) for name in pictures.draw_all(tmp_path)}
    read = Pictures(sources, "pixels", None, 8, None, False, str(tmp_path), 0)
    monkeypatch.setattr(module, "_MOST_KEPT", 3 * 3 * 8 * 8 * 4)  # three pictures
    once = {name: read[name] for name in sources}
    assert [name for name in sources if read[name] is once[name]] == list(sources)[:3]
    assert all(read[name].equal(once[name]) for name in sources)


@pytest.mark.parametrize("stored", [True, False])
def test_processes_that_start_together_share_a_store(tmp_path, stored):
    sources = {name: str(tmp_path / name) for name in pictures.draw_all(tmp_path)}
    context = multiprocessing.get_context("fork")
    together, right = context.Barrier(4), context.Queue()

    def read():
        return Pictures(sources, "pixels", None, 8, None, True, str(tmp_path / "features"), 0)

    def compare(expected):
        own = read()
        own.backbone  # noqa: B018 - made before the others are waited for
        together.wait(PATIENCE)
        right.put(all(own[name].tolist() == expected[name].tolist() for name in sources))

    alone = Pictures(sources, "pixels", None, 8, None, True, str(tmp_path / "alone"), 0)
    expected = {name: alone[name] for name in sources}
    if stored:
        read().prepare()
    processes = [context.Process(target=compare, args=(expected,)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(PATIENCE)
    assert [process.exitcode for process in processes] == [0] * 4
    assert [right.get(timeout=PATIENCE) for _ in processes] == [True] * 4


def test_features_of_other_numbers_of_regions_are_named(one_line):
    pictures = Pictures({}, "pixels", None, 8, "boxes.npz", False, "", 0)
    with one_line(DataError, "boxes.npz: the features of 'b' are [3, 4], those of 'a' [2, 4]", "as many regions"):
        pictures.stacked([torch.zeros(2, 4), torch.zeros(3, 4)], ["a", "b"])
    assert pictures.stacked([torch.zeros(2, 4)] * 2, ["a", "b"]).shape == (2, 2, 4)
