"""Processes and ranks that are told to end, together, and with which exit codes."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest
from patience import PATIENCE

from seqmodels.training.checkpoint import read_checkpoint

SOON = 100.0  # seconds on a busy machine; a rank that is left alone waits for half an hour
SCRIPT = """
import os, signal, sys, time
import torch
from lightning.pytorch import LightningModule, Trainer
from seqmodels.training.checkpoint import SafeCheckpointIO
from seqmodels.training.termination import GracefulTermination

folder, devices, workers, every, late = sys.argv[1], *map(int, sys.argv[2:6])
seconds = float(sys.argv[6])
torch.set_num_threads(1)

class Model(LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)
    def note(self, what):
        with open(f"{folder}/{what}-{self.trainer.global_rank}", "w") as file:
            file.write(str(os.getpid()))
    def training_step(self, batch, batch_idx):
        if self.trainer.global_step == 5:
            self.note("training")
            time.sleep(seconds)
        time.sleep(0.01)
        return self.layer(batch).pow(2).mean()
    def validation_step(self, batch, batch_idx):
        time.sleep(0.01)
        if batch_idx == 2:
            self.note("validating")
    def on_train_epoch_end(self):
        self.note("ending")
        if self.trainer.global_rank == late:
            os.kill(os.getpid(), signal.SIGTERM)
    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters())

def batches(count):
    return torch.utils.data.DataLoader(torch.randn(count * devices, 4), num_workers=workers)

trainer = Trainer(accelerator="cpu", devices=devices, strategy="ddp" if devices > 1 else "auto", max_epochs=1,
                  default_root_dir=folder, logger=False, enable_checkpointing=False, enable_progress_bar=False,
                  enable_model_summary=False, num_sanity_val_steps=0, val_check_interval=100,
                  callbacks=[GracefulTermination(every)], plugins=[SafeCheckpointIO()])
try:
    trainer.fit(Model(), *((batches(10**5), batches(10**4)) if late < 0 else (batches(100), batches(3))))
except SystemExit as leaving:
    with open(f"{folder}/exit-{trainer.global_rank}", "w") as file:
        file.write(str(leaving.code))
    raise
"""


class Job:
    """A training in processes of its own: started by Lightning, or by torchrun."""

    def __init__(self, folder, ranks=1, when="training", workers=0, every=1, late=-1, seconds=0.0, launcher=()):
        self.folder, self.ranks = folder, ranks
        script = folder / "train.py"
        script.write_text(SCRIPT)
        command = [sys.executable, *launcher, script, folder, ranks, workers, every, late, seconds]
        self.main = subprocess.Popen(
            list(map(str, command)), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True,
        )  # fmt: skip
        self.pids = [self.wait_for(f"{when}-{rank}") for rank in range(ranks)]

    def wait_for(self, name):
        end = time.monotonic() + PATIENCE
        file = self.folder / name
        while not (file.exists() and file.read_text()):
            assert self.main.poll() is None, self.main.communicate()[0]
            assert time.monotonic() < end
            time.sleep(0.05)
        return int(file.read_text())

    def send(self, signum, ranks):
        self.sent = time.monotonic()
        for rank in ranks:
            os.kill(self.pids[rank], signum)

    def end(self):
        """Wait for all processes; the seconds since the signal, the exit code, the output."""
        output, _ = self.main.communicate(timeout=PATIENCE)
        while any(map(is_running, self.pids)):
            assert time.monotonic() < self.sent + PATIENCE, output
            time.sleep(0.05)
        return time.monotonic() - self.sent, self.main.returncode, output

    def exits(self):
        return [(self.folder / f"exit-{rank}").read_text() for rank in range(self.ranks)]

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.main.pid, signal.SIGKILL)
        self.main.communicate()


@pytest.fixture
def job(tmp_path):
    jobs = []

    def start(**options):
        jobs.append(Job(tmp_path, **options))
        return jobs[-1]

    yield start
    for started in jobs:
        started.close()


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"  # dead, its parent hasn't looked yet
    except FileNotFoundError:
        return not os.path.isdir("/proc/self")


def check_left_in_order(job, code=143):
    seconds, returncode, output = job.end()
    assert returncode == code, output
    assert job.exits() == [str(code)] * job.ranks
    assert seconds < SOON
    read_checkpoint(job.folder / "checkpoints" / "last.ckpt")


def test_one_process_leaves_with_exit_code_143(job):
    one = job()
    one.send(signal.SIGTERM, [0])
    check_left_in_order(one)


def test_ctrl_c_reaches_the_workers_too_and_leaves_with_exit_code_130(job):
    one = job(workers=1)
    one.sent = time.monotonic()
    os.killpg(one.main.pid, signal.SIGINT)  # as a terminal does
    check_left_in_order(one, code=130)


def test_a_second_ctrl_c_ends_at_once(job):
    one = job(seconds=600)
    one.send(signal.SIGINT, [0])
    time.sleep(0.5)
    assert one.main.poll() is None
    one.send(signal.SIGINT, [0])
    seconds, returncode, output = one.end()
    assert returncode == 130
    assert seconds < SOON
    assert "stopped without a checkpoint" in output
    assert not (one.folder / "checkpoints").exists()


@pytest.mark.parametrize(
    ("ranks", "told", "options"),
    [
        (2, [0], {}),
        (2, [1], {}),
        (2, [0, 1], {"when": "validating"}),
        (4, [2], {"every": 3}),
    ],
)
def test_all_ranks_leave_together_whichever_is_told(job, ranks, told, options):
    some = job(ranks=ranks, **options)
    some.send(signal.SIGTERM, told)
    check_left_in_order(some)


def test_all_ranks_leave_together_if_one_is_told_after_the_last_batch(job):
    two = job(ranks=2, when="ending", late=1)
    two.sent = time.monotonic()
    check_left_in_order(two)


def test_ranks_started_by_torchrun_leave_together(job):
    two = job(ranks=2, launcher=["-m", "torch.distributed.run", "--nproc-per-node=2"])
    two.send(signal.SIGTERM, [1])
    seconds, returncode, output = two.end()
    assert returncode != 0
    assert two.exits() == ["143", "143"], output
    assert seconds < SOON
    read_checkpoint(two.folder / "checkpoints" / "last.ckpt")


@pytest.mark.parametrize("killed", [0, 1])
def test_when_a_rank_is_killed_the_others_fail_soon(job, killed):
    two = job(ranks=2)
    two.send(signal.SIGKILL, [killed])
    seconds, returncode, _ = two.end()
    assert returncode != 0
    assert seconds < SOON
