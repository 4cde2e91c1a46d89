"""explain tells what the engine makes of a cell, in numbers that are right."""

import pytest
import torch
from foreign_cells import STRANGERS
from torch import Tensor, nn

import seqmodels
from seqmodels import Cell, explain
from seqmodels.engine import find_products
from seqmodels.errors import OptionError
from seqmodels.trees import sequence_cells

STAGES = {  # forwards and backwards: how often a product must wait for another
    "elman": (1, 2),
    "lstm": (1, 2),
    "peephole": (2, 3),
    "coupled": (1, 2),
    "gru": (2, 3),
    "mut1": (2, 3),
    "mut2": (2, 3),
    "mut3": (2, 3),
}


@pytest.fixture(autouse=True)
def _own_compiler(monkeypatch):
    monkeypatch.delenv("SEQMODELS_CC", raising=False)


def test_stages_of_the_built_in_cells(cell_name):
    found = explain(cell_name, 5, 7)
    assert (len(found.forward), len(found.backward)) == STAGES[cell_name]


def test_multiply_adds_are_those_of_the_products(cell_name):
    cell = seqmodels.get_cell(cell_name)(5, 7)
    products = find_products(cell)
    found = explain(cell)
    assert found.multiply_adds == sum(product.rows * len(product.state_columns) for product in products)
    assert found.ahead_multiply_adds == sum(product.rows * int((~product.state_columns).sum()) for product in products)
    assert found.multiply_adds == found.ahead_multiply_adds + sum(stage.multiply_adds for stage in found.forward)
    # Each product has two gradients: that of its operand and that of its matrix.
    assert found.backward_multiply_adds == 2 * found.multiply_adds


def test_parameters_are_those_whose_gradients_wait_for_the_end(cell_name):
    cell = seqmodels.get_cell(cell_name)(5, 7)
    matrices = [name.removesuffix(".weight") for name, p in cell.named_parameters() if p.dim() == 2]
    assert sorted(explain(cell).matrices) == sorted(matrices)


def test_the_lstm_keeps_its_gates_and_squashes_its_cell_state_again():
    found = explain("lstm", 5, 7)
    assert (found.kept_numbers, found.state_numbers) == (4 * 7, 2 * 7)
    kept = [line.text.split("(")[0] for line in found.equations if line.is_kept]
    assert sorted(kept) == ["sigmoid"] * 3 + ["tanh"]
    assert found.again == ["tanh(c')"]


def test_mut1_reads_as_its_paper_does():
    found = explain("mut1", 5, 5)
    assert [(line.stage, f"{line.name} = {line.text}") for line in found.equations] == [
        (1, "v1 = sigmoid(W_xr x + W_hr h + W_xr.bias)"),
        (1, "v2 = v1 * h"),
        (2, "v3 = tanh(W_hh v2 + W_hh.bias + tanh(x))"),
        (2, "v4 = sigmoid(W_xz x + W_xz.bias)"),
        (2, "h' = v3 * v4 + h * (1 - v4)"),
    ]
    assert (found.ahead, found.kept) == (["W_xr x", "W_xz x"], ["v1", "v2", "v3", "v4"])
    assert found.again == ["tanh(x)", "1 - v4"]


@pytest.mark.parametrize("name", [*sequence_cells(), *STRANGERS])
def test_every_name_is_defined_before_it_is_used(name):
    cell, options = STRANGERS.get(name, (name, {}))
    found = explain(cell, 5, 7, **options)
    defined = [line.name for line in found.equations]
    assert len(set(defined)) == len(defined)
    for number, line in enumerate(found.equations):
        assert not set(defined[number:]) & set(line.text.replace("(", " ").replace(")", " ").replace(",", " ").split())
    assert {name.partition("'")[0] for name in defined if "'" in name} == set(state_names(cell))
    assert str(found).count("\n") > 20


def state_names(cell) -> tuple[str, ...]:
    return (seqmodels.get_cell(cell) if isinstance(cell, str) else cell).state_names


class Antisymmetric(Cell):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.W = nn.Parameter(torch.randn(hidden_size, hidden_size))
        self.V = nn.Linear(input_size, hidden_size)
        self.register_buffer("R", torch.randn(hidden_size, hidden_size))

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return h + 0.1 * torch.tanh(h @ (self.W - self.W.T) + h @ self.R + self.V(x.cumsum(-1)))


def test_what_leaves_the_loop_is_told():
    found = explain(Antisymmetric, 3, 5)
    assert (found.once, found.hoisted, found.ahead) == (["p1 = W - W.T"], ["s1 = cumsum(x, -1)"], ["V s1"])
    assert found.matrices == ["V", "p1"]  # a buffer has no gradient
    assert found.inputs == ["s1"]


class Leaky(Cell):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.W = nn.Linear(input_size, hidden_size)
        self.a = nn.Parameter(torch.zeros(hidden_size))

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return (1 - self.a.exp()) * h + self.W(x)


def test_what_is_computed_once_reads_as_it_was_written():
    assert explain(Leaky, 3, 5).once == ["p1 = 1 - exp(a)"]


def test_options_of_rnn_that_change_the_step_are_explained():
    found = explain("elman", 5, 7, layer_norm=True, zoneout=0.1, weight_dropout=0.5)
    assert found.once == ["p1 = W_hh * weight_mask_1"]
    assert sum(stage.reductions for stage in found.forward) == 4  # mean and variance of two products
    assert "keep_h" in str(found)
    with pytest.raises(OptionError, match="num_layers"):
        explain("lstm", 5, 7, num_layers=2)


def test_without_training_nothing_is_kept():
    found = explain("gru", 5, 7, training=False)
    assert (found.backward, found.kept, found.kept_numbers, found.matrices) == ([], [], 0, [])


def test_a_cell_in_float64_is_explained_in_float64():
    assert "float64 at once" in str(explain(seqmodels.get_cell("lstm")(5, 7).double()))


def test_the_report_names_the_backend_and_why_others_do_not_serve():
    text = str(explain("mut1", 5, 7))
    assert text.startswith("mut1: 5 inputs, 7 units\n")
    assert "\nBackend: native\n" in text
    assert "numbers of float32 at once" in text
    assert "no: MUT1 equals none of torch's modules" in text


class Noisy(Cell):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(h + torch.randn_like(h))


class Mixing(Cell):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(h - h.mean(0))


class Choosing(Cell):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return h + 1 if x.sum() > 0 else h - 1


@pytest.mark.parametrize(
    ("cell", "reason"),
    [(Noisy, "draws random numbers"), (Mixing, "doesn't begin with the batch"), (Choosing, "can't be traced")],
)
def test_why_a_step_runs_as_a_plain_loop(cell, reason):
    found = explain(cell, 5, 7)
    assert (found.backend, found.equations) == ("reference", [])
    assert reason in found.reason
    assert reason in " ".join(str(found).split())


def test_without_a_compiler_the_fix_is_named_and_the_step_explained(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)  # of ziglang
    found = explain("mut1", 5, 7)
    assert found.backend == "reference"
    assert "install gcc or clang" in found.backends["native"]
    assert found.equations
    monkeypatch.setenv("SEQMODELS_CC", "/no/such/compiler")
    assert "set it to the command of a C compiler" in explain("lstm", 5, 7).backends["native"]
    assert explain("lstm", 5, 7).backend == "vendor"


def test_the_source_is_the_cells_own_functions():
    assert explain("gru", 5, 7).source == ""
    assert explain("gru", 5, 7, source=True).source.startswith("static void phase_0_1_0(")
    assert explain("gru", 5, 7, source=True, layer_norm=True).source.count("static void reduce_0_") > 0
