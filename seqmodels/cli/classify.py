"""``seqmodels classify``: let a trained classifier name the class of texts, series or trees."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seqmodels.cli.arguments import CELL, SERIES, ArgumentParser
from seqmodels.cli.classifier_inputs import inputs_of
from seqmodels.cli.tree_parts import shown_parts
from seqmodels.errors import InputError, OptionError


def run(arguments: Sequence[str]) -> None:
    """Prints the likeliest classes with their probabilities: a line a class for one text, else a line an input.

    Those of all parts of a tree follow: a line a part, or after a tab the tree in brackets with its classes.
    """
    options = _parser().parse_args(arguments[1:])
    from seqmodels import tasks

    model: Any = tasks.load(options.checkpoint)
    if not hasattr(model, "classify"):
        found = type(model).__name__
        raise OptionError(f"{options.checkpoint}: is a {found}; classify needs a SequenceClassifier or TreeClassifier")
    alone = len(options.text or []) == 1
    top = options.top if options.top is not None else 5 if alone else 1
    for where, given in inputs_of(model, options):
        try:
            print("" if given is None else _shown(model, given, top, alone))
        except InputError as error:
            raise InputError(f"{where}: {error}") from None


def _shown(model: Any, given: Any, top: int, alone: bool) -> str:
    """The classes of an input; those of a tree's parts below, or after a tab."""
    classes = [f"{probability:7.2%}  {label}" for label, probability in model.classify(given, top)]
    whole = ("\n" if alone else "  ").join(classes)
    if not hasattr(model, "classify_parts"):
        return whole
    parts = model.classify_parts(given)
    if alone:
        return "\n".join([whole, "", *shown_parts(given, parts)])
    return f"{whole}\t{given.labelled([label for label, _ in parts])}"


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        "seqmodels classify",
        description="Name the class of texts, series or trees. Without --text, --file and --series, texts or trees are "
        "read from standard input, one a line. Classes that are in a file are not looked at. Of a tree, the classes of "
        "all parts follow.",
    )
    add = parser.add_argument
    add("checkpoint", help="of a SequenceClassifier or TreeClassifier that seqmodels fit has written")
    add_one = parser.add_mutually_exclusive_group().add_argument
    add_one("--text", nargs="+", action="extend", help='texts, such as "who was Galileo?", or trees')
    add_one(
        "--file",
        type=Path,
        help="a file of texts: one a line, or the column --text-column of .csv, .tsv, .json, .jsonl or .parquet; or of "
        "trees, see --form; - is standard input",
    )
    add_one("--series", **SERIES)
    add("--cell", **CELL)
    add("--text-column", metavar="NAME", help="of a table in --file (default: text)")
    add(
        "--form",
        help="of trees: brackets, parses, operators, lists or conllu, as training's --data.form (default: as the name "
        "of --file ends, else brackets)",
    )
    add("--top", type=int, help="how many classes (default: 5 for one --text, else 1)")
    return parser
