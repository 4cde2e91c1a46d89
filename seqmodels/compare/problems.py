"""The problems that have a name."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any

from seqmodels.compare.problem import Problem, import_object
from seqmodels.errors import OptionError

STREAMS = {"batch_size": 32, "steps": 50}  # the paper unrolls for 50 steps
GENERATED = {**STREAMS, "eval_windows": 20}  # 64,000 characters of validation, and of test
SEQUENCES = {"batch_size": 32}


def _language(name: str, data: str, metric: str = "accuracy", carry: bool = True, /, **options: Any) -> Problem:
    """A problem of predicting the next token."""
    return Problem(
        name,
        model="seqmodels.tasks:LanguageModel",
        data=f"seqmodels.data:{data}",
        metric=metric,
        mode="min" if metric == "bits_per_character" else "max",
        model_options={} if carry else {"carry_state": False},
        data_options=options,
        seeded=data != "TextData",
        title={"accuracy": "next-step accuracy", "bits_per_character": "bits per character"}[metric],
    )


def text(name: str, /, **where: Any) -> Problem:
    """The language modelling of a text, judged by its bits per character.

    Args:
        name: Of the problem; letters, digits, ``_`` and ``-``.
        where: Which text, and how much of it: arguments of :class:`seqmodels.data.TextData`, such as ``path="my.txt"``.

    Raises:
        OptionError: If the name or a value can't be. What TextData refuses, it refuses when the data is made.

    Example:
        >>> text("novel", path="novel.txt", steps=100).title
        'bits per character'
    """
    return _language(name, "TextData", "bits_per_character", **{**STREAMS, **where})


def _task(
    name: str, model: str, data: str, metric: str = "accuracy", title: str = "", /, beside: Any = None, **options: Any
) -> Problem:
    """A problem of another task.

    Args:
        name: Of the problem.
        model: Class of :mod:`seqmodels.tasks`.
        data: Class of :mod:`seqmodels.data`, which draws or holds its records.
        metric: Which the model logs.
        title: Of the metric; itself if it needs none.
        beside: Options of the model: what it has beside its cells is small, so that the parameters are theirs.
        **options: Of the data.
    """
    return Problem(
        name,
        model=f"seqmodels.tasks:{model}",
        data=f"seqmodels.data:{data}",
        metric=metric,
        mode="min" if metric == "mse" else "max",
        model_options=beside or {},
        data_options=options,
        seeded=True,
        title=title,
    )


def music(name: str, path: str) -> Problem:
    """The next frame of polyphonic music, judged by its negative log-likelihood.

    Args:
        name: Of the problem; letters, digits, ``_`` and ``-``.
        path: A .mat file or a pickle of piano rolls, as those of Boulanger-Lewandowski et al. 2012.

    Raises:
        OptionError: If the name can't be. Whether the file is there is seen when the data is made.

    Example:
        >>> music("chorales", "JSB_Chorales.mat").mode
        'min'
    """
    return Problem(
        name,
        model="seqmodels.tasks:MusicModel",
        data="seqmodels.data:PolyphonicMusic",
        metric="nll",
        mode="min",
        data_options={"path": path, "batch_size": 16},
        seeded=True,
        title="negative log-likelihood, nats a frame",
    )


PROBLEMS = {
    problem.name: problem
    for problem in (
        _language("arithmetic", "Arithmetic", **GENERATED),
        _language("xml", "XMLTags", **GENERATED),
        text("code", name="python", max_characters=2_000_000),
        _language("memorisation", "Memorisation", "accuracy", False, **SEQUENCES),
        _language("copying", "Copying", "accuracy", False, **SEQUENCES),
        _task("adding", "SequenceRegressor", "Adding", "mse", "mean squared error", **SEQUENCES),
        _task("digits", "SequenceClassifier", "SequentialDigits", **SEQUENCES),
        _task("tagging", "SequenceTagger", "TaggedTextData", beside={"embedding_size": 16}, min_count=20),
        _task(
            *("addition", "Translator", "PairData", "accuracy", "share of digits that are right"),
            beside={"embedding_size": 16, "attention_size": 64, "bidirectional": False},
            source="addition",
            unit="character",
            examples=10_000,
        ),
        _task("listops", "TreeClassifier", "TreeData", beside={"embedding_size": 16}),
        _task(
            *("questions", "VisualQuestionAnswerer", "QuestionData"),
            beside={"embedding_size": 16, "common_size": 64},
        ),
        _task(
            *("captions", "Captioner", "CaptionData", "cider_d", "CIDEr-D"),
            beside={"embedding_size": 32, "beam_size": 1},
            backbone="small_cnn",
            store_features=False,
        ),
    )
}


def get_problem(name: str | Problem) -> Problem:
    """The problem of that name; a text or music file; or the :class:`Problem` at ``package.module:name``.

    Raises:
        OptionError: If there is no such problem; names those there are.

    Example:
        >>> get_problem("arithmetic").title
        'next-step accuracy'
    """
    if isinstance(name, Problem):
        return name
    if name in PROBLEMS:
        return PROBLEMS[name]
    path = Path(name)
    if path.is_file():
        short = "".join(c if c.isalnum() or c in "-_" else "_" for c in path.stem)
        if path.suffix in (".mat", ".pickle", ".pkl"):
            return music(short, str(path.resolve()))
        return text(short, path=str(path.resolve()))
    if ":" in name:
        found = import_object(name, f"problem {name}")
        if not isinstance(found, Problem):
            raise OptionError(f"problem {name}: that is a {type(found).__name__}, not a seqmodels.compare.Problem")
        return found
    similar = get_close_matches(name, PROBLEMS, n=1)
    hint = f"did you mean {similar[0]!r}? " if similar else ""
    raise OptionError(
        f"no problem {name!r}; {hint}known: {', '.join(PROBLEMS)}, a text file, a .mat or .pickle file of piano rolls, "
        "or package.module:problem"
    )
