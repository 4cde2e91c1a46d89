"""Hidden sizes for a number of parameters."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from seqmodels import Cell
from seqmodels.compare import get_problem
from seqmodels.compare.budget import smallest_hidden_size, solve_hidden_size
from seqmodels.errors import OptionError
from seqmodels.tasks.base import parameter_count
from seqmodels.trees import sequence_cells


class HasHeads3(Cell):
    heads = 3

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        size = hidden_size // self.heads
        self.W, self.R = nn.Linear(input_size, hidden_size), nn.Parameter(torch.randn(self.heads, size, size))

    def step(self, x, h):
        of_heads = torch.einsum("bki,kij->bkj", h.view(len(h), self.heads, -1), self.R)
        return torch.tanh(self.W(x) + of_heads.flatten(1))


class HasHeads4(HasHeads3):
    heads = 4

    def __init__(self, input_size, hidden_size):
        if hidden_size % self.heads:
            raise ValueError(f"hidden_size is {hidden_size}, which has no {self.heads} heads")
        super().__init__(input_size, hidden_size)


@pytest.mark.parametrize("num_layers", [1, 2])
def test_no_other_hidden_size_is_nearer(cell_name: str, num_layers: int) -> None:
    problem = get_problem("xml")
    data = problem.make_data(0)
    size, parameters = solve_hidden_size(problem, data, cell_name, num_layers, 20_000)
    counts = {
        h: parameter_count(problem.make_model(data, cell_name, h, num_layers)) for h in (size - 1, size, size + 1)
    }
    assert counts[size] == parameters
    assert abs(parameters - 20_000) == min(abs(count - 20_000) for count in counts.values())


def test_one_layer_of_any_cell_meets_100_000_parameters_within_a_percent() -> None:
    problem = get_problem("arithmetic")
    data = problem.make_data(0)
    for cell in sequence_cells():
        assert abs(solve_hidden_size(problem, data, cell, 1, 100_000)[1] / 100_000 - 1) < 0.01


@pytest.mark.parametrize("name", ["addition", "tagging"])
def test_so_it_does_in_other_tasks(name: str) -> None:
    problem = get_problem(name)
    data = problem.make_data(0)
    for cell in sequence_cells():
        assert abs(solve_hidden_size(problem, data, cell, 1, 100_000)[1] / 100_000 - 1) < 0.01


def test_sizes_that_jump_are_met() -> None:
    problem = get_problem("addition")  # of whose encoder each direction has half the size, if that is even
    problem = replace(problem, model_options={**problem.model_options, "bidirectional": True})
    found = solve_hidden_size(problem, problem.make_data(0), "lstm", 1, 100_000)
    assert abs(found[1] / 100_000 - 1) < 0.01


def test_too_few_parameters_are_one_line(one_line) -> None:
    problem = get_problem("xml")
    with one_line(OptionError, "xml", "gru", "smallest model has"):
        solve_hidden_size(problem, problem.make_data(0), "gru", 1, 10)


def test_a_model_whose_size_is_fixed_is_one_line(stranger, one_line) -> None:
    from dataclasses import replace

    problem = replace(get_problem("stranger:problem"), model_options={"hidden_size": 3})
    with one_line(OptionError, "does its hidden_size reach the cell?"):
        solve_hidden_size(problem, problem.make_data(0), "gru", 1, 10_000)


@pytest.mark.parametrize(("heads", "layers"), [(4, 1), (3, 2)])
def test_heads_divide_the_hidden_size(heads: int, layers: int) -> None:
    """Whether the constructor minds other sizes, as with four heads, or the step alone, as with three."""
    problem, cell = get_problem("xml"), f"{__name__}:HasHeads{heads}"
    data = problem.make_data(0)
    assert smallest_hidden_size(problem, data, cell) == heads
    size, parameters = solve_hidden_size(problem, data, cell, layers, 20_000, unit=heads)
    assert size % heads == 0
    for other in (size - heads, size + heads):
        nearer = abs(parameters - 20_000) - abs(parameter_count(problem.make_model(data, cell, other, layers)) - 20_000)
        assert nearer <= 0


def test_a_cell_whose_step_fails_is_left_to_its_trials(stranger) -> None:
    problem = get_problem("stranger:problem")
    assert smallest_hidden_size(problem, problem.make_data(0), "stranger:Broken") == 1
