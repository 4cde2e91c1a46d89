"""The models of checkpoints that a command line names."""

from typing import TypeVar

from seqmodels.errors import OptionError

Model = TypeVar("Model")


def load_model(checkpoint: str, command: str, *kinds: type[Model]) -> Model:
    """The model in a checkpoint, a file or URL, if it is one that a subcommand takes.

    Raises:
        CheckpointError: If it can't be read.
        OptionError: If it is of another task.
    """
    from seqmodels import tasks

    model = tasks.load(checkpoint)
    if not isinstance(model, kinds):
        needed = " or ".join(kind.__name__ for kind in kinds)
        raise OptionError(f"{checkpoint}: is a {type(model).__name__}; {command} needs a {needed}")
    return model
