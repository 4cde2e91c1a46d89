"""The native backend computes what the plain loop computes, of cells that nobody thought of."""

import torch
from agreement import measure, require_equal
from hypothesis import given, settings
from hypothesis import strategies as st
from random_cells import Program, RandomCell, programs

from seqmodels import RNN


@settings(max_examples=200, derandomize=True)
@given(
    program=programs(),
    batch=st.sampled_from([1, 3, 19]),
    steps=st.sampled_from([1, 4]),
    seed=st.integers(0, 1000),
)
def test_native_computes_what_the_loop_computes(program: Program, batch: int, steps: int, seed: int) -> None:
    torch.manual_seed(seed)
    rnn = RNN(RandomCell, program.input_size, program.state_sizes[0], program=program).double()
    x = torch.randn(steps, batch, program.input_size, dtype=torch.float64)
    state = [torch.rand(1, batch, size, dtype=torch.float64) * 2 - 1 for size in program.state_sizes]
    runs = []
    for backend in ("native", "reference"):
        rnn.backend = backend
        runs.append(measure(rnn, x, state))
    require_equal(*runs, tolerance=1e-11)
