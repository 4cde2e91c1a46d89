"""What units do while they read a text, as one interactive page of HTML that needs nothing but itself."""

import base64
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from seqmodels.errors import InputError
from seqmodels.files.atomic_file import write_atomically

_SHOWN_FOR_A_PROPERTY = 3
_STEPS = 127  # an int8 on either side of 0


class RankedUnit(NamedTuple):
    """How well one unit tells where a property of the text holds."""

    layer: str
    name: str
    """Of the values that are compared, such as ``"h"``."""
    unit: int
    """From 0."""
    auc: float
    """Area under the receiver operating characteristic, in [0, 1]."""


class ModelUnits(NamedTuple):
    """What one model computed while it read a text of T tokens."""

    activations: Mapping[str, Mapping[str, Float[Tensor, "T U"]]]
    """Layer -> name -> values after each token was read, such as ``{"rnn.layers.0": {"h": h, "sigmoid(f)": f}}``."""
    log_probabilities: Float[Tensor, " T"] | None = None
    """Of each token given those before it, in nats; NaN where there is none, as for the first."""
    next_tokens: Sequence[Sequence[tuple[str, float]]] | None = None
    """T lists of the likeliest tokens after each token, and their probabilities, likeliest first."""
    rankings: Mapping[str, Sequence[RankedUnit]] | None = None
    """A property of the text -> the units that follow it, best first; the page offers three of each."""


class ReadText(NamedTuple):
    """A text and what happened in the models that read it."""

    tokens: Sequence[str]
    """T tokens, mostly characters; joined, they are the text."""
    models: Mapping[str, ModelUnits]
    """What to call each model, such as its cell's name -> its units."""


def write_page(read: ReadText, path: str | os.PathLike[str]) -> None:
    """Writes the page of :func:`to_html` to a file, whole or not at all."""
    page = to_html(read)
    with write_atomically(path) as file:
        file.write(page.encode("utf-8"))


def to_html(read: ReadText) -> str:
    """A page on which one sees what each unit follows in a text, after Karpathy et al. (2015, figures 2 and 3).

    Each token is coloured by one unit's value once it is read. At a token one sees all units, the strongest of them,
    and what the model expects next. Two models can stand side by side.

    The page keeps every value as one byte: an error of at most 1/254 of the unit's largest value. 3,000 tokens and
    512 units make 2 MB for each name.

    Args:
        read: At least one token, and one model with activations. Values are finite.

    Returns:
        A page without references to any other file.

    Raises:
        InputError: If there is nothing to show, or sizes don't fit together.

    Example:
        >>> h = torch.tanh(torch.randn(5, 8))
        >>> page = to_html(ReadText("hello", {"gru": ModelUnits({"rnn.layers.0": {"h": h}})}))
        >>> page.startswith("<!DOCTYPE html>")
        True

    Source:
        Karpathy, Johnson and Fei-Fei, Visualizing and Understanding Recurrent Networks, 2015, arXiv 1506.02078.
    """
    import jinja2

    if not read.tokens or not read.models:
        raise InputError("ReadText: there must be at least one token and one model to show")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template, style, script = (
        resources.files(__package__).joinpath(name).read_text("utf-8").rstrip()
        for name in ("page.html.j2", "page.css", "page.js")
    )
    models = [_model(name, model, len(read.tokens)) for name, model in read.models.items()]
    unit = "character" if all(len(token) == 1 for token in read.tokens) else "token"
    data = {"tokens": list(read.tokens), "models": models, "token": unit}
    page = environment.from_string(template).render(
        names=list(read.models), token=unit, count=len(read.tokens), data=data, style=style, script=script
    )
    return page.strip() + "\n"


def _model(name: str, model: ModelUnits, T: int) -> dict[str, Any]:
    quantities = list(_quantities(name, model, T))
    if not quantities:
        raise InputError(f"{name}: activations: there are none; give at least those of one layer")
    places = {(each["layer"], each["name"]): index for index, each in enumerate(quantities)}
    properties = []
    for title, ranked in (model.rankings or {}).items():
        best = [_ranked(f"{name}: rankings[{title!r}]", each, places, quantities) for each in ranked]
        properties.append({"name": title, "best": best[:_SHOWN_FOR_A_PROPERTY]})
    return {
        "name": name,
        "quantities": quantities,
        "properties": properties,
        "probabilities": _probabilities(name, model.log_probabilities, T),
        "next": _next_tokens(name, model.next_tokens, T),
    }


def _quantities(model: str, units: ModelUnits, T: int) -> Iterator[dict[str, Any]]:
    for layer, named in units.activations.items():
        for name, given in named.items():
            values = torch.as_tensor(given).detach().cpu().float()
            if values.dim() != 2 or len(values) != T or not values.shape[1]:
                shape = list(values.shape)
                raise InputError(f"{model}: {name} of {layer} has shape {shape}; give [T, U] = [{T}, at least 1]")
            if not values.isfinite().all():
                raise InputError(f"{model}: {name} of {layer} has NaN or infinite values; give finite ones")
            yield {"layer": layer, "name": name, **_quantised(values)}


def _quantised(values: Float[Tensor, "T U"]) -> dict[str, Any]:
    """One byte a value, unit by unit, as shares of each unit's largest."""
    largest = values.abs().amax(0)
    bytes_ = (values * (_STEPS / largest.clamp_min(1e-30))).round().to(torch.int8)
    return {
        "values": base64.b64encode(bytes_.T.contiguous().numpy().tobytes()).decode("ascii"),
        "largest": [_short(value) for value in largest.tolist()],
        "bounded": bool(largest.max() <= 1),
        "gate": bool(largest.max() <= 1 and values.min() >= 0),
        "widest": int(values.var(0, correction=0).argmax()),
    }


def _ranked(
    where: str, ranked: RankedUnit, places: Mapping[tuple[str, str], int], quantities: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    quantity = places.get((ranked.layer, ranked.name))
    if quantity is None:
        raise InputError(f"{where}: {ranked.name} of {ranked.layer} is not in activations; rank what is shown")
    units = len(quantities[quantity]["largest"])
    if not 0 <= ranked.unit < units:
        raise InputError(f"{where}: there is no unit {ranked.unit}; {ranked.name} has units 0 to {units - 1}")
    if not 0 <= ranked.auc <= 1:
        raise InputError(f"{where}: unit {ranked.unit} has auc {ranked.auc}; it must be in [0, 1]")
    return {"quantity": quantity, "unit": ranked.unit, "auc": _short(ranked.auc)}


def _probabilities(model: str, given: Float[Tensor, " N"] | None, T: int) -> list[float | None] | None:
    if given is None:
        return None
    _check_count(model, "log_probabilities", len(given), T)
    values = torch.as_tensor(given).detach().double().exp().tolist()
    return [None if math.isnan(value) else _short(value) for value in values]


def _next_tokens(model: str, given: Sequence[Sequence[tuple[str, float]]] | None, T: int) -> list[list[Any]] | None:
    if given is None:
        return None
    _check_count(model, "next_tokens", len(given), T)
    for at, likeliest in enumerate(given):
        for token, probability in likeliest:
            if not 0 <= probability <= 1:
                raise InputError(f"{model}: next_tokens[{at}]: {token!r} has {probability}; give a probability")
    return [[[token, _short(probability)] for token, probability in likeliest] for likeliest in given]


def _check_count(model: str, what: str, found: int, T: int) -> None:
    if found != T:
        raise InputError(f"{model}: {what} has {found} entries; give one for each of the {T} tokens")


def _short(value: float) -> float:
    """As many digits as the page needs."""
    return float(f"{value:.4g}")
