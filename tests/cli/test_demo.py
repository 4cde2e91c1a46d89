"""``seqmodels demo`` as a person starts and ends it."""

import json
import os
import signal
import socket
import subprocess
import sysconfig
import urllib.request
from pathlib import Path

import pytest
from patience import PATIENCE
from quick_fit import save_untrained

from seqmodels.cli import demo
from seqmodels.data import build_tokenizer
from seqmodels.errors import CheckpointError, OptionError
from seqmodels.tasks import LanguageModel

pytest.importorskip("gradio", reason="gradio is not installed (pip install 'seqmodels[demo]')")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("demo") / "model.ckpt"
    return save_untrained(LanguageModel(build_tokenizer("character", "hello\n"), cell="gru", hidden_size=4), path)


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_it_serves_a_page_until_ctrl_c(checkpoint, port):
    command = [Path(sysconfig.get_path("scripts"), "seqmodels"), "demo", checkpoint, "--port", str(port)]
    environment = {**os.environ, "GRADIO_SHARE": "True"}  # not by itself
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environment, **pipes) as running:
        try:
            assert running.stdout is not None
            assert running.stdout.readline() == f"http://127.0.0.1:{port}/  (Ctrl-C ends it)\n"
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/config", timeout=PATIENCE) as answer:
                assert json.load(answer)["title"] == "seqmodels"
            running.send_signal(signal.SIGINT)
            out, err = running.communicate(timeout=PATIENCE)
        finally:
            running.kill()
    assert (running.returncode, out, err) == (0, "\nstopped\n", "")


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        (OptionError, [], ["checkpoint", "required"]),
        (CheckpointError, ["missing.ckpt"], ["missing.ckpt"]),
        (CheckpointError, ["text.ckpt"], ["text.ckpt"]),
        (OptionError, ["CHECKPOINT", "--port", "0"], ["--port", "1 to 65535"]),
        (OptionError, ["CHECKPOINT", "--port", "x"], ["--port", "invalid int"]),
    ],
)
def test_mistakes_are_one_line(checkpoint, one_line, tmp_path, monkeypatch, kind, options, words):
    monkeypatch.chdir(tmp_path)
    Path("text.ckpt").write_text("no checkpoint")
    with one_line(kind, *words):
        demo.run(["demo", *(checkpoint if option == "CHECKPOINT" else option for option in options)])


def test_a_port_that_is_taken_is_one_line(checkpoint, port, one_line):
    with socket.create_server(("127.0.0.1", port)), one_line(OptionError, f"--port {port} is taken"):
        demo.run(["demo", checkpoint, "--port", str(port)])
