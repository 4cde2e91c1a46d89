"""What the tasks share that report on each class, of sequences, steps or trees."""

from collections.abc import Sequence
from typing import ClassVar

from seqmodels.data.streams import NOT_SCORED
from seqmodels.tasks.class_report import ClassReport


class ReportsClasses:
    """A report on each class after validation and test; for a LightningModule, to stand before it among the bases."""

    labels: list[str]
    columns: ClassVar[str]
    """The heads of the file of predictions."""

    def _begin_reports(self, labels: Sequence[str]) -> None:
        self._reports = {stage: ClassReport(labels) for stage in ("val", "test")}
        self._latest = "val"

    def _label(self, number: int) -> str:
        """The name of a class; nothing where the true one isn't known."""
        return "" if number == NOT_SCORED else self.labels[number]

    def on_validation_epoch_end(self) -> None:
        self._finish("val")

    def on_test_epoch_end(self) -> None:
        self._finish("test")

    def _finish(self, stage: str) -> None:
        self._reports[stage].compute()
        self._latest = stage

    def report(self) -> ClassReport:
        """Precision, recall, F1 and confusions of the latest validation or test."""
        return self._reports[self._latest]

    def write_results(self, path: str) -> None:
        """Writes a folder: ``report.md`` (precision, recall and F1), ``confusion.png`` and ``predictions.tsv``.

        Raises:
            OptionError: If it can't be written to.
        """
        self.report().write(path, self.columns)
