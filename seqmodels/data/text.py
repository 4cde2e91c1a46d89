"""``TextData``: a text as the streams of tokens that a language model is trained, validated and tested on."""

# No `from __future__ import annotations`: LightningCLI reads the types of the constructor.
from typing import Any, Literal

from jaxtyping import Int64
from torch import Tensor

from seqmodels.data.documents import Encoded, encode_text
from seqmodels.data.module import DataModule
from seqmodels.data.position import check_positive, check_seed
from seqmodels.data.splits import TextSources
from seqmodels.data.streams import StreamLoader
from seqmodels.data.tokenizer import Tokenizer, build_tokenizer
from seqmodels.errors import CheckpointError, DataError, OptionError


class TextData(DataModule):
    """Windows [T, B] of a text, its vocabulary made from the training part alone.

    The text comes from one of three places: a corpus by ``name``, one file (``path``) or a file for each part
    (``train_path``, ``valid_path``, ``test_path``). Files are UTF-8. A corpus without splits of its own and a single
    file are cut in order, at no particular boundary, by ``fractions``.

    What is not in the vocabulary (words cut away, characters that only other parts have) becomes ``<unk>``, so that a
    rare character in the validation text costs some bits there and stops nothing.

    Args:
        name: ``python``, ``shakespeare``, or a Hugging Face dataset (see ``read_corpus``).
        path: one text file, instead of ``name``.
        train_path: the training text, instead of ``name`` and ``path``.
        valid_path: the validation text that goes with it, if any.
        test_path: the test text that goes with it, if any.
        fractions: of training, validation and test; they sum to 1.
        unit: what a token is; see ``build_tokenizer``.
        vocabulary_size: the most tokens; see ``build_tokenizer``.
        min_count: how often a character, word or merge must occur to get a token.
        text_column: of a Hugging Face dataset.
        batch_size: B, the streams of each process.
        eval_batch_size: the streams in validation and test. None: ``batch_size``, or fewer if they would be shorter
            than a window. Every stream begins without context, so 1 gives the lowest, exact perplexity.
        steps: T of truncated backpropagation through time.
        random_steps: windows of random length around ``steps`` (AWD-LSTM).
        document_separator: the state is reset after each of these.
        max_characters: use the beginning of each text only.
        seed: of the random lengths.

    Raises:
        OptionError: options that contradict each other or are out of range.
        DataError: while reading: a text is missing, no UTF-8, or too short.

    Example:
        >>> data = TextData(batch_size=4, steps=8, max_characters=10_000)
        >>> window = next(iter(data.train_dataloader()))
        >>> window.input.shape, data.tokenizer.decode(window.input[:, 0])
        (torch.Size([8, 4]), '\"\"\"Recor')
    """

    def __init__(
        self,
        name: str = "python",
        path: str | None = None,
        train_path: str | None = None,
        valid_path: str | None = None,
        test_path: str | None = None,
        fractions: tuple[float, float, float] = (0.9, 0.05, 0.05),
        unit: Literal["character", "byte", "word", "subword"] = "character",
        vocabulary_size: int | None = None,
        min_count: int = 1,
        text_column: str = "text",
        batch_size: int = 32,
        eval_batch_size: int | None = None,
        steps: int = 64,
        random_steps: bool = False,
        document_separator: str | None = None,
        max_characters: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.sources = TextSources(name, path, train_path, valid_path, test_path, fractions, text_column)
        self.sources.check()
        check_positive(batch_size=batch_size, steps=steps, min_count=min_count)
        for option, value in {
            "vocabulary_size": vocabulary_size,
            "eval_batch_size": eval_batch_size,
            "max_characters": max_characters,
        }.items():
            if value is not None:
                check_positive(**{option: value})
        check_seed(seed)
        if document_separator == "":
            raise OptionError("document_separator is empty; leave it away, or give what ends a document")
        self.unit, self.vocabulary_size, self.min_count = unit, vocabulary_size, min_count
        self.batch_size, self.eval_batch_size = batch_size, eval_batch_size
        self.steps, self.random_steps, self.seed = steps, random_steps, seed
        self.document_separator, self.max_characters = document_separator, max_characters
        self._tokenizer: Tokenizer | None = None
        self._encoded: dict[str, Encoded] = {}
        self._names: dict[str, str] = {}
        self.save_hyperparameters(logger=False)

    @property
    def tokenizer(self) -> Tokenizer:
        """Made from the training text when first asked for. Set it to read texts with a trained model's vocabulary."""
        if self._tokenizer is None:
            self._read()
        assert self._tokenizer is not None
        return self._tokenizer

    @tokenizer.setter
    def tokenizer(self, tokenizer: Tokenizer) -> None:
        if tokenizer != self._tokenizer:
            self._encoded = {}
        self._tokenizer = tokenizer

    @property
    def train_tokens(self) -> Int64[Tensor, " N"]:
        """The training text in tokens."""
        return self._part("train").tokens.long()

    @property
    def valid_tokens(self) -> Int64[Tensor, " N"]:
        """The validation text in tokens; DataError if there is none."""
        return self._part("validation").tokens.long()

    @property
    def test_tokens(self) -> Int64[Tensor, " N"]:
        """The test text in tokens; DataError if there is none."""
        return self._part("test").tokens.long()

    def prepare_data(self) -> None:
        """Fill the cache of a Hugging Face dataset, once a machine."""
        if self.sources.downloads:
            self._read()

    def train_dataloader(self) -> StreamLoader:
        """Full windows of this process's streams."""
        return self._loader("train", self.batch_size, drop_last=True, random_steps=self.random_steps)

    def val_dataloader(self) -> StreamLoader | list[StreamLoader]:
        """Every token of the validation text once; nothing if there is no such text."""
        return self._evaluation("validation")

    def test_dataloader(self) -> StreamLoader | list[StreamLoader]:
        """Every token of the test text once; nothing if there is no such text."""
        return self._evaluation("test")

    def __str__(self) -> str:
        return f"TextData({self.sources.title})"

    def describe(self) -> str:
        """One line: the text, its size, the vocabulary and the parts.

        Example:
            >>> import tempfile, pathlib
            >>> path = pathlib.Path(tempfile.mkdtemp()) / "hello.txt"
            >>> _ = path.write_text("hello " * 10)
            >>> print(TextData(path=str(path)).describe())  # doctest: +ELLIPSIS
            /...hello.txt: 60 characters, 60 tokens (6 characters in the vocabulary), 54 train, 3 validation, 3 test
        """
        self._read()
        characters = sum(part.characters for part in self._encoded.values())
        tokens = sum(len(part.tokens) for part in self._encoded.values())
        sizes = ", ".join(f"{len(encoded.tokens):,} {part}" for part, encoded in self._encoded.items())
        return (
            f"{self.sources.title}: {characters:,} characters, {tokens:,} tokens "
            f"({len(self.tokenizer):,} {self.tokenizer.unit}s in the vocabulary), {sizes}"
        )

    def state_dict(self) -> dict[str, Any]:
        """The vocabulary, so that a checkpoint is read with the one it was trained with."""
        return {"tokenizer": self.tokenizer.to_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the vocabulary of a checkpoint, even if this text would give another.

        Raises:
            CheckpointError: its tokens are of another unit, or it is damaged.
        """
        saved = Tokenizer.from_dict(state_dict.get("tokenizer", {}))
        if saved.unit != self.unit:
            raise CheckpointError(
                f"the checkpoint's tokens are {saved.unit}s, but --data.unit is {self.unit}; "
                f"use --data.unit {saved.unit}"
            )
        self.tokenizer = saved

    def _read(self) -> None:
        """Read, tokenize and keep every part; the texts themselves are let go."""
        if self._encoded:
            return
        texts = self.sources.read(self.max_characters)
        text, source = texts["train"]
        if self.document_separator is not None and self.document_separator not in text:
            raise OptionError(
                f"document_separator {self.document_separator!r} does not occur in {source}; "
                f"give what ends a document there (a line feed is $'\\n' in a shell)"
            )
        if self._tokenizer is None:
            self._tokenizer = build_tokenizer(self.unit, text, self.vocabulary_size, self.min_count, unknown=True)
        self._encoded = {
            part: encode_text(self._tokenizer, text, self.document_separator) for part, (text, _) in texts.items()
        }
        self._names = {part: source for part, (_, source) in texts.items()}

    def _part(self, part: str) -> Encoded:
        self._read()
        if part not in self._encoded:
            raise DataError(f"{self.sources.title}: there is no {part} text; give one, or a fraction above 0")
        return self._encoded[part]

    def _evaluation(self, part: str) -> StreamLoader | list[StreamLoader]:
        self._read()
        if part not in self._encoded:
            return []
        batch_size = self.eval_batch_size
        if batch_size is None:
            windows = (len(self._encoded[part].tokens) - 1) // (self.steps * self.place["world_size"])
            batch_size = max(1, min(self.batch_size, windows))
        return self._loader(part, batch_size, drop_last=False)

    def _loader(self, part: str, batch_size: int, drop_last: bool, random_steps: bool = False) -> StreamLoader:
        encoded = self._part(part)
        return StreamLoader(
            encoded.tokens,
            batch_size,
            self.steps,
            drop_last=drop_last,
            document_starts=encoded.document_starts,
            random_steps=random_steps,
            seed=self.seed,
            source=self._names[part],
            **self.place,
        )
