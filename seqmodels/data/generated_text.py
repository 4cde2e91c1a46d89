"""What the data modules of generated text share."""

import numpy as np

from seqmodels.data.alphabet import OfAlphabet
from seqmodels.data.generated import GeneratedStreams, Stage
from seqmodels.data.module import DataModule
from seqmodels.data.position import check_positive, check_seed


class GeneratedText(OfAlphabet, DataModule):
    """Windows [T, B] of endless texts that a program writes; a subclass says which, in ``write``.

    Training text is new in every epoch and depends on ``seed``; validation and test text are always the same for the
    same ``eval_batch_size``.
    """

    def __init__(
        self, batch_size: int, eval_batch_size: int, steps: int, windows: int, eval_windows: int, seed: int
    ) -> None:
        super().__init__()
        check_positive(
            batch_size=batch_size,
            eval_batch_size=eval_batch_size,
            steps=steps,
            windows=windows,
            eval_windows=eval_windows,
        )
        check_seed(seed)
        self.batch_size, self.eval_batch_size, self.steps = batch_size, eval_batch_size, steps
        self.windows, self.eval_windows, self.seed = windows, eval_windows, seed

    def write(self, draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """The next piece of a stream, some thousand characters: tokens [n], and which of them are scored [n]."""
        raise NotImplementedError

    def sample(self, length: int = 60) -> str:
        """The beginning of the first stream of the validation text."""
        (window,) = GeneratedStreams(self.write, "validation", 1, length, 1)
        return self.tokenizer.decode(window.input[:, 0])

    def train_dataloader(self) -> GeneratedStreams:
        """Other text in every epoch."""
        return self._loader("train", self.batch_size, self.windows)

    def val_dataloader(self) -> GeneratedStreams:
        """The same text every time."""
        return self._loader("validation", self.eval_batch_size, self.eval_windows)

    def test_dataloader(self) -> GeneratedStreams:
        """The same text every time, and another than that of validation."""
        return self._loader("test", self.eval_batch_size, self.eval_windows)

    def describe(self) -> str:
        """One line: the text and how much of it there is."""
        sizes = [
            f"{count:,} windows of {streams} x {self.steps}"
            for count, streams in ((self.windows, self.batch_size), (self.eval_windows, self.eval_batch_size))
        ]
        return (
            f"{type(self).__name__}: {self.sample(40)}...; {len(self.tokenizer)} characters in the vocabulary, "
            f"{sizes[0]} an epoch, {sizes[1]} each for validation and test"
        )

    def _loader(self, stage: Stage, batch_size: int, windows: int) -> GeneratedStreams:
        return GeneratedStreams(self.write, stage, batch_size, self.steps, windows, seed=self.seed, **self.place)
