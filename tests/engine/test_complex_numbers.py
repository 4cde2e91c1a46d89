"""Complex numbers within a step: two real ones each, wherever they depend on the state."""

import pytest
import torch
from agreement import measured, require_equal
from torch import nn

from seqmodels import RNN, Cell
from seqmodels.errors import OptionError


class Complex(Cell):
    """What is done with a complex state z and an input w like it is given; h has real parts, then imaginary ones."""

    def __init__(self, input_size, hidden_size, change):
        super().__init__(input_size, hidden_size)
        size = hidden_size // 2
        self.change, self.W = change, nn.Linear(input_size, hidden_size)
        self.decay, self.angle = nn.Parameter(torch.rand(size)), nn.Parameter(6 * torch.rand(size))
        self.U = nn.Parameter(torch.randn(size, size, dtype=torch.complex128) / 4)

    def step(self, x, h):
        z = self.change(self, *(torch.complex(*each.chunk(2, -1)) for each in (h, self.W(x))))
        return torch.tanh(torch.cat([z.real, z.imag], -1))


def turn(cell):
    return torch.polar(torch.exp(-cell.decay), cell.angle)


def assigned(z, w):
    z[:, 1:] = w[:, 1:]
    return z


CHANGES = {
    "a number each": lambda c, z, w: turn(c) * z + w,
    "an exponent": lambda c, z, w: torch.exp(torch.complex(-c.decay, c.angle)) * z + w,
    "exp of the state": lambda c, z, w: (z / 2).exp() + w,
    "a matrix": lambda c, z, w: z @ c.U + w,
    "a matrix, linear": lambda c, z, w: nn.functional.linear(z, c.U) + w,
    "a matrix, addmm": lambda c, z, w: torch.addmm(w, z, c.U),
    "a matrix, einsum": lambda c, z, w: torch.einsum("bi,ij->bj", z, c.U) + w,
    "its adjoint": lambda c, z, w: z @ c.U.mH + w.conj(),
    "modReLU": lambda c, z, w: torch.relu((z @ c.U + w).abs() - 0.1 * c.decay) * (z @ c.U + w).sgn(),
    "differences": lambda c, z, w: (1 - z) * 2 - w + z * 1j - (-z) * (0.5 + 0.2j),
    "quotients": lambda c, z, w: z / (w + 2) + w / (z + 3) + 1 / (z + 2) + z / 3,
    "powers": lambda c, z, w: z.square() + z**3 / 2 + w,
    "conjugates": lambda c, z, w: z.conj() * z + w.conj() * z,
    "real parts": lambda c, z, w: z.real * w + z.imag * 1j + z * c.decay,
    "real numbers": lambda c, z, w: (z.real + c.decay).to(z.dtype) * w,
    "real numbers and imaginary ones": lambda c, z, w: (z.real.to(z.dtype) + 0.2j) * w + z.imag.to(z.dtype) * 1j,
    "one number for all": lambda c, z, w: (z[:, :1] + w.real).roll(1, 1) + (c.decay + z[:, -1:]).flip(1),
    "a pair of numbers": lambda c, z, w: torch.view_as_complex(torch.view_as_real(z) * 0.5) + w,
    "from angles of the state": lambda c, z, w: torch.polar(z.real.exp(), z.imag) + w,
    "sums": lambda c, z, w: z.sum(1, keepdim=True) / 9 + z.mean(-1)[:, None] * w + z.cumsum(1) / 9,
    "a choice": lambda c, z, w: torch.where(z.real > 0, z, w),
    "in place": lambda c, z, w: (z * 1).add_(w).mul_(turn(c)),
    "columns that are assigned": lambda c, z, w: assigned(z * 2, w),
    "columns": lambda c, z, w: torch.cat([z[:, 1:], z[:, :1]], 1).flip(1) + w.roll(1, 1),
    "an order": lambda c, z, w: z[:, torch.arange(z.shape[1] - 1, -1, -1)] + w[:, [0] * w.shape[1]],
    "masked": lambda c, z, w: z.masked_fill(z.real < 0, 0.0) + w,
    "parts": lambda c, z, w: z.view(len(z), 1, -1).expand(-1, 2, -1).mean(1) + torch.stack([z, w], 1).sum(1),
    "Fourier": lambda c, z, w: torch.fft.ifft(turn(c) * torch.fft.fft(z, norm="ortho"), norm="ortho") + w,
    "Fourier of real rows": lambda c, z, w: (
        torch.fft.irfft(torch.fft.rfft(z.real) * torch.fft.rfft(c.decay), n=z.shape[1]) * w
    ),
    "zero": lambda c, z, w: (z * 0).abs() * w + (z * 0).sgn() + w,
}


@pytest.mark.parametrize("hidden_size", [6, 70])
@pytest.mark.parametrize("change", CHANGES)
def test_it_is_that_of_the_plain_loop(change, hidden_size):
    found = [measured(Complex, each, 2, hidden_size, change=CHANGES[change]) for each in ("native", "reference")]
    require_equal(*found, 1e-9)


def test_pairs_of_neighbours_are_complex_numbers():
    class Neighbours(Complex):
        def step(self, x, h):
            z = turn(self) * torch.view_as_complex(h.view(len(h), -1, 2))
            return torch.view_as_real(z).flatten(1) + self.W(x)

    found = [measured(Neighbours, each, 2, 70, change=None) for each in ("native", "reference")]
    require_equal(*found, 1e-9)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda c, z, w: z.angle() * w, "no rule for aten.angle of complex numbers"),
        (lambda c, z, w: z**0.5 + w, "a power of complex numbers other than 1 to 8"),
        (lambda c, z, w: z.tanh() + w, "no rule for aten.tanh of complex numbers"),
    ],
)
def test_what_has_no_rule_is_left_to_the_loop_with_its_reason(change, reason):
    with pytest.raises(OptionError, match=reason):
        RNN(Complex, 2, 6, backend="native", change=change).double()(torch.randn(4, 3, 2, dtype=torch.float64))
