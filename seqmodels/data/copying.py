"""``Copying``: remember ten symbols over a long time."""

import numpy as np

from seqmodels.data.alphabet import OfAlphabet
from seqmodels.data.generated_sequences import GeneratedSequences
from seqmodels.data.position import check_positive
from seqmodels.data.streams import NOT_SCORED

_SYMBOLS, _GO, _BLANK = "12345678", ">", "_"
_LENGTH = 10


class Copying(OfAlphabet, GeneratedSequences):
    """Ten random symbols of eight, then blanks, then ``>``, after which the ten are to be given back.

    The input has T = delay + 20 steps: 10 symbols, ``delay`` - 1 blanks, ``>``, 10 blanks. The targets of the last 10
    steps are the symbols; nothing else is scored (Arjovsky et al. also score the blanks, which every model gets right:
    multiply the loss by 10 / (delay + 20) to compare). Without memory the loss is ln 8 = 2.079 nats, the accuracy 1/8.

    Args:
        delay: steps from the last symbol to the first that is to be given back, less 1; "T" in the papers.
        batch_size: B, the sequences of each process.
        eval_batch_size: the sequences of a batch of validation and test.
        batches: of an epoch of training.
        eval_batches: of validation, and of test.
        seed: of the training sequences.

    Raises:
        OptionError: an option out of range.

    Source: Hochreiter and Schmidhuber 1997; in this form Arjovsky, Shah and Bengio 2016, section 4.1.

    Example:
        >>> from seqmodels.data import Copying
        >>> data = Copying(delay=5)
        >>> window = next(iter(data.train_dataloader()))
        >>> data.tokenizer.decode(window.input[:, 0])
        '7653311127____>__________'
        >>> data.tokenizer.decode(window.target[-10:, 0])
        '7653311127'
    """

    alphabet = _SYMBOLS + _GO + _BLANK

    def __init__(
        self,
        delay: int = 100,
        batch_size: int = 64,
        eval_batch_size: int = 64,
        batches: int = 1000,
        eval_batches: int = 20,
        seed: int = 0,
    ) -> None:
        super().__init__(batch_size, eval_batch_size, batches, eval_batches, seed)
        check_positive(delay=delay)
        self.delay = delay
        self.save_hyperparameters(logger=False)

    def write(self, draw: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Tokens [count, T] and targets [count, T]."""
        first, go, blank = self.tokenizer.encode(_SYMBOLS[0] + _GO + _BLANK).tolist()
        symbols = draw.integers(first, first + len(_SYMBOLS), (count, _LENGTH))
        input = np.full((count, self.delay + 2 * _LENGTH), blank)
        input[:, :_LENGTH] = symbols
        input[:, _LENGTH + self.delay - 1] = go
        target = np.full_like(input, NOT_SCORED)
        target[:, -_LENGTH:] = symbols
        return input, target

    def describe(self) -> str:
        """One line: the problem and how much of it there is."""
        return self._describe(f"{_LENGTH} of {len(_SYMBOLS)} symbols to remember over {self.delay} steps")
