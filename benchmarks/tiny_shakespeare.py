"""Validation loss of examples/tiny_shakespeare.yaml, beside what a plain loop around torch.nn.LSTM reaches.

The plain loop has the same windows, sizes, initial scale, optimizer and clipping; its weights are drawn by torch.

    python benchmarks/tiny_shakespeare.py tinyshakespeare.txt [--epochs 10] [--threads 2]
"""

import argparse
import time
from pathlib import Path

import lightning.pytorch as pl
import torch
import yaml
from torch import Tensor, nn
from torch.nn import functional as F

from seqmodels.data import StreamLoader, TextData
from seqmodels.tasks import LanguageModel

CONFIG = Path(__file__).parent.parent / "examples" / "tiny_shakespeare.yaml"


class PlainModel(nn.Module):
    """One-hot characters, torch.nn.LSTM, softmax."""

    def __init__(self, vocabulary: int, hidden_size: int, num_layers: int, scale: float) -> None:
        super().__init__()
        self.rnn = nn.LSTM(vocabulary, hidden_size, num_layers)
        self.decoder = nn.Linear(hidden_size, vocabulary)
        self.vocabulary = vocabulary
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -scale, scale)
        for name, bias in self.rnn.named_parameters():
            if name.startswith("bias_ih"):  # char-rnn starts the forget gate at 1, too
                bias.data[hidden_size : 2 * hidden_size] += 1

    def forward(self, tokens: Tensor, state: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        output, (h, c) = self.rnn(F.one_hot(tokens, self.vocabulary).float(), state)
        return self.decoder(output), (h.detach(), c.detach())


def train_plain(model: dict, data: TextData, epochs: int, clip: float) -> list[float]:
    """Validation loss after each epoch of the loop one would write without this library."""
    plain = PlainModel(len(data.tokenizer), model["hidden_size"], model["num_layers"], model["initial_scale"])
    optimizer = torch.optim.RMSprop(plain.parameters(), model["learning_rate"], **model["optimizer_options"])
    losses = []
    for _ in range(epochs):
        plain.train()
        state = None
        for window in data.train_dataloader():
            logits, state = plain(window.input, state)
            optimizer.zero_grad()
            F.cross_entropy(logits.flatten(0, 1), window.target.flatten()).backward()
            nn.utils.clip_grad_norm_(plain.parameters(), clip)
            optimizer.step()
        losses.append(validate_plain(plain.eval(), data))
    return losses


@torch.no_grad()
def validate_plain(plain: PlainModel, data: TextData) -> float:
    state, nats, count = None, 0.0, 0
    loader = data.val_dataloader()
    assert isinstance(loader, StreamLoader)
    for window in loader:
        logits, state = plain(window.input, state)
        nats += float(F.cross_entropy(logits.flatten(0, 1), window.target.flatten(), reduction="sum"))
        count += int((window.target >= 0).sum())
    return nats / count


class Losses(pl.Callback):
    """Validation loss after each epoch."""

    def __init__(self) -> None:
        self.values: list[float] = []

    def on_validation_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self.values.append(float(trainer.callback_metrics["val_loss"]))


def train_ours(model: dict, data: TextData, epochs: int, clip: float) -> list[float]:
    """The same from the task and the Trainer."""
    losses = Losses()
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        gradient_clip_val=clip,
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
        num_sanity_val_steps=0,
        callbacks=[losses],
    )
    trainer.fit(LanguageModel(data.tokenizer, **model), datamodule=data)
    return losses.values


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", help="the tiny-shakespeare file of char-rnn")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    config = yaml.safe_load(CONFIG.read_text())
    model, clip = config["model"]["init_args"], config["trainer"]["gradient_clip_val"]
    data = TextData(path=options.text, **config["data"]["init_args"])
    print(data.describe())
    curves, seconds = {}, {}
    for name, train in (("seqmodels", train_ours), ("torch.nn.LSTM, plain loop", train_plain)):
        pl.seed_everything(config["seed_everything"], verbose=False)
        start = time.perf_counter()
        curves[name] = train(model, data, options.epochs, clip)
        seconds[name] = time.perf_counter() - start
    print("\n| validation loss, nats a character | " + " | ".join(curves) + " |")
    print("|---|" + "---|" * len(curves))
    for epoch, row in enumerate(zip(*curves.values(), strict=True), 1):
        print(f"| epoch {epoch} | " + " | ".join(f"{value:.4f}" for value in row) + " |")
    print("| minutes | " + " | ".join(f"{value / 60:.1f}" for value in seconds.values()) + " |")
    ours, theirs = (min(curve) for curve in curves.values())
    print(f"\nBest of ours over best of the plain loop: {ours / theirs:.4f}")


if __name__ == "__main__":
    main()
