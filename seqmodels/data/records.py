"""``RecordData``: what data modules of whole records share, their three loaders and the options of these."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from seqmodels.data.module import DataModule
from seqmodels.data.position import check_positive, check_seed
from seqmodels.data.resumable import ResumableLoader
from seqmodels.errors import OptionError


class RecordData(DataModule):
    """Training, validation and test records, each read with ``[]`` and batched by `collate`.

    With several processes, each has its share of the records. (Only with batches of one record, or fewer records than
    processes, some come twice, as all need equally many batches.)

    Args:
        batch_size: B, the records of each process.
        eval_batch_size: those in validation and test; None: ``batch_size``.
        seed: of the order of the training records.
        num_workers: processes that read records; 0: this one.

    Raises:
        OptionError: an option out of range.
    """

    def __init__(self, batch_size: int, eval_batch_size: int | None, seed: int, num_workers: int = 0) -> None:
        super().__init__()
        check_positive(batch_size=batch_size)
        if eval_batch_size is not None:
            check_positive(eval_batch_size=eval_batch_size)
        check_seed(seed)
        if num_workers < 0:
            raise OptionError(f"num_workers is {num_workers}; use 0 or more")
        self.batch_size, self.eval_batch_size, self.seed = batch_size, eval_batch_size or batch_size, seed
        self.num_workers = num_workers
        self._parts: Mapping[str, Any] = {}

    @abstractmethod
    def read_parts(self) -> Mapping[str, Any]:
        """The datasets "train", "validation" and "test"; called once. Their ``name`` is used in errors."""

    @abstractmethod
    def collate(self, records: list[Any]) -> Any:
        """A batch of these records."""

    @property
    def parts(self) -> Mapping[str, Any]:
        """The datasets, read when they are first asked for."""
        if not self._parts:
            self._parts = self.read_parts()
        return self._parts

    def __getstate__(self) -> dict[str, Any]:
        # Where workers aren't forked they get `collate`, and with it this, but no Trainer goes to another process.
        return self.__dict__ | {"trainer": None, "_parts": {}}

    def sizes(self) -> str:
        """How many records there are, as in "100 train, 20 validation, 20 test"."""
        return ", ".join(f"{len(part):,} {name}" for name, part in self.parts.items())

    def train_dataloader(self) -> ResumableLoader:
        """In another order every epoch."""
        return self._loader("train", self.batch_size)

    def val_dataloader(self) -> ResumableLoader:
        """Each record once."""
        return self._loader("validation", self.eval_batch_size)

    def test_dataloader(self) -> ResumableLoader:
        """Each record once."""
        return self._loader("test", self.eval_batch_size)

    def _loader(self, part: str, batch_size: int) -> ResumableLoader:
        return ResumableLoader(
            self.parts[part],
            batch_size,
            shuffle=part == "train",
            seed=self.seed,
            num_workers=self.num_workers,
            collate_fn=self.collate,
            **self.place,
        )
