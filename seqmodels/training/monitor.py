"""What people watch while a model trains: gradient norm, speed, learning rate, and samples of text."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import WandbLogger
from torch import Tensor
from torch.nn.utils import get_total_norm
from torch.optim import Optimizer
from torch.utils import _pytree

from seqmodels.errors import OptionError


class TrainingMonitor(Callback):
    """Log ``grad_norm`` (before clipping), ``tokens_per_second`` (of all ranks) and ``learning_rate``.

    They are computed every ``log_every_n_steps`` steps of the trainer only, and nothing waits for the device. Time
    between two epochs and in validation is not counted.

    Args:
        tokens: how many tokens (or frames, or steps of a series) a batch has; by default what `count_tokens` says.

    >>> trainer = Trainer(callbacks=[TrainingMonitor()], logger=False, enable_checkpointing=False)
    """

    def __init__(self, tokens: Callable[[Any], int] | None = None) -> None:
        self.tokens = tokens or count_tokens
        self._tokens = 0
        self._seconds = 0.0
        self._started = 0.0

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        if not _logs_now(trainer):
            return
        gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        if gradients:
            pl_module.log("grad_norm", get_total_norm(gradients), on_step=True, on_epoch=False)
        pl_module.log("learning_rate", float(optimizer.param_groups[0]["lr"]), on_step=True, on_epoch=False)
        if self._seconds > 0:  # of the batches finished since the last time; one batch may have many steps
            speed = self._tokens / self._seconds
            pl_module.log("tokens_per_second", speed, on_step=True, on_epoch=False, prog_bar=True)
            self._tokens, self._seconds = 0, 0.0

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        now = time.perf_counter()
        if batch_idx == 0 or not self._started:
            self._started = now

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        now = time.perf_counter()
        self._seconds += now - self._started
        self._started = now
        self._tokens += self.tokens(batch) * trainer.world_size

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._started = 0.0


class SampleText(Callback):
    """After a validation, let the model write: to the terminal, to ``samples.txt`` in the log folder, and to W&B.

    The module needs a method ``generate(prompt, length=..., temperature=..., seed=...)`` that returns a text, as
    `seqmodels.tasks.LanguageModel` has.

    Args:
        length: how many tokens to write.
        prompt: what to continue; None begins with nothing.
        temperature: divides the logits, > 0; below 1 more careful, above 1 more daring.
        every_n_epochs: write in every n-th epoch only.
        seed: of the random choices, so that samples differ by what was learned only. The training's own random state
            is not touched.

    Raises:
        OptionError: an option is out of its range.

    >>> trainer = Trainer(callbacks=[SampleText(length=100)], logger=False, enable_checkpointing=False)
    """

    def __init__(
        self,
        length: int = 200,
        prompt: str | None = None,
        temperature: float = 0.8,
        every_n_epochs: int = 1,
        seed: int = 0,
    ) -> None:
        for name, value, is_right in (
            ("length", length, length >= 1),
            ("temperature", temperature, temperature > 0),
            ("every_n_epochs", every_n_epochs, every_n_epochs >= 1),
        ):
            if not is_right:
                bound = "more than 0" if name == "temperature" else "1 or more"
                raise OptionError(f"SampleText: {name} is {value}: give {bound}")
        self.length = length
        self.prompt = prompt
        self.temperature = temperature
        self.every_n_epochs = every_n_epochs
        self.seed = seed
        self._rows: list[list[Any]] = []

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.sanity_checking or (trainer.current_epoch + 1) % self.every_n_epochs:
            return
        folder = Path(trainer.log_dir or trainer.default_root_dir)  # all ranks together: Lightning broadcasts it
        if not trainer.is_global_zero:
            return
        devices = [trainer.strategy.root_device] if trainer.strategy.root_device.type == "cuda" else []
        with torch.random.fork_rng(devices), torch.no_grad():
            text = pl_module.generate(  # type: ignore[operator]
                self.prompt or "", length=self.length, temperature=self.temperature, seed=self.seed
            )
        title = f"epoch {trainer.current_epoch}, step {trainer.global_step}"
        print(f"\n--- {title}\n{text}\n---", flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / "samples.txt", "a", encoding="utf-8", errors="surrogateescape") as file:
            file.write(f"--- {title}\n{text}\n")
        self._rows.append([trainer.current_epoch, trainer.global_step, text])
        for logger in trainer.loggers:
            if isinstance(logger, WandbLogger):
                logger.log_table("samples", columns=["epoch", "step", "text"], data=self._rows)


def count_tokens(batch: Any) -> int:
    """What a batch says by its ``token_count``; else the number of elements of its first tensor, 0 if it has none.

    >>> count_tokens({"input": torch.zeros(4, 7), "target": torch.zeros(4)})
    28
    """
    if (count := getattr(batch, "token_count", None)) is not None:
        return int(count)
    return next((leaf.numel() for leaf in _pytree.tree_leaves(batch) if isinstance(leaf, Tensor)), 0)


def _logs_now(trainer: Trainer) -> bool:
    """Whether Lightning will write the metrics of this step."""
    return bool(trainer._logger_connector.should_update_logs)
