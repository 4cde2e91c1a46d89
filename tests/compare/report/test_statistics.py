import itertools
import math
import warnings

import pytest
from scipy import stats

from seqmodels.compare.report.statistics import _permuted, average_ranks, estimate, holm, paired_difference


@pytest.fixture(autouse=True)
def _no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def test_interval_is_students_t():
    values = [2.0, 4.0, 4.0, 6.0]
    found = estimate(values)
    # By hand: mean 4, s^2 = 8/3, t(3; 0.975) = 3.182446
    half = 3.182446 * math.sqrt(8 / 3) / 2
    assert found.mean == 4.0
    assert (found.low, found.high) == pytest.approx((4 - half, 4 + half), rel=1e-6)
    assert found.half_width == pytest.approx(half, rel=1e-6)
    assert found.size == 4


def test_values_that_are_not_finite_are_left_out():
    assert estimate([1.0, math.nan, 3.0, math.inf]) == estimate([1.0, 3.0])
    assert estimate([math.nan]) is None
    assert estimate([]) is None


@pytest.mark.parametrize("values", [[0.3], [0.3, 0.3, 0.3], [0.1 + 0.2, 0.3], [0.0, 0.0]])
def test_too_few_or_equal_values_have_a_mean_without_interval_or_test(values):
    found = estimate(values)
    assert found.mean == pytest.approx(values[0])
    assert (found.low, found.high, found.p, found.half_width) == (None, None, None, None)


def test_paired_test_is_scipys_over_the_seeds_of_both():
    ours, baseline = {1: 0.81, 2: 0.84, 3: 0.80, 5: 0.90}, {3: 0.75, 2: 0.81, 1: 0.80, 7: 0.1}
    found = paired_difference(ours, baseline)
    expected = stats.ttest_rel([0.81, 0.84, 0.80], [0.80, 0.81, 0.75])
    assert found.p == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert (found.mean, found.size) == (pytest.approx(0.03), 3)


def test_pairing_counts():
    ours, baseline = {0: 1.0, 1: 2.0, 2: 3.1}, {0: 0.9, 1: 1.8, 2: 3.0}
    assert paired_difference(ours, baseline).p < 0.1 < stats.ttest_ind([1, 2, 3.1], [0.9, 1.8, 3.0]).pvalue


def test_no_pair_one_pair_and_equal_differences_have_no_test():
    assert paired_difference({0: 1.0}, {1: 1.0}) is None
    assert paired_difference({0: math.nan}, {0: 1.0}) is None
    one = paired_difference({0: 1.0, 1: math.nan}, {0: 0.5, 1: 1.0})
    assert (one.mean, one.size, one.p, one.low) == (0.5, 1, None, None)
    # 0.1 each but for rounding
    same = paired_difference({0: 0.3, 1: 0.8, 2: 1.1}, {0: 0.2, 1: 0.7, 2: 1.0})
    assert (same.size, same.p, same.low) == (3, None, None)


def test_holm_by_hand():
    # Sorted 0.005, 0.01, 0.03, 0.04: times 4, 3, 2, 1, and never below one before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_stays_below_one_and_leaves_out_tests_that_were_not_made():
    assert holm([0.9, None, 0.8]) == [1.0, None, 1.0]
    assert holm([None, 0.02]) == [None, 0.02]
    assert holm([]) == []


def test_friedman_on_demsars_example():
    # Demsar 2006, table 6, where two accuracies of 0.975 rank apart: their further digits are not printed.
    table = """0.763 0.768 0.771 0.798/0.599 0.591 0.590 0.569/0.954 0.971 0.968 0.967/0.628 0.661 0.654 0.657
        0.882 0.888 0.886 0.898/0.936 0.931 0.916 0.931/0.661 0.668 0.609 0.685/0.583 0.583 0.563 0.625
        0.775 0.838 0.866 0.875/1.000 1.000 1.000 1.000/0.940 0.962 0.965 0.962/0.619 0.666 0.614 0.669
        0.972 0.981 0.9752 0.975/0.957 0.978 0.946 0.970"""
    lines = [line.split() for line in table.replace("\n", "/").split("/")]
    ranking = average_ranks([dict(zip("abcd", map(float, line), strict=True)) for line in lines])
    assert list(ranking.ranks.values()) == pytest.approx([3.143, 2.000, 2.893, 1.964], abs=5e-4)
    assert ranking.problems == 14
    squares = sum(rank**2 for rank in ranking.ranks.values())
    assert 12 * 14 / (4 * 5) * (squares - 4 * 5**2 / 4) == pytest.approx(9.28, abs=5e-3)
    assert 9.28 < ranking.statistic < 10.5  # the same with the correction for ties
    assert ranking.p == pytest.approx(stats.chi2.sf(ranking.statistic, 3))


def friedman_by_force(ranks):
    """The share of all orders of ranks within problems whose sums lie at least as far apart."""

    def apart(rows):
        return sum(sum(column) ** 2 for column in zip(*rows, strict=True))

    orders = [apart(rows) for rows in itertools.product(*map(itertools.permutations, ranks))]
    return sum(each >= apart(ranks) for each in orders) / len(orders)


@pytest.mark.parametrize(
    "ranks",
    [
        [[1, 2, 3], [1, 2, 3]],
        [[1, 2, 3, 4], [1, 3, 2, 4]],
        [[1, 2, 3, 4], [1, 2, 4, 3], [2, 1, 3, 4]],
        [[1, 2.5, 2.5], [1, 2, 3], [1.5, 1.5, 3], [1, 3, 2]],
        [[1, 2, 3, 4, 5], [5, 3, 4, 1, 2]],
    ],
)
def test_of_few_problems_friedmans_p_is_exact(ranks):
    ranking = average_ranks([{str(cell): -rank for cell, rank in enumerate(row)} for row in ranks])
    assert ranking.p == pytest.approx(friedman_by_force(ranks))


def test_two_problems_can_tell_eight_cells_apart():
    scores = {str(cell): float(cell) for cell in range(8)}
    assert average_ranks([scores] * 2).p == pytest.approx(1 / math.factorial(8))
    assert average_ranks([scores] * 2).p == average_ranks([scores] * 2).p


def test_orders_that_are_too_many_to_try_are_drawn_alike_each_time():
    rows = ([*range(8)], [*range(7, -1, -1)], [3, 1, 0, 2, 7, 6, 5, 4])
    scores = [dict(zip("abcdefgh", row, strict=True)) for row in rows]
    first = average_ranks(scores)
    _permuted.cache_clear()
    assert average_ranks(scores) == first
    assert first.p == pytest.approx(stats.chi2.sf(first.statistic, 7), abs=0.1)  # roughly


def test_ranks_need_two_problems_and_two_cells():
    assert average_ranks([]) is None
    assert average_ranks([{"a": 1.0, "b": 2.0}, {}]) is None
    assert average_ranks([{"a": 1.0}, {"a": 2.0}]) is None
    two = average_ranks([{"a": 1.0, "b": 2.0}, {"a": 1.0, "b": 1.0}])
    assert (two.ranks, two.p) == ({"a": 1.75, "b": 1.25}, None)


def test_cells_that_lack_a_problem_are_left_out_of_ranks_and_ties_have_no_test():
    found = average_ranks([{"a": 1.0, "b": 2.0, "c": 3.0}, {"a": 1.0, "b": 2.0, "c": math.nan}])
    assert found.ranks == {"a": 2.0, "b": 1.0}
    tied = average_ranks([{"a": 1.0, "b": 1.0, "c": 1.0}] * 3)
    assert (set(tied.ranks.values()), tied.p) == ({2.0}, None)
