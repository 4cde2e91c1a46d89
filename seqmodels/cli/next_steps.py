"""What can be done with a checkpoint."""

from seqmodels.registry import is_installed
from seqmodels.tasks import ConditionalGenerator, Task, TreeClassifier

_USUAL = {  # a model's method and the subcommand of that name: what for, and what it is given
    "generate": ("let it write", ""),
    "caption": ("let it say what is in a picture", " --image my.jpg"),
    "answer": ("ask it", ' --image my.jpg --question "..."'),
    "translate": ("let it translate", ' --text "..."'),
    "classify": ("ask it for a class", ' --text "..."'),
    "tag": ("let it tag", ' --text "..."'),
}


def next_steps(model: Task, checkpoint: str) -> list[str]:
    """A line for each subcommand that takes such a model, with an example."""
    return [
        f"{purpose}: seqmodels {method} {checkpoint}{_cells_of(model)}{_input_of(model, method) or usual}"
        for method, (purpose, usual) in _USUAL.items()
        if hasattr(model, method)
    ]


def _cells_of(model: Task) -> str:
    """The options that name cells which a checkpoint doesn't import."""
    cells = {str(cell) for name, cell in model.hparams.items() if name in ("cell", "encoder_cell")}
    return "".join(f" --cell {cell}" for cell in sorted(cells) if ":" in cell and not is_installed(cell))


def _input_of(model: Task, method: str) -> str:
    """What a model's method is given on the command line, where that isn't the usual."""
    if isinstance(model, ConditionalGenerator) and model.labels:
        return f' --label "{model.labels[0]}"'
    if isinstance(model, TreeClassifier):
        return ' --text "( ( a lovely ) film )"'
    return " --series my.npy" if method == "classify" and getattr(model, "tokenizer", None) is None else ""
