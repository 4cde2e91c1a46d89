"""Files of others that try to run code, and downloads."""

import functools
import http.server
import io
import os
import pathlib
import pickle
import subprocess
import threading
import zipfile

import pytest
import torch
from small_checkpoints import DATA, TinyModel, assert_same, quiet_trainer, refusal, sample_checkpoint

from seqmodels.errors import CheckpointError
from seqmodels.tasks.base import load
from seqmodels.tasks.language_model import LanguageModel
from seqmodels.training.checkpoint import SafeCheckpointIO, read_checkpoint


class Gadget:
    """What a pickle would call when read carelessly."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def run_python(source):
    exec(source)


def gadgets(mark):
    """Ways to leave a mark in the file system by being unpickled."""
    import builtins
    import operator
    import runpy
    import timeit

    touch, source = f"touch {mark}", f"open({str(mark)!r}, 'w').close()"
    script = mark.with_suffix(".py")
    script.write_text(source)
    nested = pickle.dumps(Gadget(os.system, touch))
    program = ["touch", str(mark)]
    return {
        "os.system": Gadget(os.system, touch),
        "subprocess": Gadget(subprocess.call, program),
        "popen": Gadget(os.popen, touch),
        "exec": Gadget(builtins.exec, source),
        "eval": Gadget(builtins.eval, source),
        "open": Gadget(builtins.open, str(mark), "w"),
        "partial": Gadget(functools.partial(os.system, touch)),
        "operator": Gadget(operator.methodcaller("system", touch), os),
        "nested pickle": Gadget(pickle.loads, nested),
        "nested torch": Gadget(torch.load, Gadget(io.BytesIO, torch_file(nested)), "cpu", pickle),
        "runpy": Gadget(runpy.run_path, str(script)),
        "timeit": Gadget(timeit.timeit, source, "pass", timeit.default_timer, 1),
        "touch": Gadget(pathlib.Path.touch, pathlib.Path(mark)),
        "own class": Gadget(run_python, source),
        "shadowed key": {"state_dict": {"w": torch.zeros(2)}, Gadget(os.system, touch): 1},
    }


NAMES = [
    "os.system", "subprocess", "popen", "exec", "eval", "open", "partial", "operator", "nested pickle", "nested torch",
    "runpy", "timeit", "touch", "own class", "shadowed key",
]  # fmt: skip


def torch_file(pickled):
    """A file as torch writes it, around a pickle."""
    buffer = io.BytesIO()
    torch.save({"a": 1}, buffer)
    out = io.BytesIO()
    with zipfile.ZipFile(buffer) as source, zipfile.ZipFile(out, "w") as target:
        for item in source.infolist():
            target.writestr(item, pickled if item.filename.endswith("data.pkl") else source.read(item))
    return out.getvalue()


def pickled(gadget):
    content = gadget if isinstance(gadget, dict) else {"state_dict": {}, "epoch": gadget}
    pickler_output = io.BytesIO()
    pickler = pickle._Pickler(pickler_output, protocol=2)  # the Python one: it pickles modules below
    pickler.dispatch = {**pickler.dispatch, type(os): lambda p, m: p.save_reduce(__import__, (m.__name__,), obj=m)}
    pickler.dump(content)
    return pickler_output.getvalue()


@pytest.fixture
def server(tmp_path):
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    handler.func.log_message = lambda *arguments: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()


@pytest.mark.parametrize("overridden", [False, True], ids=["", "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"])
@pytest.mark.parametrize("name", NAMES)
def test_no_file_runs_code(name, overridden, tmp_path, server, monkeypatch):
    if overridden:
        monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    mark = tmp_path / "mark"
    raw = pickled(gadgets(mark)[name])
    pickle.loads(raw)
    for _ in range(200):
        if mark.exists():
            break
        threading.Event().wait(0.01)
    mark.unlink()  # the weapon is loaded: read carelessly, it left its mark
    path = tmp_path / "trap.ckpt"
    for content in (torch_file(raw), raw):
        path.write_bytes(content)
        attempts = [
            lambda: read_checkpoint(path),
            lambda: read_checkpoint(f"{server}/trap.ckpt"),
            lambda: SafeCheckpointIO().load_checkpoint(path, weights_only=False),
            lambda: LanguageModel.load_from_checkpoint(path, weights_only=False),
            lambda: LanguageModel.load_from_checkpoint(f"{server}/trap.ckpt"),
            lambda: load(path),
            lambda: quiet_trainer(tmp_path).fit(TinyModel(), DATA, ckpt_path=path, weights_only=False),
            lambda: quiet_trainer(tmp_path).fit(TinyModel(), DATA, ckpt_path=f"{server}/trap.ckpt"),
            lambda: quiet_trainer(tmp_path).predict(TinyModel(), DATA, ckpt_path=path),
        ]
        for attempt in attempts:
            with pytest.raises(CheckpointError) as caught:
                attempt()
            assert "\n" not in str(caught.value)
    assert not mark.exists()


def test_a_download_is_checked_like_a_file(tmp_path, server, good_file):
    assert_same(read_checkpoint(f"{server}/good.ckpt")["state_dict"], sample_checkpoint()["state_dict"])
    content = bytearray(good_file.read_bytes())
    content[content.index(sample_checkpoint()["carried"][0].numpy().tobytes())] ^= 1
    good_file.write_bytes(content)
    assert "damaged, tensor carried[0]" in refusal(f"{server}/good.ckpt")
    assert "can't be downloaded (HTTP Error 404: File not found): check the address" in refusal(f"{server}/none.ckpt")
