"""``SeriesData``: series of numbers with a class each, or one for each step."""

# No `from __future__ import annotations`: LightningCLI reads the types of the constructor.
from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from seqmodels.data.labelled import LabelledData, LabelledSeries, read_labelled_series
from seqmodels.data.sequences import SequenceBatch
from seqmodels.data.streams import NOT_SCORED
from seqmodels.errors import DataError


class SeriesData(LabelledData):
    """Series of any length and number of dimensions, with a class each: ``.ts`` files, NumPy's files, folders of them.

    See ``seqmodels.data.labelled.read_labelled_series``. Measurements, features of speech, of a video's frames.

    Input [T, B, I]: the values, 0 past a series' end. Target [B]: the number of the class in ``labels``; or [T, B], if
    each step has one, and then not scored past the end. Lengths [B].

    Without a file for validation or test, a hash of the values decides in which part a series is.

    Args:
        source: The file or folder.
        valid_source: One of its own for validation.
        test_source: The same for the test; None: without ``valid_source`` a part of ``source``, with it what
            validation has.
        fractions: Expected shares of training, validation and test of ``source``.
        split_seed: Of the hash.
        normalise: Subtract the mean of the training series from each dimension, and divide by its standard deviation.
        fill_missing: A missing value becomes the one before it, at the start the first that is known. False: it is
            an error, or one of ``max_bad``.
        max_bad: How many records of each source may be faulty; they are named, and left out.
        batch_size: B, the series of each process.
        eval_batch_size: Those in validation and test; None: ``batch_size``.
        seed: Of the order of the training series.

    Attributes:
        labels: The classes of the training series, sorted; may be set.
        scaling: ``{"mean": [...], "deviation": [...]}`` of each dimension, 0 and 1 without ``normalise``; may be set.
        input_size: I, the number of dimensions.

    Raises:
        OptionError: An option out of range.
        DataError: While reading: a file is missing or damaged, or one has other dimensions than another.

    Example:
        >>> import pathlib, tempfile
        >>> from seqmodels.data import SeriesData
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "two.ts"
        >>> _ = path.write_text("@classLabel true up down\\n@data\\n1,2,3:4,5,6:up\\n3,2:6,5:down\\n")
        >>> batch = next(iter(SeriesData(str(path), valid_source=str(path)).val_dataloader()))
        >>> batch.input.shape, batch.target.tolist(), batch.lengths.tolist()
        (torch.Size([3, 2, 2]), [1, 0], [3, 2])
    """

    def __init__(
        self,
        source: str,
        valid_source: str | None = None,
        test_source: str | None = None,
        fractions: tuple[float, float, float] = (0.8, 0.1, 0.1),
        split_seed: int = 0,
        normalise: bool = True,
        fill_missing: bool = False,
        max_bad: int = 0,
        batch_size: int = 32,
        eval_batch_size: int | None = None,
        seed: int = 0,
    ) -> None:
        sources = (source, valid_source, test_source)
        super().__init__(sources, fractions, split_seed, max_bad, batch_size, eval_batch_size, seed)
        self.normalise, self.fill_missing = normalise, fill_missing
        self._scaling: dict[str, list[float]] | None = None
        self.save_hyperparameters(logger=False)

    def read(self, source: str) -> dict[str, list[LabelledSeries]]:
        """The series of a source, all of them to train on."""
        return {"train": read_labelled_series(source, self.fill_missing, self.max_bad)}

    @cached_property
    def records(self) -> dict[str, list[LabelledSeries]]:
        """The series of "train", "validation" and "test", as they were read."""
        parts = super().records
        first = parts["train"][0]
        for record in (record for records in parts.values() for record in records):
            sizes = record.values.shape[1], first.values.shape[1]
            if sizes[0] != sizes[1]:
                raise DataError(
                    f"{record.where}: has {sizes[0]} dimensions, where {first.where} has {sizes[1]}; use the same"
                )
            if type(record.label) is not type(first.label):
                raise DataError(
                    f"{record.where}: one of this and {first.where} has one class, the other a class for each step; "
                    f"use the same everywhere"
                )
        return parts

    @property
    def input_size(self) -> int:
        """Dimensions of each step."""
        return self.records["train"][0].values.shape[1]

    @property
    def scaling(self) -> dict[str, list[float]]:
        """Mean and standard deviation of each dimension. Set it to read with a trained model's."""
        if self._scaling is None:
            series = [record.values for record in self.records["train"]]
            unscaled = {"mean": [0.0] * self.input_size, "deviation": [1.0] * self.input_size}
            self._scaling = _scaling(series) if self.normalise else unscaled
        return self._scaling

    @scaling.setter
    def scaling(self, scaling: dict[str, list[float]] | None) -> None:
        self._scaling, self.normalise = scaling, scaling is not None

    def collate(self, records: list[LabelledSeries]) -> SequenceBatch:
        """Series and classes -> input [T, B, I], target [B] or [T, B], lengths [B]."""
        series = [self._scaled(torch.from_numpy(record.values)) for record in records]
        classes = [torch.tensor(self.class_numbers(record)) for record in records]
        by_step = not isinstance(records[0].label, str)
        target = pad_sequence(classes, padding_value=NOT_SCORED) if by_step else torch.cat(classes)
        return SequenceBatch(pad_sequence(series), target, torch.tensor([len(one) for one in series]))

    def _scaled(self, values: Tensor) -> Tensor:
        scaling = self.scaling
        return (values - torch.tensor(scaling["mean"])) / torch.tensor(scaling["deviation"])

    def describe(self) -> str:
        """One line: the series, how many there are, their dimensions and classes."""
        sizes = f"{self.sizes()} series of {self.input_size} dimensions, {len(self.labels)} classes"
        return f"SeriesData: {self.source}, {sizes}"


def _scaling(series: list[np.ndarray]) -> dict[str, list[float]]:
    """Over all steps; the deviation of what never changes is 1."""
    steps = sum(len(values) for values in series)
    mean = sum(values.sum(0, dtype=np.float64) for values in series) / steps
    variance = sum(((values - mean) ** 2).sum(0) for values in series) / steps
    deviation = np.sqrt(np.asarray(variance))
    return {"mean": np.asarray(mean).tolist(), "deviation": np.where(deviation > 0, deviation, 1.0).tolist()}
