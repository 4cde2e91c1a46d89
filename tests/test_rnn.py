"""Shapes, lengths, resets, directions and layers of RNN, for every cell, in the manner of torch.nn.LSTM."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seqmodels import RNN, get_cell
from seqmodels.trees import sequence_cells, tree_cells

T, B, H = 6, 4, 5
LENGTHS = torch.tensor([3, 0, 6, 1])  # unsorted, nothing and everything
RUNS = [(name, {"backend": "reference"}) for name in [*sequence_cells(), *tree_cells()]] + [
    ("elman", {"backend": "vendor"}),
    ("elman", {"backend": "vendor", "nonlinearity": "relu"}),
    ("lstm", {"backend": "vendor"}),
    ("gru", {"backend": "vendor", "reset": "after"}),
]
every_run = pytest.mark.parametrize(
    ("cell_name", "options"), RUNS, ids=lambda part: part if isinstance(part, str) else "-".join(part.values())
)


def make(cell_name: str, **options) -> RNN:
    return RNN(cell_name, 3, H, **options).double().eval()


def draw(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def tensors(rnn: RNN, state) -> tuple[Tensor, ...]:
    return rnn.cell.pack_state(state)


def draw_state(rnn: RNN, rows: int = B):
    return rnn.cell.unpack_state(tuple(draw(len(rnn.layers), rows, H) for _ in rnn.cell.state_names))


def assert_close(found, expected):
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_results_have_torchs_shapes(cell_name, num_layers, bidirectional):
    rnn = make(cell_name, num_layers=num_layers, bidirectional=bidirectional)
    directions = 2 if bidirectional else 1
    output, state = rnn(draw(T, B, 3))
    assert output.shape == (T, B, directions * H)
    assert rnn.output_size == directions * H
    assert isinstance(state, tuple) == (len(rnn.cell.state_names) > 1)
    assert all(s.shape == (num_layers * directions, B, H) for s in tensors(rnn, state))


def test_batch_first_turns_input_output_and_reset_but_no_state(cell_name):
    rnn = make(cell_name, num_layers=2, bidirectional=True)
    x, state, reset = draw(T, B, 3), draw_state(rnn), torch.rand(T, B) < 0.3
    output, final, states = rnn(x, state, LENGTHS, reset, return_states=True)
    rnn.batch_first = True
    turned, turned_final, turned_states = rnn(x.transpose(0, 1), state, LENGTHS, reset.t(), return_states=True)
    assert torch.equal(turned, output.transpose(0, 1))
    for a, b in zip(tensors(rnn, turned_final), tensors(rnn, final), strict=True):
        assert torch.equal(a, b)
    for a, b in zip(tensors(rnn, turned_states), tensors(rnn, states), strict=True):
        assert torch.equal(a, b.transpose(1, 2))


@pytest.mark.parametrize("batch_first", [False, True])
def test_one_sequence_without_a_batch_is_a_batch_of_one(cell_name, batch_first):
    rnn = make(cell_name, num_layers=2, bidirectional=True, batch_first=batch_first)
    dim = 0 if batch_first else 1
    x, state, reset = draw(T, 3), draw_state(rnn, 1), torch.tensor([0, 0, 1, 0, 0, 0], dtype=torch.bool)
    alone = rnn.cell.unpack_state(tuple(s[:, 0] for s in tensors(rnn, state)))
    output, final, states = rnn(x, alone, [4], reset, return_states=True)
    expected, expected_final, expected_states = rnn(
        x.unsqueeze(dim), state, [4], reset.unsqueeze(dim), return_states=True
    )
    assert_close(output, expected.squeeze(dim))
    for a, b in zip(tensors(rnn, final), tensors(rnn, expected_final), strict=True):
        assert_close(a, b[:, 0])
    for a, b in zip(tensors(rnn, states), tensors(rnn, expected_states), strict=True):
        assert_close(a, b.squeeze(1 + dim))


@every_run
@pytest.mark.parametrize("lengths", [None, []])
def test_an_empty_batch_is_no_special_case(cell_name, options, lengths):
    rnn = make(cell_name, num_layers=2, bidirectional=True, **options)
    output, state = rnn(draw(T, 0, 3), lengths=lengths)
    assert output.shape == (T, 0, 2 * H)
    assert all(s.shape == (4, 0, H) for s in tensors(rnn, state))


@every_run
def test_each_row_runs_to_its_length_as_if_alone(cell_name, options):
    rnn = make(cell_name, num_layers=2, bidirectional=True, **options)
    x, state = draw(T, B, 3), draw_state(rnn)
    x[torch.arange(T)[:, None] >= LENGTHS] = torch.nan  # padding is irrelevant
    output, final = rnn(x, state, LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        found = [s[:, row] for s in tensors(rnn, final)]
        before = [s[:, row : row + 1] for s in tensors(rnn, state)]
        assert torch.equal(output[length:, row], torch.zeros(T - length, 2 * H, dtype=torch.float64))
        if length == 0:
            assert all(torch.equal(a, b[:, 0]) for a, b in zip(found, before, strict=True))
            continue
        alone, alone_final = rnn(x[:length, row : row + 1], rnn.cell.unpack_state(tuple(before)))
        assert_close(output[:length, row], alone[:, 0])
        for a, b in zip(found, tensors(rnn, alone_final), strict=True):
            assert_close(a, b[:, 0])


@every_run
def test_padding_reaches_no_gradient(cell_name, options):
    rnn = make(cell_name, num_layers=2, bidirectional=True, **options).train()
    found = []
    for padding in (0.0, torch.nan, torch.inf):
        x = torch.ones(T, B, 3, dtype=torch.float64)
        x[torch.arange(T)[:, None] >= LENGTHS] = padding
        x.requires_grad_()
        output, final = rnn(x, lengths=LENGTHS)
        total = output.square().sum() + sum(s.square().sum() for s in tensors(rnn, final))
        found.append(torch.autograd.grad(total, [x, *rnn.parameters()]))
    for gradients in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(gradients, found[0], strict=True))
    assert all(gradient.isfinite().all() for gradient in found[0])


def test_lengths_may_be_a_list():
    rnn, x = make("lstm"), draw(T, B, 3)
    assert torch.equal(rnn(x, lengths=LENGTHS.tolist())[0], rnn(x, lengths=LENGTHS)[0])


@every_run
def test_the_order_of_rows_is_irrelevant(cell_name, options):
    rnn = make(cell_name, num_layers=2, bidirectional=True, **options)
    x, order = draw(T, B, 3), torch.tensor([2, 0, 3, 1])
    output, final = rnn(x, lengths=LENGTHS)
    permuted, permuted_final = rnn(x[:, order], lengths=LENGTHS[order])
    assert_close(permuted, output[:, order])
    for a, b in zip(tensors(rnn, permuted_final), tensors(rnn, final), strict=True):
        assert_close(a, b[:, order])


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize(
    ("lengths", "enforce_sorted"), [([6, 4, 4, 1], True), ([6, 4, 4, 1], False), ([2, 5, 6, 5], False)]
)
def test_a_packed_sequence_equals_a_padded_one(cell_name, batch_first, lengths, enforce_sorted):
    rnn = make(cell_name, num_layers=2, bidirectional=True, batch_first=batch_first)
    x, state = draw(B, T, 3) if batch_first else draw(T, B, 3), draw_state(rnn)
    packed = pack_padded_sequence(x, torch.tensor(lengths), batch_first, enforce_sorted)
    output, final = rnn(packed, state)
    expected, expected_final = rnn(x, state, torch.tensor(lengths))
    found, found_lengths = pad_packed_sequence(output, batch_first)
    assert found_lengths.tolist() == lengths
    assert_close(found, expected)
    for a, b in zip(tensors(rnn, final), tensors(rnn, expected_final), strict=True):
        assert_close(a, b)


@pytest.mark.parametrize("enforce_sorted", [True, False])
def test_packed_data_stay_in_the_order_of_the_input_among_equal_lengths(enforce_sorted):
    module = nn.LSTM(3, H).double()
    rnn = RNN.from_torch(module)
    lengths = torch.tensor([4] * 20 + [2] * 20)  # an unstable sort reorders so many
    lengths = lengths if enforce_sorted else lengths.roll(7)
    packed = pack_padded_sequence(draw(4, 40, 3), lengths, enforce_sorted=enforce_sorted)
    output, expected = rnn(packed)[0], module(packed)[0]
    assert_close(output.data, expected.data)
    assert torch.equal(output.batch_sizes, packed.batch_sizes)
    for name in ("sorted_indices", "unsorted_indices"):
        ours, given = getattr(output, name), getattr(packed, name)
        assert given is None if ours is None else torch.equal(ours, given)


def test_reset_equals_separate_sequences_in_both_directions(cell_name):
    rnn = make(cell_name, num_layers=1, bidirectional=True)
    x, reset = draw(T, 2, 3), torch.zeros(T, 2, dtype=torch.bool)
    reset[2, 0] = reset[4, 0] = reset[3, 1] = True
    lengths = torch.tensor([6, 5])
    reset[5, 1] = True  # past the end of its row
    output, final = rnn(x, None, lengths, reset)
    for row, parts in enumerate([[(0, 2), (2, 4), (4, 6)], [(0, 3), (3, 5)]]):
        runs = [rnn(x[start:stop, row : row + 1]) for start, stop in parts]
        assert_close(output[: lengths[row], row], torch.cat([run[0][:, 0] for run in runs]))
        # Forwards the state of the last part is final, backwards that of the first.
        for found, last, first in zip(*(tensors(rnn, s) for s in (final, runs[-1][1], runs[0][1])), strict=True):
            assert_close(found[0, row], last[0, 0])
            assert_close(found[1, row], first[1, 0])


def test_reset_at_the_first_step_forgets_the_given_state(cell_name):
    rnn, x = make(cell_name), draw(T, B, 3)
    reset = torch.zeros(T, B, dtype=torch.bool)
    reset[0, 1] = True
    state = draw_state(rnn)
    output, fresh, carried = rnn(x, state, reset=reset)[0], rnn(x)[0], rnn(x, state)[0]
    assert_close(output[:, 1], fresh[:, 1])
    assert_close(output[:, [0, 2, 3]], carried[:, [0, 2, 3]])


def test_every_state_at_every_step(cell_name):
    rnn = make(cell_name, num_layers=2)
    x, state = draw(T, B, 3), draw_state(rnn)
    output, final, states = rnn(x, state, LENGTHS, return_states=True)
    assert all(s.shape == (2, T, B, H) for s in tensors(rnn, states))
    real = torch.arange(T)[:, None] < LENGTHS
    assert_close(output[real], tensors(rnn, states)[0][1][real])
    for now, history in zip(tensors(rnn, final), tensors(rnn, states), strict=True):
        assert_close(history[:, -1], now)
    step = rnn.cell.next_state(x[0], [s[0] for s in tensors(rnn, state)])
    for new, history in zip(step, tensors(rnn, states), strict=True):
        assert_close(history[0, 0, LENGTHS > 0], new[LENGTHS > 0])


def test_states_of_the_backward_direction_are_in_the_order_of_time(cell_name):
    rnn, x = make(cell_name, bidirectional=True), draw(T, B, 3)
    output, final, states = rnn(x, return_states=True)
    assert_close(tensors(rnn, states)[0][1], output[..., H:])
    for now, history in zip(tensors(rnn, final), tensors(rnn, states), strict=True):
        assert_close(history[1, 0], now[1])


def test_layers_and_directions_are_runs_of_one_layer(cell_name):
    rnn, x = make(cell_name, num_layers=2, bidirectional=True), draw(T, B, 3)
    output, final, below = *rnn(x), x
    for index in range(2):
        forwards, backwards = (RNN(rnn.layers[2 * index + d].cell) for d in range(2))
        ahead, ahead_final = forwards(below)
        back, back_final = backwards(below.flip(0))
        below = torch.cat([ahead, back.flip(0)], -1)
        for found, a, b in zip(*(tensors(rnn, s) for s in (final, ahead_final, back_final)), strict=True):
            assert_close(found[2 * index : 2 * index + 2], torch.cat([a, b]))
    assert_close(output, below)


@every_run
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_two_chunks_with_carried_state_equal_one_run_exactly(cell_name, options, dtype):
    rnn = RNN(cell_name, 16, 32, num_layers=2, **options).to(dtype)
    x = torch.randn(70, 4, 16, dtype=dtype)
    output, final = rnn(x)
    first, carried = rnn(x[:35])
    second, carried = rnn(x[35:], carried)
    assert torch.equal(torch.cat([first, second]), output)
    assert all(torch.equal(a, b) for a, b in zip(tensors(rnn, carried), tensors(rnn, final), strict=True))


@every_run
def test_step_by_step_equals_one_run(cell_name, options):
    rnn, x = make(cell_name, num_layers=2, **options), draw(T, B, 3)
    output, state = rnn(x)
    carried = None
    for t in range(T):
        now, carried = rnn(x[t : t + 1], carried)
        assert_close(now[0], output[t])
    for a, b in zip(tensors(rnn, carried), tensors(rnn, state), strict=True):
        assert_close(a, b)


@every_run
@pytest.mark.parametrize("steps", range(1, 6))
def test_gradients_are_derivatives_at_every_length(cell_name, options, steps):
    rnn = RNN(cell_name, 2, 2, **options).double()
    x, state = draw(steps, 2, 2), tensors(rnn, rnn(draw(1, 2, 2))[1])
    parameters = list(rnn.parameters())
    leaves = [t.detach().requires_grad_() for t in (x, *state)]

    def run(x, *rest):  # the parameters in rest are the RNN's own
        output, final = rnn(x, tuple(rest[: len(state)]), lengths=[steps, max(steps - 2, 0)])
        return output, *tensors(rnn, final)

    assert torch.autograd.gradcheck(run, (*leaves, *parameters), fast_mode=True)
    assert torch.autograd.gradgradcheck(run, (*leaves, *parameters), fast_mode=True)


def test_a_cell_class_an_instance_a_name_and_a_path_are_the_same():
    torch.manual_seed(1)
    by_name = RNN("lstm", 3, H)
    x = torch.randn(T, B, 3)
    for cell in (get_cell("lstm"), "seqmodels.plugins.lstm:LSTM"):
        torch.manual_seed(1)
        assert torch.equal(RNN(cell, 3, H)(x)[0], by_name(x)[0])
    assert torch.equal(RNN(by_name.cell)(x)[0], by_name(x)[0])


def test_an_instance_is_copied_for_each_layer_and_direction():
    cell = get_cell("gru")(H, H)
    rnn = RNN(cell, num_layers=3)
    assert len({id(layer.cell) for layer in rnn.layers} | {id(cell)}) == 4
    assert all(torch.equal(layer.cell.W_x.weight, cell.W_x.weight) for layer in rnn.layers)
    assert len({p.data_ptr() for p in rnn.parameters()} | {p.data_ptr() for p in cell.parameters()}) == 4 * 5 - 4


def test_named_layers_start_from_different_weights():
    rnn = RNN("gru", H, H, num_layers=2, bidirectional=True)
    lower, upper = rnn.layers[0].cell, rnn.layers[1].cell
    assert not torch.equal(lower.W_h.weight, upper.W_h.weight)


def test_repr_tells_the_sizes():
    assert "3, 5, num_layers=2, bidirectional=True\n" in repr(RNN("gru", 3, 5, num_layers=2, bidirectional=True))


def test_repr_shows_every_option_that_is_not_its_default():
    assert repr(RNN("lstm", 3, 5)).startswith("RNN(\n  3, 5, num_layers=1\n")
    options = {
        "dropout": 0.1,
        "input_dropout": 0.2,
        "recurrent_dropout": 0.3,
        "weight_dropout": 0.4,
        "zoneout": (0.5, 0.05),
        "layer_norm": True,
        "learn_initial_state": True,
        "backend": "reference",
    }
    rnn = RNN("lstm", 3, 5, num_layers=2, **options)
    for name, value in options.items():
        assert f"{name}={value!r}" in rnn.extra_repr()
    assert "input_dropout=(0.2, 0.0)" in RNN("gru", 3, 5, num_layers=2, input_dropout=(0.2, 0.0)).extra_repr()


@pytest.mark.parametrize(
    "dtype", [torch.float32, torch.bfloat16, torch.float16], ids=lambda dtype: str(dtype).removeprefix("torch.")
)
@pytest.mark.usefixtures("_types_unchecked")  # 10,000 checked steps take long
@torch.no_grad()
def test_ten_thousand_steps_stay_finite(cell_name, dtype):
    rnn = RNN(cell_name, 2, 4)
    with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
        output, state = rnn(torch.randn(10_000, 1, 2))
    assert output.isfinite().all()
    assert output.std(0).min() > 1e-4  # it lives
    assert all(s.isfinite().all() for s in tensors(rnn, state))
