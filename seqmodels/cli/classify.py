"""``seqmodels classify``: let a trained classifier name the class of texts, series or trees."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seqmodels.cli.arguments import CELL, ArgumentParser
from seqmodels.cli.classifier_inputs import inputs_of
from seqmodels.errors import InputError, OptionError


def run(arguments: Sequence[str]) -> None:
    """Prints the likeliest classes with their probabilities: a line a class for one text, else a line an input."""
    options = _parser().parse_args(arguments[1:])
    from seqmodels import tasks

    model: Any = tasks.load(options.checkpoint)
    if not hasattr(model, "classify"):
        found = type(model).__name__
        raise OptionError(f"{options.checkpoint}: is a {found}; classify needs a SequenceClassifier or TreeClassifier")
    alone = len(options.text or []) == 1
    top = options.top if options.top is not None else 5 if alone else 1
    for where, given in inputs_of(model, options):
        classes = [] if given is None else _classified(model, given, where, top)
        shown = [f"{probability:7.2%}  {label}" for label, probability in classes]
        print(("\n" if alone else "  ").join(shown))


def _classified(model: Any, given: Any, where: str, top: int) -> list[tuple[str, float]]:
    try:
        classes: list[tuple[str, float]] = model.classify(given, top)
    except InputError as error:
        raise InputError(f"{where}: {error}" if where else str(error)) from None
    return classes


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        "seqmodels classify",
        description="Name the class of texts, series or trees. Without --text, --file and --series, texts or trees are "
        "read from standard input, one a line. Classes that are in a file are not looked at.",
    )
    add = parser.add_argument
    add("checkpoint", type=Path, help="of a SequenceClassifier or TreeClassifier that seqmodels fit has written")
    add_one = parser.add_mutually_exclusive_group().add_argument
    add_one("--text", nargs="+", action="extend", help='texts, such as "who was Galileo?", or trees')
    add_one(
        "--file",
        type=Path,
        help="a file of texts: one a line, or the column --text-column of .csv, .tsv, .json, .jsonl or .parquet; or of "
        "trees, see --form",
    )
    add_one(
        "--series",
        type=Path,
        nargs="+",
        action="extend",
        default=[],
        help="files .npy, each an array [T, I] as it was measured, or of many series, such as .ts",
    )
    add("--cell", **CELL)
    add("--text-column", metavar="NAME", help="of a table in --file (default: text)")
    add(
        "--form",
        help="of trees: brackets, parses, operators, lists or conllu, as training's --data.form (default: as the name "
        "of --file ends, else brackets)",
    )
    add("--top", type=int, help="how many classes (default: 5 for one --text, else 1)")
    return parser
