"""How often the gates of a model are shut and open while it reads."""

import pytest
import torch

from seqmodels.data import build_tokenizer
from seqmodels.errors import InputError
from seqmodels.inspect import gate_saturation, read, text_saturation
from seqmodels.inspect.recording import gates_of
from seqmodels.tasks import LanguageModel

TEXT = 'he said "hello", and left.\n' * 2


def model_of(cell, **options):
    torch.manual_seed(0)
    model = LanguageModel(build_tokenizer("character", TEXT), cell=cell, hidden_size=4, **options)
    with torch.no_grad():
        for parameter in model.rnn.parameters():
            parameter.mul_(8)  # so that gates saturate
    return model


@pytest.mark.parametrize("cell", ["lstm", "gru", "mut1", "peephole", "coupled"])
def test_the_shares_are_those_of_the_recorded_gates(cell):
    model = model_of(cell, num_layers=2)
    found = text_saturation(model, TEXT, window=5)
    gates = {(units.layer, units.name): units for units in read(model, TEXT).units if units.activation == "sigmoid"}
    assert gates
    assert {(layer, name) for layer, of_layer in found.items() for name in of_layer} == set(gates)
    for (layer, name), units in gates.items():
        expected = gate_saturation(units.values)
        for shares, wanted in zip(found[layer][name], expected, strict=True):
            torch.testing.assert_close(shares, wanted)
    assert any(0 < float(share) < 1 for share in found["rnn.layers.0"][name].left)


def test_a_cell_without_gates_has_none():
    assert text_saturation(model_of("elman"), TEXT) == {}
    assert gates_of(model_of("elman")) == {"rnn.layers.0": []}


def test_only_the_layers_that_are_asked_for():
    assert set(text_saturation(model_of("gru", num_layers=2), TEXT, ["*.1"])) == {"rnn.layers.1"}
    with pytest.raises(InputError, match=r"rnn\.layers\.0"):
        text_saturation(model_of("gru"), TEXT, ["rnn.layers.7"])


def test_no_more_than_a_window_is_kept():
    model = model_of("lstm")
    sizes = []
    model.rnn.register_forward_hook(lambda module, given, result: sizes.append(len(result[0])))
    text_saturation(model, TEXT, window=20)
    assert sizes == [20, 20, 14]


def test_there_must_be_a_text():
    with pytest.raises(InputError, match="empty"):
        text_saturation(model_of("gru"), "")
