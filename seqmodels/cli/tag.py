"""``seqmodels tag``: let a trained tagger name the class of each word."""

from collections.abc import Sequence
from pathlib import Path

from seqmodels.cli.arguments import CELL, ArgumentParser
from seqmodels.cli.checkpoints import load_model
from seqmodels.cli.lines import texts_of


def run(arguments: Sequence[str]) -> None:
    """Prints a line a word, with a tab before its tag; a blank line ends each text, an empty one, too."""
    options = _parser().parse_args(arguments[1:])
    from seqmodels.tasks import SequenceTagger

    model = load_model(options.checkpoint, "tag", SequenceTagger)
    for text in texts_of(options):
        tagged = model.tag(text) if text.strip() else []
        print("".join(f"{word}\t{tag}\n" for word, tag in tagged))


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        "seqmodels tag",
        description="Name the class of each word; a blank line ends each text. Without --text and --file, texts are "
        "read from standard input, one a line.",
    )
    add = parser.add_argument
    add("checkpoint", help="a checkpoint of a SequenceTagger that seqmodels fit has written")
    add("--cell", **CELL)
    add_one = parser.add_mutually_exclusive_group().add_argument
    add_one("--text", nargs="+", action="extend", help='texts, words with spaces between: "the dog barks"')
    add_one("--file", type=Path, help="a file of texts, one a line; - is standard input")
    return parser
