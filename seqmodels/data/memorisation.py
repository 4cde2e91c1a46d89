"""``Memorisation``: read some symbols, then write them."""

from string import ascii_lowercase

import numpy as np

from seqmodels.data.alphabet import OfAlphabet
from seqmodels.data.generated_sequences import GeneratedSequences
from seqmodels.data.position import check_positive
from seqmodels.data.streams import NOT_SCORED
from seqmodels.errors import OptionError

_GO = ">"


class Memorisation(OfAlphabet, GeneratedSequences):
    """``fkfaz>fkfaz``: what stands after ``>`` is to be predicted, each symbol from all before it.

    Symbols are drawn independently of each other, so one may occur twice. Jozefowicz et al. let only architectures that
    could do this go on to the real problems: it takes no arithmetic and no grammar, only memory. Chance hits 1 in 26.

    Windows have T = 2 * length steps; only the last ``length`` targets are scored.

    Args:
        length: symbols to remember.
        symbols: how many there are, 2 to 26.
        batch_size: B, the sequences of each process.
        eval_batch_size: the sequences of a batch of validation and test.
        batches: of an epoch of training.
        eval_batches: of validation, and of test.
        seed: of the training sequences.

    Raises:
        OptionError: an option out of range.

    Source: Jozefowicz, Zaremba and Sutskever 2015, section 3.

    Example:
        >>> from seqmodels.data import Memorisation
        >>> data = Memorisation(length=3)
        >>> window = next(iter(data.train_dataloader()))
        >>> data.tokenizer.decode(window.input[:, 0]), window.target[:, 0].tolist()
        ('wqn>wq', [-100, -100, -100, 23, 17, 14])
    """

    def __init__(
        self,
        length: int = 5,
        symbols: int = 26,
        batch_size: int = 64,
        eval_batch_size: int = 64,
        batches: int = 1000,
        eval_batches: int = 20,
        seed: int = 0,
    ) -> None:
        super().__init__(batch_size, eval_batch_size, batches, eval_batches, seed)
        check_positive(length=length)
        if not 2 <= symbols <= len(ascii_lowercase):
            raise OptionError(f"symbols is {symbols}; use 2 to {len(ascii_lowercase)}")
        self.length, self.symbols = length, symbols
        self.alphabet = _GO + ascii_lowercase[:symbols]
        self.save_hyperparameters(logger=False)

    def write(self, draw: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Tokens [count, T] and targets [count, T]."""
        go, first = self.tokenizer.encode(_GO + ascii_lowercase[0]).tolist()
        symbols = draw.integers(first, first + self.symbols, (count, self.length))
        sequence = np.concatenate([symbols, np.full((count, 1), go), symbols], 1)
        target = sequence[:, 1:].copy()
        target[:, : self.length] = NOT_SCORED
        return sequence[:, :-1], target

    def describe(self) -> str:
        """One line: the problem and how much of it there is."""
        return self._describe(f"{self.length} of {self.symbols} symbols to remember")
