"""What the data modules share whose characters are known before any is drawn."""

import functools

from seqmodels.data.tokenizer import Tokenizer, build_tokenizer
from seqmodels.errors import CheckpointError


class OfAlphabet:
    """Gives a data module the tokenizer of its characters.

    Attributes:
        alphabet: The characters in the order of their tokens, which is that of their code points.
    """

    alphabet: str

    @property
    def tokenizer(self) -> Tokenizer:
        """That of the alphabet, whatever is drawn. A trained model's may be set, which must be the same.

        Raises:
            CheckpointError: While it is set, if it has other characters.
        """
        return _tokenizer(self.alphabet)

    @tokenizer.setter
    def tokenizer(self, tokenizer: Tokenizer) -> None:
        if tokenizer != self.tokenizer:
            raise CheckpointError(
                f"{type(self).__name__} has the characters {self.alphabet!r}, the checkpoint's model knows others; "
                "give the data, and their options, that it was trained on"
            )


@functools.cache
def _tokenizer(alphabet: str) -> Tokenizer:
    return build_tokenizer("character", alphabet)
