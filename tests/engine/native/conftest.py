"""An empty cache of libraries, and a compiler that can be watched."""

import tempfile

import pytest
from libraries import CC

from seqmodels.engine.native import build, cache


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty cache, no settings of the user's, and a process that has loaded nothing and said nothing."""
    for name in ("SEQMODELS_CC", "SEQMODELS_ISA", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SEQMODELS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(build, "_loaded", {})
    monkeypatch.setattr(cache, "_has_warned", False)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    return tmp_path / "cache" / "native"


@pytest.fixture
def scripted(tmp_path, monkeypatch):
    """``scripted("sleep 1")``: a compiler that does this before it compiles, and a count of its compilations."""

    def make(before: str = ":"):
        script, log = tmp_path / "my cc", tmp_path / "log"
        script.write_text(
            f'#!/bin/sh\ncase "$*" in *--version) exec {CC} --version;; esac\n'
            f'echo x >> "{log}"\n{before}\nexec {CC} "$@"\n'
        )
        script.chmod(0o755)
        monkeypatch.setenv("SEQMODELS_CC", f"'{script}'")
        return lambda: len(log.read_text().splitlines()) if log.exists() else 0

    return make
