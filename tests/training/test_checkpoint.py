"""Checkpoints on disk: what is written is read, and what is damaged, half written or none is refused."""

import errno
import io
import os
import pathlib
import pickle
import resource
import subprocess
import sys
import tempfile
import zipfile

import pytest
import torch
from small_checkpoints import DATA, TinyModel, assert_same, quiet_trainer, refusal, sample_checkpoint

from seqmodels.errors import CheckpointError
from seqmodels.training.checkpoint import SafeCheckpointIO, read_checkpoint
from seqmodels.training.digest import DIGEST_KEY

# What is written is read


def test_a_checkpoint_survives_a_round_trip(good_file):
    found = read_checkpoint(good_file)
    assert_same(found.pop("state_dict"), sample_checkpoint()["state_dict"])
    assert DIGEST_KEY not in found
    assert found["carried"][1] == ["h", "c"]
    stored = torch.load(good_file, weights_only=True)
    assert set(stored[DIGEST_KEY]["tensors"]) == {
        "state_dict['rnn.weight']",
        "optimizer_states[0]['state'][0]['exp_avg']",
        "carried[0]",
    }


def test_saving_does_not_change_the_checkpoint_given(tmp_path):
    checkpoint = sample_checkpoint()
    SafeCheckpointIO().save_checkpoint(checkpoint, tmp_path / "file")
    assert DIGEST_KEY not in checkpoint


def test_a_trainer_saves_and_resumes_through_it(tmp_path):
    path = tmp_path / "run.ckpt"
    first = quiet_trainer(tmp_path)
    first.fit_loop.max_epochs = 1
    model = TinyModel()
    first.fit(model, DATA)
    first.save_checkpoint(path)
    again = quiet_trainer(tmp_path)
    resumed = TinyModel()
    again.fit(resumed, DATA, ckpt_path=path)
    assert again.global_step == 8
    assert_same(read_checkpoint(path)["state_dict"], dict(model.state_dict()))


def test_a_remote_file_system_is_written_and_read():
    path = "memory://folder/file.ckpt"
    SafeCheckpointIO().save_checkpoint(sample_checkpoint(), path)
    assert_same(read_checkpoint(path)["state_dict"], sample_checkpoint()["state_dict"])


def test_hyper_parameters_that_could_not_be_read_back_are_refused_when_saving(tmp_path):
    trainer = quiet_trainer(tmp_path, max_steps=1)
    model = TinyModel()
    model.hparams.folder = pathlib.Path("data")
    trainer.fit(model, DATA)
    with pytest.raises(CheckpointError, match=r"can't save hyper_parameters\['folder'\], a PosixPath: store str"):
        trainer.save_checkpoint(tmp_path / "run.ckpt")
    assert os.listdir(tmp_path) == []


# Damage


def test_a_flipped_bit_in_a_tensor_is_refused_naming_the_tensor(good_file):
    content = bytearray(good_file.read_bytes())
    for path, tensor in (
        ("state_dict['rnn.weight']", sample_checkpoint()["state_dict"]["rnn.weight"]),
        ("carried[0]", sample_checkpoint()["carried"][0]),
    ):
        position = bytes(content).index(tensor.numpy().tobytes()) + 17
        content[position] ^= 1
        good_file.write_bytes(content)
        assert f"damaged, tensor {path} is not what was saved" in refusal(good_file)
        content[position] ^= 1


def test_a_flipped_bit_anywhere_is_refused_or_without_effect(good_file):
    content = good_file.read_bytes()
    with zipfile.ZipFile(good_file) as archive:
        starts = [info.header_offset for info in archive.infolist()] + [archive.start_dir]
    # Every region: local headers and what follows them, the central directory, the end; and places all over the file.
    positions = {p for start in starts for p in range(start, start + 64, 5)}
    positions |= set(range(starts[-1], len(content), 7)) | set(range(0, len(content), 211))
    refused = 0
    for number, position in enumerate(sorted(p for p in positions if p < len(content))):
        damaged = bytearray(content)
        damaged[position] ^= 1 << number % 8
        good_file.write_bytes(damaged)
        try:
            found = read_checkpoint(good_file)
        except CheckpointError:
            refused += 1
        else:  # padding, times and the like
            assert_same(found["state_dict"], sample_checkpoint()["state_dict"])
            assert_same(found["optimizer_states"], sample_checkpoint()["optimizer_states"])
            assert found["epoch"] == 3
    assert refused > 100


def test_a_flipped_bit_in_a_file_of_another_program_is_refused(tmp_path):
    path = tmp_path / "foreign.ckpt"
    checkpoint = sample_checkpoint()
    torch.save(checkpoint, path)
    assert_same(read_checkpoint(path)["state_dict"], checkpoint["state_dict"])
    content = bytearray(path.read_bytes())
    content[content.index(checkpoint["state_dict"]["rnn.weight"].numpy().tobytes()) + 1] ^= 4
    path.write_bytes(content)
    assert "damaged, record " in refusal(path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda c: b"",
        lambda c: c[: len(c) // 2],
        lambda c: c[:-1],
        lambda c: c[1:],
        lambda c: c[:100],
        lambda c: b"<html><body>404</body></html>",
        lambda c: bytes(range(256)) * 40,
        lambda c: c.replace(b"rnn.weight", b"\xff\xfe.weight", 1),
        lambda c: b"PK\x03\x04" + bytes(1000),
        lambda c: pickle.dumps(3)[:-2],
        lambda c: b"\x80\x02" + b"(" * 100_000,
    ],
)
def test_a_damaged_file_is_refused_in_one_line(good_file, damage):
    good_file.write_bytes(damage(good_file.read_bytes()))
    assert "use another copy or an earlier checkpoint" in refusal(good_file)


