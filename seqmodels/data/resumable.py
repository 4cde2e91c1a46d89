"""Batches of a map-style dataset that a checkpoint can stop and start anywhere, with or without worker processes."""

from __future__ import annotations

import random
import traceback
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.utils.data import DataLoader, default_collate, get_worker_info

from seqmodels.data.position import ResumableIterable, check_positive, check_rank, check_seed
from seqmodels.errors import DataError, OptionError, SeqmodelsError
from seqmodels.worker_batches import WorkerBatches, WorkerFailed

_PREFETCHED = 2  # batches each worker holds ready


class ResumableLoader(ResumableIterable):
    """What ``DataLoader`` does, in an order that depends on ``seed`` and epoch alone, and restartable at any batch.

    After a restart nothing is loaded twice or skipped. No number is drawn from the global random generators, and
    what a dataset draws in a worker depends on seed, epoch and batch only, so it is the same again after a restart.
    (What it draws without workers comes from the global generators, whose state the checkpoint keeps.)

    With several ranks, batch k of all ranks together holds the records that one process with
    ``batch_size * world_size`` would have in its batch k, each once. All have equally many batches: where the last
    one has fewer records than there are ranks, the other ranks keep one of their batch before for it. (Only if that has
    no more than one, or there is none, a record comes twice.)

    Args:
        dataset: has ``len`` and ``[]``.
        batch_size: B, the records of a batch of this rank.
        shuffle: a new order every epoch.
        seed: of the order and of the workers.
        num_workers: processes that load; 0 loads in this one.
        collate_fn: list of records -> batch; None: torch's ``default_collate``.
        drop_last: True: leave out what doesn't fill a batch on every rank. False: the last batch may be smaller, and
            by one record more on some ranks than on others.
        timeout: seconds to wait for a batch from the workers.

    Raises:
        OptionError: a size, rank or seed out of range.
        DataError: the dataset is empty, or with ``drop_last`` smaller than a batch. While iterating: a record can't
            be read (named, with the reason), a worker died or hangs (named: the records it was to load).

    Example:
        >>> loader = ResumableLoader(range(10, 17), batch_size=3)
        >>> batches = iter(loader)
        >>> next(batches)
        tensor([10, 11, 12])
        >>> again = ResumableLoader(range(10, 17), batch_size=3)
        >>> again.load_state_dict(loader.state_dict())
        >>> list(again)
        [tensor([13, 14, 15]), tensor([16])]
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int,
        shuffle: bool = False,
        seed: int = 0,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        drop_last: bool = False,
        rank: int = 0,
        world_size: int = 1,
        timeout: float = 300.0,
    ) -> None:
        super().__init__()
        check_positive(batch_size=batch_size)
        check_rank(rank, world_size)
        check_seed(seed)
        if num_workers < 0:
            raise OptionError(f"num_workers is {num_workers}; use 0 or more")
        if timeout <= 0:
            raise OptionError(f"timeout is {timeout}; use a positive number of seconds")
        self.dataset, self.batch_size, self.shuffle, self.seed = dataset, batch_size, shuffle, seed
        self.num_workers, self.drop_last, self.rank, self.world_size = num_workers, drop_last, rank, world_size
        self.timeout = timeout
        self.collate_fn = default_collate if collate_fn is None else collate_fn
        self._records = len(dataset)
        if self._records == 0:
            raise DataError(f"{_name(dataset)} has no records; give one that has")
        if len(self) == 0:
            raise DataError(
                f"{_name(dataset)} has {self._records} records, fewer than the {batch_size * world_size} of one batch; "
                f"use a smaller batch_size or drop_last=False"
            )

    def __len__(self) -> int:
        together = self.batch_size * self.world_size
        return self._records // together if self.drop_last else -(-self._records // together)

    def _batches(self, start: int) -> Iterator[Any]:
        batches = self._cut(self._order())[start:]
        reader: Any = _Reader(self.dataset, self.seed, self.epoch)  # has what torch's fetcher calls
        options: dict[str, Any] = {
            "batch_sampler": batches,
            "collate_fn": _Collate(self.collate_fn),
            "generator": torch.Generator().manual_seed(self.seed),
        }
        if self.num_workers:
            options |= {"num_workers": self.num_workers, "prefetch_factor": _PREFETCHED}
            remaining: Iterator[Any] = WorkerBatches(reader, self.timeout, **options)
        else:
            remaining = iter(DataLoader(reader, **options))
        for k in range(len(batches)):
            failure: SeqmodelsError | None = None
            try:
                batch = next(remaining)
            except WorkerFailed as error:
                failure = self._worker_failed(start + k, batches[k : k + _PREFETCHED * self.num_workers], error)
            else:
                failure = batch.error() if isinstance(batch, _Failure) else None
            if failure is not None:
                # Ends the other workers now; a traceback that leads there would keep them.
                del remaining
                raise failure
            yield batch

    def _order(self) -> list[int]:
        """The records of this rank in this epoch, for all its batches."""
        order = np.arange(self._records)
        if self.shuffle:
            order = np.random.default_rng([self.seed, self.epoch]).permutation(order)
        if self.drop_last:
            order = order[: len(self) * self.batch_size * self.world_size]
        own = order[self.rank :: self.world_size].tolist()
        if len(own) < len(self):  # less than one for each batch: take one of those that came first
            own.append(int(order[(len(own) * self.world_size + self.rank) % len(order)]))
        return own

    def _cut(self, records: list[int]) -> list[list[int]]:
        """Batches of these records: full ones, the rest, and at least one record in each."""
        batches = len(self)
        ends = [min(k * self.batch_size, len(records) - (batches - k)) for k in range(1, batches + 1)]
        return [records[start:end] for start, end in pairwise([0, *ends])]

    def _worker_failed(self, number: int, batches: Sequence[list[int]], error: WorkerFailed) -> DataError:
        records = [record for batch in batches for record in batch]
        return DataError(
            f"{_name(self.dataset)}: {error} while loading batches {number} to "
            f"{number + len(batches) - 1} of epoch {self.epoch} ({_in_words(records)}); "
            f"look at these records, use fewer workers if memory ran out, or num_workers=0 to see the cause"
        )

    def _identity(self) -> dict[str, int]:
        return {
            "records": self._records,
            "batch_size": self.batch_size,
            "world_size": self.world_size,
            "shuffle": int(self.shuffle),
            "drop_last": int(self.drop_last),
            "seed": self.seed,
        }


class _Failure(NamedTuple):
    """An exception on its way from a worker: as text, for not every exception can be pickled."""

    kind: type[SeqmodelsError]
    message: str
    trace: str

    def error(self) -> SeqmodelsError:
        error = self.kind(self.message)
        error.__cause__ = RuntimeError(f"in the dataset:\n{self.trace}") if self.trace else None
        return error


class _Reader:
    """The dataset as torch's fetcher sees it: a whole batch at once, seeded by its place, failures as values."""

    def __init__(self, dataset: Any, seed: int, epoch: int) -> None:
        self._dataset = dataset
        self._seed = (seed, epoch)

    def __getitems__(self, records: list[int]) -> list[Any] | _Failure:
        if get_worker_info() is not None:
            _seed_everything([*self._seed, records[0]])
        if callable(getattr(self._dataset, "__getitems__", None)):
            return self._read(records, self._dataset.__getitems__)
        batch = []
        for record in records:
            found = self._read([record], lambda one: self._dataset[one[0]])
            if isinstance(found, _Failure):
                return found
            batch.append(found)
        return batch

    def _read(self, records: list[int], get: Callable[[list[int]], Any]) -> Any:
        try:
            return get(records)
        except SeqmodelsError as error:
            return _Failure(type(error), str(error), "")
        except Exception as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            message = f"{_name(self._dataset)}, {_in_words(records)}: cannot be read ({reason}); mend or remove it"
            return _Failure(DataError, message, traceback.format_exc())


class _Collate:
    """``collate_fn``, past which a failure goes untouched."""

    def __init__(self, collate_fn: Callable[[list[Any]], Any]) -> None:
        self._collate_fn = collate_fn

    def __call__(self, records: list[Any] | _Failure) -> Any:
        return records if isinstance(records, _Failure) else self._collate_fn(records)


def _seed_everything(place: list[int]) -> None:
    numbers = np.random.SeedSequence(place).generate_state(3)
    torch.manual_seed(int(numbers[0]))
    random.seed(int(numbers[1]))
    np.random.seed(int(numbers[2]))


def _in_words(records: Sequence[int]) -> str:
    if len(records) == 1:
        return f"record {records[0]}"
    if records[-1] - records[0] == len(records) - 1:
        return f"records {records[0]} to {records[-1]}"
    return f"records {', '.join(map(str, records[:8]))}{', ...' if len(records) > 8 else ''}"


def _name(dataset: Any) -> str:
    return getattr(dataset, "name", None) or f"the dataset {type(dataset).__name__}"
