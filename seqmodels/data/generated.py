"""Loaders of what is drawn, not read: fresh in every epoch of training, the same in every evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np
import torch

from seqmodels.data.position import ResumableIterable, check_positive, check_rank, check_seed
from seqmodels.data.streams import NOT_SCORED, Window

Stage = Literal["train", "validation", "test"]
_STAGES: dict[Stage, int] = {"train": 0, "validation": 1, "test": 2}

WriteText = Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]]
"""The next piece of a text, of any length: its tokens [n], and which of them are scored [n]."""

WriteSequences = Callable[[np.random.Generator, int], tuple[np.ndarray, ...]]
"""So many sequences, as arrays whose first dimension is that number."""


class GeneratedLoader(ResumableIterable):
    """Batches from random numbers that depend on stage, seed, epoch and a number within the epoch alone.

    So N processes with B sequences each see what one with N * B sees, and a restart at any batch goes on bitwise.
    Validation and test data are always the same, whatever seed and epoch, and never those of training.

    Args:
        stage: "train", "validation" or "test".
        batch_size: B, the sequences of a batch of this rank.
        batches: of an epoch.
        rank: of this process.
        world_size: number of processes.
        seed: of training.

    Raises:
        OptionError: a size, rank or seed out of range.
    """

    def __init__(
        self, stage: Stage, batch_size: int, batches: int, rank: int = 0, world_size: int = 1, seed: int = 0
    ) -> None:
        super().__init__()
        check_positive(batch_size=batch_size, batches=batches)
        check_rank(rank, world_size)
        check_seed(seed)
        self.stage, self.batch_size, self.rank, self.world_size, self.seed = stage, batch_size, rank, world_size, seed
        self._length = batches

    def __len__(self) -> int:
        return self._length

    def _draw(self, number: int) -> np.random.Generator:
        """The random numbers of part ``number`` of this epoch."""
        training = self.stage == "train"
        epoch, seed = (self.epoch, self.seed) if training else (0, 0)
        # The seed comes last: it is the one number that may need more than 32 bits, and would move those after it.
        return np.random.default_rng([_STAGES[self.stage], epoch, number, seed])

    def _identity(self) -> dict[str, int]:
        return {"batch_size": self.batch_size, "world_size": self.world_size, "seed": self.seed}


class GeneratedStreams(GeneratedLoader):
    """Consecutive windows of endless texts, so that a state carried from window to window reads on.

    Rank r has the streams ``r * batch_size`` to ``(r + 1) * batch_size - 1``. Every epoch begins new ones.

    Args:
        write: writes the next piece of a stream; called again and again with the stream's random numbers.
        stage: "train", "validation" or "test".
        batch_size: B, the streams of this rank.
        steps: T of a window.
        windows: of an epoch.
        rank: of this process.
        world_size: number of processes.
        seed: of training.

    Raises:
        OptionError: a size, rank or seed out of range.

    Example:
        >>> def write(draw):  # a digit, and its double, which is scored
        ...     digit = draw.integers(5)
        ...     return np.array([digit, 2 * digit]), np.array([False, True])
        >>> loader = GeneratedStreams(write, "train", batch_size=1, steps=4, windows=2)
        >>> for window in loader:
        ...     print(window.input[:, 0].tolist(), window.target[:, 0].tolist())
        [4, 8, 3, 6] [8, -100, 6, -100]
        [2, 4, 1, 2] [4, -100, 2, -100]
    """

    def __init__(
        self,
        write: WriteText,
        stage: Stage,
        batch_size: int,
        steps: int,
        windows: int,
        rank: int = 0,
        world_size: int = 1,
        seed: int = 0,
    ) -> None:
        check_positive(steps=steps, windows=windows)
        super().__init__(stage, batch_size, windows, rank, world_size, seed)
        self.write, self.steps = write, steps

    def _batches(self, start: int) -> Iterator[Window]:
        first = self.rank * self.batch_size
        streams = [_Stream(self.write, self._draw(first + row)) for row in range(self.batch_size)]
        for stream in streams:
            stream.skip(start * self.steps)
        for _ in range(start, len(self)):
            parts = [stream.read(self.steps) for stream in streams]
            tokens = np.stack([tokens for tokens, _ in parts], 1).astype(np.int64, copy=False)
            scored = np.stack([scored for _, scored in parts], 1)
            target = np.where(scored[1:], tokens[1:], NOT_SCORED)
            yield Window(torch.from_numpy(tokens[:-1]), torch.from_numpy(target), None)

    def _identity(self) -> dict[str, int]:
        return {**super()._identity(), "steps": self.steps}


class _Stream:
    """An endless text, written as it is read."""

    def __init__(self, write: WriteText, draw: np.random.Generator) -> None:
        self._next = lambda: write(draw)
        self._tokens, self._scored = self._next()

    def skip(self, count: int) -> None:
        while count >= len(self._tokens):
            count -= len(self._tokens)
            self._tokens, self._scored = self._next()
        self._tokens, self._scored = self._tokens[count:], self._scored[count:]

    def read(self, steps: int) -> tuple[np.ndarray, np.ndarray]:
        """The next ``steps`` tokens and the one after them, with which the next reading begins."""
        if len(self._tokens) <= steps:
            pieces, length = [(self._tokens, self._scored)], len(self._tokens)
            while length <= steps:
                pieces.append(self._next())
                length += len(pieces[-1][0])
            self._tokens, self._scored = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
        tokens, scored = self._tokens[: steps + 1], self._scored[: steps + 1]
        self._tokens, self._scored = self._tokens[steps:], self._scored[steps:]
        return tokens, scored


class GeneratedBatches(GeneratedLoader):
    """Batches of sequences that have nothing to do with each other.

    Args:
        write: draws the sequences of a batch, those of all ranks.
        batch: makes a batch of the arrays that ``write`` gave, cut down to this rank's sequences.
        stage: "train", "validation" or "test".
        batch_size: B, the sequences of a batch of this rank.
        batches: of an epoch.
        rank: of this process.
        world_size: number of processes.
        seed: of training.

    Raises:
        OptionError: a size, rank or seed out of range.

    Example:
        >>> loader = GeneratedBatches(
        ...     lambda draw, count: (draw.integers(10, size=(count, 3)),), torch.from_numpy, "test", 2, 1
        ... )
        >>> next(iter(loader)).shape
        torch.Size([2, 3])
    """

    def __init__(
        self,
        write: WriteSequences,
        batch: Callable[..., Any],
        stage: Stage,
        batch_size: int,
        batches: int,
        rank: int = 0,
        world_size: int = 1,
        seed: int = 0,
    ) -> None:
        super().__init__(stage, batch_size, batches, rank, world_size, seed)
        self.write, self.batch = write, batch

    def _batches(self, start: int) -> Iterator[Any]:
        own = slice(self.rank * self.batch_size, (self.rank + 1) * self.batch_size)
        for number in range(start, len(self)):
            arrays = self.write(self._draw(number), self.batch_size * self.world_size)
            yield self.batch(*(array[own] for array in arrays))
