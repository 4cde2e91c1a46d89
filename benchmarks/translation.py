"""German descriptions of pictures into English (Multi30k), by any cells, with and without attention.

python benchmarks/translation.py multi30k --cells gru lstm coupled elman --attention general none

The options are those of examples/multi30k_de_en.yaml. A run that was stopped goes on where it was; one that is done is
not trained again. At the end the validation sentences are translated by beam search, with the weights of the epoch that
had the lowest validation loss.
"""

import argparse
import itertools
import time
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
import yaml
from lightning.pytorch.callbacks import ModelCheckpoint, Timer

from seqmodels.data import PairData, read_text
from seqmodels.metrics.translation import TranslationScores, bleu_chrf
from seqmodels.tasks import Translator

EXAMPLE = Path(__file__).parents[1] / "examples" / "multi30k_de_en.yaml"
FILES = {"source": "train.de", "target": "train.en", "valid_source": "val.de", "valid_target": "val.en"}


def train(folder: Path, epochs: int | None, changes: dict[str, Any]) -> tuple[Translator, dict[str, float]]:
    """The translator of the best epoch; minutes of training, and epochs."""
    example = yaml.safe_load(EXAMPLE.read_text())
    pl.seed_everything(example["seed_everything"], verbose=False)
    data = PairData(**example["data"]["init_args"] | {name: str(folder / file) for name, file in FILES.items()})
    model = Translator(data.tokenizer, data.source_tokenizer, **example["model"]["init_args"] | changes)
    print(f"{data.describe()}\n{model.describe()}", flush=True)
    place = Path("translation") / "-".join(str(value) for value in changes.values())
    best = ModelCheckpoint(place, "best", monitor="val_loss", save_last=True, enable_version_counter=False)
    timer = Timer()
    trainer = pl.Trainer(
        max_epochs=epochs or example["trainer"]["max_epochs"],
        gradient_clip_val=example["trainer"]["gradient_clip_val"],
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        callbacks=[best, timer, _Epochs()],
    )
    last = place / "last.ckpt"
    trainer.fit(model, data, ckpt_path=str(last) if last.is_file() else None)
    spent = {"minutes": timer.time_elapsed("train") / 60, "epochs": trainer.current_epoch}
    return Translator.load_from_checkpoint(best.best_model_path), spent


class _Epochs(pl.Callback):
    """A line an epoch, as hours may pass."""

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        scores = (f"{name} {float(trainer.callback_metrics[name]):.3f}" for name in ("val_loss", "val_bleu"))
        print(f"{time.strftime('%H:%M:%S')} epoch {trainer.current_epoch}: {', '.join(scores)}", flush=True)


def scores(model: Translator, folder: Path, beam_size: int) -> TranslationScores:
    """BLEU and chrF of the validation sentences."""
    source, references = (read_text(folder / name).splitlines() for name in ("val.de", "val.en"))
    written = [best.text for (best,) in model.translate(source, beam_size=beam_size, batch_size=64)]
    return bleu_chrf(written, references)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("folder", type=Path, help="with train.de, train.en, val.de and val.en")
    add("--cells", nargs="+", default=["gru"])
    add("--attention", nargs="+", default=["general"])
    add("--epochs", type=int, help="at most; if not given, as in the example")
    add("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rows = [
        "| cell | attention | parameters | BLEU, greedy | BLEU, beam 5 | chrF, beam 5 | epochs | minutes |",
        "|---" * 8 + "|",
    ]
    signatures: tuple[str, ...] = ()
    for cell, attention in itertools.product(options.cells, options.attention):
        model, spent = train(options.folder, options.epochs, {"cell": cell, "attention": attention})
        greedy, beam = (scores(model, options.folder, size) for size in (1, 5))
        size = sum(parameter.numel() for parameter in model.parameters())
        quality = f"{greedy['bleu']:.1f} | {beam['bleu']:.1f} | {beam['chrf']:.1f}"
        rows.append(f"| {cell} | {attention} | {size:,} | {quality} | {spent['epochs']} | {spent['minutes']:.0f} |")
        print(rows[-1], flush=True)
        signatures = (beam["bleu_signature"], beam["chrf_signature"])
    print(*rows, *signatures, sep="\n")


if __name__ == "__main__":
    main()
