"""What the tasks share that write text token by token."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from seqmodels.data.tokenizer import Tokenizer
from seqmodels.errors import OptionError

# Options of ``generate`` that belong to one way of writing, with their defaults.
OF_DRAWING = {"temperature": 1.0, "top_k": None, "top_p": None, "seed": None, "min_p": None}
OF_BEAM_SEARCH = {"groups": 1, "diversity": 0.5, "length_penalty": 0.0}


def without_unknown(logits: Float[Tensor, "N V"], tokenizer: Tokenizer) -> Float[Tensor, "N V"]:
    """The scores, changed in place: ``<unk>``, which stands for what there is no text for, has no chance.

    Example:
        >>> from seqmodels.data import build_tokenizer
        >>> words = build_tokenizer("word", "to be")
        >>> words.tokens, without_unknown(torch.zeros(1, 4), words)
        (['be', 'to', '<eos>', '<unk>'], tensor([[0., 0., 0., -inf]]))
    """
    if tokenizer.unknown_id is not None:
        logits[..., tokenizer.unknown_id] = -torch.inf
    return logits


def generator_of(seed: int | None) -> torch.Generator:
    """The random numbers of a seed; where there is none, of one that is drawn from torch's own.

    Example:
        >>> torch.equal(torch.rand(2, generator=generator_of(5)), torch.rand(2, generator=generator_of(5)))
        True
    """
    generator = torch.Generator()
    return generator.manual_seed(int(torch.randint(2**63 - 1, ())) if seed is None else seed)


def line_of(tokens: Iterable[int], tokenizer: Tokenizer) -> str:
    """The text of the tokens before a line end, without white space around it.

    Example:
        >>> from seqmodels.data import build_tokenizer
        >>> words = build_tokenizer("word", "to be\\n")
        >>> line_of(words.encode("to be\\nbe").tolist(), words)
        'to be'
    """
    found = list(tokens)
    if tokenizer.line_end_id in found:
        found = found[: found.index(tokenizer.line_end_id)]
    return tokenizer.decode(found).strip() if found else ""


def check_way_of_writing(options: Mapping[str, Any]) -> None:
    """Refuses options of drawing where ``beam_size`` asks for beam search, and those of beam search where it doesn't.

    Raises:
        OptionError: If there is such an option.
    """
    searches = options["beam_size"] is not None
    for name, default in (OF_DRAWING if searches else OF_BEAM_SEARCH).items():
        if options.get(name, default) != default:
            if searches:
                raise OptionError(f"beam search draws nothing: give either {name} or beam_size")
            raise OptionError(f"{name} is an option of beam search; give beam_size, too")
