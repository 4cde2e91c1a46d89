"""The units that know something of a text are found, and what was never trained stands beside them."""

import pytest
import torch

from seqmodels.data import build_tokenizer
from seqmodels.errors import InputError, OptionError
from seqmodels.inspect import find_units, rank_units, unit_search
from seqmodels.inspect.unit_search import untrained_like
from seqmodels.tasks import LanguageModel

TEXT = "".join(f"a{'b' * (number % 5)} = 'x{number % 7}'  # one\n" for number in range(60))


@pytest.fixture(scope="module")
def knowing():
    """An Elman network whose unit 2 is made to hold +1 within quotes: quotes flip it, nothing else moves it."""
    torch.manual_seed(0)
    model = LanguageModel(build_tokenizer("character", TEXT), cell="elman", hidden_size=4, embedding_size=4)
    quote = int(model.tokenizer.encode("'")[0])
    line_end = int(model.tokenizer.encode("\n")[0])
    with torch.no_grad():
        model.embedding.weight[:, 3] = 0
        model.embedding.weight[quote, 3] = 1
        model.embedding.weight[line_end, 3] = -1
        cell = model.rnn.cell
        for parameter in cell.parameters():
            parameter[2] = 0
        cell.W_xh.weight[2, 3], cell.W_hh.weight[2, 2] = 20, 10
    return model.eval()


def test_the_unit_that_knows_is_found_on_text_that_did_not_choose_it(knowing):
    """From the first quote of a line to its end: what the unit above holds."""
    search = find_units(knowing, TEXT, [r"regex:'[^\n]*"], top=2)
    (finding,) = search.findings
    assert (finding.units[0].layer, finding.units[0].name, finding.units[0].score.unit) == ("rnn.layers.0", "h", 2)
    assert finding.units[0].score.auc > 0.99
    assert finding.untrained[0].score.auc < finding.units[0].score.auc
    assert [len(finding.units), len(finding.untrained)] == [2, 2]


def test_the_reading_is_of_the_held_out_half(knowing):
    held_out = find_units(knowing, TEXT, ["line_position"]).held_out
    assert "".join(held_out.tokens) == "".join(TEXT.splitlines(keepends=True)[30:])


def test_what_never_changes_is_left_out_and_named(knowing):
    search = find_units(knowing, TEXT, ["round_brackets", "python_comment"])
    assert search.left_out == ["round_brackets"]
    assert [finding.property for finding in search.findings] == ["python_comment"]


@pytest.fixture
def truths(monkeypatch):
    """What units are compared with: the truth at each token of the second half of the text."""
    found = []

    def rank(first, truth, second, held_out, top):
        found.append(held_out.values.tolist())
        return rank_units(first, truth, second, held_out, top)

    monkeypatch.setattr(unit_search, "rank_units", rank)
    return found


def test_words_are_told_by_their_last_character(truths):
    text = "in the box\nall is well\n" * 8
    model = LanguageModel(build_tokenizer("word", text), cell="gru", hidden_size=3)
    search = find_units(model, text, ["line_position"], names=["z"])
    assert search.held_out.tokens[:6] == ["in ", "the ", "box ", "\n", "all ", "is "]
    assert truths[0][:6] == [3, 7, 11, 0, 4, 7]  # with the space after a word
    assert {found.name for found in search.findings[0].units} == {"z"}


def test_amid_a_character_the_one_before_it_counts(truths):
    text = "á «no»\n" * 8
    model = LanguageModel(build_tokenizer("byte", text), cell="gru", hidden_size=3)
    find_units(model, text, ["line_position", "regex:«.*?»"])
    assert truths[0][2:11] == [2, 2, 3, 4, 5, 5, 6, 0, 0]
    assert truths[-1][2:11] == [False, False, *[True] * 5, False, False]


def test_an_untrained_network_has_the_shape_and_its_own_weights(knowing):
    one, two, other = (untrained_like(knowing, seed) for seed in (1, 1, 2))
    assert torch.equal(one.rnn.cell.W_hh.weight, two.rnn.cell.W_hh.weight)
    assert not torch.equal(one.rnn.cell.W_hh.weight, other.rnn.cell.W_hh.weight)
    assert one.rnn.cell.W_hh.weight.shape == knowing.rnn.cell.W_hh.weight.shape


def test_mistakes_are_said(knowing):
    with pytest.raises(OptionError, match="no text property 'pyton_string'; did you mean"):
        find_units(knowing, TEXT, ["pyton_string"])
    with pytest.raises(InputError, match="too short"):
        find_units(knowing, "a", ["line_position"])
