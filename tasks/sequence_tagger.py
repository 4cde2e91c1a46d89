"""Sequence tagging: a class for each step of a sequence."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from jaxtyping import Int
from torch import Tensor

from seqmodels.cell import Cell
from seqmodels.data.sequences import SequenceBatch
from seqmodels.data.streams import NOT_SCORED
from seqmodels.data.tagged_text import join_words
from seqmodels.data.tokenizer import Tokenizer
from seqmodels.errors import InputError
from seqmodels.tasks.class_reader import ClassReader


class SequenceTagger(ClassReader):
    """The class of each token or frame: any cell reads the sequence, and a linear map follows at every step.

    Trained on :class:`seqmodels.data.sequences.SequenceBatch` with targets [T, B], ``NOT_SCORED`` past the end, by
    cross-entropy and AdamW. Logs of validation and test, over all scored steps: ``loss`` (nats a step), ``accuracy``,
    and ``macro_f1``, the mean over classes of F1.

    Args:
        num_classes: Number of classes; not needed with ``labels``.
        input_size: Features of each step; with ``embedding_size`` the number of different tokens; not needed with
            ``tokenizer`` or ``scaling``.
        cell: Any cell: a name, ``package.module:Class``, a class or an instance.
        hidden_size: Size of the state; a list has one a layer.
        num_layers: Layers of the network.
        bidirectional: Whether a step's class depends on what follows it, too.
        embedding_size: Input is tokens [T, B], which get vectors of this size; if not given, it is features [T, B, I],
            or with ``tokenizer`` the size is that of ``embeddings``, or of the first layer.
        dropout: On embeddings, between layers and before the softmax.
        rnn_options: Further options of RNN and of the cell.
        learning_rate: Of AdamW.
        weight_decay: Of AdamW.
        embeddings: A file of pretrained word vectors in the text form of GloVe or word2vec.
        tokenizer: Of words; kept in the checkpoint, as are the next two.
        labels: Names of the classes.
        scaling: "mean" and "deviation" of each feature, by which the data have scaled them.

    Raises:
        OptionError: If an option is out of range.
        DataError: If the file of word vectors can't be used.

    Example:
        >>> from seqmodels.data import build_tokenizer
        >>> from seqmodels.tasks import SequenceTagger
        >>> words = build_tokenizer("word", "the dog barks")
        >>> model = SequenceTagger(tokenizer=words, labels=["DET", "NOUN", "VERB"], cell="gru", hidden_size=8)
        >>> model(words.encode("the dog barks")[:, None]).shape
        torch.Size([3, 1, 3])
        >>> [word for word, tag in model.tag("the dog barks")]
        ['the', 'dog', 'barks']
    """

    columns = "step\ttrue\tpredicted\tprobability"

    def __init__(
        self,
        num_classes: int | None = None,
        input_size: int | None = None,
        cell: str | type[Cell] | Cell = "lstm",
        hidden_size: int | list[int] = 128,
        num_layers: int = 1,
        bidirectional: bool = True,
        embedding_size: int | None = None,
        dropout: float = 0.0,
        rnn_options: dict[str, Any] | None = None,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.0,
        embeddings: str | None = None,
        tokenizer: Tokenizer | dict[str, Any] | None = None,
        labels: list[str] | None = None,
        scaling: dict[str, list[float]] | None = None,
    ) -> None:
        super().__init__({k: v for k, v in locals().items() if k not in ("self", "__class__")}, bidirectional)

    def _written(self, batch: SequenceBatch, predicted: Tensor, certainty: Tensor) -> list[str]:
        return [
            "".join(f"{line}\n" for line in self._lines(batch, row, predicted[:, row], certainty[:, row]))
            for row in range(batch.target.shape[1])
        ]

    def _lines(self, batch: SequenceBatch, row: int, predicted: Tensor, certainty: Tensor) -> list[str]:
        """A line for each scored step of one sequence."""
        names = self._names(batch, row)  # past the end there is none
        steps = zip(names, batch.target[:, row].tolist(), predicted.tolist(), certainty.tolist(), strict=False)
        return [
            f"{name}\t{self.labels[true]}\t{self.labels[named]}\t{p:.4f}"
            for name, true, named, p in steps
            if true != NOT_SCORED
        ]

    def _names(self, batch: SequenceBatch, row: int) -> list[str]:
        """The words of one sequence as they were read, or else as the model sees them; steps of series by number."""
        if batch.texts:
            return batch.texts[row].split("\t")
        if self.tokenizer is None:
            return [str(step) for step in range(len(batch.input))]
        vocabulary = self.tokenizer.tokens
        return [vocabulary[token] for token in batch.input[:, row].tolist()]

    def tag(self, input: Any) -> list[tuple[str, str]]:
        """Each word, or step of a series by its number, with its class.

        Args:
            input: A text, which is cut into words at white space, or its words one by one; those that the model has
                never seen are read as unknown. Where the model reads no text: a series [T, I] of whatever numpy makes
                an array of, not scaled; or a vector of tokens.

        Raises:
            InputError: If there is no word, a series has another shape or isn't finite, or the model reads the other.
        """
        if self.tokenizer is None:
            series = self._features(input)
            names, scores = [str(step) for step in range(len(series))], self._answer(series)
        else:
            names = _as_words(input)
            scores = self._answer(self._tokens(names))
        best = scores[:, 0].argmax(-1).tolist()
        return [(name, self.labels[k]) for name, k in zip(names, best, strict=True)]

    def _tokens(self, words: Sequence[str]) -> Int[Tensor, " T"]:
        assert self.tokenizer is not None
        text = join_words(words)
        return self.tokenizer.encode(text.lower() if self._lowercase else text)

    @cached_property
    def _lowercase(self) -> bool:
        """Whether the words to learn from were in lower case."""
        assert self.tokenizer is not None
        return all(token == token.lower() for token in self.tokenizer.tokens)


def _as_words(given: Any) -> list[str]:
    words = given.split() if isinstance(given, str) else given
    if not (isinstance(words, list | tuple) and all(isinstance(word, str) for word in words)):
        raise InputError(f"SequenceTagger: this model reads text, or a list of words, not {type(given).__name__}")
    if not words or not all(map(str.split, words)):
        raise InputError("SequenceTagger: there is no word, or an empty one; give a text, or words with letters")
    return list(words)
