"""``LabelledTextData``: texts with a class each."""

# No `from __future__ import annotations`: LightningCLI reads the types of the constructor.
from functools import cached_property
from typing import Literal

import torch

from seqmodels.data.labelled import LabelledData, LabelledText, read_labelled_texts
from seqmodels.data.plain_words import plain_words
from seqmodels.data.position import check_positive
from seqmodels.data.sequences import SequenceBatch, pad
from seqmodels.data.tokenizer import Tokenizer, build_tokenizer
from seqmodels.errors import OptionError


class LabelledTextData(LabelledData):
    """Texts with a class each: names of characters (always there), or files and datasets in one of the usual forms.

    Lines with a class and a text, fastText's lines, CSV, a folder with a file for each class, a Hugging Face dataset;
    see ``seqmodels.data.labelled.read_labelled_texts``. Vocabulary and classes are those of the training texts.

    Input [T, B]: tokens, 0 past a text's end. Target [B]: the number of the class in ``labels``. Lengths [B]. A text
    that the classes of training don't cover is an error, or one of ``max_bad``.

    Without a file for validation or test, a hash of the text decides in which part it is.

    Args:
        source: "unicode", or the file, folder or dataset.
        valid_source: A file of its own for validation.
        test_source: The same for the test; None: without ``valid_source`` a part of ``source``, with it what
            validation has.
        fractions: Expected shares of training, validation and test of ``source``.
        split_seed: Of the hash.
        label_at: Whether the class comes first or last in a line.
        text_column: The column of a table or dataset that holds the texts.
        label_column: That of the classes.
        unit: "word": lower case, punctuation marks are words; "character" or "subword": the text as it is.
        vocabulary_size: The most tokens; None: all, of subwords 4,096.
        min_count: How often a word or character must occur to get a token.
        max_length: Texts are cut after so many tokens; None: never.
        max_bad: How many records of each source may be faulty; they are named, and left out.
        batch_size: B, the texts of each process.
        eval_batch_size: Those in validation and test; None: ``batch_size``.
        seed: Of the order of the training texts.

    Attributes:
        tokenizer: Of the training texts; may be set.
        labels: The classes of the training texts, sorted; may be set.

    Raises:
        OptionError: An option out of range.
        DataError: While reading: a file is missing or damaged.

    Example:
        >>> from seqmodels.data import LabelledTextData
        >>> data = LabelledTextData("unicode", batch_size=32)
        >>> batch = next(iter(data.train_dataloader()))
        >>> batch.input.shape[1], batch.target.shape, data.labels[:2]
        (32, torch.Size([32]), ['close punctuation', 'connector punctuation'])
    """

    def __init__(
        self,
        source: str = "unicode",
        valid_source: str | None = None,
        test_source: str | None = None,
        fractions: tuple[float, float, float] = (0.8, 0.1, 0.1),
        split_seed: int = 0,
        label_at: Literal["first", "last"] = "first",
        text_column: str = "text",
        label_column: str = "label",
        unit: Literal["word", "character", "subword"] = "word",
        vocabulary_size: int | None = None,
        min_count: int = 1,
        max_length: int | None = None,
        max_bad: int = 0,
        batch_size: int = 32,
        eval_batch_size: int | None = None,
        seed: int = 0,
    ) -> None:
        sources = (source, valid_source, test_source)
        super().__init__(sources, fractions, split_seed, max_bad, batch_size, eval_batch_size, seed)
        check_positive(min_count=min_count, **({} if max_length is None else {"max_length": max_length}))
        if label_at not in ("first", "last"):
            raise OptionError(f"label_at is {label_at!r}; use 'first' or 'last'")
        if unit not in ("word", "character", "subword"):
            raise OptionError(f"unit {unit!r} is unknown; use 'word', 'character' or 'subword'")
        self.label_at, self.columns = label_at, (text_column, label_column)
        self.unit, self.vocabulary_size, self.min_count, self.max_length = unit, vocabulary_size, min_count, max_length
        self.save_hyperparameters(logger=False)

    def read(self, source: str) -> dict[str, list[LabelledText]]:
        """The texts of a source, by part."""
        return read_labelled_texts(source, self.label_at, *self.columns, max_bad=self.max_bad)

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """Of the training texts. Set it to read with a trained model's vocabulary."""
        text = "".join(f"{text_for(self.unit, record.text)}\n" for record in self.records["train"])
        return build_tokenizer(self.unit, text, self.vocabulary_size, self.min_count, unknown=True)

    def collate(self, records: list[LabelledText]) -> SequenceBatch:
        """Texts and classes -> input [T, B], target [B], lengths [B], and the texts as they are."""
        tokenizer = self.tokenizer
        texts = [tokenizer.encode(text_for(tokenizer.unit, record.text))[: self.max_length] for record in records]
        input, lengths = pad(texts)
        classes = torch.tensor([self.class_numbers(record)[0] for record in records])
        return SequenceBatch(input, classes, lengths, tuple(record.text for record in records))

    def describe(self) -> str:
        """One line: the texts, how many there are, their classes and the vocabulary."""
        sizes = f"{self.sizes()} texts, {len(self.labels)} classes"
        return f"LabelledTextData: {self.source}, {sizes}, {len(self.tokenizer):,} {self.tokenizer.unit}s"


def text_for(unit: str, text: str) -> str:
    """A text as the tokenizer of that unit takes it; also what is given to a trained model.

    >>> text_for("word", "What's that?"), text_for("character", "What's that?")
    ("what's that ?", "What's that?")
    """
    return plain_words(text) if unit == "word" else " ".join(text.split())
