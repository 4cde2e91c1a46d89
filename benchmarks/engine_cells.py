"""Cells that are no part of seqmodels, written as their papers have them: what a backend for any cell must run."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqmodels import Cell


class JANET(Cell):
    """The LSTM with nothing but its forget gate: van der Westhuizen & Lasenby 2018, arXiv 1804.04849::

    s = U_f h_{t-1} + W_f x_t + b_f
    c~ = tanh(U_c h_{t-1} + W_c x_t + b_c)
    h_t = sigmoid(s) * h_{t-1} + (1 - sigmoid(s - beta)) * c~
    """

    citation = "van der Westhuizen & Lasenby 2018"

    def __init__(self, input_size: int, hidden_size: int, beta: float = 1.0) -> None:
        super().__init__(input_size, hidden_size)
        self.beta = beta
        self.W = nn.Linear(input_size, 2 * hidden_size)
        self.U = nn.Linear(hidden_size, 2 * hidden_size, bias=False)

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        s, new = (self.U(h) + self.W(x)).chunk(2, -1)
        return torch.sigmoid(s) * h + (1 - torch.sigmoid(s - self.beta)) * torch.tanh(new)


class MGU(Cell):
    """Minimal gated unit: Zhou et al. 2016, arXiv 1603.09420, eq. 5-7::

    f = sigmoid(W_f [h_{t-1}, x_t] + b_f)
    h~ = tanh(W_h [f * h_{t-1}, x_t] + b_h)
    h_t = (1 - f) * h_{t-1} + f * h~
    """

    citation = "Zhou et al. 2016"

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.forget = nn.Linear(hidden_size + input_size, hidden_size)
        self.candidate = nn.Linear(hidden_size + input_size, hidden_size)

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        f = torch.sigmoid(self.forget(torch.cat([h, x], -1)))
        new = torch.tanh(self.candidate(torch.cat([f * h, x], -1)))
        return (1 - f) * h + f * new


class LayerNormLSTM(Cell):
    """LSTM with layer normalisation: Ba et al. 2016, arXiv 1607.06450, eq. 20-22::

    f, i, o, g = LN(W_h h_{t-1}) + LN(W_x x_t) + b
    c_t = sigmoid(f) * c_{t-1} + sigmoid(i) * tanh(g)
    h_t = sigmoid(o) * tanh(LN(c_t))
    """

    state_names = ("h", "c")
    citation = "Ba et al. 2016"

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.W_h = nn.Linear(hidden_size, 4 * hidden_size, bias=False)
        self.W_x = nn.Linear(input_size, 4 * hidden_size, bias=False)
        self.norm_h, self.norm_x = nn.LayerNorm(4 * hidden_size), nn.LayerNorm(4 * hidden_size)  # theirs is the bias b
        self.norm_c = nn.LayerNorm(hidden_size)

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        f, i, o, g = (self.norm_h(self.W_h(h)) + self.norm_x(self.W_x(x))).chunk(4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(self.norm_c(c)), c


class AntisymmetricRNN(Cell):
    """Chang et al. 2019, arXiv 1902.09689::

    h_t = h_{t-1} + epsilon * tanh((W - W^T - gamma I) h_{t-1} + V x_t + b)
    """

    citation = "Chang et al. 2019"

    def __init__(self, input_size: int, hidden_size: int, epsilon: float = 0.1, gamma: float = 0.1) -> None:
        super().__init__(input_size, hidden_size)
        self.epsilon, self.gamma = epsilon, gamma
        self.W = nn.Parameter(torch.empty(hidden_size, hidden_size))
        self.V = nn.Linear(input_size, hidden_size)
        self.reset_parameters()

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        turned = F.linear(h, self.W - self.W.T) - self.gamma * h
        return h + self.epsilon * torch.tanh(turned + self.V(x))


class RecurrentHighway(Cell):
    """Recurrent highway network with coupled gates: Zilly et al. 2017, arXiv 1607.03474, eq. 6-9.

    For l = 1 .. depth, from s_0 = h_{t-1} to h_t = s_depth, with x_t seen by the first layer only::

        new = tanh(W_H x_t [l = 1] + R_Hl s_{l-1} + b_Hl)
        t = sigmoid(W_T x_t [l = 1] + R_Tl s_{l-1} + b_Tl)
        s_l = new * t + s_{l-1} * (1 - t)
    """

    citation = "Zilly et al. 2017"

    def __init__(self, input_size: int, hidden_size: int, depth: int = 3) -> None:
        super().__init__(input_size, hidden_size)
        self.W = nn.Linear(input_size, 2 * hidden_size, bias=False)
        self.R = nn.ModuleList(nn.Linear(hidden_size, 2 * hidden_size) for _ in range(depth))

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        for depth, layer in enumerate(self.R):
            both = layer(h) + self.W(x) if depth == 0 else layer(h)
            new, t = both.chunk(2, -1)
            t = torch.sigmoid(t)
            h = torch.tanh(new) * t + h * (1 - t)
        return h


class CoRNN(Cell):
    """Coupled oscillators: Rusch & Mishra 2021, arXiv 2010.00951, eq. 3, damped by the old velocity::

    z_t = z_{t-1} + dt * (tanh(W [y_{t-1}, z_{t-1}] + V x_t + b) - gamma * y_{t-1} - epsilon * z_{t-1})
    y_t = y_{t-1} + dt * z_t
    """

    state_names = ("y", "z")
    citation = "Rusch & Mishra 2021"

    def __init__(
        self, input_size: int, hidden_size: int, dt: float = 0.042, gamma: float = 2.7, epsilon: float = 4.7
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.dt, self.gamma, self.epsilon = dt, gamma, epsilon
        self.W = nn.Linear(2 * hidden_size, hidden_size, bias=False)
        self.V = nn.Linear(input_size, hidden_size)

    def step(self, x: Tensor, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        force = torch.tanh(self.W(torch.cat([y, z], -1)) + self.V(x))
        z = z + self.dt * (force - self.gamma * y - self.epsilon * z)
        return y + self.dt * z, z


STRANGERS: list[type[Cell]] = [JANET, MGU, LayerNormLSTM, AntisymmetricRNN, RecurrentHighway, CoRNN]
