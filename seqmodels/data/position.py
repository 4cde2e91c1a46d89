"""Where a loader stands: an epoch and a number of batches handed out, saved and restored."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from seqmodels.errors import CheckpointError, OptionError

TEXT = "text"  # in an identity: a checksum, which says nothing to a person


class ResumableIterable(ABC):
    """An iterable of batches that a checkpoint can stop and start anywhere.

    One pass is one epoch; the next pass is the next epoch, also without ``set_epoch``. A pass that follows
    ``load_state_dict`` goes on with the batch after the last one handed out; if that one ended its epoch, with the
    next epoch. A pass that is simply left early begins anew.

    Lightning takes it as it is: it is no torch ``DataLoader``, so nothing is wrapped or made again, and it has a
    length, so nothing is fetched ahead of the training step.
    """

    def __init__(self) -> None:
        self.epoch = 0
        self.position = 0
        self._restored = False
        self._epochs = _LightningEpochs(self)

    @abstractmethod
    def __len__(self) -> int:
        """The number of batches of an epoch; the same for every epoch and rank."""

    @abstractmethod
    def _batches(self, start: int) -> Iterator[Any]:
        """The batches of this epoch from number ``start`` on."""

    @abstractmethod
    def _identity(self) -> dict[str, int]:
        """What must be equal for a position within an epoch to mean the same batches."""

    def __iter__(self) -> Iterator[Any]:
        # A generator: nothing happens before the first batch is asked for. Lightning calls iter() to see whether it
        # can, again before it has told the epoch, and only one of these iterators is ever used.
        if self.position >= len(self) or (self._restored and self._epochs.is_later()):
            self.epoch += 1
            self.position = 0
        elif not self._restored:
            self.position = 0
        self._restored = False
        self._epochs.settle()
        for batch in self._batches(self.position):
            # Lightning doesn't come back after the last batch, so count before handing out.
            self.position += 1
            yield batch

    def set_epoch(self, epoch: int) -> None:
        """Go to the start of ``epoch``, unless the loader was restored within it."""
        if epoch != self.epoch or not self._restored:
            self.epoch = epoch
            self.position = 0
            self._restored = False

    def state_dict(self) -> dict[str, int]:
        """Plain integers: epoch, batches handed out, and what they depend on."""
        place = {"epoch": self.epoch, "position": self.position, "batches": len(self)}
        return {**place, "empty_epochs": self._epochs.empty, **self._identity()}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Stand where ``state_dict`` was called. From the end of an epoch another text is gone on with, and a warning.

        Raises:
            CheckpointError: within an epoch, the data or an option is not what it was.
        """
        try:
            epoch, position, batches = state["epoch"], state["position"], state["batches"]
        except KeyError as error:
            raise CheckpointError(f"the loader state lacks {error}; use an undamaged checkpoint") from None
        identity = self._identity()
        if TEXT not in state:  # of an earlier version
            identity.pop(TEXT, None)
        differing = [name for name, now in identity.items() if state.get(name) != now]
        if differing and 0 < position < batches:
            name = differing[0]
            with_what, same = f"with {name} = {state.get(name)}, now it is {identity[name]}", "the same value"
            if name == TEXT:
                with_what, same = "of another text", "that one"
            raise CheckpointError(
                f"the checkpoint was saved within epoch {epoch} {with_what}; resume with {same}, or from a checkpoint "
                f"at the end of an epoch"
            )
        if TEXT in differing:
            warnings.warn("the checkpoint is of another text; training goes on with this one", stacklevel=2)
        at_end = position >= batches  # whatever the number of batches is now
        self.epoch, self.position = epoch, len(self) if at_end else position
        self._restored = True
        self._epochs = _LightningEpochs(self, state.get("empty_epochs", 0))

    @property
    def batch_sampler(self) -> Any:
        """Lightning looks here for something to tell the epoch to (``batch_sampler.sampler.set_epoch``)."""
        return SimpleNamespace(sampler=self._epochs)


class _LightningEpochs:
    """Hears the epoch from Lightning before each pass.

    Restarted from the end of an epoch under ``max_steps``, Lightning 2.6 runs an empty epoch first and counts it. Here
    an epoch without a batch doesn't count, or the resumed run would skip one.
    """

    def __init__(self, loader: ResumableIterable, empty: int = 0) -> None:
        self._loader = loader
        self._told: int | None = None
        self.empty = empty

    def set_epoch(self, number: int) -> None:
        self._told = number
        if not self._loader._restored:
            self._loader.set_epoch(number - self.empty)

    def is_later(self) -> bool:
        """Whether Lightning is past the epoch that the loader was restored in; how far doesn't matter."""
        return self._told is not None and self._told - self.empty != self._loader.epoch

    def settle(self) -> None:
        """The first batch of a pass is asked for, so its epoch is what Lightning told last."""
        if self._told is not None:
            self.empty = self._told - self._loader.epoch
            self._told = None


def check_rank(rank: int, world_size: int) -> None:
    if not 0 <= rank < world_size:
        raise OptionError(f"rank {rank} of {world_size} processes does not exist; use 0 to {world_size - 1}")


def check_positive(**options: int) -> None:
    for name, value in options.items():
        if value < 1:
            raise OptionError(f"{name} is {value}; use 1 or more")


def check_seed(seed: int) -> None:
    if seed < 0:
        raise OptionError(f"seed is {seed}; use 0 or more")
