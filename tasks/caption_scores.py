"""The scores of written captions over an epoch and all ranks."""

import math
from collections.abc import Sequence

from seqmodels.metrics import caption_scores
from seqmodels.training.random_state import gather_from_ranks


class CaptionScores:
    """Keeps what was written; ``compute`` scores it and begins again."""

    def __init__(self) -> None:
        self.written: dict[str, str] = {}  # of the last epoch, by the key of the picture
        self._clear()

    def _clear(self) -> None:
        self._nats, self._count = 0.0, 0
        self._written: dict[str, str] = {}
        self._references: dict[str, tuple[str, ...]] = {}

    def update(
        self,
        nats: float,
        count: int,
        keys: Sequence[str],
        written: Sequence[str],
        references: Sequence[tuple[str, ...]],
    ) -> None:
        """Takes a batch: its summed loss over ``count`` tokens, and the caption written for each picture."""
        self._nats += nats
        self._count += count
        self._written.update(zip(keys, written, strict=True))
        self._references.update(zip(keys, references, strict=True))

    def compute(self) -> dict[str, float]:
        """The loss, BLEU, ROUGE-L, CIDEr-D, and the share of captions equal to a reference, over all ranks."""
        nats, count = 0.0, 0
        written: dict[str, str] = {}
        references: dict[str, tuple[str, ...]] = {}
        for part in gather_from_ranks((self._nats, self._count, self._written, self._references)):
            nats, count = nats + part[0], count + part[1]
            written |= part[2]
            references |= part[3]
        self._clear()
        self.written = written
        scores = {"loss": nats / count if count else math.nan}
        if written:
            exact = sum(caption in references[key] for key, caption in written.items())
            scores |= caption_scores(written, references)
            scores["exact_match"] = exact / len(written)
        return scores
