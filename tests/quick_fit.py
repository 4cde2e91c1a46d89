"""Short training on one CPU thread, for tests of whether a task learns a problem; checkpoints without any."""

import lightning.pytorch as pl

from seqmodels.data import ResumableLoader

QUIET = {
    "accelerator": "cpu",
    "logger": False,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "num_sanity_val_steps": 0,
}


def given(batches):
    """A loader of batches that are made already."""
    return ResumableLoader(batches, 1, collate_fn=lambda records: records[0])


def fit(module, data, **options):
    """The trainer, after training."""
    trainer = pl.Trainer(**{"max_epochs": 1, **QUIET, **options})
    trainer.fit(module, datamodule=data)
    return trainer


def fit_and_test(module, data, **options):
    """What the module logs in validation and test, after training."""
    trainer = fit(module, data, **options)
    values = {name: float(value) for name, value in trainer.callback_metrics.items()}
    (tested,) = trainer.test(module, datamodule=data, verbose=False)
    return {**values, **tested}


def save_untrained(model, path):
    """Writes a checkpoint as the trainer does; its path as text."""
    trainer = pl.Trainer(**QUIET)
    trainer.strategy.connect(model)
    trainer.save_checkpoint(path)
    return str(path)
