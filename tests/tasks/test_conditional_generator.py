"""One to many: lines of a class, or from a vector."""

import math

import lightning.pytorch as pl
import pytest
import torch
from quick_fit import QUIET, given
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from seqmodels.data import SequenceBatch, build_tokenizer
from seqmodels.data.streams import NOT_SCORED
from seqmodels.errors import InputError, OptionError
from seqmodels.tasks import ConditionalGenerator, load
from seqmodels.tasks.conditional_generator import CONDITIONINGS
from seqmodels.trees import sequence_cells

NAMES = {"Czech": ("novak", "dvorak"), "Irish": ("o'neill", "o'hara"), "Korean": ("kim", "yi")}
LABELS = list(NAMES)
LETTERS = build_tokenizer("character", "".join(f"{name}\n" for names in NAMES.values() for name in names), unknown=True)
EACH = pytest.mark.parametrize("conditioning", CONDITIONINGS)


def make(**options):
    torch.manual_seed(0)
    options = {"labels": LABELS, "cell": "gru", "hidden_size": 32, "embedding_size": 12, **options}
    return ConditionalGenerator(LETTERS, **options)


def batch():
    names = [(label, name) for label, names in NAMES.items() for name in names]
    tokens = [LETTERS.encode(name) for _, name in names]
    target = torch.tensor([LABELS.index(label) for label, _ in names])
    return SequenceBatch(pad_sequence(tokens), target, torch.tensor([len(row) for row in tokens]))


def test_a_line_is_read_after_its_beginning_and_scored_up_to_its_end():
    tokens = torch.tensor([[3, 4], [5, 0]])
    input, target = make()._shifted(SequenceBatch(tokens, torch.tensor([0, 1]), torch.tensor([2, 1])))
    end = LETTERS.line_end_id
    assert input.T.tolist() == [[end, 3, 5], [end, 4, 0]]
    assert target.T.tolist() == [[3, 5, end], [4, end, NOT_SCORED]]
    whole = make()._shifted(SequenceBatch(tokens, torch.tensor([0, 1])))
    assert whole[1].T.tolist() == [[3, 5, end], [4, 0, end]]


@EACH
@pytest.mark.parametrize("cell", sequence_cells())
def test_steps_one_by_one_score_as_the_whole_line(conditioning, cell):
    model = make(conditioning=conditioning, cell=cell, num_layers=2).eval()
    input, _ = model._shifted(batch())
    with torch.no_grad():
        together = model(batch().target, input)
        together[..., LETTERS.unknown_id] = -torch.inf
        state = model.begin(batch().target)
        for tokens, expected in zip(input, together, strict=True):
            scores, state = model.step(tokens, state)
            torch.testing.assert_close(scores, expected, atol=1e-5, rtol=1e-4)


def test_measures_are_over_all_tokens():
    model = make().eval()
    (validated,) = pl.Trainer(**QUIET).validate(model, given([batch(), batch()]), verbose=False)
    input, target = model._shifted(batch())
    nats = F.cross_entropy(model(batch().target, input).flatten(0, 1), target.flatten()).item()
    assert validated["val_loss"] == pytest.approx(nats, rel=1e-5)
    assert validated["val_perplexity"] == pytest.approx(math.exp(nats), rel=1e-5)
    assert validated["val_bits_per_character"] == pytest.approx(nats / math.log(2), rel=1e-5)


@EACH
def test_each_class_gets_its_own_names(conditioning, tmp_path):
    model = make(conditioning=conditioning, learning_rate=0.02)
    trainer = pl.Trainer(max_epochs=80, **QUIET)
    trainer.fit(model, given([batch()]))
    for label, names in NAMES.items():
        assert set(model.generate(label, count=2, beam_size=4)) == set(names)
        drawn = model.generate(label, count=20, seed=0)
        assert len(drawn) == 20
        assert sum(name in names for name in drawn) > 16
        assert drawn == model.generate(label, count=20, seed=0)
        assert model.generate(label, count=3, temperature=0)[0] in names
        assert set(model.generate(label, count=9, min_p=0.3)) <= set(names)
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    again = load(tmp_path / "model.ckpt")
    assert again.labels == LABELS
    assert again.generate("Irish", seed=1) == model.generate("Irish", seed=1)


def test_lines_are_written_from_vectors():
    model = make(labels=None, condition_size=2, learning_rate=0.02)
    vectors = torch.tensor([[1.0, 0.5], [-1.0, 2.0]])
    tokens = [LETTERS.encode(name) for name in ("kim", "novak")]
    data = SequenceBatch(pad_sequence(tokens), vectors, torch.tensor([3, 5]))
    pl.Trainer(max_epochs=60, **QUIET).fit(model, given([data]))
    assert [model.generate(vector, beam_size=1) for vector in vectors] == [["kim"], ["novak"]]


def test_a_line_has_a_most_length():
    assert all(len(name) <= 3 for name in make().generate("Czech", count=20, max_length=3, seed=0))


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"conditioning": "input"}, "use one of state, every_step"),
        ({"labels": None}, "either labels"),
        ({"condition_size": 3}, "either labels"),
        ({"labels": []}, "condition_size is 0"),
        ({"embedding_size": 0}, "embedding_size is 0"),
        ({"rnn_options": {"bidirectional": True}}, "can't be bidirectional"),
        ({"rnn_options": {"dropout": 0.5}}, "'dropout' belongs to ConditionalGenerator"),
    ],
)
@pytest.mark.usefixtures("_types_unchecked")
def test_wrong_options_are_one_line(options, part, one_line):
    with one_line(OptionError, part):
        make(**options)


def test_what_it_cannot_write_is_one_line(one_line):
    model = make()
    with one_line(InputError, "no class 'Dutch'", "Czech, Irish, Korean"):
        model.generate("Dutch")
    with one_line(InputError, "shape [2]", "[3] numbers"):
        model.generate(torch.zeros(2))
    with one_line(OptionError, "count is 0"):
        model.generate("Czech", count=0)
    with one_line(OptionError, "temperature must be 0 or more"):
        model.generate("Czech", temperature=-1.0)
