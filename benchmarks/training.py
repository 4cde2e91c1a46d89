"""Speed of training a LanguageModel with the Trainer, against a plain PyTorch loop around torch.nn.LSTM.

Both train the same model from the same weights on the same windows, a block of steps each in turn, in one process; a
ratio is taken block by block. Before that, both must give the same losses, or no number is printed.

    python benchmarks/training.py [--blocks 15] [--steps 8] [--threads 1 2]
"""

import argparse
import statistics
import tempfile
import time
from dataclasses import dataclass

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import TQDMProgressBar
from lightning.pytorch.loggers import CSVLogger
from torch import Tensor, nn
from torch.nn import functional as F

from seqmodels.data import StreamLoader, build_tokenizer
from seqmodels.tasks import LanguageModel
from seqmodels.training import TrainingMonitor


@dataclass
class Size:
    """A language model and its windows: H, layers, V, B, T."""

    hidden: int
    layers: int
    vocabulary: int
    batch: int
    steps: int

    def __str__(self) -> str:
        return f"{self.layers} x {self.hidden}, V {self.vocabulary}, B {self.batch}, T {self.steps}"


SIZES = [Size(256, 2, 65, 50, 50), Size(200, 2, 10_000, 20, 20), Size(512, 1, 100, 32, 64)]
STEPS_COMPARED = 4


class PlainModel(nn.Module):
    """What one would write without this library."""

    def __init__(self, model: LanguageModel) -> None:
        super().__init__()
        assert model.embedding is not None
        self.embedding = nn.Embedding.from_pretrained(model.embedding.weight.detach().clone(), freeze=False)
        self.rnn = model.rnn.to_torch()
        self.decoder = nn.Linear(model.decoder.in_features, model.decoder.out_features)
        self.decoder.load_state_dict(model.decoder.state_dict())

    def forward(self, tokens: Tensor, state: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        output, state = self.rnn(self.embedding(tokens), state)
        return self.decoder(output), state


class PlainTraining:
    """The loop one would write without this library, a block of steps at a time."""

    def __init__(self, model: LanguageModel, loader: StreamLoader) -> None:
        self.model = PlainModel(model)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=model.hparams["learning_rate"])
        self.windows = iter(loader)
        self.state: tuple[Tensor, Tensor] | None = None

    def run(self, steps: int) -> list[float]:
        losses = []
        for _ in range(steps):
            window = next(self.windows)
            logits, state = self.model(window.input, self.state)
            self.state = (state[0].detach(), state[1].detach())
            loss = F.cross_entropy(logits.flatten(0, 1), window.target.flatten())
            self.optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
            losses.append(loss.item())
        return losses


class Alternate(pl.Callback):
    """After each block of the Trainer's steps, lets the plain loop run one."""

    def __init__(self, plain: PlainTraining, steps: int) -> None:
        self.plain, self.steps = plain, steps
        self.ours: list[float] = []
        self.theirs: list[float] = []
        self.losses: list[tuple[float, float]] = []
        self.block: list[Tensor] = []
        self.start = time.perf_counter()

    def on_train_batch_end(  # type: ignore[override]
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: dict, batch: object, batch_idx: int
    ) -> None:
        self.block.append(outputs["loss"])
        if len(self.block) < self.steps:
            return
        middle = time.perf_counter()
        losses = self.plain.run(self.steps)
        end = time.perf_counter()
        self.ours.append(middle - self.start)
        self.theirs.append(end - middle)
        self.losses += zip((float(loss) for loss in self.block), losses, strict=True)
        self.block = []
        self.start = time.perf_counter()


def measure(size: Size, blocks: int, steps: int) -> tuple[float, float, float]:
    """Tokens per second of ours, of the plain loop, and the median ratio of paired blocks."""
    torch.manual_seed(0)
    text = "".join(chr(0x4E00 + i) for i in range(size.vocabulary))
    model = LanguageModel(build_tokenizer("character", text), hidden_size=size.hidden, num_layers=size.layers)
    tokens = torch.randint(0, size.vocabulary, ((blocks + 2) * steps * size.batch * size.steps + 1,))

    def loader() -> StreamLoader:
        return StreamLoader(tokens, batch_size=size.batch, steps=size.steps)

    alternate = Alternate(PlainTraining(model, loader()), steps)
    with tempfile.TemporaryDirectory() as folder:
        trainer = pl.Trainer(
            accelerator="cpu",
            max_steps=(blocks + 1) * steps,
            gradient_clip_val=1.0,
            log_every_n_steps=10,
            logger=CSVLogger(folder),
            enable_checkpointing=False,
            enable_model_summary=False,
            # What `seqmodels fit` shows and logs.
            callbacks=[TrainingMonitor(), TQDMProgressBar(refresh_rate=10), alternate],
        )
        trainer.fit(model, loader())
    # Rounding makes the two drift apart in time, so only the first steps are held against each other.
    worst = max(abs(ours - theirs) for ours, theirs in alternate.losses[:STEPS_COMPARED])
    if worst > 1e-3:
        raise SystemExit(f"{size}: the two losses differ by {worst:.2g}: no speed is reported")
    ours, theirs = alternate.ours[1:], alternate.theirs[1:]  # the first block warms up
    count = steps * size.batch * size.steps
    ratio = statistics.median(b / a for a, b in zip(ours, theirs, strict=True))
    return count / statistics.median(ours), count / statistics.median(theirs), ratio


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blocks", type=int, default=15, help="pairs of blocks that are timed")
    parser.add_argument("--steps", type=int, default=8, help="training steps of a block")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    rows = []
    for threads in options.threads:
        torch.set_num_threads(threads)
        for size in SIZES:
            ours, theirs, ratio = measure(size, options.blocks, options.steps)
            rows.append(f"| {size} | {threads} | {ours:,.0f} | {theirs:,.0f} | {ratio:.3f} |")
    print("\n| LSTM language model | threads | seqmodels, tokens/s | plain loop, tokens/s | ratio |")
    print("|---|---|---|---|---|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
