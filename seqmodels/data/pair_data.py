"""``PairData``: pairs of texts, one to be made from the other."""

# No `from __future__ import annotations`: LightningCLI reads the types of the constructor.
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import torch
from jaxtyping import Int64
from torch import Tensor

from seqmodels.data.bucketed import BucketedLoader
from seqmodels.data.held_out import PARTS, check_shares, in_parts
from seqmodels.data.pairs import Pair, SentenceTokenizer, read_pairs
from seqmodels.data.pairs.sentence_tokenizer import sentence_tokenizer
from seqmodels.data.position import check_positive
from seqmodels.data.records import RecordData
from seqmodels.data.resumable import ResumableLoader
from seqmodels.data.sequences import pad
from seqmodels.data.streams import NOT_SCORED
from seqmodels.data.tokenizer import Tokenizer
from seqmodels.errors import DataError, OptionError

Unit = Literal["subword", "word", "character"]


class PairBatch(NamedTuple):
    """B pairs of texts."""

    source: Int64[Tensor, "S B"]
    """The sources with the tokens that end them; 0 past that."""
    source_lengths: Int64[Tensor, " B"]
    """Tokens of each source, the one that ends it among them."""
    input: Int64[Tensor, "T B"]
    """The targets, after the token that begins each; 0 past their ends."""
    target: Int64[Tensor, "T B"]
    """The targets, before the token that ends each; not scored past it."""
    sources: tuple[str, ...]
    """As they are in the file; so are the references."""
    references: tuple[str, ...]

    @property
    def token_count(self) -> int:
        """Tokens of both sides, padding included."""
        return self.source.numel() + self.input.numel()


