"""What stands for a token, or for anything else, at the input of a network: local and distributed codes."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from seqmodels.data import Tokenizer
from seqmodels.errors import InputError


class Codes(NamedTuple):
    """Things and their codes.

    A local code has a unit for each thing, which is 1 for that thing alone: no two things are alike, and a new thing
    needs a new unit. In a distributed code each thing is a pattern over the same units: things that share a property
    are alike, and n units that are 0 or 1 tell up to 2 ** n things apart.

    Source: Hinton, McClelland and Rumelhart 1986, "Distributed representations".

    Example:
        >>> import torch
        >>> shapes = ["tall rectangle", "wide rectangle", "tall ellipse", "wide ellipse"]
        >>> local = Codes(shapes, torch.eye(4))
        >>> local.nearest("tall ellipse")[0]  # all others are equally far
        ('tall rectangle', 0.0)
        >>> units = ["tall", "wide", "rectangle", "ellipse"]
        >>> distributed = Codes(shapes, torch.tensor([[float(unit in shape) for unit in units] for shape in shapes]))
        >>> tall_rectangle, wide_rectangle, tall_ellipse, wide_ellipse = distributed.vectors
        >>> distributed.nearest(tall_rectangle - wide_rectangle + wide_ellipse)[0][0]
        'tall ellipse'
    """

    names: list[str]
    """N things."""
    vectors: Float[Tensor, "N E"]
    """The E units of each."""

    def similarities(self) -> Float[Tensor, "N N"]:
        """The cosine of the angle between any two codes: 1 for one pattern, 0 for patterns without a common unit."""
        directions = F.normalize(self.vectors, dim=-1)
        return directions @ directions.mT

    def nearest(self, to: str | Float[Tensor, " E"], count: int = 5) -> list[tuple[str, float]]:
        """The things whose codes are most like that of a thing, which is left out, or like any code.

        Args:
            to: A name, or a code that needs to be that of no thing.
            count: How many; fewer, if there are no more.

        Returns:
            Names and cosines, the largest first; equal ones in the order of the names.

        Raises:
            InputError: If there is no such thing, or the code has another size.
        """
        left_out = None
        if isinstance(to, str):
            if to not in self.names:
                raise InputError(
                    f"{to!r} has no code; give one of the {len(self.names)} names, such as {self.names[0]!r}"
                )
            left_out = self.names.index(to)
            to = self.vectors[left_out]
        if to.shape != self.vectors.shape[1:]:
            raise InputError(f"the code has shape {list(to.shape)}; give one of {self.vectors.shape[1]} units")
        cosines = F.cosine_similarity(self.vectors, to.to(self.vectors)[None], dim=-1)
        order = [at for at in cosines.argsort(descending=True, stable=True).tolist() if at != left_out]
        return [(self.names[at], float(cosines[at])) for at in order[:count]]


@torch.no_grad()
def token_codes(model: nn.Module) -> Codes:
    """The codes in which a model reads its tokens: its embedding, or one-hot codes where it has none.

    Args:
        model: A task that reads text and has one embedding, such as a language model or a classifier of texts.

    Raises:
        InputError: If the model is none.

    Example:
        >>> from seqmodels.data import build_tokenizer
        >>> from seqmodels.tasks import LanguageModel
        >>> letters = build_tokenizer("character", "hello")
        >>> token_codes(LanguageModel(letters, hidden_size=3)).vectors.shape
        torch.Size([4, 3])
        >>> token_codes(LanguageModel(letters, hidden_size=3, embedding_size=0)).vectors.diagonal()
        tensor([1., 1., 1., 1.])
    """
    tokenizer, embedding = getattr(model, "tokenizer", None), getattr(model, "embedding", False)
    if not isinstance(tokenizer, Tokenizer) or not (embedding is None or isinstance(embedding, nn.Embedding)):
        raise InputError(
            f"{type(model).__name__} has no codes of tokens; give a language model or a classifier of texts"
        )
    vectors = torch.eye(len(tokenizer)) if embedding is None else embedding.weight.detach().clone()
    return Codes(list(tokenizer.tokens), vectors)
