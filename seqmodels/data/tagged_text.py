"""``TaggedTextData``: sentences with a tag for each word."""

# No `from __future__ import annotations`: LightningCLI reads the types of the constructor.
from collections.abc import Sequence
from functools import cached_property

import torch
from torch.nn.utils.rnn import pad_sequence

from seqmodels.data.labelled import LabelledData, TaggedSentence, read_tagged_sentences
from seqmodels.data.position import check_positive
from seqmodels.data.sequences import SequenceBatch, pad
from seqmodels.data.streams import NOT_SCORED
from seqmodels.data.tokenizer import Tokenizer, build_tokenizer


class TaggedTextData(LabelledData):
    """Sentences with a tag for each word: lines of Python (always there), or files in CoNLL's columns.

    See ``seqmodels.data.labelled.read_tagged_sentences``. Vocabulary and tags are those of the training sentences.

    Input [T, B]: words, 0 past a sentence's end. Target [T, B]: the numbers of the tags in ``labels``, not scored past
    the end. Lengths [B]. A sentence that the tags of training don't cover is an error, or one of ``max_bad``.

    Without a file for validation or test, a hash of the words decides in which part a sentence is.

    Args:
        source: "python", or the file.
        valid_source: A file of its own for validation.
        test_source: The same for the test; None: without ``valid_source`` a part of ``source``, with it what
            validation has.
        fractions: Expected shares of training, validation and test of ``source``.
        split_seed: Of the hash.
        word_column: The column of the words, from 1; None: the first, in a ``.conllu`` file the second.
        tag_column: That of the tags, from 1, or CoNLL-U's name of it, such as "xpos"; None: the last, in a ``.conllu``
            file "upos".
        lowercase: Read words in lower case.
        min_count: How often a word must occur to get a token of its own; the others are ``<unk>``.
        max_bad: How many sentences of each source may be faulty; they are named, and left out.
        batch_size: B, the sentences of each process.
        eval_batch_size: Those in validation and test; None: ``batch_size``.
        seed: Of the order of the training sentences.

    Attributes:
        tokenizer: Of the training words; may be set.
        labels: The tags of the training words, sorted; may be set.

    Raises:
        OptionError: An option out of range.
        DataError: While reading: a file is missing or damaged.

    Example:
        >>> from seqmodels.data import TaggedTextData
        >>> data = TaggedTextData("python", batch_size=16)
        >>> batch = next(iter(data.train_dataloader()))
        >>> batch.input.shape == batch.target.shape, data.labels[:4]
        (True, ['argument', 'attribute', 'call', 'definition'])
    """

    def __init__(
        self,
        source: str = "python",
        valid_source: str | None = None,
        test_source: str | None = None,
        fractions: tuple[float, float, float] = (0.8, 0.1, 0.1),
        split_seed: int = 0,
        word_column: int | None = None,
        tag_column: int | str | None = None,
        lowercase: bool = False,
        min_count: int = 2,
        max_bad: int = 0,
        batch_size: int = 32,
        eval_batch_size: int | None = None,
        seed: int = 0,
    ) -> None:
        sources = (source, valid_source, test_source)
        super().__init__(sources, fractions, split_seed, max_bad, batch_size, eval_batch_size, seed)
        check_positive(min_count=min_count)
        self.word_column, self.tag_column = word_column, tag_column
        self.lowercase, self.min_count = lowercase, min_count
        self.save_hyperparameters(logger=False)

    def read(self, source: str) -> dict[str, list[TaggedSentence]]:
        """The sentences of a source, all of them to train on."""
        return {"train": read_tagged_sentences(source, self.word_column, self.tag_column, self.max_bad)}

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """Of the training words. Set it to read with a trained model's vocabulary."""
        text = "".join(f"{self._joined(record)}\n" for record in self.records["train"])
        return build_tokenizer("word", text, min_count=self.min_count)

    def collate(self, records: list[TaggedSentence]) -> SequenceBatch:
        """Sentences -> input and target [T, B], lengths [B], and the words as they are."""
        input, lengths = pad([self.tokenizer.encode(self._joined(record)) for record in records])
        tags = [torch.tensor(self.class_numbers(record)) for record in records]
        texts = tuple("\t".join(record.words) for record in records)
        return SequenceBatch(input, pad_sequence(tags, padding_value=NOT_SCORED), lengths, texts)

    def _joined(self, record: TaggedSentence) -> str:
        text = join_words(record.words)
        return text.lower() if self.lowercase else text

    def describe(self) -> str:
        """One line: the sentences, how many there are, their tags and the vocabulary."""
        sizes = f"{self.sizes()} sentences, {len(self.labels)} tags"
        return f"TaggedTextData: {self.source}, {sizes}, {len(self.tokenizer):,} words"


def join_words(words: Sequence[str]) -> str:
    """The text that a word tokenizer encodes as one token a word; also what is given to a trained model.

    >>> join_words(["about", "10 000", "people"])
    'about 10_000 people'
    """
    return " ".join("_".join(word.split()) for word in words)
