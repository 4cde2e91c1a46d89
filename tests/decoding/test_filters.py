"""Temperature, top-k, top-p and min-p."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqmodels.decoding import filter_logits

LOGITS = torch.tensor([[0.5, 0.2, 0.15, 0.1, 0.05], [0.05, 0.5, 0.1, 0.2, 0.15]]).log()


def kept(logits):
    return [row.isfinite().nonzero()[:, 0].tolist() for row in logits]


def test_temperature_divides_the_scores():
    torch.testing.assert_close(filter_logits(LOGITS, temperature=0.5).log_softmax(-1), (LOGITS * 2).log_softmax(-1))


@pytest.mark.parametrize("temperature", [1e-3, 1e-38, 1e-45, 5e-324])
def test_the_least_temperature_leaves_the_likeliest(temperature):
    banned = torch.tensor([[1.0, 3.0, -torch.inf, 2.0]])
    assert filter_logits(banned, temperature).softmax(-1).tolist() == [[0, 1, 0, 0]]


@pytest.mark.parametrize(("k", "expected"), [(1, [[0], [1]]), (2, [[0, 1], [1, 3]]), (5, [[*range(5)]] * 2)])
def test_top_k_keeps_the_k_likeliest(k, expected):
    assert kept(filter_logits(LOGITS, top_k=k)) == expected
    assert kept(filter_logits(LOGITS, top_k=99)) == [[*range(5)]] * 2


def test_top_k_keeps_no_more_than_k_of_equal_tokens():
    assert kept(filter_logits(torch.zeros(2, 6), top_k=1)) == [[0], [0]]
    assert kept(filter_logits(torch.tensor([[1.0, 2.0, 1.0, 3.0, 1.0]]), top_k=3)) == [[0, 1, 3]]


def test_top_p_of_1_keeps_every_token():
    logits = 5 * torch.randn(1, 5000)
    assert torch.equal(filter_logits(logits, top_p=1.0), logits)


@pytest.mark.parametrize(
    ("p", "expected"), [(0.4, [[0], [1]]), (0.6, [[0, 1], [1, 3]]), (0.86, [[0, 1, 2, 3], [1, 2, 3, 4]])]
)
def test_top_p_keeps_the_fewest_that_reach_p(p, expected):
    assert kept(filter_logits(LOGITS, top_p=p)) == expected


@pytest.mark.parametrize(
    ("p", "expected"), [(0.5, [[0], [1]]), (0.35, [[0, 1], [1, 3]]), (0.15, [[0, 1, 2, 3], [1, 2, 3, 4]])]
)
def test_min_p_keeps_what_has_that_share_of_the_likeliest(p, expected):
    assert kept(filter_logits(LOGITS, min_p=p)) == expected
    assert kept(filter_logits(LOGITS, min_p=p**2, temperature=0.5)) == expected  # which squares the shares
    assert kept(filter_logits(LOGITS, min_p=1.0)) == [[0], [1]]


@given(
    st.lists(st.floats(-5, 5, width=16), min_size=1, max_size=12),  # whose differences don't vanish when divided
    st.floats(0.01, 1.0),
    st.integers(1, 15),
    st.floats(0.1, 5.0),
    st.floats(0.01, 1.0),
)
def test_the_likeliest_is_always_kept_and_what_is_kept_is_unchanged(values, p, k, temperature, min_p):
    logits = torch.tensor([values])
    filtered = filter_logits(logits, temperature, top_k=k, top_p=p, min_p=min_p)
    assert filtered[0, logits.argmax()].isfinite()
    finite = filtered.isfinite()
    exact = logits if temperature == 1 else (logits - logits.max()) / temperature
    torch.testing.assert_close(filtered[finite], exact[finite])


def test_the_first_of_k_is_the_likeliest_by_whatever_little():
    logits = torch.tensor([[0.0, 1e-45]])
    assert kept(filter_logits(logits, 2.0, top_k=1, min_p=1.0)) == [[1]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": 0.0}, "temperature must be above 0"),
        ({"temperature": float("inf")}, "temperature must be above 0"),
        ({"top_k": 0}, "top_k must be 1 or more"),
        ({"top_p": 0.0}, "top_p must be above 0"),
        ({"top_p": 1.1}, "at most 1"),
        ({"min_p": 0.0}, "min_p must be above 0"),
        ({"min_p": 1.5}, "min_p must be above 0 and at most 1"),
    ],
)
def test_values_out_of_range_are_one_line(options, message, one_line):
    from seqmodels.errors import OptionError

    with one_line(OptionError, message):
        filter_logits(LOGITS, **options)
