"""Pictures of units and gates."""

import pytest
import torch

from seqmodels.errors import InputError
from seqmodels.figures import to_svg
from seqmodels.inspect.pictures import COLUMNS, MOST_LINES, coloured_text, saturation


def colours(figure, panel=0):
    """Values of the picture's places."""
    return figure.axes[panel].images[0].get_array()


def test_each_character_has_the_colour_of_its_value():
    values = torch.tensor([0.5, -1.0, 2.0, 0.0])
    grid = colours(coloured_text(["a", "b\n", "c", "d"], {"unit": values}))
    assert grid[0, :2].tolist() == [0.25, -0.5]
    assert grid[1, :2].tolist() == [1.0, 0.0]
    assert grid.mask[0, 2:].all()  # nothing is written there


def test_a_token_of_several_characters_has_one_colour():
    grid = colours(coloured_text(["ab", "\tc"], {"unit": torch.tensor([1.0, -1.0])}))
    assert grid[0, :3].tolist() == [1.0, 1.0, -1.0]
    assert grid[0, 6] == -1.0


def test_long_lines_are_broken_and_long_texts_cut():
    text = list("x" * (COLUMNS + 1) + "\n" * 2 * MOST_LINES)
    grid = colours(coloured_text(text, {"unit": torch.ones(len(text))}))
    assert grid.shape[0] == 2
    assert grid[1, 0] == 1
    many = list("x\n" * 2 * MOST_LINES)
    assert colours(coloured_text(many, {"unit": torch.ones(len(many))})).shape[0] == MOST_LINES


def test_units_stand_one_below_the_other():
    figure = coloured_text(list("ab"), {"one": torch.zeros(2), "two $x$": torch.tensor([1.0, 0.0])}, bound=4.0)
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["one", "two $x$"]
    assert colours(figure, 1)[0, 0] == 0.25
    assert to_svg(figure).count("<svg") == 1


def test_a_unit_needs_a_value_for_each_token():
    with pytest.raises(InputError, match="unit 3: has the shape"):
        coloured_text(list("ab"), {"unit 3": torch.zeros(5)})


def test_saturation_shows_every_unit():
    shut, opened = torch.tensor([0.0, 0.5, 1.0]), torch.tensor([1.0, 0.25, 0.0])
    figure = saturation({"f": (shut, opened), "i": (opened, shut)})
    points = figure.axes[0].collections[0].get_offsets()
    assert points[:, 0].tolist() == shut.tolist()
    assert points[:, 1].tolist() == opened.tolist()
