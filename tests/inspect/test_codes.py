"""Local and distributed codes: the toy example of four shapes, and the codes of a model's tokens."""

import pytest
import torch

from seqmodels.data import build_tokenizer
from seqmodels.errors import InputError
from seqmodels.inspect import Codes, token_codes
from seqmodels.tasks import LanguageModel, SequenceClassifier

SHAPES = ["tall rectangle", "wide rectangle", "tall ellipse", "wide ellipse"]
UNITS = ["tall", "wide", "rectangle", "ellipse"]


def distributed():
    return Codes(SHAPES, torch.tensor([[float(unit in shape) for unit in UNITS] for shape in SHAPES]))


def test_no_two_local_codes_are_alike():
    assert torch.equal(Codes(SHAPES, torch.eye(4)).similarities(), torch.eye(4))


def test_distributed_codes_are_alike_by_the_units_they_share():
    shared = [[len(set(a.split()) & set(b.split())) / 2 for b in SHAPES] for a in SHAPES]
    assert torch.allclose(distributed().similarities(), torch.tensor(shared))


def test_a_code_of_no_thing_is_near_those_it_shares_units_with():
    circle = torch.tensor([1.0, 1.0, 0.0, 1.0])
    assert [name for name, _ in distributed().nearest(circle, 2)] == ["tall ellipse", "wide ellipse"]


def test_the_nearest_are_ordered_without_the_thing_itself():
    codes = Codes(["a", "b", "c", "d"], torch.tensor([[1.0, 0.0], [-1.0, 0.0], [2.0, 2.0], [5.0, 0.0]]))
    names, cosines = zip(*codes.nearest("a"), strict=True)
    assert names == ("d", "c", "b")
    assert cosines == pytest.approx((1.0, 0.5**0.5, -1.0))
    assert codes.nearest("a", 1) == [("d", 1.0)]


def test_what_has_no_code_is_named():
    with pytest.raises(InputError, match=r"'circle' has no code; give one of the 4 names, such as 'tall rectangle'"):
        distributed().nearest("circle")
    with pytest.raises(InputError, match=r"shape \[3\]; give one of 4 units"):
        distributed().nearest(torch.ones(3))


def test_codes_of_tokens_are_those_the_model_reads():
    words = build_tokenizer("word", "the cat saw the dog\n")
    model = LanguageModel(words, hidden_size=5, embedding_size=3)
    codes = token_codes(model)
    (number,) = words.encode("dog").tolist()[:1]
    assert torch.equal(codes.vectors[codes.names.index("dog")], model._embed(torch.tensor(number)))
    local = LanguageModel(words, hidden_size=5, embedding_size=0)
    assert torch.equal(token_codes(local).vectors, local._embed(torch.arange(len(words))))


def test_a_model_without_codes_is_refused():
    with pytest.raises(InputError, match="Linear has no codes of tokens; give a language model"):
        token_codes(torch.nn.Linear(2, 3))
    series = SequenceClassifier(labels=["a", "b"], input_size=3, hidden_size=4)
    with pytest.raises(InputError, match="SequenceClassifier has no codes of tokens"):
        token_codes(series)
