"""What cells compute is recorded as they compute it, whatever the cell."""

import gc
import weakref

import foreign_cells
import pytest
import torch
from torch import nn

import seqmodels
from seqmodels import RNN, inspect
from seqmodels.data import build_tokenizer
from seqmodels.errors import InputError, OptionError
from seqmodels.inspect import recording as recording_module
from seqmodels.tasks import LanguageModel

CELLS = ("elman", "lstm", "peephole", "coupled", "gru", "mut1", "mut2", "mut3")
T, B, I, H = 6, 3, 2, 4  # noqa: E741


def stepwise(cell, x, state=None):
    """Every state by the cell itself, one step after the other."""
    states = cell.zero_state(x[0]) if state is None else state
    history = []
    for step in x:
        states = cell.next_state(step, states)
        history.append(states)
    return [torch.stack(parts) for parts in zip(*history, strict=True)]


@pytest.mark.parametrize("name", CELLS)
def test_states_are_those_of_the_step(name):
    rnn, x = RNN(name, I, H).double(), torch.randn(T, B, I, dtype=torch.float64)
    (layer,) = inspect.record(rnn, x).layers
    for state, expected in zip(rnn.cell.state_names, stepwise(rnn.cell, x), strict=True):
        assert torch.allclose(layer[state], expected, atol=1e-12)


@pytest.mark.parametrize("changes", [{}, {"layer_norm": True, "zoneout": 0.1}], ids=["plain", "changed"])
@pytest.mark.parametrize("name", CELLS)
def test_generated_code_keeps_what_the_step_itself_computes(name, changes, monkeypatch):
    rnn, x = RNN(name, I, H, **changes).double(), torch.randn(T, B, I, dtype=torch.float64)
    options = {"lengths": torch.tensor([T, 4, 0]), "reset": torch.zeros(T, B, dtype=torch.bool)}
    options["reset"][2] = True
    with monkeypatch.context() as patch:
        patch.delattr(recording_module, "_variables_at_once")
        (found,) = inspect.record(rnn, x, **options).layers
    rnn.backend = "reference"
    (expected,) = inspect.record(rnn, x, **options).layers
    assert list(found) == list(expected)
    for variable, value in expected.items():
        assert torch.allclose(found[variable], value, atol=1e-12), variable


def test_a_step_that_no_code_is_generated_for_is_recorded_too():
    class LooksAtValues(seqmodels.Cell):
        def __init__(self, input_size, hidden_size):
            super().__init__(input_size, hidden_size)
            self.mix = nn.Linear(input_size + hidden_size, hidden_size)

        def step(self, x, h):
            gate = torch.sigmoid(self.mix(torch.cat([x, h], -1)))
            if float(x.abs().sum()) == 0:
                only_of_zeros = 2 * h
                return only_of_zeros + 0
            return gate * h + 1

    with pytest.warns(UserWarning, match="LooksAtValues runs as a plain loop"):
        (layer,) = inspect.record(RNN(LooksAtValues, I, H), torch.randn(T, B, I)).layers
    assert set(layer) == {"h", "mix", "gate"}
    assert (layer["gate"] > 0).all()


def test_variables_follow_the_settings_of_the_cell():
    class Optional(seqmodels.Cell):
        gated = False

        def __init__(self, input_size, hidden_size):
            super().__init__(input_size, hidden_size)
            self.mix = nn.Linear(input_size, hidden_size)

        def step(self, x, h):
            new = torch.tanh(self.mix(x))
            if self.gated:
                gate = torch.sigmoid(new)
                return gate * h + new
            return h + new

    rnn, x = RNN(Optional, I, H), torch.randn(T, B, I)
    assert "gate" not in inspect.record(rnn, x).layers[0]
    rnn.cell.gated = True
    assert "gate" in inspect.record(rnn, x).layers[0]


def test_a_model_that_was_recorded_is_forgotten_with_its_code():
    rnn = RNN("elman", I, H)
    inspect.record(rnn, torch.randn(T, B, I))
    cell = weakref.ref(rnn.cell)
    del rnn
    gc.collect()
    assert cell() is None


