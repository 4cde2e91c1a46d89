"""``seqmodels demo``: a web page on which trained models are shown to a class."""

import argparse
import threading
from collections.abc import Sequence

from seqmodels.cli.arguments import CELL, ArgumentParser


def run(arguments: Sequence[str]) -> None:
    """Serves the page until Ctrl-C."""
    options = _parser().parse_args(arguments[1:])
    try:
        _serve(options)
    except KeyboardInterrupt:
        print("\nstopped")


def _serve(options: argparse.Namespace) -> None:
    import torch

    from seqmodels.demo import build_page, load_models, open_page

    torch.seed()  # every process begins with the same random state, but where no seed is given a page draws anew
    page = build_page(load_models(options.checkpoint))
    try:
        print(f"{open_page(page, options.host, options.port)}  (Ctrl-C ends it)", flush=True)
        threading.Event().wait()
    finally:
        page.close(verbose=False)


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        "seqmodels demo",
        description="Show trained models on a web page of this machine: let them write, caption, answer, translate, "
        "classify and tag, and look at their units. Nothing is sent to any other machine.",
    )
    add = parser.add_argument
    add("checkpoint", nargs="+", help="checkpoints of any tasks that seqmodels fit has written")
    add("--cell", **CELL)
    add("--host", default="127.0.0.1", help="0.0.0.0 shows the page to the network, too (default: %(default)s)")
    add("--port", type=int, default=7860, help="of this machine (default: %(default)s)")
    return parser
