"""What multiplies an operand, as one matrix."""

import pytest
import torch

from seqmodels.engine.cuda.products import by_columns


@pytest.mark.parametrize("given", [torch.randn(3, 5), torch.randn(5, 3).t(), torch.randn(3, 9)[:, 2:7]])
def test_columns_are_whole_in_memory(given):
    found = by_columns(given)
    assert torch.equal(found, given)
    assert found.stride(0) == 1


def test_a_matrix_whose_columns_are_whole_is_not_copied():
    given = torch.randn(5, 3).t()
    assert by_columns(given) is given
