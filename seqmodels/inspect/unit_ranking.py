"""Which units of a model know a property of the text: chosen on one part of it, scored on another.

Source: Karpathy, Johnson and Fei-Fei 2015, "Visualizing and understanding recurrent networks", section 4.2, which found
cells for quotes, line positions and brackets by eye; the scores are ours.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Float64, Int64, Num
from torch import Tensor

from seqmodels.errors import InputError, OptionError
from seqmodels.inspect.text_properties import TextProperty

_VALUES_AT_ONCE = 2**20  # bounds the memory, to about 100 MiB


class UnitScore(NamedTuple):
    """How well one unit's activation tells a property; all but ``unit`` to ``threshold`` are of the held-out text."""

    unit: int
    """Its place among the activations."""
    sign: int
    """1 if the activation is high where the property is true or high; -1 if it is low there."""
    chosen_by: float
    """What it was chosen by on the training text: AUC, or for numbers Spearman's correlation; its sign is made 1."""
    threshold: float
    """What tells the property best on the training text: it is true where ``sign * (activation - threshold) > 0``."""
    auc: float
    """Area under the ROC curve, from 0 to 1, 0.5 for chance; of numbers, for being above the training text's median.

    Below 0.5 where the sign that was right on the training text is wrong on the held-out text.
    """
    balanced_accuracy: float
    """Mean of the shares that the threshold tells rightly, where the property is true and where it isn't."""
    pearson: float | None
    """Pearson's correlation with a number, from -1 to 1, times ``sign``; None for a binary property."""
    spearman: float | None
    """Spearman's, likewise."""


Activations = Float[np.ndarray, "T U"] | Float[Tensor, "T U"]
HeldOutActivations = Float[np.ndarray, "S U"] | Float[Tensor, "S U"]


def rank_units(
    activations: Activations,
    truth: TextProperty,
    held_out_activations: HeldOutActivations,
    held_out_truth: TextProperty,
    top: int = 10,
) -> list[UnitScore]:
    """The units that tell a property best on the training text, the best first, and how well they do on another text.

    The best of many units does well on the text on which it was chosen even if all are random; hence the other text.
    Compare with an untrained model: some of its units tell simple properties, too.

    Args:
        activations: T steps of U units, each after the character at its place was read; compared as float32.
        truth: The property of the same T characters, see ``text_property``.
        held_out_activations: Those of the same units on other characters.
        held_out_truth: The property of those.
        top: How many units to return, 1 or more; all where there are fewer.

    Raises:
        InputError: Lengths or units that differ, NaN, or a property with one value only.
        OptionError: ``top`` below 1.

    Example:
        >>> from seqmodels.inspect.text_properties import text_property
        >>> text = 'a "bc" d "e" ' * 10
        >>> truth = text_property("double_quotes", text)
        >>> units = np.stack([np.random.default_rng(0).random(130), 0.5 - truth.values], 1)
        >>> best = rank_units(units[:65], truth[:65], units[65:], truth[65:])[0]
        >>> best.unit, best.sign, best.auc, best.threshold
        (1, -1, 1.0, 0.0)
    """
    if top < 1:
        raise OptionError(f"top must be 1 or more, not {top}")
    train = _checked("training", activations, truth)
    held_out = _checked("held-out", held_out_activations, held_out_truth)
    if train.shape[1] != held_out.shape[1]:
        raise InputError(
            f"there are {train.shape[1]} units in training and {held_out.shape[1]} held-out; give the same units"
        )
    binary = truth.kind == "binary"
    chance, fit = (0.5, areas_under_curve(train, truth.values)) if binary else (0.0, _spearman(train, truth.values))
    best = np.argsort(-np.abs(fit - chance), kind="stable")[:top]
    signs = np.where(fit[best] < chance, -1, 1).astype(np.float32)

    median = np.median(truth.values)
    labels = truth.values if binary else _above(truth, median, "training")
    held_out_labels = held_out_truth.values if binary else _above(held_out_truth, median, "held-out")
    train, held_out = train[:, best] * signs, held_out[:, best] * signs
    areas = areas_under_curve(held_out, held_out_labels)
    pearson = None if binary else _pearson(held_out, held_out_truth.values)
    spearman = None if binary else _spearman(held_out, held_out_truth.values)

    scores = []
    for place, unit in enumerate(best):
        threshold = _threshold(train[:, place], labels)
        scores.append(
            UnitScore(
                unit=int(unit),
                sign=int(signs[place]),
                chosen_by=float(chance + abs(fit[unit] - chance)),
                threshold=float(signs[place] * threshold) + 0.0,  # no -0
                auc=float(areas[place]),
                balanced_accuracy=_balanced_accuracy(held_out[:, place] > threshold, held_out_labels),
                pearson=None if pearson is None else float(pearson[place]),
                spearman=None if spearman is None else float(spearman[place]),
            )
        )
    return scores


def areas_under_curve(
    activations: Activations, labels: Bool[np.ndarray, " T"] | Bool[Tensor, " T"]
) -> Float64[np.ndarray, " U"]:
    """Area under the ROC curve of each unit [U], exactly, by the ranks of its activations; a tie counts half.

    It is the share of pairs of a true and a false step in which the unit is higher at the true one.

    Args:
        activations: T steps of U units, compared as float32.
        labels: Whether the property is true at each step.

    Raises:
        InputError: All labels are the same.

    Source: Mann and Whitney 1947; Hanley and McNeil 1982, "The meaning and use of the area under a ROC curve".

    Example:
        >>> areas_under_curve(np.array([[0.1, 1.0], [0.2, 1.0], [0.3, 0.0]]), np.array([False, True, True])).tolist()
        [1.0, 0.25]
    """
    truth = np.asarray(torch.as_tensor(labels).cpu())
    positive = int(truth.sum())
    negative = len(truth) - positive
    if not positive or not negative:
        raise InputError(f"all {len(truth)} labels are the same, so nothing tells them apart; give a longer text")
    rank_sums = np.concatenate([(ranks * truth[order]).sum(1) for ranks, order in _sorted_ranks(_float32(activations))])
    return (rank_sums - positive * (positive + 1) / 2) / (positive * negative)


