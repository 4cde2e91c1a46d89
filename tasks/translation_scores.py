"""The scores of written translations over an epoch and all ranks."""

import math
from collections.abc import Sequence
from itertools import chain, zip_longest
from typing import Any

from seqmodels.errors import DataError
from seqmodels.files.atomic_file import write_atomically
from seqmodels.metrics.translation import bleu_chrf
from seqmodels.training.metrics import LARGEST_EXPONENT
from seqmodels.training.random_state import gather_from_ranks


class TranslationScores:
    """Keeps what was written; ``compute`` scores it and begins again.

    Example:
        >>> scores = TranslationScores()
        >>> scores.update(3.0, 2, 1, ["a dog runs fast"], ["a dog runs fast"])
        >>> {name: round(value, 2) for name, value in scores.compute().items() if name in ("loss", "accuracy", "bleu")}
        {'loss': 1.5, 'accuracy': 0.5, 'bleu': 100.0}
    """

    def __init__(self) -> None:
        self.written: list[str] = []  # of the last epoch, in the order of the data
        self.signatures: dict[str, str] = {}
        self._clear()

    def _clear(self) -> None:
        self._nats, self._count, self._correct = 0.0, 0, 0
        self._pairs: list[tuple[str, str]] = []

    def update(self, nats: float, count: int, correct: int, written: Sequence[str], references: Sequence[str]) -> None:
        """Takes a batch: its summed loss over ``count`` tokens, how many were likeliest, and the translations."""
        self._nats += nats
        self._count += count
        self._correct += correct
        self._pairs += zip(written, references, strict=True)

    def compute(self, records: int | None = None) -> dict[str, float]:
        """The scores over all ranks; every rank must call this.

        Args:
            records: How many there are; ranks that must have equally many had some of the first ones again at the end.

        Returns:
            ``loss`` (nats a token), ``perplexity``, ``accuracy`` (of tokens) and ``exact_match`` from 0 to 1, ``bleu``
            and ``chrf`` from 0 to 100.
        """
        parts = gather_from_ranks((self._nats, self._count, self._correct, self._pairs))
        self._clear()
        nats = sum(part[0] for part in parts)
        count = sum(part[1] for part in parts)
        correct = sum(part[2] for part in parts)
        loss, accuracy = (total / count if count else math.nan for total in (nats, correct))
        scores = {"loss": loss, "perplexity": math.exp(min(loss, LARGEST_EXPONENT)), "accuracy": accuracy}
        pairs = _in_order([part[3] for part in parts])[:records]
        self.written = [written for written, _ in pairs]
        if pairs:
            scores |= self._texts(pairs)
        return scores

    def write(self, path: str) -> None:
        """The translations of the last epoch, one a line.

        Raises:
            DataError: If the file can't be written.
        """
        try:
            with write_atomically(path) as file:
                file.write("".join(f"{' '.join(text.split())}\n" for text in self.written).encode())
        except OSError as error:
            raise DataError(f"{path}: can't be written ({error.strerror}); check path and permissions") from None

    def _texts(self, pairs: list[tuple[str, str]]) -> dict[str, float]:
        written, references = zip(*pairs, strict=True)
        found = bleu_chrf(written, references)
        self.signatures = {"BLEU": found["bleu_signature"], "chrF": found["chrf_signature"]}
        exact = sum(one == reference for one, reference in pairs)
        return {"bleu": found["bleu"], "chrf": found["chrf"], "exact_match": exact / len(pairs)}


def _in_order(parts: list[list[Any]]) -> list[Any]:
    """The records of all ranks as the data have them: rank r of W has every W-th from r on."""
    nothing = object()
    return [one for one in chain.from_iterable(zip_longest(*parts, fillvalue=nothing)) if one is not nothing]
