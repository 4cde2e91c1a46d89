import glob
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

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

logger = ReliableWandbLogger(project="test", save_dir=sys.argv[1])
data = torch.utils.data.DataLoader(torch.ones(20, 4))
trainer = Trainer(accelerator="cpu", max_epochs=1, logger=logger, log_every_n_steps=1, callbacks=[SampleText()],
                  enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False)
begun = time.perf_counter()
trainer.fit(Model(), data, data)
print("seconds to the first step:", Model.started - begun)
wandb.finish()
"""


class Silent(BaseHTTPRequestHandler):
    """A server that takes the question and never answers."""

    def do_POST(self):
        self.server.over.wait(60)

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


def run(folder, monkeypatch, url, key):
    for name in ("WANDB_MODE", "WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE", "NETRC", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(folder))  # no ~/.netrc
    monkeypatch.setenv("WANDB_BASE_URL", url)
    if key:
        monkeypatch.setenv("WANDB_API_KEY", key)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder)],
        capture_output=True,
        text=True,
        timeout=90,
        stdin=subprocess.DEVNULL,
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    return output


def check_offline(folder, output, reason):
    seconds = float(output.split("seconds to the first step:")[1].split()[0])
    assert seconds < 10
    (line,) = [line for line in output.splitlines() if "recorded offline" in line]
    assert reason in line
    (offline_folder,) = glob.glob(f"{folder}/wandb/offline-run-*")
    assert line.endswith(f"later: wandb sync {offline_folder}")
    (record,) = glob.glob(f"{offline_folder}/run-*.wandb")
    with open(record, "rb") as file:
        content = file.read()
    assert all(str(7919 + step).encode() in content for step in range(20))
    assert glob.glob(f"{offline_folder}/files/media/table/samples*.table.json")


def test_without_a_key_it_records_offline_and_asks_nothing(tmp_path, monkeypatch):
    output = run(tmp_path, monkeypatch, "http://127.0.0.1:9", key="")
    check_offline(tmp_path, output, "no API key is set (wandb login)")


def test_what_can_not_be_reached_is_not_waited_for(tmp_path, monkeypatch):
    output = run(tmp_path, monkeypatch, "http://127.0.0.1:9", key="0" * 40)
    check_offline(tmp_path, output, "http://127.0.0.1:9 can't be reached")


def test_a_server_that_never_answers_is_not_waited_for(tmp_path, monkeypatch, silent_server):
    output = run(tmp_path, monkeypatch, silent_server, key="0" * 40)
    check_offline(tmp_path, output, f"{silent_server} ")
