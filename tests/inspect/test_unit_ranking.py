"""Ranked units against scikit-learn, SciPy and counting of pairs; chosen on one text, scored on another."""

import numpy as np
import pytest
import torch
from scipy import stats

from seqmodels.errors import InputError, OptionError
from seqmodels.inspect import unit_ranking
from seqmodels.inspect.text_properties import TextProperty, text_property
from seqmodels.inspect.unit_ranking import areas_under_curve, rank_units


def random_units(steps, units, seed=0):
    """Activations with many ties, of both zeros and of constant units, too."""
    draw = np.random.default_rng(seed)
    values = np.tanh(draw.normal(scale=3, size=(steps, units))).astype(np.float32)
    values[:, ::3] = values[:, ::3].round(1)
    values[:, 1:2] = 0.25
    values[::2, 2:3], values[1::2, 2:3] = 0.0, -0.0
    return values


def binary(values):
    return TextProperty("own", "binary", np.asarray(values, dtype=bool))


def number(values):
    return TextProperty("own", "number", np.asarray(values, dtype=np.float64))


def test_areas_count_pairs():
    activations, labels = random_units(40, 6), np.random.default_rng(1).random(40) < 0.3
    for unit, area in enumerate(areas_under_curve(activations, labels)):
        true, false = activations[labels, unit], activations[~labels, unit]
        assert area == pytest.approx(np.mean([(t > f) + 0.5 * (t == f) for t in true for f in false]), abs=1e-12)


def test_areas_are_those_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    activations, labels = random_units(2000, 12), np.random.default_rng(1).random(2000) < 0.1
    expected = [metrics.roc_auc_score(labels, unit) for unit in activations.T]
    assert areas_under_curve(activations, labels).tolist() == pytest.approx(expected, abs=1e-12)


def test_areas_do_not_depend_on_how_many_units_are_sorted_at_once(monkeypatch):
    activations, labels = random_units(50, 7), np.arange(50) % 3 == 0
    expected = areas_under_curve(activations, labels)
    for at_once in (1, 100, 350):
        monkeypatch.setattr(unit_ranking, "_VALUES_AT_ONCE", at_once)
        assert areas_under_curve(activations, labels).tolist() == expected.tolist()


def test_infinite_activations_have_ranks_too():
    activations = np.array([[-np.inf], [-1e38], [-1e-40], [0.0], [1e-40], [np.inf]], dtype=np.float32)
    assert areas_under_curve(activations, np.array([False] * 3 + [True] * 3)).tolist() == [1.0]


def test_the_best_unit_is_found_and_scored_on_the_other_text():
    text = 'He said "yes, of course" and left. ' * 40
    truth = text_property("double_quotes", text)
    units = np.random.default_rng(0).normal(size=(len(text), 20)).astype(np.float32)
    units[:, 7] += 3 * truth.values
    units[:, 4] -= 2 * truth.values
    half = len(text) // 2
    scores = rank_units(units[:half], truth[:half], units[half:], truth[half:], top=3)
    assert [(score.unit, score.sign) for score in scores[:2]] == [(7, 1), (4, -1)]
    areas = areas_under_curve(units[half:], truth.values[half:])
    assert scores[0].auc == pytest.approx(areas[7])
    assert scores[1].auc == pytest.approx(1 - areas[4])
    assert scores[0].chosen_by == pytest.approx(areas_under_curve(units[:half], truth.values[:half])[7])
    told = units[half:, 4] < scores[1].threshold
    expected = (told[truth.values[half:]].mean() + (~told)[~truth.values[half:]].mean()) / 2
    assert scores[1].balanced_accuracy == pytest.approx(expected)
    assert scores[0].pearson is None
    assert scores[0].spearman is None


