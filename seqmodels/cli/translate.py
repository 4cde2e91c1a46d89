"""``seqmodels translate``: let a trained translator rewrite lines of text."""

import itertools
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqmodels.cli.arguments import CELL, ArgumentParser
from seqmodels.cli.checkpoints import load_model
from seqmodels.cli.drawing import draw
from seqmodels.cli.lines import file_of, lines_of, texts_of
from seqmodels.errors import DataError, OptionError
from seqmodels.files.writing import check_writable

if TYPE_CHECKING:
    from seqmodels.tasks import Translator
    from seqmodels.tasks.translation import Translation


def run(arguments: Sequence[str]) -> None:
    """Prints a translation a line; with references, their scores go to standard error."""
    options = _parser().parse_args(arguments[1:])
    if options.batch_size < 1:
        raise OptionError(f"--batch-size is {options.batch_size}; use 1 or more")
    from seqmodels.tasks import Translator

    model = load_model(options.checkpoint, "translate", Translator)
    lines: Iterable[str] = texts_of(options)
    references = None
    if options.reference is not None:
        lines, references = list(lines), list(lines_of(options.reference))
        if len(lines) != len(references):
            raise DataError(
                f"{options.reference}: has {len(references)} lines, but {len(lines)} are to be translated; "
                "give one reference a line"
            )
    if options.attention is not None:
        check_writable(options.attention)
    best = [_print(number, found, options) for number, found in enumerate(_translated(model, lines, options), 1)]
    if references is not None:
        _print_scores(best, references)


def _translated(model: "Translator", lines: Iterable[str], options: Any) -> Iterator[list["Translation"]]:
    """The translations of each line, none of an empty one; a person who types gets an answer to each."""
    typed = options.text is None and file_of(options) is None and sys.stdin.isatty()
    size = 1 if typed else options.batch_size
    remaining = iter(lines)
    while batch := list(itertools.islice(remaining, size)):
        found = iter(
            model.translate(
                [line for line in batch if line.strip()],
                beam_size=options.beam,
                max_length=options.max_length,
                n_best=options.n_best,
                length_penalty=options.length_penalty,
                groups=options.groups,
                diversity=options.diversity,
                batch_size=size,
                attention=options.attention is not None,
            )
        )
        for line in batch:
            yield next(found) if line.strip() else []


def _print(number: int, found: list["Translation"], options: Any) -> str:
    """Prints the translations of a line, and gives the best, which is empty if there was nothing to translate."""
    for one in found:
        columns = [str(number)] * (options.n_best > 1) + [f"{one.log_probability:.3f}"] * options.scores
        print("\t".join([*columns, " ".join(one.text.split())]))
    if not found:
        print()
    elif options.attention is not None:
        _draw(found[0], options.attention, f"line_{number}")
    sys.stdout.flush()
    return found[0].text if found else ""


def _draw(best: "Translation", folder: Path, name: str) -> None:
    """Where the tokens looked; the file's name goes to standard error, as standard output has the translations."""
    from seqmodels.inspect import attention_matrix

    assert best.attention is not None  # it was asked for
    figure = attention_matrix(best.target_tokens, best.source_tokens, best.attention)
    print(f"attention: {draw(figure, folder, name)}", file=sys.stderr)


def _print_scores(written: list[str], references: list[str]) -> None:
    from seqmodels.metrics.translation import bleu_chrf

    scores = bleu_chrf(written, references)
    print(f"BLEU {scores['bleu']:.2f}  {scores['bleu_signature']}", file=sys.stderr)
    print(f"chrF {scores['chrf']:.2f}  {scores['chrf_signature']}", file=sys.stderr)


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        "seqmodels translate",
        description="Translate lines of text; a blank line stays blank. Without --text and --file, lines come from "
        "standard input.",
    )
    add = parser.add_argument
    add("checkpoint", help="a checkpoint of a Translator that seqmodels fit has written")
    add("--cell", **CELL)
    given = parser.add_mutually_exclusive_group()
    given.add_argument("--text", nargs="+", action="extend", help="texts to translate")
    given.add_argument("--file", type=Path, help="a file with a text a line; - is standard input")
    add("--beam", type=int, default=5, help="beams; 1 takes the likeliest token each time (default: %(default)s)")
    add("--n-best", type=int, default=1, help="translations of each line, each after the line's number and a tab")
    add("--groups", type=int, default=1, help="of diverse beam search; must divide the beams (default: plain)")
    add("--diversity", type=float, default=0.5, help="how strongly groups avoid each other's tokens (default: 0.5)")
    add("--length-penalty", type=float, default=1.0, help="above 0 favours longer translations (default: %(default)s)")
    add("--max-length", type=int, help="tokens at most (default: as in training's validation)")
    add(
        "--attention",
        type=Path,
        metavar="FOLDER",
        help="draw there where each token of the best translations looked, for a model with attention",
    )
    add("--scores", action="store_true", help="print log-probability (nats) and a tab before each translation")
    add("--reference", type=Path, help="a true translation a line; prints BLEU and chrF on standard error")
    add("--batch-size", type=int, default=32, help="lines translated together (default: %(default)s)")
    return parser