def test_gates_are_those_of_the_equations():
    rnn, x = RNN("lstm", I, H).double(), torch.randn(T, B, I, dtype=torch.float64)
    (layer,) = inspect.record(rnn, x).layers
    before = torch.cat([torch.zeros(1, B, H, dtype=torch.float64), layer["h"][:-1]])
    i, f, new, o = (rnn.cell.W_x(x) + rnn.cell.W_h(before)).chunk(4, -1)
    expected = {
        "sigmoid(i)": i.sigmoid(),
        "sigmoid(f)": f.sigmoid(),
        "tanh(new)": new.tanh(),
        "sigmoid(o)": o.sigmoid(),
    }
    for name, value in expected.items():
        assert torch.allclose(layer[name], value, atol=1e-12)
        assert layer.activations[name] == name.partition("(")[0]
    assert torch.allclose(layer["sigmoid(o)"] * layer["tanh(c)"], layer["h"], atol=1e-12)


def test_variables_of_the_step_keep_their_names():
    (layer,) = inspect.record(RNN("gru", I, H), torch.randn(T, B, I)).layers
    assert {"r", "z"} <= set(layer)
    assert {name for name, function in layer.activations.items() if function == "sigmoid"} == {"r", "z"}
    assert ((layer["z"] > 0) & (layer["z"] < 1)).all()


@pytest.mark.parametrize("cell", [foreign_cells.MinimalGatedUnit, foreign_cells.LayerNormLSTM], ids=["mgu", "normed"])
def test_a_strangers_cell_is_recorded_as_it_is(cell):
    rnn, x = RNN(cell, I, H), torch.randn(T, B, I)
    (layer,) = inspect.record(rnn, x).layers
    for state, expected in zip(rnn.cell.state_names, stepwise(rnn.cell, x), strict=True):
        assert torch.allclose(layer[state], expected, atol=1e-5)
    assert {"f"} <= set(layer)


def test_inside_a_module_of_another_library_variables_have_its_path():
    class Gated(nn.Module):
        def __init__(self, input_size, hidden_size):
            super().__init__()
            self.input_size, self.hidden_size = input_size, hidden_size
            self.both = nn.Linear(input_size + hidden_size, hidden_size)

        def forward(self, x, h):
            gate = torch.sigmoid(self.both(torch.cat([x, h], -1)))
            return gate * h + (1 - gate)

    (layer,) = inspect.record(RNN(seqmodels.from_module(Gated), I, H), torch.randn(T, B, I)).layers
    assert layer.activations == {"module.gate": "sigmoid"}
    assert {"module.both", "module.gate"} <= set(layer)


def test_an_activated_value_keeps_its_function_when_it_is_cut():
    (layer,) = inspect.record(RNN(foreign_cells.MultiplicativeLSTM, I, H), torch.randn(T, B, I)).layers
    assert {layer.activations[name] for name in ("i", "o", "f")} == {"sigmoid"}


def test_layers_directions_lengths_and_resets():
    rnn = RNN("gru", I, H, num_layers=2, bidirectional=True)
    x, lengths = torch.randn(T, B, I), torch.tensor([T, 4, 0])
    reset = torch.zeros(T, B, dtype=torch.bool)
    reset[2, 0] = True
    recording = inspect.record(rnn, x, lengths=lengths, reset=reset)
    assert [layer.place for layer in recording.layers] == [f"layers.{number}" for number in range(4)]
    output, _, states = rnn(x, lengths=lengths, reset=reset, return_states=True)
    real = (torch.arange(T)[:, None] < lengths)[..., None]
    for number, layer in enumerate(recording.layers):
        assert torch.allclose(layer["h"], states[number] * real, atol=1e-6)
        assert not layer["z"][4:, 1].any()
        assert not layer["z"][:, 2].any()
        # h_t = (1 - z) h_{t-1} + z h~, where h_{t-1} is 0 after a reset, and before the first step of each direction
    first = recording.layers[0]
    assert torch.allclose(first["h"][2, 0], first["z"][2, 0] * first["tanh"][2, 0], atol=1e-6)
    backwards = recording.layers[1]
    assert torch.allclose(backwards["h"][3, 1], backwards["z"][3, 1] * backwards["tanh"][3, 1], atol=1e-6)
    assert torch.allclose(recording.output[0], output, atol=1e-6)


