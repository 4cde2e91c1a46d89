"""METEOR and SPICE: what is missing, and METEOR itself where Java is."""

import shutil
import sys

import pytest

from seqmodels.errors import DataError, OptionError
from seqmodels.metrics import caption_scores, meteor, spice

PAIR = ({1: "a dog runs"}, {1: ["a dog runs"]})


@pytest.mark.parametrize("metric", [meteor, spice])
def test_without_java_both_needs_are_told(monkeypatch, one_line, metric):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with one_line(OptionError, metric.__name__, "needs pycocoevalcap and Java; missing: Java", "pip install"):
        metric(*PAIR)


@pytest.mark.parametrize("name", ["meteor", "spice"])
def test_without_pycocoevalcap_both_needs_are_told(monkeypatch, one_line, name):
    monkeypatch.setitem(sys.modules, "pycocoevalcap", None)
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/java")
    with one_line(OptionError, name, "needs pycocoevalcap and Java; missing: pycocoevalcap"):
        caption_scores(*PAIR, [name])


def test_a_java_that_does_not_run_is_one_line(monkeypatch, one_line, tmp_path):
    broken = tmp_path / "java"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with one_line(OptionError, "'meteor': its Java program failed", "java -version"):
        meteor(*PAIR)


@pytest.mark.parametrize("metric", [meteor, spice])
def test_misses_are_told_before_anything_starts(one_line, metric):
    with one_line(DataError, "candidate 2 has no references"):
        metric({1: "a", 2: "b"}, {1: ["a"]})


@pytest.mark.skipif(not shutil.which("java"), reason="needs Java")
def test_meteor_prefers_what_says_the_same():
    references = {key: ["a man rides a horse on the beach", "a person riding a horse"] for key in "abcd"}
    candidates = {
        "a": "a man rides a horse on the beach",
        "b": "a man on a horse",
        "c": "two cats ||| \n sleep",
        "d": "",
    }
    found = meteor(candidates, references)
    assert list(found.scores) == list("abcd")
    assert found.scores["a"] == pytest.approx(1)
    assert 1 > found.scores["b"] > found.scores["c"] >= found.scores["d"] == 0
    assert 0 < found.score < 1
