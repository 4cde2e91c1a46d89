"""A checkpoint every so many steps, also where a batch has several."""

from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from seqmodels.errors import OptionError
from seqmodels.training.termination import validation_follows


class StepCheckpoint(ModelCheckpoint):
    """Write ``last.ckpt`` whenever ``global_step`` has reached or passed a further multiple of ``every_n_steps``.

    Lightning's ``ModelCheckpoint(every_n_train_steps=n)`` looks once a batch whether the step is a multiple of n, and
    where batches are split it hardly ever is. If a validation follows, the checkpoint is written after it: resumed from
    one before it, Lightning would leave it out.

    Args:
        every_n_steps: n.
        folder: where; None: ``checkpoints`` in the folder of the logger.

    Raises:
        OptionError: ``every_n_steps`` is less than 1.

    >>> trainer = Trainer(callbacks=[StepCheckpoint(every_n_steps=500)], logger=False)
    """

    def __init__(self, every_n_steps: int, folder: str | None = None) -> None:
        if every_n_steps < 1:
            raise OptionError(f"StepCheckpoint: every_n_steps is {every_n_steps}: give 1 or more")
        super().__init__(folder, "last", every_n_train_steps=every_n_steps, enable_version_counter=False)
        self.every_n_steps = every_n_steps
        self._multiples = 0  # that the last batch had reached
        self._due = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_train_start(trainer, pl_module)
        self._multiples, self._due = trainer.global_step // self.every_n_steps, False

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        multiples = trainer.global_step // self.every_n_steps
        self._due, self._multiples = self._due or multiples > self._multiples, multiples
        if not validation_follows(trainer):
            self._save_if_due(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._save_if_due(trainer)

    def _save_if_due(self, trainer: Trainer) -> None:
        if self._due and not self._should_skip_saving_checkpoint(trainer):
            self._save_topk_checkpoint(trainer, self._monitor_candidates(trainer))
        self._due = False
