"""What the data modules of generated sequences share."""

from typing import Any, ClassVar

import numpy as np
import torch

from seqmodels.data.generated import GeneratedBatches, Stage
from seqmodels.data.module import DataModule
from seqmodels.data.position import check_positive, check_seed
from seqmodels.data.streams import Window


class GeneratedSequences(DataModule):
    """Batches of sequences that a program draws; a subclass says which, in ``write`` and ``batch``.

    Training sequences are new in every epoch and depend on ``seed``; validation and test sequences are always the same
    for the same ``eval_batch_size``. No batch goes on where the last one ended
    (``consecutive``), so LanguageModel carries no state from one to the next.
    """

    consecutive: ClassVar[bool] = False

    def __init__(self, batch_size: int, eval_batch_size: int, batches: int, eval_batches: int, seed: int) -> None:
        super().__init__()
        check_positive(
            batch_size=batch_size, eval_batch_size=eval_batch_size, batches=batches, eval_batches=eval_batches
        )
        check_seed(seed)
        self.batch_size, self.eval_batch_size = batch_size, eval_batch_size
        self.batches, self.eval_batches, self.seed = batches, eval_batches, seed

    def write(self, draw: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and targets of ``count`` sequences; the first dimension is ``count``."""
        raise NotImplementedError

    def batch(self, input: np.ndarray, target: np.ndarray) -> Any:
        """What the model is given: a Window, where the sequences are tokens."""
        return Window(_time_first(input), _time_first(target), None)

    def train_dataloader(self) -> GeneratedBatches:
        """Other sequences in every epoch."""
        return self._loader("train", self.batch_size, self.batches)

    def val_dataloader(self) -> GeneratedBatches:
        """The same sequences every time."""
        return self._loader("validation", self.eval_batch_size, self.eval_batches)

    def test_dataloader(self) -> GeneratedBatches:
        """The same sequences every time, and others than those of validation."""
        return self._loader("test", self.eval_batch_size, self.eval_batches)

    def _describe(self, what: str) -> str:
        training, evaluation = self.batch_size * self.batches, self.eval_batch_size * self.eval_batches
        return (
            f"{type(self).__name__}: {what}; {training:,} sequences an epoch, {evaluation:,} each for validation and "
            "test"
        )

    def _loader(self, stage: Stage, batch_size: int, batches: int) -> GeneratedBatches:
        return GeneratedBatches(self.write, self.batch, stage, batch_size, batches, seed=self.seed, **self.place)


def _time_first(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array.T))
