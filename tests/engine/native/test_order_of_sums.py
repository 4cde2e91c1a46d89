"""Every product is summed in the order of its operands: the same bits whatever the batch, the chunk, the threads."""

from collections.abc import Iterator

import pytest
import torch

from seqmodels import RNN

T, B = 40, 21


@pytest.fixture
def _two_threads() -> Iterator[None]:
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(1)


def run(rnn: RNN, x: torch.Tensor) -> list[torch.Tensor]:
    x = x.clone().requires_grad_()
    output, _ = rnn(x)
    loss = (output * torch.arange(output.numel()).cos().view_as(output)).sum()
    return [output.detach(), *torch.autograd.grad(loss, [x, *rnn.parameters()])]


def test_rows_alone_and_together(cell_name):
    rnn, x = RNN(cell_name, 5, 37, backend="native"), torch.randn(T, B, 5)
    with torch.no_grad():
        output, _ = rnn(x)
        for row in range(B):
            assert torch.equal(rnn(x[:, row : row + 1])[0], output[:, row : row + 1])


def test_a_sequence_in_parts(cell_name):
    rnn, x = RNN(cell_name, 5, 37, backend="native"), torch.randn(T, B, 5)
    with torch.no_grad():
        output, final = rnn(x)
        first, state = rnn(x[:13])
        last, state = rnn(x[13:], state)
    assert torch.equal(torch.cat([first, last]), output)
    assert all(torch.equal(*pair) for pair in zip(*map(rnn.cell.pack_state, (state, final)), strict=True))


@pytest.mark.usefixtures("_two_threads")
@pytest.mark.parametrize("batch", [1, 3, 16, 21])  # columns are divided among threads, then rows
def test_one_thread_and_two(cell_name, batch):
    rnn, x = RNN(cell_name, 5, 37, backend="native"), torch.randn(T, batch, 5)
    two = run(rnn, x)
    torch.set_num_threads(1)
    assert all(torch.equal(a, b) for a, b in zip(two, run(rnn, x), strict=True))
