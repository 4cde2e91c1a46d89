"""``seqmodels generate``: let a trained model write, from nothing, from a text to go on from, or from a class."""

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from seqmodels.cli.arguments import CELL, ArgumentParser
from seqmodels.cli.checkpoints import load_model
from seqmodels.errors import OptionError

if TYPE_CHECKING:
    from seqmodels.tasks import ConditionalGenerator

OF_A_LANGUAGE_MODEL = ("prompt", "groups", "diversity", "length_penalty", "end", "min_length", "no_repeat_ngram")


def run(arguments: Sequence[str]) -> None:
    """Prints the prompt and what the model writes after it; or texts of a class, one a line."""
    options = _parser().parse_args(arguments[1:])
    import torch

    from seqmodels.decoding import Constraints
    from seqmodels.tasks import ConditionalGenerator, LanguageModel

    torch.seed()  # every process begins with the same random state, but without --seed each run writes another text
    model = load_model(options.checkpoint, "generate", LanguageModel, ConditionalGenerator)
    way = {name: getattr(options, name) for name in ("top_k", "top_p", "min_p", "seed")}
    way |= {"temperature": _temperature(options), "beam_size": options.beam}
    if isinstance(model, ConditionalGenerator):
        _write_of_class(model, options, way)
        return
    assert isinstance(model, LanguageModel)
    if options.label is not None or options.count is not None:
        raise OptionError("--label and --count are for a ConditionalGenerator; this is a LanguageModel, give --prompt")
    text = model.generate(
        options.prompt,
        length=options.length,
        groups=options.groups,
        diversity=options.diversity,
        length_penalty=options.length_penalty,
        end=options.end,
        constraints=Constraints(min_length=options.min_length, no_repeat_ngram=options.no_repeat_ngram),
        **way,
    )
    of_words = model.tokenizer.unit == "word" and options.prompt.strip() == options.prompt != ""
    sys.stdout.write(options.prompt + " " * of_words + text + "\n")  # a word is written with the space after it


def _write_of_class(model: "ConditionalGenerator", options: argparse.Namespace, way: dict[str, Any]) -> None:
    """A line for each text of the class."""
    if options.label is None:
        raise OptionError(f"--label is missing; give one of {', '.join(model.labels or [])}")
    for name in OF_A_LANGUAGE_MODEL:
        if getattr(options, name) != _parser().get_default(name):
            option = name.replace("_", "-")
            raise OptionError(f"--{option} is for a LanguageModel; this is a ConditionalGenerator, give --label")
    texts = model.generate(
        options.label, count=5 if options.count is None else options.count, max_length=options.length, **way
    )
    sys.stdout.writelines(f"{text}\n" for text in texts)


def _temperature(options: argparse.Namespace) -> float:
    """As given; otherwise a little careful where tokens are drawn, and 1, which changes nothing, in beam search."""
    if options.temperature is not None:
        return float(options.temperature)
    return 0.8 if options.beam is None else 1.0


def _parser() -> ArgumentParser:
    parser = ArgumentParser("seqmodels generate", description="Let a trained model write.")
    add = parser.add_argument
    add("checkpoint", help="a checkpoint that seqmodels fit has written")
    add("--cell", **CELL)
    add("--prompt", default="", help="text to go on from")
    add("--label", help="of a ConditionalGenerator: the class of what it writes")
    add("--count", type=int, help="of a ConditionalGenerator: how many texts (default: 5)")
    add("--length", type=int, default=500, help="number of tokens to write (default: %(default)s)")
    add("--temperature", type=float, help="below 1 safer, above 1 wilder, 0 the likeliest (default: 0.8)")
    add("--top-k", type=int, help="draw from the k likeliest tokens only")
    add("--top-p", type=float, help="draw from the likeliest tokens that make up this probability only")
    add("--min-p", type=float, help="draw from tokens at least this many times as probable as the likeliest only")
    add("--seed", type=int, help="the same seed writes the same text")
    add("--beam", type=int, help="draw nothing: write the likeliest text that beam search finds with so many beams")
    add("--groups", type=int, default=1, help="of diverse beam search; must divide the beams (default: plain)")
    add("--diversity", type=float, default=0.5, help="how strongly groups avoid each other's tokens (default: 0.5)")
    add("--length-penalty", type=float, default=0.0, help="of beam search with --end: above 0 favours longer texts")
    add("--end", metavar="TEXT", help="stop before this token, such as a line end: $'\\n'")
    add("--min-length", type=int, default=0, help="with --end: tokens at least (default: %(default)s)")
    add("--no-repeat-ngram", type=int, metavar="N", help="write no sequence of N tokens twice")
    return parser
