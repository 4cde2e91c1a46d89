"""``seqmodels tag``: let a trained tagger name the class of each word, or of each step of a series."""

from collections.abc import Sequence
from pathlib import Path

from seqmodels.cli.arguments import CELL, SERIES, ArgumentParser
from seqmodels.cli.checkpoints import load_model
from seqmodels.cli.classifier_inputs import series_of
from seqmodels.cli.lines import texts_of
from seqmodels.errors import InputError, OptionError


def run(arguments: Sequence[str]) -> None:
    """Prints a line a word or step, with a tab before its tag; a blank line ends each input, an empty one, too."""
    options = _parser().parse_args(arguments[1:])
    from seqmodels.tasks import SequenceTagger

    model = load_model(options.checkpoint, "tag", SequenceTagger)
    if (model.tokenizer is None) != bool(options.series):
        wanted = "series; give --series" if model.tokenizer is None else "texts; give --text or --file"
        raise OptionError(f"{options.checkpoint}: is a tagger of {wanted}")
    for path in options.series:
        for where, series in series_of(path):
            try:
                _print(model.tag(series))
            except InputError as error:
                raise InputError(f"{where}: {error}") from None
    for text in () if options.series else texts_of(options):
        _print(model.tag(text) if text.strip() else [])


def _print(tagged: list[tuple[str, str]]) -> None:
    print("".join(f"{name}\t{tag}\n" for name, tag in tagged))


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        "seqmodels tag",
        description="Name the class of each word, or of each step of a series; a blank line ends each text or series. "
        "Without --text, --file and --series, texts are read from standard input, one a line.",
    )
    add = parser.add_argument
    add("checkpoint", help="a checkpoint of a SequenceTagger that seqmodels fit has written")
    add("--cell", **CELL)
    add_one = parser.add_mutually_exclusive_group().add_argument
    add_one("--text", nargs="+", action="extend", help='texts, words with spaces between: "the dog barks"')
    add_one("--file", type=Path, help="a file of texts, one a line; - is standard input")
    add_one("--series", **SERIES)
    return parser