def test_normalised_products_are_recorded_as_they_are_used():
    rnn, x = RNN("lstm", I, H, layer_norm=True, zoneout=0.2).eval(), torch.randn(T, B, I)
    (layer,) = inspect.record(rnn, x).layers
    proposed = layer["sigmoid(o)"] * layer["tanh(c)"]
    before = torch.cat([torch.zeros(1, B, H), layer["h"][:-1]])
    assert torch.allclose(layer["h"], 0.2 * before + 0.8 * proposed, atol=1e-6)


def test_only_what_is_asked_for_is_kept():
    rnn, x = RNN("lstm", I, H, num_layers=2), torch.randn(T, B, I)
    (layer,) = inspect.record(rnn, x, names=["c", "sigmoid(*)"], layers=["layers.1"]).layers
    assert list(layer) == ["c", "sigmoid(f)", "sigmoid(i)", "sigmoid(o)"]
    assert layer.place == "layers.1"


def test_long_sequences_are_recorded_in_parts(monkeypatch):
    rnn, x = RNN("gru", I, H), torch.randn(T, B, I)
    whole = inspect.record(rnn, x).layers[0]
    monkeypatch.setattr(recording_module, "ROWS", 5)
    for name, value in inspect.record(rnn, x).layers[0].items():
        assert torch.allclose(value, whole[name], atol=1e-6)


def test_a_model_that_goes_step_by_step_is_recorded_as_one_sequence():
    class Stepwise(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = RNN("gru", I, H)

        def forward(self, x):
            state = None
            for step in x:
                _, state = self.rnn(step[None], state)
            return state

    model, x = Stepwise(), torch.randn(T, B, I)
    assert torch.allclose(
        inspect.record(model, x).layers[0]["z"], inspect.record(model.rnn, x).layers[0]["z"], atol=1e-6
    )


def test_a_task_reads_text_and_is_left_as_it_was():
    model = LanguageModel(build_tokenizer("character", "hello"), cell="mut1", hidden_size=H, dropout=0.5).train()
    first, second = (inspect.record(model, "hello").layers[0] for _ in range(2))
    assert first.place == "rnn.layers.0"
    assert first["z"].shape == (5, 1, H)
    assert torch.equal(first["h"], second["h"])  # no dropout
    assert all(module.training for module in model.modules())


@pytest.mark.parametrize(("unit", "text"), [("word", "the cow\n"), ("character", "the cowl")])
def test_what_is_outside_the_vocabulary_is_read_as_the_unknown_token(unit, text):
    tokenizer = build_tokenizer(unit, "the cat\n", unknown=True)
    model = LanguageModel(tokenizer, hidden_size=H).eval()
    logits, _ = inspect.record(model, text).output
    expected, _ = model(tokenizer.encode(text)[:, None])
    assert tokenizer.unknown_id in tokenizer.encode(text)
    torch.testing.assert_close(logits, expected)


def test_names_of_tells_what_there_is():
    model = LanguageModel(build_tokenizer("character", "hello"), cell="gru", hidden_size=H)
    assert inspect.names_of(model) == {"rnn.layers.0": list(inspect.record(model, "hello").layers[0])}


def test_a_debuggers_trace_is_given_back():
    import sys

    def trace(frame, event, argument):
        return None

    sys.settrace(trace)
    try:
        inspect.record(RNN("gru", I, H), torch.randn(T, B, I))
        assert sys.gettrace() is trace
    finally:
        sys.settrace(None)


def test_what_cannot_be_recorded_is_said():
    x = torch.randn(T, B, I)
    with pytest.raises(OptionError, match=r"nothing is called 'zz'.*names_of"):
        inspect.record(RNN("gru", I, H), x, names=["zz"])
    with pytest.raises(InputError, match=r"no layer to record; it has layers\.0"):
        inspect.record(RNN("gru", I, H), x, layers=["layers.7"])
    with pytest.raises(InputError, match="has no RNN"):
        inspect.record(nn.Linear(I, H), x)
    with pytest.raises(InputError, match="no tokenizer"):
        inspect.record(RNN("gru", I, H), "text")
    with pytest.raises(InputError, match="never seen the character 'x'"):
        inspect.record(LanguageModel(build_tokenizer("character", "hello"), hidden_size=H), "hex")
    with pytest.raises(InputError, match="has no 'q' recorded; it has h"):
        inspect.record(RNN("gru", I, H), x, names=["h"]).layers[0]["q"]
