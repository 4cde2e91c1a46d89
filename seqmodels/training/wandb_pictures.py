"""Pictures beside what a model says of them, in Weights & Biases."""

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.utilities.rank_zero import rank_zero_info

from seqmodels.errors import OptionError
from seqmodels.training.wandb_logger import in_short


class PictureTable(Callback):
    """After each validation, log a table of pictures with captions or answers to every W&B logger of the trainer.

    The pictures are the same every time, so one sees what the model learns to say of them. The table is called
    ``val_captions`` or ``val_answers``. What W&B can't take is said in one line, and the run goes on. The pictures of
    an offline run wait for ``wandb sync`` in W&B's data folder (``WANDB_DATA_DIR``), not in the run's own folder.

    The module needs the name of the table, ``picture_table``, and ``picture_rows(datamodule, count)``, which gives a
    dictionary for each row, with a PIL image or None as its ``picture``: `seqmodels.tasks.Captioner` and
    `seqmodels.tasks.VisualQuestionAnswerer` have both. The data module must be one of theirs.

    Args:
        pictures: how many pictures, or questions about pictures, are in the table.

    Raises:
        OptionError: ``pictures`` is less than 1; or, when training begins, the module has no such method, or the data
            module no pictures.

    >>> trainer = Trainer(callbacks=[PictureTable(pictures=8)], logger=False, enable_checkpointing=False)
    """

    def __init__(self, pictures: int = 16) -> None:
        if pictures < 1:
            raise OptionError(f"PictureTable: pictures is {pictures}: give 1 or more")
        self.pictures = pictures

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if not hasattr(pl_module, "picture_rows"):
            model = type(pl_module).__name__
            raise OptionError(f"PictureTable: a {model} says nothing of pictures; give a model with picture_rows()")
        data = getattr(trainer, "datamodule", None)
        if not hasattr(data, "picture_sources"):
            found = type(data).__name__ if data is not None else "no data module"
            raise OptionError(f"PictureTable: the Trainer has {found}; give a data module of pictures (CaptionData)")

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        loggers = [logger for logger in trainer.loggers if isinstance(logger, WandbLogger)]
        if trainer.sanity_checking or not trainer.is_global_zero or not loggers:
            return
        data = trainer.datamodule  # type: ignore[attr-defined]
        rows = pl_module.picture_rows(data, self.pictures)  # type: ignore[operator]
        for logger in loggers:
            try:
                log_rows(logger, str(pl_module.picture_table), rows, trainer.global_step)
            except Exception as error:  # of W&B's own, of its service, of its files
                step = trainer.global_step
                rank_zero_info(f"W&B: the table {pl_module.picture_table} of step {step} is lost: {in_short(error)}")


def log_rows(logger: WandbLogger, name: str, rows: list[dict[str, Any]], step: int) -> None:
    """Log rows with the same keys, which are the columns, as a table; each ``picture`` as an image."""
    import wandb

    def cell(column: str, value: Any) -> Any:
        return wandb.Image(value) if column == "picture" and value is not None else value

    data = [[cell(column, value) for column, value in row.items()] for row in rows]
    logger.log_table(name, columns=list(rows[0]), data=data, step=step)
