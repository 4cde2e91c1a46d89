"""The page of a search takes what the first tokens have, of models that read the same tokens."""

import torch

from seqmodels.errors import InputError
from seqmodels.inspect.reading import Reading, Units
from seqmodels.inspect.unit_page import page_of
from seqmodels.inspect.unit_search import UnitSearch


def search(*tokens):
    count = len(tokens)
    units = [Units("rnn.layers.0", "h", torch.arange(2.0 * count).view(count, 2), None)]
    return UnitSearch([], [], Reading(list(tokens), units, torch.zeros(count), [[(token, 1.0)] for token in tokens]))


def test_the_first_tokens_come_with_their_own_values():
    page = page_of({"gru": search("a", "b", "c"), "lstm": search("a", "b", "c")}, 2)
    assert page.tokens == ["a", "b"]
    for model in page.models.values():
        assert model.activations["rnn.layers.0"]["h"].tolist() == [[0, 1], [2, 3]]
        assert model.next_tokens == [[("a", 1.0)], [("b", 1.0)]]
        assert len(model.log_probabilities) == 2


def test_models_of_different_tokens_do_not_stand_side_by_side(one_line):
    with one_line(InputError, "letters and words", "different tokens"):
        page_of({"letters": search("a", " ", "b"), "words": search("a ", "b ")}, 2)
