"""``seqmodels answer``: ask a trained model about a picture."""

from collections.abc import Sequence
from pathlib import Path

from seqmodels.cli.arguments import CELL, ArgumentParser, names
from seqmodels.cli.checkpoints import load_model
from seqmodels.cli.pictures import FEATURES, picture_of


def run(arguments: Sequence[str]) -> None:
    """Prints the likeliest answers with their probabilities."""
    options = _parser().parse_args(arguments[1:])
    from seqmodels.tasks import VisualQuestionAnswerer

    model = load_model(options.checkpoint, "answer", VisualQuestionAnswerer)
    picture = picture_of(model, options.image, options)
    for answer, probability in model.answer(picture, options.question, options.top, options.choices):
        print(f"{probability:7.2%}  {answer}")


def _parser() -> ArgumentParser:
    parser = ArgumentParser("seqmodels answer", description="Ask a trained model about a picture.")
    add = parser.add_argument
    add("checkpoint", help="a checkpoint of a VisualQuestionAnswerer that seqmodels fit has written")
    add("--cell", **CELL)
    add("--image", type=Path, required=True, help="the picture")
    add("--features", **FEATURES)
    add("--question", required=True, help='such as "is there a red circle?"')
    add("--top", type=int, default=5, help="how many answers (default: %(default)s)")
    add("--choices", type=names, metavar="A,B,...", help="answers to choose from (default: all that the model knows)")
    return parser
