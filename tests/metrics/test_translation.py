"""BLEU and chrF as sacrebleu's command line would print them."""

import json
import subprocess
import sys

import pytest

from seqmodels.errors import DataError
from seqmodels.metrics.translation import bleu_chrf

HYPOTHESES = ["The dog runs in the park.", "A man, it's said, plays the guitar .", "two cats"]
REFERENCES = ["The dog runs through the park.", "A man plays a guitar.", "Two cats sleep."]


def test_scores_are_those_of_the_command_line(tmp_path):
    for name, lines in (("hypotheses", HYPOTHESES), ("references", REFERENCES)):
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines))
    command = [sys.executable, "-m", "sacrebleu", "references", "-i", "hypotheses", "-m", "bleu", "chrf", "-w", "6"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    printed = {score["name"]: score for score in json.loads(done.stdout)}
    scores = bleu_chrf(HYPOTHESES, REFERENCES)
    assert scores["bleu"] == pytest.approx(printed["BLEU"]["score"], abs=1e-6)
    assert scores["chrf"] == pytest.approx(printed["chrF2"]["score"], abs=1e-6)
    assert scores["bleu_signature"] == printed["BLEU"]["signature"]
    assert scores["chrf_signature"] == printed["chrF2"]["signature"]


def test_the_right_translation_has_a_hundred_and_an_empty_one_none():
    same, empty = bleu_chrf(REFERENCES, REFERENCES), bleu_chrf(["", "", ""], REFERENCES)
    assert same["bleu"] == pytest.approx(100)
    assert same["chrf"] == pytest.approx(100)
    assert empty["bleu"] == empty["chrf"] == 0


def test_capitals_count():
    assert bleu_chrf(["the Dog Runs through the park ."], REFERENCES[:1])["bleu"] < 60


def test_what_cannot_be_scored_is_one_line(one_line):
    with one_line(DataError, "hypotheses is empty"):
        bleu_chrf([], [])
    with one_line(DataError, "3 hypotheses and 2 references"):
        bleu_chrf(HYPOTHESES, REFERENCES[:2])
