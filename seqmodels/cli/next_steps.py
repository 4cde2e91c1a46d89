"""What can be done with a checkpoint."""

from seqmodels.registry import is_installed
from seqmodels.tasks import Captioner, ConditionalGenerator, Task, TreeClassifier, VisualQuestionAnswerer

_USUAL = {  # a model's method and the subcommand of that name: what for, and what it is given
    "generate": ("let it write", ""),
    "caption": ("let it say what is in a picture", ""),
    "answer": ("ask it", ' --question "..."'),
    "translate": ("let it translate", ' --text "..."'),
    "classify": ("ask it for a class", ""),
    "tag": ("let it tag", ""),
}


def next_steps(model: Task, checkpoint: str) -> list[str]:
    """A line for each subcommand that takes such a model, with an example."""
    return [
        f"{purpose}: seqmodels {method} {checkpoint}{_cells_of(model)}{_input_of(model, method)}{usual}"
        for method, (purpose, usual) in _USUAL.items()
        if hasattr(model, method)
    ]


def _cells_of(model: Task) -> str:
    """The options that name cells which a checkpoint doesn't import."""
    cells = {str(cell) for name, cell in model.hparams.items() if name in ("cell", "encoder_cell")}
    return "".join(f" --cell {cell}" for cell in sorted(cells) if ":" in cell and not is_installed(cell))


def _input_of(model: Task, method: str) -> str:
    """What a model's method is given on the command line, where that depends on the model."""
    if isinstance(model, Captioner | VisualQuestionAnswerer):
        return " --image my.jpg" if model.image_input.specification else " --features FILE --image KEY"
    if isinstance(model, ConditionalGenerator) and model.labels:
        return f' --label "{model.labels[0]}"'
    if isinstance(model, TreeClassifier):
        return ' --text "( ( a lovely ) film )"'
    if method in ("classify", "tag"):
        return " --series my.npy" if getattr(model, "tokenizer", None) is None else ' --text "..."'
    return ""
