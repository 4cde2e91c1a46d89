"""The ``seqmodels`` command: one module a subcommand, imported when it is asked for."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from importlib import import_module
from types import FrameType

from seqmodels.cli.rare_collection import rare_collection
from seqmodels.errors import SeqmodelsError

COMMANDS = {
    "fit": ("seqmodels.cli.training", "train a model (default: characters of the Python standard library)"),
    "validate": ("seqmodels.cli.training", "evaluate a checkpoint on the validation data"),
    "test": ("seqmodels.cli.training", "evaluate a checkpoint on the test data"),
    "compare": ("seqmodels.cli.compare", "compare cells: equal budgets, many seeds, one report"),
    "search": ("seqmodels.cli.search", "search for new cells by evolution"),
    "generate": ("seqmodels.cli.generate", "let a trained language model write"),
    "caption": ("seqmodels.cli.caption", "say what is in pictures, with a trained captioner"),
    "answer": ("seqmodels.cli.answer", "answer a question about a picture, with a trained model"),
    "translate": ("seqmodels.cli.translate", "write what a trained translator makes of texts"),
    "classify": ("seqmodels.cli.classify", "name the class of texts, series or trees, with a trained classifier"),
    "tag": ("seqmodels.cli.tag", "name the class of each word, with a trained tagger"),
    "inspect": ("seqmodels.cli.inspect", "find what the units of a language model know, and colour a text by them"),
    "gradients": ("seqmodels.cli.gradients", "draw how gradients flow back through time"),
    "demo": ("seqmodels.cli.demo", "show trained models on a web page: write, caption, ask, translate, units"),
    "explain": ("seqmodels.cli.explain", "show what the engine makes of a cell"),
    "cells": ("seqmodels.cli.cells", "list the cells that can be used by name"),
}
# These have something to save when they are stopped, and see to it themselves.
WITH_RESULTS = ("fit", "validate", "test", "compare", "search")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command line; the result is the exit code: 2 after a mistake that the user can mend, 130 after Ctrl-C."""
    try:
        code = _run(list(sys.argv[1:] if arguments is None else arguments))
        sys.stdout.flush()
        return code
    except SeqmodelsError as error:
        print(f"seqmodels: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("seqmodels: stopped by Ctrl-C", file=sys.stderr)
        return 128 + signal.SIGINT
    except BrokenPipeError:  # piped into head, which has seen enough; Python flushes once more when it ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _run(arguments: list[str]) -> int:
    command = arguments[0] if arguments else "--help"
    if command in ("-h", "--help"):
        print(_help())
        return 0
    if command == "--version":
        from importlib import metadata

        print(f"seqmodels {metadata.version('seqmodels')}")
        return 0
    if command not in COMMANDS:
        raise SeqmodelsError(_unknown(command))
    if (here := os.getcwd()) not in sys.path:
        sys.path.append(here)  # mycells:MyCell may be a file of the current folder; what is installed comes first
    with rare_collection(), _silent_while_importing():
        module = import_module(COMMANDS[command][0])
        if command not in WITH_RESULTS:
            return module.run(arguments) or 0
    return module.run(arguments) or 0


def _on_ctrl_c(number: int, frame: FrameType | None) -> None:
    above = frame
    while above is not None and above.f_code is not main.__code__:
        if above.f_code.co_filename == "<frozen importlib._bootstrap>":
            os._exit(128 + number)
        above = above.f_back
    signal.default_int_handler(number, frame)


@contextlib.contextmanager
def _silent_while_importing() -> Iterator[None]:
    """Ctrl-C ends the process without a word if modules are being imported; elsewhere it does what it always does.

    There an exception may be swallowed, or come out as another one.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, _on_ctrl_c)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _help() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {text}" for name, (_, text) in COMMANDS.items()]
    return "\n".join(
        ["usage: seqmodels COMMAND [options]", "", *lines, "", "seqmodels COMMAND --help shows a command's options."]
    )


def _unknown(command: str) -> str:
    from difflib import get_close_matches

    similar = get_close_matches(command, COMMANDS, n=1)
    hint = f"did you mean {similar[0]!r}? " if similar else ""
    return f"no command {command!r}; {hint}known: {', '.join(COMMANDS)}"
