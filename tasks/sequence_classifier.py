"""Sequence classification: read it all, then name its class."""

from typing import Any, Literal

from jaxtyping import Int
from torch import Tensor

from seqmodels.cell import Cell
from seqmodels.data.labelled_text import text_for
from seqmodels.data.sequences import SequenceBatch
from seqmodels.data.tokenizer import Tokenizer
from seqmodels.errors import InputError
from seqmodels.tasks.class_reader import ClassReader, likeliest


class SequenceClassifier(ClassReader):
    """The class of a sequence of tokens or features: any cell reads it, pooling makes one vector of what it says.

    Trained on :class:`seqmodels.data.sequences.SequenceBatch` with targets [B], by cross-entropy and AdamW. Logs of
    validation and test: ``loss`` (nats a sequence), ``accuracy``, and ``macro_f1``, the mean over classes of F1.

    Args:
        num_classes: Number of classes; not needed with ``labels``.
        input_size: Features of each step; with ``embedding_size`` the number of different tokens; not needed with
            ``tokenizer`` or ``scaling``.
        cell: Any cell: a name, ``package.module:Class``, a class or an instance.
        hidden_size: Size of the state; a list has one a layer.
        num_layers: Layers of the network.
        embedding_size: Input is tokens [T, B], which get vectors of this size; if not given, it is features [T, B, I],
            or with ``tokenizer`` the size is that of ``embeddings``, or of the first layer.
        dropout: On embeddings, between layers and before the softmax.
        rnn_options: Further options of RNN and of the cell, such as ``{"bidirectional": True}``.
        learning_rate: Of AdamW.
        weight_decay: Of AdamW.
        pooling: What the class is told from: the "last" output (backwards: the first), their "mean", their "max", or
            a weighted mean by "attention"; see :class:`seqmodels.tasks.pooling.Pooling`.
        embeddings: A file of pretrained word vectors in the text form of GloVe or word2vec.
        tokenizer: Of texts; kept in the checkpoint, as are the next two.
        labels: Names of the classes.
        scaling: "mean" and "deviation" of each feature, by which the data have scaled them.

    Raises:
        OptionError: If an option is out of range.
        DataError: If the file of word vectors can't be used.

    Example:
        >>> import torch
        >>> from seqmodels.tasks import SequenceClassifier
        >>> model = SequenceClassifier(num_classes=10, input_size=1, cell="gru", hidden_size=8)
        >>> model(torch.rand(64, 5, 1)).shape
        torch.Size([5, 10])
        >>> from seqmodels.data import build_tokenizer
        >>> words = build_tokenizer("word", "who was galileo ? what is an atom ?")
        >>> model = SequenceClassifier(tokenizer=words, labels=["person", "thing"], pooling="max")
        >>> sorted(label for label, probability in model.classify("Who was Galileo?"))
        ['person', 'thing']
    """

    columns = "true\tpredicted\tprobability\ttext"

    def __init__(
        self,
        num_classes: int | None = None,
        input_size: int | None = None,
        cell: str | type[Cell] | Cell = "lstm",
        hidden_size: int | list[int] = 128,
        num_layers: int = 1,
        embedding_size: int | None = None,
        dropout: float = 0.0,
        rnn_options: dict[str, Any] | None = None,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.0,
        pooling: Literal["last", "mean", "max", "attention"] = "last",
        embeddings: str | None = None,
        tokenizer: Tokenizer | dict[str, Any] | None = None,
        labels: list[str] | None = None,
        scaling: dict[str, list[float]] | None = None,
    ) -> None:
        super().__init__({k: v for k, v in locals().items() if k not in ("self", "__class__")})

    def _written(self, batch: SequenceBatch, predicted: Tensor, certainty: Tensor) -> list[str]:
        texts = self._texts(batch)
        rows = zip(batch.target.tolist(), predicted.tolist(), certainty.tolist(), texts, strict=True)
        return [f"{self._label(true)}\t{self._label(named)}\t{p:.4f}\t{text}" for true, named, p, text in rows]

    def _texts(self, batch: SequenceBatch) -> list[str]:
        """The texts of a batch as they were read, or else as the model sees them; series have none."""
        if batch.texts:
            return list(batch.texts)
        if self.tokenizer is None:
            return [""] * len(batch.target)
        tokens = batch.input.T.cpu()
        lengths = [len(batch.input)] * len(tokens) if batch.lengths is None else batch.lengths.tolist()
        texts = (self.tokenizer.decode(row[:length]) for row, length in zip(tokens, lengths, strict=True))
        return [" ".join(text.split()) for text in texts]

    def classify(self, input: Any, top: int = 5) -> list[tuple[str, float]]:
        """The likeliest classes of a text or series, with their probabilities.

        Args:
            input: A text, where the model reads text; words that it has never seen are read as unknown. Otherwise a
                series [T, I] of whatever numpy makes an array of, not scaled; or a vector of tokens.
            top: How many classes.

        Raises:
            InputError: If the text is empty, a series has another shape or isn't finite, or the model reads the other.
            OptionError: If ``top`` is less than 1.
        """
        is_text = isinstance(input, str) and self.tokenizer is not None
        scores = self._answer(self._tokens(input) if is_text else self._features(input))[0]
        return likeliest(scores.float().softmax(-1), self.labels, top)

    def _tokens(self, text: str) -> Int[Tensor, " T"]:
        assert self.tokenizer is not None
        tokens = self.tokenizer.encode(text_for(self.tokenizer.unit, text))
        if len(tokens) == 0:
            raise InputError("the text is empty; give one to classify")
        return tokens
