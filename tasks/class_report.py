"""What a classifier gets right, class by class: precision, recall, F1, and which classes it takes for which."""

from collections.abc import Iterator, Sequence
from itertools import chain, compress, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from seqmodels.errors import OptionError
from seqmodels.training.random_state import gather_from_ranks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_WITH_NUMBERS = 20  # classes whose counts can be read in the picture


class ClassScores(NamedTuple):
    """Of one class, or a mean over classes; numbers in [0, 1]."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int
    """How often the class is the true one."""


class ClassReport:
    """Counts which class was taken for which; ``compute`` adds up all ranks and begins again.

    Args:
        labels: The names of the K classes.

    Attributes:
        confusion: Of the last epoch [K, K]: how often the row's class was taken for the column's.

    Example:
        >>> report = ClassReport(["cat", "dog"])
        >>> report.update(torch.tensor([0, 0, 0, 1]), torch.tensor([0, 0, 1, 1]))
        >>> report.compute()
        >>> print(report.table())
        | class | precision | recall | F1 | support |
        | --- | ---: | ---: | ---: | ---: |
        | cat | 1.0000 | 0.6667 | 0.8000 | 3 |
        | dog | 0.5000 | 1.0000 | 0.6667 | 1 |
        | macro mean | 0.7500 | 0.8333 | 0.7333 | 4 |
        | weighted mean | 0.8750 | 0.7500 | 0.7667 | 4 |
        <BLANKLINE>
        accuracy 0.7500
    """

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = list(labels)
        self.confusion = self._counted = torch.zeros(len(labels), len(labels), dtype=torch.long)
        self.written: list[str] = []
        self._written: list[str] = []

    def update(self, target: Int[Tensor, " N"], predicted: Int[Tensor, " N"], written: Sequence[str] = ()) -> None:
        """Takes N true classes and what they were taken for, and what to write of them into the file of predictions."""
        classes = len(self.labels)
        pairs = torch.bincount(target * classes + predicted, minlength=classes**2)
        self._counted = self._counted + pairs.view(classes, classes)
        self._written.extend(written)

    def compute(self) -> None:
        """Adds up the epoch over all ranks, which must all call this."""
        parts = gather_from_ranks((self._counted, self._written))
        self.confusion = torch.stack([counted for counted, _ in parts]).sum(0)
        # Records are dealt out to the ranks in turn.
        dealt = chain.from_iterable(zip_longest(*(written for _, written in parts)))
        self.written = [one for one in dealt if one is not None]
        self._counted, self._written = torch.zeros_like(self.confusion), []

    def scores(self) -> list[ClassScores]:
        """Of each class; what has no value, such as the precision of a class never named, is 0."""
        right, true, named = self.confusion.diag(), self.confusion.sum(1), self.confusion.sum(0)
        columns = (_share(right, named), _share(right, true), _share(2 * right, true + named), true.tolist())
        return [ClassScores(*row) for row in zip(self.labels, *columns, strict=True)]

    def means(self) -> list[ClassScores]:
        """Over classes that occur or were named: each counted once (macro), or as often as it occurs (weighted)."""
        occurs = (self.confusion.sum(0) + self.confusion.sum(1) > 0).tolist()
        present = list(compress(self.scores(), occurs))
        total = sum(one.support for one in present)
        return [
            _mean("macro mean", present, [1] * len(present), total),
            _mean("weighted mean", present, [one.support for one in present], total),
        ]

    def table(self) -> str:
        """The scores as a table in Markdown, and the accuracy."""
        head = ["| class | precision | recall | F1 | support |", "| --- | ---: | ---: | ---: | ---: |"]
        rows = [
            f"| {one.name.replace('|', chr(92) + '|')} | {one.precision:.4f} | {one.recall:.4f} | {one.f1:.4f} "
            f"| {one.support} |"
            for one in chain(self.scores(), self.means())
        ]
        (accuracy,) = _share(self.confusion.trace()[None], self.confusion.sum()[None])
        return "\n".join([*head, *rows, "", f"accuracy {accuracy:.4f}"])

    def picture(self) -> "Figure":
        """The confusion matrix: a row a true class, coloured by the share of it that was taken for each column's."""
        from matplotlib.figure import Figure

        classes = len(self.labels)
        width = min(3 + 0.4 * classes, 20)
        figure = Figure(figsize=(width, width), layout="constrained")
        axes = figure.add_subplot()
        shares = self.confusion / self.confusion.sum(1, keepdim=True).clamp(min=1)
        axes.imshow(shares.numpy(), cmap="Blues", vmin=0, vmax=1)
        axes.set_xlabel("predicted")
        axes.set_ylabel("true")
        shown = range(0, classes, -(-classes // 100))
        names = [self.labels[k].replace("$", r"\$") for k in shown]  # no formulas
        axes.set_xticks(shown, names, rotation=90)
        axes.set_yticks(shown, names)
        if classes <= MOST_WITH_NUMBERS:
            for row, column in self.confusion.nonzero().tolist():
                colour = "white" if shares[row, column] > 0.5 else "black"
                count = int(self.confusion[row, column])
                axes.text(column, row, f"{count}", ha="center", va="center", color=colour, fontsize="small")
        return figure

    def write(self, folder: str, header: str) -> None:
        """``report.md``, ``confusion.png`` and ``predictions.tsv`` into a folder, which is made if need be.

        Raises:
            OptionError: If it can't be written to.
        """
        path = Path(folder)
        try:
            path.mkdir(parents=True, exist_ok=True)
            (path / "report.md").write_text(self.table() + "\n", encoding="utf-8")
            self.picture().savefig(path / "confusion.png", dpi=150)
            with (path / "predictions.tsv").open("w", encoding="utf-8", errors="surrogateescape") as file:
                file.writelines(f"{line}\n" for line in chain([header], self.written))
        except OSError as error:
            raise OptionError(
                f"{folder}: can't be written to ({error.strerror}); name a folder for the report"
            ) from None


def _share(part: Tensor, whole: Tensor) -> list[float]:
    return (part.double() / whole.clamp(min=1)).tolist()


def _mean(name: str, scores: Sequence[ClassScores], weights: Sequence[int], support: int) -> ClassScores:
    def over(values: Iterator[float]) -> float:
        return sum(w * value for w, value in zip(weights, values, strict=True)) / max(sum(weights), 1)

    return ClassScores(
        name,
        over(one.precision for one in scores),
        over(one.recall for one in scores),
        over(one.f1 for one in scores),
        support,
    )
