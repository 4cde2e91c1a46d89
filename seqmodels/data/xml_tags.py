"""``XMLTags``: nested tags with random names."""

from string import ascii_lowercase
from typing import ClassVar

import numpy as np

from seqmodels.data.generated_text import GeneratedText

_DOCUMENTS = 64  # in a piece: some 6,000 characters
_ITERATIONS = 50
_SHORTEST, _LONGEST = 2, 10


class XMLTags(GeneratedText):
    """``<etdomp><pegs></pegs><autmh></autmh></etdomp>``: every character is to be predicted from those before.

    A document is written tag by tag. With probability 1/2, and always after 50 iterations, the most recently opened tag
    is closed, or, if none is open, the document ends; otherwise a new tag is opened, whose name is 2 to 10 (equally
    likely) random lowercase letters. One document follows the other, with nothing in between.

    The best attainable accuracy (``best_accuracy``) is 0.6497. It is that of the best guess at each place: ``<`` after
    ``>``; then ``/`` wherever a tag is open, since closing has at least the probability 1/2; all of a closing tag; in
    an opening one, any letter for the second (and for the first, where no tag is open), and ``>`` from the third on,
    since it has at least the probability 1/9 and each letter less than 1/26. So of the 17 characters of a tag and its
    closing tag (names have 6 letters on average) 11 are hit, and another with probability 1/26, or two where no tag was
    open.

    The accuracy of ``LanguageModel`` (``val_accuracy``) is the measure of Jozefowicz et al. 2015, Table 1.

    Args:
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
        >>> from seqmodels.data import XMLTags
        >>> data = XMLTags(batch_size=2, steps=5)
        >>> data.sample(40)
        '<nh><lj></lj></nh><mhatthsqlo><pzhfpz></'
        >>> next(iter(data.train_dataloader())).input.shape
        torch.Size([5, 2])
    """

    alphabet = "/<>" + ascii_lowercase
    best_accuracy: ClassVar[float]

    def __init__(
        self,
        batch_size: int = 64,
        eval_batch_size: int = 64,
        steps: int = 50,
        windows: int = 1000,
        eval_windows: int = 100,
        seed: int = 0,
    ) -> None:
        super().__init__(batch_size, eval_batch_size, steps, windows, eval_windows, seed)
        self.save_hyperparameters(logger=False)

    def write(self, draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Some whole documents."""
        change = _changes(draw)
        closing = change < 0
        # The depth of the tag that is opened or closed. At each depth opening and closing alternate, so a stable sort
        # by depth puts each opening tag right before its closing tag.
        depth = np.cumsum(change, dtype=np.int16) + closing
        order = np.argsort(depth, kind="stable")
        name = np.empty(len(change), dtype=np.int64)
        name[order] = np.arange(len(order)) // 2

        lengths = draw.integers(_SHORTEST, _LONGEST + 1, len(change) // 2)
        letters = draw.integers(_TOKENS["a"], _TOKENS["z"] + 1, int(lengths.sum()), dtype=np.uint8)
        sizes = lengths[name] + 2 + closing
        begins = np.cumsum(sizes) - sizes
        first_letter = (np.cumsum(lengths) - lengths)[name]
        source = np.repeat(first_letter - begins - 1 - closing, sizes) + np.arange(int(sizes.sum()))
        tokens = letters.take(source, mode="clip")  # brackets and slashes look beyond their name
        tokens[begins] = _TOKENS["<"]
        tokens[begins[closing] + 1] = _TOKENS["/"]
        tokens[begins + sizes - 1] = _TOKENS[">"]
        return tokens, np.ones(len(tokens), dtype=bool)


_TOKENS = {character: token for token, character in enumerate(XMLTags.alphabet)}


def _changes(draw: np.random.Generator) -> np.ndarray:
    """1 for each tag opened and -1 for each tag closed, document after document."""
    change = 2 * draw.integers(0, 2, (_DOCUMENTS, _ITERATIONS), dtype=np.int8) - 1
    open_tags = np.cumsum(change, 1)
    goes_on = np.minimum.accumulate(open_tags, 1) >= 0
    left_open = np.where(goes_on[:, -1], open_tags[:, -1], 0)
    closes = np.arange(_ITERATIONS) < left_open[:, None]
    written = np.concatenate([goes_on, closes], 1)
    return np.concatenate([change, np.full_like(change, -1)], 1)[written]


def _best_accuracy() -> float:
    """Expected hits over expected characters of a document."""
    opened = outermost = 0.0
    depth = np.zeros(_ITERATIONS + 2)  # probability that so many tags are open and the document has not ended
    depth[0] = 1
    for _ in range(_ITERATIONS):
        opened += depth.sum() / 2
        outermost += depth[0] / 2
        depth = (np.append(depth[1:], 0) + np.append(0, depth[:-1])) / 2
    length = (_SHORTEST + _LONGEST) / 2
    hits = (length + 3) + 2 + (1 + outermost / opened) / len(ascii_lowercase)
    return float(hits / (2 * length + 5))


XMLTags.best_accuracy = _best_accuracy()
