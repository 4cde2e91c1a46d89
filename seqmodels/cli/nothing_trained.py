"""What a run says that ends without having trained."""

from typing import Any

import lightning.pytorch as pl


class SeesTraining(pl.Callback):
    """Sees whether a batch is trained on.

    Attributes:
        begun: Whether one was.
    """

    def __init__(self) -> None:
        self.begun = False

    def on_train_batch_start(self, *_: Any) -> None:
        self.begun = True


def reason(trainer: pl.Trainer) -> str:
    """Why a trainer that has ended trained nothing, and what to change."""
    epochs, steps = trainer.current_epoch, trainer.global_step
    most_epochs, most_steps = trainer.max_epochs, trainer.max_steps
    if trainer.limit_train_batches == 0:
        return "--trainer.limit_train_batches is 0; leave it out"
    if most_epochs is not None and 0 <= most_epochs <= epochs:
        return _reached("epoch", epochs, "--trainer.max_epochs", most_epochs)
    if 0 <= most_steps <= steps:
        return _reached("step", steps, "--trainer.max_steps", most_steps)
    return "training was stopped before its first batch; look at --trainer.max_time and --trainer.callbacks"


def _reached(unit: str, done: int, option: str, most: int) -> str:
    if not done:
        return f"{option} is {most}; give 1 or more"
    has = f"the checkpoint has {done} {unit}{'s' * (done != 1)}, and {option} is {most}"
    return f"{has}; give more, such as {option} {done + 1}"
