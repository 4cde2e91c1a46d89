"""What is computed as one product: a launch a step for each operand, whatever the number of gates."""

import pytest
import torch
from torch import Tensor

from seqmodels.engine.cuda.layout import Block, Product, Slot
from seqmodels.engine.cuda.products import matrix
from seqmodels.engine.graph import Segment

H = 5


def product(columns: list[list[Block]]) -> Product:
    return Product("product_0", Slot("new_0", 0, 9, "previous"), 3, "batch", 0, columns)


@pytest.mark.parametrize(
    ("cell", "forward", "backward", "outer"),
    # Each product as (depth, width); the input's is the one computed ahead.
    [
        ("lstm", [(3, 4 * H), (H, 4 * H)], [(4 * H, H)], 2),
        ("elman", [(3, H), (H, H)], [(H, H)], 2),
        ("gru", [(3, 3 * H), (H, H), (H, 2 * H)], [(H, H), (2 * H, H)], 3),
    ],
)
def test_gates_share_their_products(cell, forward, backward, outer, directions):
    ways = [direction.layout for direction in directions(cell, H)]
    assert sorted((p.depth, p.width) for p in ways[0].products) == forward
    assert [(p.depth, p.width) for p in ways[0].products if p.level < 0] == forward[:1]
    assert sorted((p.depth, p.width) for p in ways[1].products) == backward
    assert len(ways[1].outer) == outer


def test_blocks_side_by_side_in_a_matrix_are_not_copied():
    whole = torch.arange(24.0).view(4, 6)
    columns = [[Block(Segment(0, 1, 0), 2, 3)], [Block(Segment(0, 1, 3), 2, 2)]]
    found = matrix(product(columns), [whole])
    assert found.data_ptr() == whole[1:].data_ptr()
    assert torch.equal(found, whole[1:3, :5])


def test_blocks_of_a_transpose_are_not_copied_either():
    whole = torch.arange(24.0).view(4, 6)
    columns = [[Block(Segment(0, 0, 1, True), 2, 3), Block(Segment(0, 0, 3, True), 1, 3)]]
    found = matrix(product(columns), [whole])
    assert found.untyped_storage().data_ptr() == whole.untyped_storage().data_ptr()
    assert torch.equal(found, whole[:3, 1:4].t())


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_blocks_of_several_matrices_are_joined(order: tuple[int, int]) -> None:
    matrices: list[Tensor] = [torch.randn(4, 6), torch.randn(3, 6)]
    first, second = order
    columns = [[Block(Segment(first, 0, 0), 3, 2)], [Block(Segment(second, 0, 4), 3, 2)]]
    expected = torch.cat([matrices[first][:3, :2], matrices[second][:3, 4:]], 1)
    assert torch.equal(matrix(product(columns), matrices), expected)


@pytest.mark.parametrize(("cell", "vectors"), [("lstm", [4 * H]), ("gru", [3 * H])])
def test_gradients_of_vectors_are_one_sum_each(cell, vectors, directions):
    _, backward = (direction.layout for direction in directions(cell, H))
    assert [(each.low, each.width) for each in backward.sums] == [(0, width) for width in vectors]
    assert backward.added == set()


def test_what_is_no_gradient_of_a_product_is_added_up_by_the_steps(directions):
    """The weight of a unit's own state in an IndRNN."""
    _, backward = (direction.layout for direction in directions("indrnn", H))
    assert len(backward.added) == 1


def test_the_gradient_of_the_input_is_one_product(directions):
    _, backward = (direction.layout for direction in directions("lstm", H))
    (ending,) = backward.sinks
    assert (ending.slot.buffer, ending.width, ending.adds) == ("gradient_0", 3, False)
    assert [each.depth for each in ending.products] == [4 * H]
