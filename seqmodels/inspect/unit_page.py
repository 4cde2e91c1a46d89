"""The page of what a search for units found."""

from collections.abc import Iterable, Mapping, Sequence

from torch import Tensor

from seqmodels.errors import InputError
from seqmodels.inspect.page import ModelUnits, RankedUnit, ReadText
from seqmodels.inspect.reading import Units
from seqmodels.inspect.unit_search import UnitSearch


def page_of(searches: Mapping[str, UnitSearch], tokens: int) -> ReadText:
    """What :func:`seqmodels.inspect.write_page` takes, of the first tokens of the held-out text.

    Args:
        searches: What to call each model -> what was found in it; all read the same text.
        tokens: How many at most.

    Raises:
        InputError: If the models cut the text into different tokens.
    """
    check_same_tokens({title: search.held_out.tokens for title, search in searches.items()})
    first = next(iter(searches.values())).held_out
    return ReadText(first.tokens[:tokens], {title: _model(search, tokens) for title, search in searches.items()})


def check_same_tokens(tokens: Mapping[str, Sequence[str]]) -> None:
    """Refuses models that can't stand side by side on a page.

    Args:
        tokens: What to call each model -> how it cuts the text.

    Raises:
        InputError: If two cut it differently.

    Example:
        >>> check_same_tokens({"letters": ["a", " ", "b"], "words": ["a ", "b "]})
        Traceback (most recent call last):
        ...
        seqmodels.errors.InputError: letters and words cut the text into different tokens; take one of them
    """
    first, *others = tokens
    for other in others:
        if tokens[other] != tokens[first]:
            raise InputError(f"{first} and {other} cut the text into different tokens; take one of them")


def by_layer(units: Iterable[Units]) -> dict[str, dict[str, Tensor]]:
    """Layer -> name -> values [T, U], as :class:`seqmodels.inspect.page.ModelUnits` has them.

    Example:
        >>> import torch
        >>> found = by_layer([Units("rnn.layers.0", "h", torch.zeros(5, 2), None)])
        >>> found["rnn.layers.0"]["h"].shape
        torch.Size([5, 2])
    """
    layers: dict[str, dict[str, Tensor]] = {}
    for each in units:
        layers.setdefault(each.layer, {})[each.name] = each.values
    return layers


def _model(search: UnitSearch, tokens: int) -> ModelUnits:
    reading = search.held_out
    activations = by_layer(units._replace(values=units.values[:tokens]) for units in reading.units)
    rankings = {
        finding.property: [
            RankedUnit(found.layer, found.name, found.score.unit, found.score.auc) for found in finding.units
        ]
        for finding in search.findings
    }
    return ModelUnits(activations, reading.log_probabilities[:tokens], reading.likeliest[:tokens], rankings)
