"""Pictures of attention: over a picture, and as a matrix."""

import numpy as np
import pytest
import torch
from PIL import Image

from seqmodels.errors import InputError
from seqmodels.figures import save
from seqmodels.inspect import attention_matrix, attention_on_picture


def shown(ax):
    (image,) = ax.get_images()
    return np.asarray(image.get_array(), dtype=float)


def test_a_word_lights_where_it_looked():
    weights = torch.zeros(2, 9)
    weights[0, 2], weights[1] = 1.0, 1 / 9
    figure = attention_on_picture(Image.new("RGB", (30, 30), (200, 100, 0)), ["sun", "everywhere"], weights)
    whole, sun, everywhere = (shown(ax) for ax in figure.axes[:3])
    assert (whole[0, 0] == [200, 100, 0]).all()
    assert (sun[2, 27] == [200, 100, 0]).all(), "the third region is at the top right"
    assert (sun[27, 2] == [30, 15, 0]).all()
    assert (everywhere == whole).all()
    assert [ax.get_title(loc="left") for ax in figure.axes[1:3]] == ["sun  1.00", "everywhere  0.11"]


def test_a_long_caption_has_a_picture_for_each_word():
    words = [f"word{number}" for number in range(13)]
    figure = attention_on_picture(Image.new("L", (8, 8)), words, torch.full((13, 4), 0.25))
    assert [ax.get_title(loc="left").split()[0] for ax in figure.axes[1:14]] == words


def test_a_matrix_shows_weights_and_what_cannot_be_seen():
    weights = torch.tensor([[0.9, 0.1, 0.0], [0.2, 0.3, 0.5]])
    figure = attention_matrix([" ", r"\n"], ["a", "b", "\n"], weights)
    ax = figure.axes[0]
    assert np.allclose(shown(ax), weights)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["␣", "⏎"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b", "⏎"]


@pytest.mark.usefixtures("_types_unchecked")
def test_what_does_not_fit_is_one_line(one_line):
    picture = Image.new("RGB", (8, 8))
    with one_line(InputError, "5 regions are no square of a picture"):
        attention_on_picture(picture, ["a"], torch.full((1, 5), 0.2))
    with one_line(InputError, "2 words, but weights of 1"):
        attention_on_picture(picture, ["a", "b"], torch.full((1, 4), 0.25))
    for shape in ((2, 0), (4,)):
        with one_line(InputError, "give [words, regions]"):
            attention_on_picture(picture, ["a", "b"], torch.zeros(shape))
    with one_line(InputError, "3 weights in a row, but 2 columns"):
        attention_matrix(["a"], ["b", "c"], torch.full((1, 3), 1 / 3))


@pytest.mark.filterwarnings("error")
def test_long_texts_and_long_tokens_make_no_huge_picture(tmp_path):
    for count, labels in ((30, 30), (200, 0)):
        words = [f"token{number}" for number in range(count - 1)] + ["x" * 60]
        figure = attention_matrix(words, words, torch.rand(count, count).requires_grad_())
        shown = [label.get_text() for label in figure.axes[0].get_xticklabels()]
        assert len(shown) == labels
        assert all(len(label) <= 20 for label in shown)
        assert max(figure.get_size_inches()) < 18
        save(figure, tmp_path, f"{count}")
    figure = attention_on_picture(Image.new("RGB", (8, 8)), ["x" * 60], torch.rand(1, 4))
    assert len(figure.axes[1].get_title(loc="left")) <= 20


@pytest.mark.parametrize("weights", [torch.zeros(1, 4), torch.full((1, 4), 0.25, dtype=torch.bfloat16)])
def test_weights_of_any_type_and_none_at_all(weights):
    assert shown(attention_on_picture(Image.new("RGB", (8, 8), "white"), ["a"], weights).axes[1]).min() >= 38
