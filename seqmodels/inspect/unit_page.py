"""The page of what a search for units found."""

from collections.abc import Iterable, Mapping

from torch import Tensor

from seqmodels.inspect.page import ModelUnits, RankedUnit, ReadText
from seqmodels.inspect.reading import Units
from seqmodels.inspect.unit_search import UnitSearch


def page_of(searches: Mapping[str, UnitSearch], tokens: int) -> ReadText:
    """What :func:`seqmodels.inspect.write_page` takes, of the first tokens of the held-out text.

    Args:
        searches: What to call each model -> what was found in it; all read the same text.
        tokens: How many at most.
    """
    first = next(iter(searches.values())).held_out
    return ReadText(first.tokens[:tokens], {title: _model(search, tokens) for title, search in searches.items()})


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
