"""A checkpoint makes the very cell again that a task was given, or the task says at once that none will."""

import pytest
import torch
from quick_fit import save_untrained
from torch import nn

import seqmodels
from seqmodels import Cell
from seqmodels.data import build_tokenizer
from seqmodels.errors import OptionError
from seqmodels.plugins.elman import Elman
from seqmodels.plugins.gru import GRU
from seqmodels.tasks import LanguageModel, MusicModel, Translator, load

LETTERS = build_tokenizer("character", "abc\n")


class Hidden(Cell):
    """Keeps its option where nobody finds it."""

    def __init__(self, input_size, hidden_size, sign=1.0):
        super().__init__(input_size, hidden_size)
        self.signs = nn.Buffer(torch.full((hidden_size,), sign), persistent=False)
        self.linear = nn.Linear(input_size, hidden_size)

    def step(self, x, h):
        return torch.tanh(self.linear(x) + self.signs * h)


def language_model(cell):
    return LanguageModel(LETTERS, cell=cell, hidden_size=6, embedding_size=5)


@pytest.mark.parametrize(
    "cell",
    [Elman(5, 6, nonlinearity="relu"), Elman(5, 6), GRU(5, 6), Hidden(5, 6)],
    ids=["relu", "tanh", "gru", "own"],
)
def test_an_instance_is_loaded_as_the_same_cell(tmp_path, cell):
    model = language_model(cell).eval()
    loaded = load(save_untrained(model, tmp_path / "model.ckpt"))
    tokens = torch.tensor([[0, 1], [2, 1], [1, 0]])
    assert torch.equal(loaded(tokens)[0], model(tokens)[0])
    assert loaded.hparams == model.hparams


def test_options_that_were_changed_later_are_kept(tmp_path):
    cell = Elman(5, 6)
    cell.nonlinearity = "relu"
    assert load(save_untrained(language_model(cell), tmp_path / "model.ckpt")).rnn.cell.nonlinearity == "relu"


@pytest.mark.parametrize(
    "cell", [Elman(5, 6, bias=False), Hidden(5, 6, sign=-1.0), seqmodels.from_module(nn.GRUCell(5, 6))]
)
def test_an_instance_whose_options_can_not_be_told_is_refused(one_line, cell):
    with one_line(
        OptionError, "LanguageModel: a checkpoint", "give the class and rnn_options={...} instead of an instance"
    ):
        language_model(cell)


def test_making_sure_draws_no_random_numbers():
    cell = Elman(3, 4, nonlinearity="relu")
    torch.manual_seed(0)
    nn.Linear(4, 3)  # the decoder of the model
    expected = torch.rand(1)
    torch.manual_seed(0)
    MusicModel(3, cell, hidden_size=4)
    assert torch.equal(torch.rand(1), expected)


def test_the_cells_of_encoder_and_decoder_have_their_own_options(tmp_path):
    sizes = {"hidden_size": 4, "embedding_size": 5, "bidirectional": False, "attention": "none", "tie_weights": False}
    relu, tanh = Elman(5, 4, nonlinearity="relu"), Elman(5, 4)
    for number, (cell, encoder_cell) in enumerate([(relu, tanh), (tanh, relu), (relu, "elman"), (relu, None)]):
        model = Translator(LETTERS, cell=cell, encoder_cell=encoder_cell, **sizes)
        loaded = load(save_untrained(model, tmp_path / f"{number}.ckpt"))
        for part in ("network.decoder.rnn", "network.encoder.rnn"):
            found, given = (of.get_submodule(part).cell.nonlinearity for of in (loaded, model))
            assert found == given


def test_a_cell_that_can_not_be_found_again_is_told_at_once():
    class Local(Cell):
        def __init__(self, input_size, hidden_size):
            super().__init__(input_size, hidden_size)
            self.linear = nn.Linear(input_size, hidden_size)

        def step(self, x, h):
            return torch.tanh(self.linear(x) + h)

    for cell in (Local, Local(5, 6), seqmodels.from_module(nn.GRUCell)):
        with pytest.warns(
            UserWarning, match="no checkpoint of this model can be loaded, as no cell is found at .*: reg"
        ):
            language_model(cell)


@pytest.mark.usefixtures("own_registry")
def test_a_registered_class_of_from_module_is_loaded(tmp_path, recwarn):
    cell = seqmodels.register_cell("test_cell_record_gru")(seqmodels.from_module(nn.GRUCell))
    assert type(load(save_untrained(language_model(cell), tmp_path / "model.ckpt")).rnn.cell) is cell
    assert not [warning for warning in recwarn if "checkpoint" in str(warning.message)]