def _float32(activations: Activations) -> Float32[np.ndarray, "T U"]:
    return torch.as_tensor(activations, dtype=torch.float32).detach().cpu().numpy()


def _checked(part: str, activations: Activations, truth: TextProperty) -> Float32[np.ndarray, "T U"]:
    values = _float32(activations)
    if values.ndim != 2 or len(values) != len(truth):
        raise InputError(
            f"{part} activations have shape {list(values.shape)}, but the property {truth.name!r} has {len(truth)} "
            f"values; give activations [{len(truth)}, units]"
        )
    if np.isnan(values).any():
        step, unit = np.argwhere(np.isnan(values))[0]
        raise InputError(f"{part} activations have NaN, first at step {step} of unit {unit}; give numbers")
    if len(truth) == 0 or (truth.values == truth.values[0]).all():
        raise InputError(f"the property {truth.name!r} has one value only in the {part} text; give a longer text")
    return values


def _above(truth: TextProperty, median: float, part: str) -> Bool[np.ndarray, " T"]:
    above = truth.values > median
    if above.all() or not above.any():
        raise InputError(
            f"the {part} text has no {truth.name!r} on both sides of {median:g}, the training text's median; give a "
            "longer text"
        )
    return above


def _sorted_ranks(
    activations: Float32[np.ndarray, "T U"],
) -> Iterator[tuple[Float64[np.ndarray, "some T"], Int64[np.ndarray, "some T"]]]:
    """Some units at a time, their ranks in ascending order, from 1, with the mean rank for ties; and the steps of them.

    An integer of a value's bits, made to order as the values do, and its step sorts several times as fast as argsort.
    """
    steps, units = activations.shape
    at_once = max(1, _VALUES_AT_ONCE // steps)
    for first in range(0, units, at_once):
        values = activations[:, first : first + at_once].T + np.float32(0)  # a copy, in which -0 is 0
        bits = np.ascontiguousarray(values).view(np.int32)
        bits ^= (bits >> 31) & 0x7FFFFFFF
        keys = (bits.astype(np.int64) << 32) | np.arange(steps)
        keys.sort(axis=1)
        yield _mean_ranks(keys >> 32), keys & 0xFFFFFFFF


def _mean_ranks(ascending: Int64[np.ndarray, "some T"]) -> Float64[np.ndarray, "some T"]:
    place = np.arange(ascending.shape[1], dtype=np.int32)
    begins = np.ones(ascending.shape, dtype=bool)
    begins[:, 1:] = ascending[:, 1:] != ascending[:, :-1]
    if begins.all():
        return np.broadcast_to(place + 1.0, ascending.shape)
    ends = np.roll(begins, -1, axis=1)
    first = np.maximum.accumulate(np.where(begins, place, 0), axis=1)
    last = np.minimum.accumulate(np.where(ends, place, len(place))[:, ::-1], axis=1)[:, ::-1]
    return (first + last) / 2 + 1


def _spearman(activations: Float32[np.ndarray, "T U"], numbers: Num[np.ndarray, " T"]) -> Float64[np.ndarray, " U"]:
    """Pearson's correlation of the ranks; 0 for a unit that is constant."""
    from scipy.stats import rankdata

    middle = (len(numbers) + 1) / 2
    centred = rankdata(numbers) - middle
    products, squares = [], []
    for ranks, order in _sorted_ranks(activations):
        products.append(((ranks - middle) * centred[order]).sum(1))
        squares.append(((ranks - middle) ** 2).sum(1))
    return _correlation(np.concatenate(products), np.concatenate(squares), (centred**2).sum())


def _pearson(activations: Float32[np.ndarray, "T U"], numbers: Num[np.ndarray, " T"]) -> Float64[np.ndarray, " U"]:
    values = activations - activations.mean(0, dtype=np.float64)
    centred = numbers - numbers.mean()
    return _correlation(centred @ values, (values**2).sum(0), (centred**2).sum())


def _correlation(
    products: Float64[np.ndarray, " U"], squares: Float64[np.ndarray, " U"], square: float
) -> Float64[np.ndarray, " U"]:
    norms = np.sqrt(squares * square)
    return np.divide(products, norms, out=np.zeros_like(products), where=norms > 0)


def _threshold(values: Float32[np.ndarray, " T"], labels: Bool[np.ndarray, " T"]) -> np.float64:
    """Halfway between the two neighbouring values which it is best to tell apart, by balanced accuracy."""
    order = np.argsort(values)
    ascending, labels = values[order].astype(np.float64), labels[order]
    right = np.cumsum(np.where(labels, -1 / labels.sum(), 1 / (~labels).sum()))[:-1]  # more than if all were "true"
    right[ascending[1:] == ascending[:-1]] = -np.inf
    cut = int(right.argmax())
    return (ascending[cut] + ascending[cut + 1]) / 2


def _balanced_accuracy(told: Bool[np.ndarray, " T"], labels: Bool[np.ndarray, " T"]) -> float:
    return float((told[labels].mean() + (~told[~labels]).mean()) / 2)
