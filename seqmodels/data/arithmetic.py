"""``Arithmetic``: sums and differences to work out, with letters strewn in."""

from string import ascii_lowercase

import numpy as np

from seqmodels.data.generated_text import GeneratedText
from seqmodels.errors import OptionError

_EXPRESSIONS = 256  # in a piece: some 6,000 characters
_MOST_DIGITS = 17  # the sum still fits into 64 bits


class Arithmetic(GeneratedText):
    """``3e36d9-h1h39f94eeh43keg3c=-13991064.``: what stands after ``=`` is to be predicted.

    Two whole numbers of 1 to ``digits`` digits (each number of digits equally likely, without leading zeros), joined by
    ``+`` or ``-``. After each character before the ``=``, a letter is strewn in with probability
    ``distractor_probability``, and again after that letter. One expression follows the other. The characters of the
    result and the final ``.`` are scored, and can all be known.

    The accuracy of ``LanguageModel`` (``val_accuracy``) is the measure of Jozefowicz et al. 2015, Table 1. The paper
    doesn't say how many letters there are; 0.3 gives about as many as its example has.

    Args:
        distractor_probability: in [0, 1).
        digits: the most digits of a number, 1 to 17.
        batch_size: B, the streams of each process.
        eval_batch_size: the streams in validation and test.
        steps: T of truncated backpropagation through time.
        windows: of an epoch of training.
        eval_windows: of validation, and of test.
        seed: of the training text.

    Raises:
        OptionError: an option out of range.

    Source: Jozefowicz, Zaremba and Sutskever 2015, section 3.5.

    Example:
        >>> from seqmodels.data import Arithmetic
        >>> data = Arithmetic(batch_size=2, steps=5)
        >>> data.sample(44)
        '46lqh68g+i48=4716.355jt4k2-1ky=35541.259e2op'
        >>> next(iter(data.train_dataloader())).input.shape
        torch.Size([5, 2])
    """

    alphabet = "+-.0123456789=" + ascii_lowercase

    def __init__(
        self,
        distractor_probability: float = 0.3,
        digits: int = 8,
        batch_size: int = 64,
        eval_batch_size: int = 64,
        steps: int = 50,
        windows: int = 1000,
        eval_windows: int = 100,
        seed: int = 0,
    ) -> None:
        super().__init__(batch_size, eval_batch_size, steps, windows, eval_windows, seed)
        if not 0 <= distractor_probability < 1:
            raise OptionError(f"distractor_probability is {distractor_probability}; use 0 or more, and less than 1")
        if not 1 <= digits <= _MOST_DIGITS:
            raise OptionError(f"digits is {digits}; use 1 to {_MOST_DIGITS}")
        self.distractor_probability, self.digits = distractor_probability, digits
        self.save_hyperparameters(logger=False)

    def write(self, draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Some hundred whole expressions."""
        left, right = self._numbers(draw), self._numbers(draw)
        minus = draw.random(_EXPRESSIONS) < 0.5
        result = np.where(minus, left - right, left + right)
        sign = np.where(minus, _TOKENS["-"], _TOKENS["+"])
        every = np.ones((_EXPRESSIONS, 1), dtype=bool)
        question = [
            _in_digits(left, self.digits),
            (sign[:, None], every),
            _in_digits(right, self.digits),
        ]
        answer = [
            (np.full((_EXPRESSIONS, 1), _TOKENS["-"]), result[:, None] < 0),
            _in_digits(np.abs(result), self.digits + 1),
            (np.full((_EXPRESSIONS, 1), _TOKENS["."]), every),
        ]
        columns = [*question, (np.full((_EXPRESSIONS, 1), _TOKENS["="]), every), *answer]
        characters, present = (np.concatenate(parts, 1) for parts in zip(*columns, strict=True))
        column = np.nonzero(present)[1]
        equals = 2 * self.digits + 1  # its column
        # numpy counts the trials of a geometric number, the successful one included.
        letters = np.where(column < equals, draw.geometric(1 - self.distractor_probability, len(column)) - 1, 0)
        place = np.arange(len(column)) + np.cumsum(letters) - letters
        tokens = draw.integers(_TOKENS["a"], _TOKENS["z"] + 1, len(column) + int(letters.sum()), dtype=np.uint8)
        tokens[place] = characters[present]
        scored = np.zeros(len(tokens), dtype=bool)
        scored[place] = column > equals
        return tokens, scored

    def _numbers(self, draw: np.random.Generator) -> np.ndarray:
        power = 10 ** draw.integers(1, self.digits + 1, _EXPRESSIONS)
        return draw.integers(np.where(power == 10, 0, power // 10), power)


_TOKENS = {character: token for token, character in enumerate(Arithmetic.alphabet)}


def _in_digits(numbers: np.ndarray, digits: int) -> tuple[np.ndarray, np.ndarray]:
    """Tokens of the digits, the last digit in the last column, and which of them are no leading zeros."""
    powers = 10 ** np.arange(digits - 1, -1, -1)
    quotients = numbers[:, None] // powers
    present = quotients > 0
    present[:, -1] = True
    return quotients % 10 + _TOKENS["0"], present