def test_what_is_not_a_checkpoint_is_refused(tmp_path):
    assert refusal(tmp_path / "none.ckpt").endswith("there is no such file: check the path")
    assert refusal(tmp_path).endswith("is a folder: name a checkpoint file in it")
    torch.save([1, 2], tmp_path / "list.ckpt")
    assert "holds a list, not a checkpoint" in refusal(tmp_path / "list.ckpt")
    torch.jit.script(torch.nn.Linear(1, 1)).save(tmp_path / "program.ckpt")
    assert "is a TorchScript program" in refusal(tmp_path / "program.ckpt")


@pytest.mark.parametrize("more", [{}, {DIGEST_KEY: {"tensors": {}, "rest": ""}}], ids=["no digest", "a digest"])
@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda: torch.eye(2).to_sparse(), "sparse tensor"),
        (lambda: torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)]), "nested tensor"),
        (lambda: torch.empty(2, device="meta"), "tensor without data"),
    ],
    ids=["sparse", "nested", "no data"],
)
def test_a_tensor_that_is_not_dense_is_refused(tmp_path, make, kind, more):
    torch.save({"a": {"b": [make()]}, **more}, tmp_path / "odd.ckpt")
    assert f"holds a {kind} at a: save it dense" in refusal(tmp_path / "odd.ckpt")


# A full disk


def full_after(count):
    """A file that takes ``count`` bytes and then finds the disk full."""

    class File(io.BufferedWriter):
        def write(self, data):
            if self.tell() + len(data) > count:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return super().write(data)

    return lambda name, mode: File(io.FileIO(name, mode.replace("b", "")))


@pytest.mark.parametrize("count", [0, 1000, 15_000])
def test_a_full_disk_leaves_the_old_checkpoint(good_file, monkeypatch, count):
    old = good_file.read_bytes()
    monkeypatch.setattr("seqmodels.files.atomic_file.open", full_after(count), raising=False)
    with pytest.raises(CheckpointError, match=r"can't write the checkpoint \(No space left on device\): free space"):
        SafeCheckpointIO().save_checkpoint({"w": torch.zeros(100_000)}, good_file)
    assert good_file.read_bytes() == old
    assert os.listdir(good_file.parent) == [good_file.name]


def test_a_limit_of_the_system_leaves_the_old_checkpoint(good_file):
    old = good_file.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        with pytest.raises(CheckpointError, match="can't write the checkpoint"):
            SafeCheckpointIO().save_checkpoint({"w": torch.zeros(100_000)}, good_file)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert good_file.read_bytes() == old
    assert os.listdir(good_file.parent) == [good_file.name]


def test_a_folder_in_place_of_the_file_is_reported(tmp_path):
    (tmp_path / "x.ckpt").mkdir()
    with pytest.raises(CheckpointError, match="can't write the checkpoint"):
        SafeCheckpointIO().save_checkpoint({"a": 1}, tmp_path / "x.ckpt")


# Kill -9 while saving

KILL_WHILE_SAVING = """
import os, random, signal, sys, time
import torch
from seqmodels.training.checkpoint import SafeCheckpointIO, read_checkpoint

folder, kills = sys.argv[1], int(sys.argv[2])
torch.set_num_threads(1)
path = os.path.join(folder, "last.ckpt")
checkpoint = {"step": 0, "w": torch.randn(5_000_000)}

def save_safely(): SafeCheckpointIO().save_checkpoint(checkpoint, path)
def save_in_place(): torch.save(checkpoint, path)

def run_and_kill(save):
    child = os.fork()  # one import of torch for all of them
    if child == 0:
        while True:
            checkpoint["step"] += 1
            save()
    time.sleep(random.uniform(0.02, 0.25))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)

random.seed(0)
save_safely()
bad = unfinished = 0
for _ in range(kills):
    run_and_kill(save_safely)
    files = os.listdir(folder)
    unfinished += len(files) > 1
    bad += len(files) > 2
    read_checkpoint(path)  # raises if damaged
save_safely()
assert os.listdir(folder) == ["last.ckpt"], os.listdir(folder)

for in_place in range(1, 200):  # the same kills do hit a writer that is not careful
    run_and_kill(save_in_place)
    try:
        read_checkpoint(path)
    except Exception:
        break
print(bad, unfinished, in_place)
"""


def test_fifty_kills_while_saving_on_another_mount_damage_nothing():
    other_mount = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=other_mount) as folder:
        command = [sys.executable, "-c", KILL_WHILE_SAVING, folder, "50"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    piles_of_litter, killed_while_writing, in_place = map(int, done.stdout.split())
    assert piles_of_litter == 0  # what a dead process left is gone after the next save
    assert killed_while_writing > 5
    assert in_place < 199
