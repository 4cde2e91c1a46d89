"""Where the training, validation and test text come from."""

import math
from dataclasses import dataclass
from typing import NamedTuple

from seqmodels.data.corpora import PYTHON, SHAKESPEARE, corpus_title, read_corpus
from seqmodels.data.held_out import PARTS
from seqmodels.data.text_file import read_text
from seqmodels.errors import DataError, OptionError

_IN_WORDS = {"train": "training", "validation": "validation", "test": "test"}


class Text(NamedTuple):
    """A text and what to call it in an error."""

    text: str
    source: str


@dataclass(frozen=True)
class TextSources:
    """The options of ``TextData`` that say what to read; ``check`` before ``read``.

    Example:
        >>> sources = TextSources(fractions=(0.5, 0.5, 0.0))
        >>> sources.check()
        >>> sorted(sources.read())
        ['train', 'validation']
    """

    name: str = PYTHON
    path: str | None = None
    train_path: str | None = None
    valid_path: str | None = None
    test_path: str | None = None
    fractions: tuple[float, float, float] = (0.9, 0.05, 0.05)
    text_column: str = "text"

    @property
    def title(self) -> str:
        return self.path or self.train_path or corpus_title(self.name)

    @property
    def downloads(self) -> bool:
        return not (self.path or self.train_path) and self.name not in (PYTHON, SHAKESPEARE)

    def check(self) -> None:
        """Refuse options that don't go together, before anything is read.

        Raises:
            OptionError: two sources at once, parts without a training text, or fractions that are none.
        """
        name = None if self.name == PYTHON else self.name
        given = {"name": name, "path": self.path, "train_path": self.train_path}
        chosen = [option for option, value in given.items() if value is not None]
        if len(chosen) > 1:
            raise OptionError(f"{' and '.join(chosen)} are given, which are different texts; keep one of them")
        for option, value in {"valid_path": self.valid_path, "test_path": self.test_path}.items():
            if value is not None and self.train_path is None:
                raise OptionError(f"{option} is given without train_path; give the training text as train_path")
        fractions = list(self.fractions)
        proper = len(fractions) == 3 and all(0 <= fraction <= 1 for fraction in fractions)
        if not proper or fractions[0] == 0 or not math.isclose(sum(fractions), 1, abs_tol=1e-6):
            raise OptionError(
                f"fractions is {fractions}; give three numbers for training, validation and test that sum to 1, "
                f"such as 0.9 0.05 0.05, the first above 0"
            )

    def read(self, max_characters: int | None = None) -> dict[str, Text]:
        """The texts by part, of each the first ``max_characters`` only; parts that nobody gave are left out.

        Raises:
            DataError: a text is missing, damaged, or too short for its fractions.
        """
        texts = {part: text[:max_characters] for part, text in self._whole().items()}
        if self.train_path is None and "validation" not in texts:
            training, validation, test = self.fractions
            if "test" in texts:
                training, validation, test = training / (1 - test), validation / (1 - test), 0.0
            texts |= _cut(texts["train"], (training, validation, test))
        found = {part: Text(texts[part], self._source(part)) for part in PARTS if part in texts}
        for text, source in found.values():
            if not text:
                raise DataError(f"{source} is empty; use a longer text or other fractions")
        return found

    def _whole(self) -> dict[str, str]:
        if self.path is not None:
            return {"train": read_text(self.path)}
        if self.train_path is not None:
            paths = dict(zip(PARTS, (self.train_path, self.valid_path, self.test_path), strict=True))
            return {part: read_text(path) for part, path in paths.items() if path is not None}
        if self.downloads:
            from seqmodels.data.dataset_texts import read_splits

            return read_splits(self.name, self.text_column)
        return {"train": read_corpus(self.name)}

    def _source(self, part: str) -> str:
        files = {"train": self.train_path, "validation": self.valid_path, "test": self.test_path}
        return files[part] or f"the {_IN_WORDS[part]} part of {self.title}"


def _cut(text: str, fractions: tuple[float, float, float]) -> dict[str, str]:
    ends = [round(len(text) * min(1.0, sum(fractions[: k + 1]))) for k in range(3)]
    begins = [0, *ends[:-1]]
    cuts = zip(PARTS, begins, ends, fractions, strict=True)
    return {part: text[begin:end] for part, begin, end, fraction in cuts if fraction > 0}
