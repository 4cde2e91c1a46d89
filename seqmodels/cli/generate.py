"""``seqmodels generate``: let a trained language model write."""

import sys
from collections.abc import Sequence
from pathlib import Path

from seqmodels.cli.arguments import ArgumentParser
from seqmodels.errors import OptionError


def run(arguments: Sequence[str]) -> None:
    """Prints the prompt and what the model writes after it."""
    options = _parser().parse_args(arguments[1:])
    from seqmodels import tasks

    model = tasks.load(options.checkpoint)
    if not isinstance(model, tasks.LanguageModel):
        raise OptionError(f"{options.checkpoint}: is a {type(model).__name__}; generate needs a LanguageModel")
    text = model.generate(
        options.prompt,
        length=options.length,
        temperature=options.temperature,
        top_k=options.top_k,
        top_p=options.top_p,
        seed=options.seed,
    )
    sys.stdout.write(options.prompt + text + "\n")


def _parser() -> ArgumentParser:
    parser = ArgumentParser("seqmodels generate", description="Let a trained language model write.")
    parser.add_argument("checkpoint", type=Path, help="a checkpoint that seqmodels fit has written")
    parser.add_argument("--prompt", default="", help="text to go on from")
    parser.add_argument("--length", type=int, default=500, help="number of tokens to write (default: %(default)s)")
    parser.add_argument(
        "--temperature", type=float, default=0.8, help="below 1 safer, above 1 wilder, 0 the likeliest (default: 0.8)"
    )
    parser.add_argument("--top-k", type=int, help="draw from the k likeliest tokens only")
    parser.add_argument("--top-p", type=float, help="draw from the likeliest tokens that make up this probability only")
    parser.add_argument("--seed", type=int, help="the same seed writes the same text")
    return parser
