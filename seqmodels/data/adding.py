"""``Adding``: the sum of two numbers out of many."""

from typing import ClassVar

import numpy as np
import torch

from seqmodels.data.generated_sequences import GeneratedSequences
from seqmodels.data.sequences import SequenceBatch
from seqmodels.errors import OptionError


class Adding(GeneratedSequences):
    """Random numbers, two of which are marked; their sum is to be given after the last.

    Input [T, B, 2]: a number from U[0, 1], and 1 at two places (any two, equally likely), 0 elsewhere. Target [B]: the
    sum of the two numbers, in [0, 2]. Always answering 1 has the mean squared error 1/6.

    Args:
        steps: T, 2 or more.
        batch_size: B, the sequences of each process.
        eval_batch_size: the sequences of a batch of validation and test.
        batches: of an epoch of training.
        eval_batches: of validation, and of test.
        seed: of the training sequences.

    Attributes:
        input_size: 2.
        output_size: 1.

    Raises:
        OptionError: an option out of range.

    Source: Hochreiter and Schmidhuber 1997, experiment 4; in this form Bai, Kolter and Koltun 2018.

    Example:
        >>> from seqmodels.data import Adding
        >>> batch = next(iter(Adding(steps=30).train_dataloader()))
        >>> batch.input.shape, batch.target.shape
        (torch.Size([30, 64, 2]), torch.Size([64]))
        >>> number, marked = batch.input[:, 0].unbind(1)
        >>> bool(torch.isclose(number @ marked, batch.target[0]))
        True
    """

    input_size: ClassVar[int] = 2
    output_size: ClassVar[int] = 1

    def __init__(
        self,
        steps: int = 100,
        batch_size: int = 64,
        eval_batch_size: int = 64,
        batches: int = 1000,
        eval_batches: int = 20,
        seed: int = 0,
    ) -> None:
        super().__init__(batch_size, eval_batch_size, batches, eval_batches, seed)
        if steps < 2:
            raise OptionError(f"steps is {steps}; use 2 or more, for two numbers to add")
        self.steps = steps
        self.save_hyperparameters(logger=False)

    def write(self, draw: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Inputs [count, T, 2] and targets [count]."""
        input = np.zeros((count, self.steps, 2), dtype=np.float32)
        input[..., 0] = draw.random((count, self.steps), dtype=np.float32)
        rows = np.arange(count)
        first = draw.integers(0, self.steps, count)
        second = draw.integers(0, self.steps - 1, count)
        second += second >= first  # any place but the first
        input[rows, first, 1] = input[rows, second, 1] = 1
        return input, input[rows, first, 0] + input[rows, second, 0]

    def batch(self, input: np.ndarray, target: np.ndarray) -> SequenceBatch:
        """Time first."""
        return SequenceBatch(
            torch.from_numpy(np.ascontiguousarray(input.swapaxes(0, 1))), torch.from_numpy(target.copy())
        )

    def describe(self) -> str:
        """One line: the problem and how much of it there is."""
        return self._describe(f"2 of {self.steps} numbers to add")
