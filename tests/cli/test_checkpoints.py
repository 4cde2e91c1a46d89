"""A command takes a checkpoint from a file or a URL."""

import functools
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from quick_fit import save_untrained

from seqmodels.cli import main
from seqmodels.data import build_tokenizer
from seqmodels.tasks import LanguageModel

NOWHERE = "http://127.0.0.1:9/model.ckpt"


@pytest.fixture
def address(tmp_path):
    """Of a folder that is served."""

    class Silent(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Silent, directory=tmp_path)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_model_is_downloaded(tmp_path, address, capsys):
    model = LanguageModel(build_tokenizer("character", "hello"), hidden_size=3)
    path = save_untrained(model, tmp_path / "model.ckpt")
    capsys.readouterr()
    written = []
    for checkpoint in (path, f"{address}/model.ckpt"):
        assert main(["generate", checkpoint, "--seed", "0", "--length", "9"]) == 0
        written.append(capsys.readouterr().out)
    assert written[0] == written[1]


@pytest.mark.parametrize(
    "arguments",
    [
        ["generate"],
        ["caption", "--image", "a.png"],
        ["answer", "--image", "a.png", "--question", "what?"],
        ["translate", "--text", "a"],
        ["classify", "--text", "a"],
        ["tag", "--text", "a"],
        ["inspect"],
        ["gradients", "--file", "a.txt"],
        ["demo"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_one_that_can_not_be_downloaded_is_one_line(capsys, arguments):
    command, *options = arguments
    assert main([command, NOWHERE, *options]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{NOWHERE}: can't be downloaded" in line
