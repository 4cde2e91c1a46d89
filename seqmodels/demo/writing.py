"""Text as it is written, token by token."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

from seqmodels import decoding
from seqmodels.errors import InputError, OptionError
from seqmodels.evaluating import evaluating
from seqmodels.tasks import ConditionalGenerator, LanguageModel
from seqmodels.tasks.writing import generator_of, line_of

Choose = Callable[..., Tensor]


def way_of_drawing(
    temperature: float, top_k: int | None, top_p: float | None, min_p: float | None, seed: int | None
) -> Choose:
    """How the next token is chosen: drawn, or with ``temperature`` 0 the likeliest; see ``LanguageModel.generate``.

    Raises:
        OptionError: If the temperature is below 0.
    """
    if temperature < 0:
        raise OptionError(f"temperature must be 0 or more, not {temperature}")
    if temperature == 0:
        return decoding.greedy
    options: dict[str, Any] = {"top_k": top_k, "top_p": top_p, "min_p": min_p, "generator": generator_of(seed)}
    return partial(decoding.sample, temperature=temperature, **options)


def stream_text(model: LanguageModel, prompt: str, length: int, choose: Choose) -> Iterator[str]:
    """What is written after the prompt so far, after each token; at last what ``model.generate`` would have given.

    Raises:
        InputError: If the prompt has a character or word that the model has never seen.
        OptionError: If an option of ``choose`` is out of range.

    Example:
        >>> from seqmodels.data import build_tokenizer
        >>> model = LanguageModel(build_tokenizer("character", "hello"), cell="elman", hidden_size=3)
        >>> [len(text) for text in stream_text(model, "he", 3, way_of_drawing(0.8, None, None, None, seed=1))]
        [1, 2, 3]
    """
    with evaluating(model):
        state, start = model.read_prompt(prompt)
    written: list[int] = []
    for tokens in _tokens(model, model.step, state, start, length, choose):
        written += tokens.tolist()
        yield model.tokenizer.decode(written)


def stream_lines(model: ConditionalGenerator, label: str, count: int, length: int, choose: Choose) -> Iterator[str]:
    """Texts of a class, one a line, so far; at last those that ``model.generate`` would have given.

    Raises:
        InputError: If the model knows no such class.
        OptionError: If an option of ``choose`` is out of range.
    """
    labels = model.labels or []
    if label not in labels:
        raise InputError(f"the model knows no class {label!r}; use one of {', '.join(labels)}")
    condition = torch.tensor([labels.index(label)], device=model.device)
    with evaluating(model):
        state = model.begin(condition.repeat_interleave(count))
    start = torch.full((count,), model.end, device=model.device)
    written = start.new_empty(count, 0)
    for tokens in _tokens(model, model.step, state, start, length, choose):
        written = torch.cat([written, tokens[:, None]], 1)
        yield "\n".join(line_of(line, model.tokenizer) for line in written.tolist())
        if bool((written == model.end).any(1).all()):
            return


def _tokens(
    model: torch.nn.Module, step: decoding.Step, state: Any, start: Tensor, length: int, choose: Choose
) -> Iterator[Tensor]:
    """One token after another, of each of N texts [N]."""

    def remembering(tokens: Tensor, before: Any) -> tuple[Tensor, Any]:
        nonlocal state
        with evaluating(model):  # not around the loop: a page goes on with it in another thread, where gradients are on
            logits, state = step(tokens, before)
        return logits, state

    for _ in range(length):
        start = choose(remembering, state, start, 1)[:, 0]
        yield start
