import glob
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import wandb
from patience import PATIENCE

from seqmodels.training.wandb_logger import ReliableWandbLogger

SCRIPT = """
import os, sys, time
import torch, wandb
from lightning.pytorch import LightningModule, Trainer
from seqmodels.training.monitor import SampleText
from seqmodels.training.wandb_logger import ReliableWandbLogger

class Model(LightningModule):
    started = None
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)
    def training_step(self, batch, batch_idx):
        if Model.started is None:
            Model.started = time.perf_counter()
        self.log("number", float(7919 + batch_idx))
        return self.layer(batch).mean()
    def validation_step(self, batch, batch_idx):
        pass
    def generate(self, prompt, length, temperature, seed):
        return "a sample"
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)

for folder, url, key in zip(*[iter(sys.argv[1:])] * 3):
    os.environ.update(WANDB_BASE_URL=url, WANDB_API_KEY=key)
    Model.started = None
    logger = ReliableWandbLogger(project="test", save_dir=folder)
    data = torch.utils.data.DataLoader(torch.ones(20, 4))
    trainer = Trainer(accelerator="cpu", max_epochs=1, logger=logger, log_every_n_steps=1, callbacks=[SampleText()],
                      enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False)
    begun = time.perf_counter()
    trainer.fit(Model(), data, data)
    with open(f"{folder}/seconds", "w") as file:
        print(Model.started - begun, file=file)
    wandb.finish()
    wandb.teardown()
"""


class Silent(BaseHTTPRequestHandler):
    """A server that takes the question and never answers."""

    def do_POST(self):
        self.server.over.wait(PATIENCE)

    def log_message(self, *_):
        pass


@pytest.fixture
def silent_server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Silent) as server:
        server.over = threading.Event()
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.over.set()
        server.shutdown()


def check_offline(folder, output, reason):
    assert float((folder / "seconds").read_text()) < 60  # wandb itself waits for 90
    (offline_folder,) = glob.glob(f"{folder}/wandb/offline-run-*")
    (line,) = [line for line in output.splitlines() if offline_folder in line and "recorded offline" in line]
    assert reason in line
    assert line.endswith(f"later: wandb sync {offline_folder}")
    (record,) = glob.glob(f"{offline_folder}/run-*.wandb")
    with open(record, "rb") as file:
        content = file.read()
    assert all(str(7919 + step).encode() in content for step in range(20))
    assert glob.glob(f"{offline_folder}/files/media/table/samples*.table.json")


def test_a_run_that_can_not_go_online_starts_at_once_offline_and_is_complete(tmp_path, monkeypatch, silent_server):
    for name in ("WANDB_MODE", "WANDB_IDENTITY_TOKEN_FILE", "NETRC", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))  # no ~/.netrc
    cases = [
        ("no_key", "http://127.0.0.1:9", "", "no API key is set (wandb login)"),
        ("refused", "http://127.0.0.1:9", "0" * 40, "http://127.0.0.1:9 can't be reached"),
        ("silent", silent_server, "0" * 40, f"{silent_server} "),
    ]
    arguments = []
    for name, url, key, _ in cases:
        (tmp_path / name).mkdir()
        arguments += [str(tmp_path / name), url, key]
    command = [sys.executable, "-c", SCRIPT, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    for name, _, _, reason in cases:
        check_offline(tmp_path / name, output, reason)


def test_offline_is_offline_in_a_process_that_has_used_wandb_online(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    wandb.teardown()  # what earlier tests read of the environment
    wandb.setup()
    logger = ReliableWandbLogger(project="test", save_dir=tmp_path, offline=True)
    assert logger.experiment.settings._offline
    logger.experiment.finish()
    wandb.teardown()
    assert list(tmp_path.glob("wandb/offline-run-*/run-*.wandb"))
