"""``seqmodels caption``: let a trained captioner say what is in pictures."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqmodels.cli.arguments import CELL, ArgumentParser
from seqmodels.cli.checkpoints import load_model
from seqmodels.cli.drawing import draw
from seqmodels.cli.pictures import FEATURES, picture_of
from seqmodels.files.writing import check_writable

if TYPE_CHECKING:
    from seqmodels.tasks import Captioner
    from seqmodels.tasks.captioner import Caption


def run(arguments: Sequence[str]) -> None:
    """Prints each picture's captions, the best first, with their log-probabilities."""
    options = _parser().parse_args(arguments[1:])
    from seqmodels.decoding import Constraints
    from seqmodels.tasks import Captioner

    model, *others = [load_model(checkpoint, "caption", Captioner) for checkpoint in options.checkpoint]
    constraints = Constraints(min_length=options.min_length, no_repeat_ngram=options.no_repeat_ngram)
    if options.attention is not None:
        check_writable(options.attention)
    drawn: set[Path] = set()
    for path in options.image:
        picture, *_ = [picture_of(one, path, options) for one in (model, *others)]
        captions = model.caption(
            picture,
            beam_size=options.beam,
            max_length=options.max_length,
            n_best=options.n_best,
            groups=options.groups,
            diversity=options.diversity,
            length_penalty=options.length_penalty,
            constraints=constraints,
            ensemble=others,
            attention=options.attention is not None,
        )
        if len(options.image) > 1:
            print(f"{path}:")
        for caption in captions:
            print(f"{caption.log_probability:8.2f}  {caption.text}")
        if options.attention is not None:
            drawn.add(_draw(model, picture, captions[0], options.attention, path.stem, {*drawn, *options.image}))


def _draw(model: "Captioner", picture: Any, caption: "Caption", folder: Path, stem: str, kept: set[Path]) -> Path:
    """Draws where the words looked, into another file than those kept; which one."""
    from seqmodels.inspect import attention_picture

    assert caption.attention is not None  # it was asked for
    figure = attention_picture(model.image_input.view(picture), caption.tokens, caption.attention)
    known = {str(path.with_suffix("").resolve()).casefold() for path in kept}
    names = (f"{stem}_attention{f'_{number}' if number else ''}" for number in itertools.count())
    name = next(name for name in names if str((folder / name).resolve()).casefold() not in known)
    path = draw(figure, folder, name)
    print(f"attention: {path}")
    return path


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        "seqmodels caption", description="Say what is in pictures; each line is a log-probability and a caption."
    )
    add = parser.add_argument
    add(
        "checkpoint",
        nargs="+",
        help="a checkpoint of a Captioner that seqmodels fit has written; several write together, as an ensemble",
    )
    add("--cell", **CELL)
    add("--image", type=Path, nargs="+", required=True, help="the pictures")
    add("--features", **FEATURES)
    add("--beam", type=int, default=5, help="beams; 1 takes the likeliest word each time (default: %(default)s)")
    add("--n-best", type=int, help="captions of each picture (default: as many as beams)")
    add("--groups", type=int, default=1, help="of diverse beam search; must divide the beams (default: plain)")
    add("--diversity", type=float, default=0.5, help="how strongly groups avoid each other's words (default: 0.5)")
    add("--length-penalty", type=float, default=0.0, help="above 0 favours longer captions (default: %(default)s)")
    add("--min-length", type=int, default=0, help="tokens at least (default: %(default)s)")
    add("--max-length", type=int, default=20, help="tokens at most (default: %(default)s)")
    add(
        "--attention",
        type=Path,
        metavar="FOLDER",
        help="draw there where each word of the best caption looked, for a model with attention",
    )
    add("--no-repeat-ngram", type=int, metavar="N", help="write no sequence of N words twice")
    return parser
