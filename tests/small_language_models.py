"""Language models that are made and trained at once."""

import lightning.pytorch as pl
import torch

from seqmodels.data import StreamLoader, build_tokenizer
from seqmodels.tasks import LanguageModel

TEXT = "the quick brown fox jumps over the lazy dog. " * 40
QUIET = {
    "accelerator": "cpu",
    "logger": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "num_sanity_val_steps": 0,
}


def model(**options):
    torch.manual_seed(0)
    return LanguageModel(build_tokenizer("character", TEXT), **{"hidden_size": 12, **options})


def loader(lm, batch_size=4, steps=10, text=TEXT, **options):
    return StreamLoader(lm.tokenizer.encode(text), batch_size, steps, **options)


def fit(lm, train=None, validation=None, folder=None, **options):
    trainer = pl.Trainer(
        **{"max_epochs": 1, "enable_checkpointing": False, **QUIET, **options}, default_root_dir=folder
    )
    trainer.fit(lm, train if train is not None else loader(lm), validation)
    return trainer
