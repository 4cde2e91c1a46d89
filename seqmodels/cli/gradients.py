"""``seqmodels gradients``: how gradients flow back through time, as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seqmodels.cli.arguments import CELL, ArgumentParser, names
from seqmodels.cli.checkpoints import load_model
from seqmodels.cli.drawing import draw
from seqmodels.errors import DataError, OptionError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def run(arguments: Sequence[str]) -> None:
    """Draws the three pictures of the lecture, one of any cells, or the map of a trained language model."""
    options = _parser().parse_args(arguments[1:])
    if (options.checkpoint is None) != (options.file is None):
        raise OptionError("give a checkpoint and --file with a text for it to read, or neither")
    if options.steps is not None and options.steps < 2:
        raise OptionError(f"--steps is {options.steps}; use 2 or more")
    if options.cells:
        if options.checkpoint is not None:
            raise OptionError("--cells draws cells before training; give it, or a checkpoint")
        pictures = _cells(options.cells, options.steps or 100)
    elif options.checkpoint is None:
        if options.steps is not None:
            raise OptionError("--steps has no effect on the three pictures; give it with --cells or a checkpoint")
        pictures = _regimes()
    else:
        pictures = _map(options.checkpoint, options.file, options.steps or 60)
    print(*(draw(figure, options.folder, name) for name, figure in pictures.items()), sep="\n")


def _regimes() -> dict[str, Figure]:
    from seqmodels.inspect.gradient_pictures import clipping_picture, decay_picture
    from seqmodels.inspect.regimes import clipping, forget_path, two_regimes

    return {
        "two_regimes": decay_picture(two_regimes(), "Elman: the largest singular value decides"),
        "clipping": clipping_picture(clipping()),
        "forget_path": decay_picture(forget_path(), "LSTM: the forget gate keeps the gradient"),
    }


def _cells(cells: list[str], steps: int) -> dict[str, Figure]:
    from seqmodels.cli.own_cells import look_at_named
    from seqmodels.inspect.gradient_pictures import decay_picture
    from seqmodels.inspect.regimes import cell_decays

    for cell in cells:
        look_at_named(cell)
    return {"cells": decay_picture(cell_decays(cells, steps), "Before training")}


def _map(checkpoint: str, file: Path, steps: int) -> dict[str, Figure]:
    from torch.nn import functional as F

    from seqmodels.data import read_text
    from seqmodels.inspect import gradient_map
    from seqmodels.inspect.gradient_pictures import map_picture
    from seqmodels.inspect.recording import tokens_of
    from seqmodels.tasks import LanguageModel

    model = load_model(checkpoint, "gradients", LanguageModel)
    tokens = tokens_of(model, read_text(file))[: steps + 1]
    if len(tokens) < 3:
        raise DataError(f"{file}: has {len(tokens)} tokens; give a longer text")
    flows = gradient_map(model, lambda: F.cross_entropy(model(tokens[:-1])[0][:, 0], tokens[1:, 0], reduction="none"))
    return {"gradient_map": map_picture(flows)}


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        "seqmodels gradients",
        description="Draw how gradients explode and vanish in an Elman network, what clipping does, and what an LSTM's "
        "forget gate does; how far back they reach in any cells; or, with a checkpoint and a text, how much each loss "
        "depends on each state before it.",
    )
    add = parser.add_argument
    add("checkpoint", nargs="?", help="of a language model; without one, the three pictures are drawn")
    add("--cell", **CELL)
    add("--file", type=Path, help="a text for it to read")
    add("--cells", type=names, metavar="A,B,...", help="instead, how far gradients reach back in these, untrained")
    add("--steps", type=int, help="tokens of the text (default: 60), or steps of --cells (default: 100)")
    add("--folder", type=Path, default=Path("gradients"), help="for the pictures (default: %(default)s)")
    return parser
