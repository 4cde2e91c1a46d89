"""The k largest with ties in a fixed order."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqmodels.decoding.largest import largest


@given(st.lists(st.lists(st.integers(-2, 2), min_size=7, max_size=7), min_size=1, max_size=4), st.integers(1, 7))
def test_of_equals_the_first_columns_come_first(rows, k):
    values = torch.tensor(rows).float()
    found, columns = largest(values, k)
    ordered, order = values.sort(dim=1, descending=True, stable=True)
    assert torch.equal(found, ordered[:, :k])
    assert torch.equal(columns, order[:, :k])


@pytest.mark.parametrize("k", [1, 2, 5])
def test_nothing_is_taken_before_something(k):
    values = torch.full((2, 5), -torch.inf)
    values[0, 3] = values[0, 4] = 1.0
    found, columns = largest(values, k)
    assert found[0, :2].tolist() == [1.0, 1.0][:k]
    assert columns[0, :2].tolist() == [3, 4][:k]
    assert not found[1].isfinite().any()


def test_many_equals_far_apart():
    values = torch.zeros(3, 5000)
    values[1, 4000] = 1
    _, columns = largest(values, 4)
    assert columns.tolist() == [[0, 1, 2, 3], [4000, 0, 1, 2], [0, 1, 2, 3]]
