"""``seqmodels classify``: let a trained classifier name the class of texts, series or trees."""

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from seqmodels.cli.arguments import ArgumentParser
from seqmodels.cli.lines import lines_of
from seqmodels.errors import DataError, OptionError


def run(arguments: Sequence[str]) -> None:
    """Prints the likeliest classes with their probabilities: a line a class for one text, else a line an input."""
    options = _parser().parse_args(arguments[1:])
    top = options.top
    from seqmodels import tasks

    model: Any = tasks.load(options.checkpoint)
    if not hasattr(model, "classify"):
        found = type(model).__name__
        raise OptionError(f"{options.checkpoint}: is a {found}; classify needs a SequenceClassifier or TreeClassifier")
    if options.text is not None:
        print("\n".join(_shown(model.classify(options.text, 5 if top is None else top))))
        return
    inputs: Iterator[Any] = chain.from_iterable(map(_series_of, options.series))
    for input in inputs if options.series else lines_of(options.file):
        is_empty = isinstance(input, str) and not input.strip()
        print("" if is_empty else "  ".join(_shown(model.classify(input, 1 if top is None else top))))


def _shown(classes: list[tuple[str, float]]) -> list[str]:
    return [f"{probability:7.2%}  {label}" for label, probability in classes]


def _series_of(path: Path) -> Iterator[Any]:
    """The series of a file, not scaled."""
    import numpy as np

    if path.suffix != ".npy":
        from seqmodels.data.labelled import read_labelled_series

        yield from (series.values for series in read_labelled_series(str(path)))
        return
    try:
        yield np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; check the path") from None
    except (OSError, ValueError, EOFError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{path}: can't be read as .npy ({reason}); save an array [T, I] with numpy.save") from None


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        "seqmodels classify",
        description="Name the class of texts, series or trees. Without --text, --file and --series, texts or trees are "
        "read from standard input, one a line.",
    )
    add = parser.add_argument
    add("checkpoint", type=Path, help="of a SequenceClassifier or TreeClassifier that seqmodels fit has written")
    add_one = parser.add_mutually_exclusive_group().add_argument
    add_one("--text", help='such as "who was Galileo?"')
    add_one("--file", type=Path, help="a file of texts, one a line")
    add_one(
        "--series",
        type=Path,
        nargs="+",
        default=[],
        help="files .npy, each an array [T, I] as it was measured, or of many series, such as .ts",
    )
    add("--top", type=int, help="how many classes (default: 5 for --text, else 1)")
    return parser
