"""Which units of a language model know what about a text, beside those of a network that was never trained."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
import torch

from seqmodels.errors import InputError
from seqmodels.inspect.reading import Reading, read
from seqmodels.inspect.text_properties import TextProperty, text_property
from seqmodels.inspect.unit_ranking import UnitScore, rank_units
from seqmodels.tasks import LanguageModel


class FoundUnit(NamedTuple):
    """A unit that tells a property of the text."""

    layer: str
    name: str
    """Of the values that it is one of, such as "h" or "sigmoid(f)"."""
    score: UnitScore


class Finding(NamedTuple):
    """A property, and the units that tell it best, the best first."""

    property: str
    units: list[FoundUnit]
    untrained: list[FoundUnit]
    """Those of a network of the same shape that was never trained."""


class UnitSearch(NamedTuple):
    """What was found, and the reading of the held-out text that it was found on."""

    findings: list[Finding]
    left_out: list[str]
    """Properties that are the same, or never above the first half's median, all over one half of the text."""
    held_out: Reading


def find_units(
    model: LanguageModel,
    text: str,
    properties: Sequence[str],
    names: Collection[str] | None = None,
    layers: Collection[str] | None = None,
    top: int = 5,
    seed: int = 0,
) -> UnitSearch:
    """The units that tell properties of a text: chosen on its first half, scored on its second.

    Args:
        model: A trained one.
        text: That the model has not been trained on, best of all; some 10,000 characters or more.
        properties: Names of ``seqmodels.inspect.PROPERTIES``, or ``regex:PATTERN``. Of a token of several characters
            the last one counts.
        names: Which values to look at; the states, if not given.
        layers: Which layers; all, if not given.
        top: How many units of each property.
        seed: Of the weights of the untrained network.

    Raises:
        InputError: If the text is too short, or has something that the model has no token for.
        OptionError: If there is no such property.

    Example:
        >>> from seqmodels.data import build_tokenizer
        >>> text = "a = 'x'  # one\\nbc = [2, 3]\\n" * 4
        >>> model = LanguageModel(build_tokenizer("character", text), cell="gru", hidden_size=8)
        >>> search = find_units(model, text, ["python_string", "line_position"])
        >>> [(finding.property, len(finding.units)) for finding in search.findings]
        [('python_string', 5), ('line_position', 5)]
    """
    names = model.rnn.cell.state_names if names is None else names
    halves = _halves(text)
    trained = [read(model, halves[0], names, layers, likeliest=0), read(model, halves[1], names, layers)]
    untrained = untrained_like(model, seed)
    other = [read(untrained, half, names, layers, likeliest=0) for half in halves]
    findings, left_out = [], []
    for title in properties:
        truths = [_property_of(title, reading) for reading in trained]
        if not _both_ways(truths):
            left_out.append(title)
            continue
        findings.append(Finding(title, _best(trained, truths, top), _best(other, truths, top)))
    return UnitSearch(findings, left_out, trained[1])


def untrained_like(model: LanguageModel, seed: int = 0) -> LanguageModel:
    """A network of the same shape with the weights it would begin with."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        twin = type(model)(model.tokenizer, **dict(model.hparams))
    return twin.to(model.device).eval()


def _halves(text: str) -> tuple[str, str]:
    """Of its lines, if there are several."""
    lines = text.splitlines(keepends=True)
    parts = lines if len(lines) > 1 else list(text)
    if len(parts) < 2:
        raise InputError("the text is too short to choose units on one half and score them on the other")
    return "".join(parts[: len(parts) // 2]), "".join(parts[len(parts) // 2 :])


def _property_of(title: str, reading: Reading) -> TextProperty:
    truth = text_property(title, "".join(reading.tokens))
    ends = np.cumsum([len(token) for token in reading.tokens]) - 1
    ends = ends.clip(0)  # of bytes before the first character's last
    return TextProperty(truth.name, truth.kind, truth.values[ends])


def _both_ways(truths: list[TextProperty]) -> bool:
    """Whether each half has what tells true from false, or above the median of the first from below."""
    border = 0 if truths[0].kind == "binary" else np.median(truths[0].values)
    return all(len(np.unique(truth.values > border)) == 2 for truth in truths)


def _best(readings: list[Reading], truths: list[TextProperty], top: int) -> list[FoundUnit]:
    """Of all values of all layers, by how well they did on the first half."""
    first, second = readings
    found = [
        FoundUnit(units.layer, units.name, score)
        for units, held_out in zip(first.units, second.units, strict=True)
        for score in rank_units(units.values, truths[0], held_out.values, truths[1], top)
    ]
    return sorted(found, key=lambda unit: unit.score.chosen_by, reverse=True)[:top]
