"""``LabelledData``: what data modules of records with classes share."""

from abc import abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from seqmodels.data.bad_records import BadRecords, shown
from seqmodels.data.held_out import check_shares, in_parts
from seqmodels.data.position import check_seed
from seqmodels.data.records import RecordData
from seqmodels.errors import DataError

_OPTIONS = {"train": "source", "validation": "valid_source", "test": "test_source"}


class LabelledData(RecordData):
    """Records with classes in three parts, from one to three sources; the classes are those of the training records.

    Args:
        sources: Of training, validation and test; None: cut off the training records, or what the source itself has.
        fractions: Expected shares of the three, where training records are cut.
        split_seed: Of that cut; ``seed`` leaves it as it is.
        max_bad: How many records of each source may be faulty, and how many of all may have a class that no training
            record has; they are named, and left out.
        batch_size: B, the records of each process.
        eval_batch_size: Those in validation and test; None: ``batch_size``.
        seed: Of the order of the training records.

    Raises:
        OptionError: An option out of range.
    """

    def __init__(
        self,
        sources: tuple[str, str | None, str | None],
        fractions: tuple[float, float, float],
        split_seed: int,
        max_bad: int,
        batch_size: int,
        eval_batch_size: int | None,
        seed: int,
    ) -> None:
        super().__init__(batch_size, eval_batch_size, seed)
        check_shares(fractions)
        check_seed(split_seed)
        BadRecords(max_bad)  # refuses what is no number of records
        self.source = sources[0]
        self.sources = dict(zip(_OPTIONS, sources, strict=True))
        self.fractions, self.split_seed, self.max_bad = fractions, split_seed, max_bad
        self._labels: list[str] | None = None

    @abstractmethod
    def read(self, source: str) -> Mapping[str, list[Any]]:
        """The records of a source: of "train", and of "validation" and "test" where it has such parts itself."""

    @cached_property
    def records(self) -> dict[str, list[Any]]:
        """The records of "train", "validation" and "test", as they were read."""
        found = dict(self.read(self.source))
        for part in ("validation", "test"):
            if (source := self.sources[part]) is not None:
                found[part] = self.read(source)["train"]
        parts = in_parts(found, self.fractions, self.split_seed)
        for part, records in parts.items():
            if not records:
                option = f"--data.{_OPTIONS[part]}"
                raise DataError(f"{self.source}: has no records for {part}; give {option} or other --data.fractions")
        return parts

    @property
    def labels(self) -> list[str]:
        """The classes of the training records, sorted. Set it to read with a trained model's classes."""
        if self._labels is None:
            self._labels = sorted({name for record in self.records["train"] for name in record.classes})
        return self._labels

    @labels.setter
    def labels(self, labels: list[str]) -> None:
        self._labels = list(labels)
        self._parts = {}  # their classes were compared with other ones
        self.__dict__.pop("_numbers", None)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {label: number for number, label in enumerate(self.labels)}

    def class_numbers(self, record: Any) -> list[int]:
        """The number in ``labels`` of each class of a record."""
        return [self._numbers[name] for name in record.classes]

    def read_parts(self) -> dict[str, "_Records"]:
        """The records whose classes are all in ``labels``."""
        bad = BadRecords(self.max_bad)
        parts = {part: _Records(part, self.source) for part in _OPTIONS}
        for part, records in self.records.items():
            if part == "test" and records is self.records["validation"]:  # not to be counted twice
                parts[part].extend(parts["validation"])
                continue
            for record in records:
                unknown = next((name for name in record.classes if name not in self._numbers), None)
                if unknown is None:
                    parts[part].append(record)
                else:
                    bad.add(record.where, f"the class {shown(unknown)} is none of training's: {_listed(self.labels)}")
        bad.warn()
        return parts


class _Records(list[Any]):
    """What ``ResumableLoader`` reads."""

    def __init__(self, part: str, source: str) -> None:
        super().__init__()
        self.name = f"the {part} part of {source}"


def _listed(labels: list[str], most: int = 10) -> str:
    return ", ".join(labels[:most]) + (f" and {len(labels) - most} more" if len(labels) > most else "")
