"""A study as files that other programs read. Each is written whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from seqmodels.compare.report.grid import Findings
from seqmodels.compare.report.names import SETTINGS
from seqmodels.compare.report.summary import StudyResults
from seqmodels.compare.results import Result
from seqmodels.files.atomic_file import write_atomically

_TRIAL = ("problem", "cell", "phase", "number", "seed")
_MODEL = ("hidden_size", "parameters")
_RESULT = ("status", "value", "test", "seconds", "tokens_per_second")
_POINT = ("step", "seconds", "tokens", "value", "train_loss")
_ROW = ("runs", "tested", "diverged", "failed", "best", "parameters", "excess", "hidden_size", "seconds")
_SEARCH = ("tokens_per_second", "searched", "search_diverged", "search_failed")


def export(study: StudyResults, folder: Path) -> list[Path]:
    """Write ``results.csv`` (a line a run), ``curves.csv`` (a validation), ``summary.csv`` and ``results.json``.

    Empty fields are numbers that there are none of. ``StudyResults.from_dict`` reads ``results.json`` back.

    Returns:
        The files.
    """
    contents = {
        "results.csv": _csv(
            (*_TRIAL, "budget", *_MODEL, *SETTINGS, *_RESULT, "steps", "error"),
            (_run(study, result) for result in study.results),
        ),
        "curves.csv": _csv(
            (*_TRIAL, "budget", *_POINT), (line for result in study.results for line in _curve(study, result))
        ),
        "summary.csv": _summary(study),
        "results.json": json.dumps(study.to_dict(), indent=1, allow_nan=False) + "\n",
    }
    return [write_text(folder / name, text) for name, text in contents.items()]


def write_text(path: Path, text: str) -> Path:
    """Write text as UTF-8, whole or not at all."""
    with write_atomically(path) as file:
        file.write(text.encode("utf-8"))
    return path


def _run(study: StudyResults, result: Result) -> list[Any]:
    trial, settings = result.trial, result.trial.settings
    return [
        *(getattr(trial, name) for name in _TRIAL),
        study.budget_of(result),
        *(getattr(trial, name) for name in _MODEL),
        *(getattr(settings, name) for name in SETTINGS),
        *(getattr(result, name) for name in _RESULT),
        result.step,
        result.error,
    ]


def _curve(study: StudyResults, result: Result) -> Iterable[list[Any]]:
    trial = [*(getattr(result.trial, name) for name in _TRIAL), study.budget_of(result)]
    for point in result.history:
        yield [*trial, *(getattr(point, name) for name in _POINT)]


def _summary(study: StudyResults) -> str:
    found = Findings.of(study)
    test = ("mean", "low", "high")
    gain = ("gain", "gain_low", "gain_high", "gain_seeds", "p", "p_corrected", "verdict")
    lines = []
    for row in found.rows:
        comparison = found.comparison(row.problem, row.cell)
        line: list[Any] = [row.problem, row.cell]
        line += [getattr(row.test, name) if row.test else None for name in test]
        unknown = () if row.settings else _MODEL  # what has never run has no size
        line += [None if name in unknown else getattr(row, name) for name in (*_ROW, *_SEARCH)]
        line += [getattr(row.settings, name) if row.settings else None for name in SETTINGS]
        known = comparison.gain if comparison else None
        line += [known.mean, known.low, known.high, known.size, known.p] if known else [None] * 5
        line += [comparison.p, comparison.verdict] if comparison else [None, "baseline"]
        lines.append(line)
    return _csv(("problem", "cell", *test, *_ROW, *_SEARCH, *SETTINGS, *gain), lines)


def _csv(headings: Sequence[str], lines: Iterable[Sequence[Any]]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(headings)
    for line in lines:
        writer.writerow(["" if value is None or _is_no_number(value) else value for value in line])
    return file.getvalue()


def _is_no_number(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)