class PairData(RecordData):
    """Pairs of texts: sentences and translations, commands and actions, utterances and replies, words and sounds.

    The names of emoji in German and English (from pip alone), parallel files, tab-separated pairs, SCAN's files, a
    Hugging Face dataset, and more; see ``seqmodels.data.pairs.read_pairs``. The vocabularies are those of the training
    pairs. Lower case, words apart from punctuation, and the order of the source are the tokenizers' work, so that a
    trained model is given plain sentences, and gives plain sentences.

    Args:
        source: "emoji", "replies", "pronunciations", "addition", or the file, folder or dataset.
        target: the other file of two parallel ones.
        valid_source: a file of its own for validation; None: as the dataset says, or ``fractions``.
        valid_target: the other one.
        test_source: a file of its own for the test; None: as the dataset says, ``fractions``, or what validation has.
        test_target: the other one.
        languages: of the two sides, such as "de-en", for emoji and datasets.
        swap: exchange the two sides.
        fractions: shares of training, validation and test where neither files nor dataset say, by a hash of the source:
            pairs of one source are together.
        unit: what a token is. Subwords keep every text as it is; of words nearly so (see ``SentenceTokenizer``), and
            rare ones become ``<unk>``, as rare characters do.
        source_unit: that of the source; None: ``unit``.
        shared_vocabulary: one vocabulary for both sides, as where they share an alphabet.
        vocabulary_size: the most tokens of each vocabulary; None: all, or 4,096 subwords.
        min_count: how often a token must occur to be one.
        lowercase: read and write without capitals. The references keep theirs, and BLEU counts them.
        max_length: training pairs with more tokens on a side are left out; ``describe`` says how many. None: none.
        reverse_source: the source's tokens in reverse order (Sutskever et al. 2014), good for models without attention.
        bucket: training batches of pairs of similar length, with half the padding or less; see ``BucketedLoader``.
        digits: of the numbers of "addition", at most.
        examples: of "addition".
        max_bad: how many bad records are skipped, in each of the files.
        batch_size: B, the pairs of each process.
        eval_batch_size: those in validation and test; None: ``batch_size``.
        seed: of the order of the training pairs.

    Raises:
        OptionError: an option out of range, or files that don't go together.
        DataError: while reading: a file is missing or damaged, or a part has no pairs.

    Example:
        >>> from seqmodels.data.pair_data import PairData
        >>> data = PairData("addition", unit="character", examples=1000, batch_size=2)
        >>> batch = next(iter(data.val_dataloader()))
        >>> batch.sources, batch.references
        (('5+641=', '75+36='), ('646', '111'))
        >>> data.tokenizer.decode(batch.input[:, 0]), data.tokenizer.decode(batch.target[:, 0])
        ('\\n646', '646\\n')
    """

    def __init__(
        self,
        source: str = "emoji",
        target: str | None = None,
        valid_source: str | None = None,
        valid_target: str | None = None,
        test_source: str | None = None,
        test_target: str | None = None,
        languages: str | None = None,
        swap: bool = False,
        fractions: tuple[float, float, float] = (0.8, 0.1, 0.1),
        unit: Unit = "subword",
        source_unit: Unit | None = None,
        shared_vocabulary: bool = False,
        vocabulary_size: int | None = None,
        min_count: int = 2,
        lowercase: bool = False,
        max_length: int | None = None,
        reverse_source: bool = False,
        bucket: bool = True,
        digits: int = 3,
        examples: int = 20_000,
        max_bad: int = 0,
        batch_size: int = 64,
        eval_batch_size: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(batch_size, eval_batch_size, seed)
        sizes = {"min_count": min_count, "max_length": max_length, "vocabulary_size": vocabulary_size}
        check_positive(**{option: size for option, size in sizes.items() if size is not None})
        check_shares(fractions)
        self.files = {
            "train": (source, target),
            "validation": (valid_source, valid_target),
            "test": (test_source, test_target),
        }
        for option, (one, other) in zip(("", "valid_", "test_"), self.files.values(), strict=True):
            if one is None and other is not None:
                raise OptionError(f"{option}target is given without {option}source; give both files")
        self._reading: dict[str, Any] = {"swap": swap, "digits": digits, "examples": examples, "max_bad": max_bad}
        self.languages, self.fractions = languages, fractions
        self.unit, self.source_unit = unit, source_unit or unit
        if shared_vocabulary and self.source_unit != unit:
            raise OptionError(f"shared_vocabulary needs one unit, but source_unit is {source_unit!r}; leave it out")
        self.shared_vocabulary, self.vocabulary_size, self.min_count = shared_vocabulary, vocabulary_size, min_count
        self.lowercase, self.max_length, self.reverse_source = lowercase, max_length, reverse_source
        self.bucket, self.left_out = bucket, 0
        self._tokenizer: Tokenizer | None = None
        self._source_tokenizer: Tokenizer | None = None
        self.save_hyperparameters(logger=False)

    @property
    def tokenizer(self) -> Tokenizer:
        """Of the training targets. Set it to read with a trained model's vocabulary."""
        if self._tokenizer is None:
            lines = [pair.target for pair in self.records["train"]]
            if self.shared_vocabulary:
                lines += [pair.source for pair in self.records["train"]]
            self._tokenizer = self._build(self.unit, lines)
        return self._tokenizer

    @tokenizer.setter
    def tokenizer(self, tokenizer: Tokenizer) -> None:
        self._tokenizer, self._parts = tokenizer, {}  # pairs are made tokens when they are read

    @property
    def source_tokenizer(self) -> Tokenizer:
        """Of the training sources; that of the targets, or its reverse, if they share a vocabulary. Set it likewise."""
        if self._source_tokenizer is not None:
            return self._source_tokenizer
        if self.shared_vocabulary:
            forward = self.tokenizer
        else:
            forward = self._build(self.source_unit, [pair.source for pair in self.records["train"]])
        found = SentenceTokenizer(forward, reverse=True) if self.reverse_source else forward
        self._source_tokenizer = None if self.shared_vocabulary else found
        return found

    @source_tokenizer.setter
    def source_tokenizer(self, tokenizer: Tokenizer) -> None:
        self._source_tokenizer, self._parts = tokenizer, {}

    def _build(self, unit: str, lines: Sequence[str]) -> Tokenizer:
        text = "".join(f"{line}\n" for line in lines)
        return sentence_tokenizer(unit, text, self.vocabulary_size, self.min_count, self.lowercase)

    @cached_property
    def records(self) -> Mapping[str, list[Pair]]:
        """The pairs of each part."""
        found: dict[str, list[Pair]] = {}
        for pair in self._read("train"):
            found.setdefault(pair.split or "train", []).append(pair)
        found |= {part: self._read(part) for part in PARTS[1:] if self.files[part][0] is not None}
        parts = in_parts({"train": [], **found}, self.fractions, seed=0)
        for part, pairs in parts.items():
            if not pairs:
                raise DataError(f"{self.title}: has no pairs for {part}; give a file that has some, or other fractions")
        return parts

    def _read(self, part: str) -> list[Pair]:
        source, target = self.files[part]
        assert source is not None
        return read_pairs(source, target, languages=self.languages, **self._reading)

    def read_parts(self) -> dict[str, "_Pairs"]:
        """The pairs with their tokens; of training, those that aren't too long."""
        parts = {part: _Pairs(self.records[part], self.source_tokenizer, self.tokenizer, part) for part in PARTS}
        if self.max_length is not None:
            self.left_out = parts["train"].leave_out(self.max_length)
        if not len(parts["train"]):
            raise DataError(f"{self.title}: no training pair has {self.max_length} tokens or fewer; raise max_length")
        return parts

    def train_dataloader(self) -> ResumableLoader:
        """In another order every epoch."""
        if not self.bucket:
            return super().train_dataloader()
        pairs = self.parts["train"]
        return BucketedLoader(pairs, pairs.lengths, self.batch_size, self.seed, self.collate, **self.place)

    def collate(self, records: list[Any]) -> PairBatch:
        """Sources and targets side by side."""
        sources, targets, pairs = zip(*records, strict=True)
        source, source_lengths = pad([tokens[1:] for tokens in sources])
        inputs, lengths = pad([tokens[:-1] for tokens in targets])
        target, _ = pad([tokens[1:] for tokens in targets])
        target[torch.arange(len(target))[:, None] >= lengths] = NOT_SCORED
        texts = tuple(pair.source for pair in pairs), tuple(pair.target for pair in pairs)
        return PairBatch(source, source_lengths, inputs, target, *texts)

    @property
    def title(self) -> str:
        """What the training pairs are, in words."""
        return " and ".join(file for file in self.files["train"] if file is not None)

    def describe(self) -> str:
        """One line: the pairs, how many of them there are, and the vocabularies."""
        sizes = self.sizes()
        longer = f" ({self.left_out:,} of more than {self.max_length} tokens left out)" if self.left_out else ""
        tokens = f"{len(self.source_tokenizer):,} and {len(self.tokenizer):,} tokens"
        return f"PairData: {self.title}, {sizes} pairs{longer}, {tokens}"


class _Pairs:
    """What ``ResumableLoader`` reads: tokens of the source and of the target, and the pair.

    Both begin and end with the token of a line end.
    """

    def __init__(self, pairs: list[Pair], source_tokenizer: Tokenizer, tokenizer: Tokenizer, part: str) -> None:
        self.name = f"the {part} part of the pairs"
        sources = _lines_of_tokens(source_tokenizer, [pair.source for pair in pairs])
        targets = _lines_of_tokens(tokenizer, [pair.target for pair in pairs])
        self._records = list(zip(sources, targets, pairs, strict=True))

    def leave_out(self, max_length: int) -> int:
        """Pairs with a side of more tokens than that, but for line ends; how many there were."""
        before = len(self)
        self._records = [
            record for record, length in zip(self._records, self.lengths, strict=True) if length - 2 <= max_length
        ]
        return before - len(self)

    @property
    def lengths(self) -> list[int]:
        """Of the longer side of each pair, to which the batch is padded."""
        return [max(len(source), len(target)) for source, target, _ in self._records]

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor, Pair]:
        return self._records[number]


def _lines_of_tokens(tokenizer: Tokenizer, lines: list[str]) -> list[Tensor]:
    """The tokens of each line with a line end before and after it; all lines at once, which is faster."""
    ids = tokenizer.encode("\n" + "".join(f"{line}\n" for line in lines))
    ends = (ids == tokenizer.line_end_id).nonzero()[:, 0].tolist()
    return [ids[begin : end + 1] for begin, end in pairwise(ends)]
