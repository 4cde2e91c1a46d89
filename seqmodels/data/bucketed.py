"""Batches of records of similar length, which hold little padding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from seqmodels.data.resumable import ResumableLoader
from seqmodels.errors import OptionError

_POOL = 100  # batches that are sorted together: fewer have more padding, more are less random


class BucketedLoader(ResumableLoader):
    """A ``ResumableLoader`` whose batches hold records of similar length, in an order that is new every epoch.

    The records are shuffled, then sorted by length within pools of 100 batches, then the batches are shuffled; so both
    what is together in a batch and the order of the batches depend on seed and epoch alone. With several
    ranks, their batches of one step are of similar length too.

    Args:
        dataset: has ``len`` and ``[]``.
        lengths: of each record.
        batch_size: B, the records of a batch of this rank.
        seed: of the order.
        collate_fn: list of records -> batch; None: torch's ``default_collate``.
        rank: of this process.
        world_size: of all.

    Raises:
        OptionError: a size, rank or seed out of range, or not one length a record.
        DataError: the dataset is empty. While iterating: a record can't be read.

    Example:
        >>> words = ["a", "to", "I", "of", "the", "and"]
        >>> sorted(sorted(batch) for batch in BucketedLoader(words, [len(word) for word in words], 2, collate_fn=list))
        [['I', 'a'], ['and', 'the'], ['of', 'to']]
    """

    def __init__(
        self,
        dataset: Any,
        lengths: Sequence[int],
        batch_size: int,
        seed: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        super().__init__(dataset, batch_size, seed=seed, collate_fn=collate_fn, rank=rank, world_size=world_size)
        self.lengths = np.asarray(lengths)
        if len(self.lengths) != len(dataset):
            raise OptionError(f"lengths has {len(self.lengths)} values for {len(dataset)} records; give one a record")

    def _order(self) -> list[int]:
        bucketed = self._bucketed()
        return [bucketed[place] for place in super()._order()]  # this rank's places, in turn

    def _bucketed(self) -> list[int]:
        """All records; each stretch of one batch of all ranks holds similar lengths."""
        together = self.batch_size * self.world_size
        draw = np.random.default_rng([self.seed, self.epoch])
        records = draw.permutation(len(self.lengths))
        pools = np.split(records, range(_POOL * together, len(records), _POOL * together))
        records = np.concatenate([pool[np.argsort(self.lengths[pool], kind="stable")] for pool in pools])
        *batches, last = np.split(records, range(together, len(records), together))
        draw.shuffle(batches)
        return np.concatenate([*batches, last]).tolist()  # the last may be smaller, and no other

    def _identity(self) -> dict[str, int]:
        return {**super()._identity(), "bucketed_length": int(self.lengths.sum())}