def test_a_unit_that_fits_the_training_text_alone_is_found_out():
    labels = np.arange(60) % 2 == 0
    chosen = np.stack([labels * 1.0, np.arange(60.0)], 1)
    other = np.stack([~labels * 1.0, np.arange(60.0)], 1)
    best = rank_units(chosen, binary(labels), other, binary(labels))[0]
    assert (best.unit, best.sign, best.chosen_by) == (0, 1, 1.0)
    assert (best.auc, best.balanced_accuracy) == (0.0, 0.0)


def test_the_threshold_is_the_best_of_all():
    for seed in range(20):
        activations, labels = random_units(30, 1, seed), np.random.default_rng(seed).random(30) < 0.4
        score = rank_units(activations, binary(labels), activations, binary(labels))[0]

        def accuracy(threshold, values=activations[:, 0] * score.sign, labels=labels):
            return ((values > threshold)[labels].mean() + (values <= threshold)[~labels].mean()) / 2

        cuts = np.unique(activations[:, 0] * score.sign)
        assert score.balanced_accuracy == pytest.approx(max(accuracy(cut) for cut in cuts[:-1]))


def test_numbers_are_told_by_their_correlations():
    truth = number(np.random.default_rng(0).integers(0, 9, 400))
    units = random_units(400, 8)
    units[:, 5] -= 0.3 * truth.values.astype(np.float32)
    scores = rank_units(units[:200], truth[:200], units[200:], truth[200:], top=8)
    assert (scores[0].unit, scores[0].sign) == (5, -1)
    assert {score.unit for score in scores} == set(range(8))
    for score in scores:
        held_out, values = score.sign * units[200:, score.unit], truth.values[200:]
        if np.ptp(held_out) == 0:
            assert (score.pearson, score.spearman, score.auc) == (0, 0, 0.5)
            continue
        train = stats.spearmanr(units[:200, score.unit], truth.values[:200]).statistic
        assert score.chosen_by == pytest.approx(abs(train))
        assert score.pearson == pytest.approx(stats.pearsonr(held_out, values).statistic)
        assert score.spearman == pytest.approx(stats.spearmanr(held_out, values).statistic)
        above = values > np.median(truth.values[:200])
        assert score.auc == pytest.approx(areas_under_curve(held_out[:, None], above)[0])


def test_tensors_are_ranked_as_arrays():
    units, labels = random_units(100, 5), np.arange(100) % 7 < 2
    tensor = torch.tensor(units, requires_grad=True)
    assert rank_units(tensor, binary(labels), tensor, binary(labels)) == rank_units(
        units, binary(labels), units, binary(labels)
    )


@pytest.mark.usefixtures("_types_unchecked")
@pytest.mark.parametrize(
    ("steps", "held_out_units", "truth", "top", "kind", "part"),
    [
        (9, 2, binary([0, 1] * 5), 1, InputError, "training activations have shape [9, 2], but the property"),
        (10, 3, binary([0, 1] * 5), 1, InputError, "2 units in training and 3 held-out"),
        (10, 2, binary([1] * 10), 1, InputError, "'own' has one value only in the training text"),
        (10, 2, number([1] * 9 + [0]), 1, InputError, "no 'own' on both sides of 1, the training text's median"),
        (10, 2, binary([0, 1] * 5), 0, OptionError, "top must be 1 or more, not 0"),
    ],
)
def test_what_cannot_be_ranked_is_refused(one_line, steps, held_out_units, truth, top, kind, part):
    with one_line(kind, part):
        rank_units(np.zeros((steps, 2)), truth, np.zeros((10, held_out_units)), truth, top)


def test_nan_is_refused_where_it_is(one_line):
    units = np.zeros((10, 4))
    units[6, 3] = np.nan
    truth = binary([0, 1] * 5)
    with one_line(InputError, "held-out activations have NaN, first at step 6 of unit 3"):
        rank_units(np.zeros((10, 4)), truth, units, truth)
    with one_line(InputError, "all 10 labels are the same"):
        areas_under_curve(np.zeros((10, 4)), np.ones(10, dtype=bool))
