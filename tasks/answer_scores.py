"""The official accuracy of answers over an epoch and all ranks, by type of answer."""

import math
import re
from collections import defaultdict
from collections.abc import Sequence

from seqmodels.data.question_data import QuestionBatch
from seqmodels.metrics import vqa_accuracy
from seqmodels.training.random_state import gather_from_ranks


class AnswerScores:
    """Adds up losses and accuracies; ``compute`` gives their means and begins again."""

    def __init__(self) -> None:
        self._sums: defaultdict[str, float] = defaultdict(float)
        self._counts: defaultdict[str, float] = defaultdict(float)
        self._written: dict[str, str] = {}
        self.written: dict[str, str] = {}  # of the last epoch, by the key of the question

    def update(self, loss: float, count: int, written: Sequence[str], batch: QuestionBatch) -> None:
        """Takes a batch: its summed loss over ``count`` questions, and the answer written to each question."""
        self._add("loss", loss, count)
        self._written.update(zip(batch.keys, written, strict=True))
        for answer, given, kind in zip(written, batch.answers, batch.answer_types, strict=True):
            if not given:
                continue  # a test set, whose answers are kept elsewhere
            right = vqa_accuracy(answer, given) if len(given) > 1 else float(answer == given[0])
            self._add("accuracy", right, 1)
            self._add("accuracy_" + re.sub(r"\W+", "_", kind), right, 1)

    def _add(self, name: str, value: float, count: int) -> None:
        self._sums[name] += value
        self._counts[name] += count

    def compute(self) -> dict[str, float]:
        """The means over all ranks."""
        sums: defaultdict[str, float] = defaultdict(float)
        counts: defaultdict[str, float] = defaultdict(float)
        self.written = {}
        for one, other, written in gather_from_ranks((dict(self._sums), dict(self._counts), self._written)):
            for name in one:
                sums[name] += one[name]
                counts[name] += other[name]
            self.written |= written
        self._sums.clear()
        self._counts.clear()
        self._written = {}
        return {name: sums[name] / count if count else math.nan for name, count in sorted(counts.items())}
