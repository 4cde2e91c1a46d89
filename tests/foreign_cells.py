"""Cells as strangers write them, each in its own style of PyTorch, knowing nothing of any backend.

Beside them stand those of the literature's built-in cells whose steps differ most.
"""

from typing import Any

import torch
from foreign_rotations import RotatedPairs, Unitary
from torch import nn
from torch.nn.utils import parametrizations

from seqmodels import Cell, from_module

LITERATURE = (
    "antisymmetric",
    "cornn",
    "ctrnn",
    "delta_net",
    "echo_state",
    "indrnn",
    "janet",
    "lmu",
    "lru",
    "lstmp",
    "ltc",
    "mi_rnn",
    "mlstm",
    "narx",
    "nas",
    "on_lstm",
    "rhn",
    "scrn",
    "slstm",
)


class MinimalGatedUnit(Cell):
    """Zhou et al. 2016, arXiv 1603.09420, eq. 5-7::

    f = sigmoid(W_f [x_t, h_{t-1}] + b_f)
    h~ = tanh(W_h [x_t, f * h_{t-1}] + b_h)
    h_t = (1 - f) * h_{t-1} + f * h~
    """

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.forget = nn.Linear(input_size + hidden_size, hidden_size)
        self.candidate = nn.Linear(input_size + hidden_size, hidden_size)

    def step(self, x, h):
        f = torch.sigmoid(self.forget(torch.cat([x, h], -1)))
        new = torch.tanh(self.candidate(torch.cat([x, f * h], -1)))
        return (1 - f) * h + f * new


class LayerNormLSTM(Cell):
    """Ba, Kiros and Hinton 2016, arXiv 1607.06450, eq. 20-22: both products and the cell state are normalised::

        f, i, o, g = LN(W_h h_{t-1}) + LN(W_x x_t) + b
        c_t = sigmoid(f) * c_{t-1} + sigmoid(i) * tanh(g)
        h_t = sigmoid(o) * tanh(LN(c_t))

    The gain of the state's norm starts at 0.1 (Cooijmans et al. 2017): at 1 the step is chaotic.
    """

    state_names = ("h", "c")

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.weight_h = nn.Parameter(torch.empty(hidden_size, 4 * hidden_size))
        self.weight_x = nn.Parameter(torch.empty(input_size, 4 * hidden_size))
        self.bias = nn.Parameter(torch.zeros(4 * hidden_size))
        self.norm_h = nn.LayerNorm(4 * hidden_size)
        self.norm_x = nn.LayerNorm(4 * hidden_size)
        self.norm_c = nn.LayerNorm(hidden_size)
        nn.init.xavier_uniform_(self.weight_h)
        nn.init.xavier_uniform_(self.weight_x)
        nn.init.constant_(self.norm_h.weight, 0.1)

    def step(self, x, h, c):
        gates = self.norm_h(h @ self.weight_h) + self.norm_x(x @ self.weight_x) + self.bias
        f, i, o, g = gates.chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * self.norm_c(c).tanh(), c


class WeightNormRNN(Cell):
    """Salimans and Kingma 2016, arXiv 1602.07868, eq. 2, for the recurrent matrix: its rows have the lengths g::

    W = g V / |V|
    h_t = tanh(W h_{t-1} + U x_t + b)
    """

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.V = nn.Parameter(torch.randn(hidden_size, hidden_size))
        self.g = nn.Parameter(torch.full((hidden_size, 1), 0.7))
        self.U = nn.Linear(input_size, hidden_size)

    def step(self, x, h):
        W = self.g * self.V / self.V.norm(dim=1, keepdim=True)
        return torch.tanh(h @ W.t() + self.U(x))


class Orthogonal(Cell):
    """Lezcano-Casado and Martinez-Rubio 2019, arXiv 1901.08428: W = exp(A), A skew-symmetric, by torch's own means::

    h_t = tanh(W h_{t-1} + U x_t + b)
    """

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.W = parametrizations.orthogonal(nn.Linear(hidden_size, hidden_size, bias=False))
        self.U = nn.Linear(input_size, hidden_size)

    def step(self, x, h):
        return torch.tanh(self.W(h) + self.U(x))


class ResidualTransition(Cell):
    """Pascanu et al. 2014, arXiv 1312.6026, DT-RNN: a network between states, here residual and gated::

    d = exp(-softplus(W_d x_t + U_d h_{t-1} + b_d))
    h_t = d * h_{t-1} + (1 - d) * tanh(MLP(h_{t-1}) + silu(W x_t + b))
    """

    def __init__(self, input_size, hidden_size, approximate="none"):
        super().__init__(input_size, hidden_size)
        self.mlp = nn.Sequential(
            nn.Linear(hidden_size, 2 * hidden_size),
            nn.GELU(approximate),
            nn.Linear(2 * hidden_size, hidden_size),
        )
        self.inner = nn.Sequential(nn.Linear(input_size, hidden_size), nn.SiLU())
        self.decay_x = nn.Linear(input_size, hidden_size)
        self.decay_h = nn.Linear(hidden_size, hidden_size, bias=False)
        self.softplus = nn.Softplus()

    def step(self, x, h):
        decay = (-self.softplus(self.decay_x(x) + self.decay_h(h))).exp()
        return decay * h + (1 - decay) * torch.tanh(self.mlp(h) + self.inner(x))


class HopfieldMemory(Cell):
    """Ramsauer et al. 2021, arXiv 2008.02217, eq. 2-3: reads a learned memory M; the energy of the key is a gate::

    k = W x_t + U h_{t-1} + b
    s = beta M k
    g = sigmoid(logsumexp(s) + a)
    h_t = g * h_{t-1} + (1 - g) * tanh(M^T softmax(s) + k)
    """

    def __init__(self, input_size, hidden_size, slots=6):
        super().__init__(input_size, hidden_size)
        self.beta = hidden_size**-0.5
        self.W = nn.Linear(input_size, hidden_size)
        self.U = nn.Linear(hidden_size, hidden_size, bias=False)
        self.M = nn.Parameter(torch.randn(slots, hidden_size))
        self.a = nn.Parameter(torch.tensor([-2.0]))

    def step(self, x, h):
        key = self.W(x) + self.U(h)
        scores = self.beta * key @ self.M.t()
        read = torch.softmax(scores, dim=-1) @ self.M
        gate = torch.sigmoid(torch.logsumexp(scores, -1, keepdim=True) + self.a)
        return gate * h + (1 - gate) * torch.tanh(read + key)


class HeadedLSTM(Cell):
    """An LSTM of several heads, as Beck et al. 2024, section 2.2, have them: no head sees another's state. For each k::

    i, f, z, o = W x_t + R_k h_{t-1, k} + b
    c_{t, k} = sigmoid(f) * c_{t-1, k} + sigmoid(i) * tanh(z)
    h_{t, k} = sigmoid(o) * tanh(normalised c_{t, k})
    """

    state_names = ("h", "c")

    def __init__(self, input_size, hidden_size, heads=2):
        super().__init__(input_size, hidden_size)
        self.heads, size = heads, heads * hidden_size
        self.W = nn.Linear(input_size, 4 * size)
        self.R = nn.Parameter(torch.randn(4, heads, hidden_size, hidden_size) / hidden_size**0.5)
        self.norm = nn.GroupNorm(heads, size)

    @property
    def state_sizes(self):
        return (self.heads * self.hidden_size,) * 2

    def step(self, x, h, c):
        of_heads = h.view(len(h), self.heads, -1)
        recurrent = torch.einsum("bkd,gkde->bgke", of_heads, self.R).flatten(1)
        i, f, z, o = (self.W(x) + recurrent).chunk(4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(z)
        return torch.sigmoid(o) * torch.tanh(self.norm(c)), c


class MultiplicativeLSTM(Cell):
    """Krause et al. 2016, arXiv 1609.07959: a product of two products enters the gates' product::

    m = (W_mx x_t) * (W_mh h_{t-1})
    i, o, f, u = W_x x_t + W_m m + b
    c_t = sigmoid(f) * c_{t-1} + sigmoid(i) * tanh(u)
    h_t = sigmoid(o) * tanh(c_t)
    """

    state_names = ("h", "c")

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.W_mx = nn.Linear(input_size, hidden_size, bias=False)
        self.W_mh = nn.Linear(hidden_size, hidden_size, bias=False)
        self.W_x = nn.Linear(input_size, 4 * hidden_size)
        self.W_m = nn.Linear(hidden_size, 4 * hidden_size, bias=False)

    def step(self, x, h, c):
        m = torch.mul(self.W_mx(x), self.W_mh(h))
        preactivations = torch.add(self.W_x(x), self.W_m(m))
        gates = preactivations[:, : 3 * self.hidden_size].sigmoid()
        u = preactivations[:, 3 * self.hidden_size :].tanh()
        i = gates[:, : self.hidden_size]
        o = gates[:, self.hidden_size : 2 * self.hidden_size]
        f = gates[:, -self.hidden_size :]
        c = f.mul(c).add(i.mul(u))
        return o.mul(c.tanh()), c


class UGRNN(Cell):
    """Collins, Sohl-Dickstein and Sussillo 2017, arXiv 1611.09913, out of one matrix [W, U] and one vector::

    g = sigmoid(W_g x_t + U_g h_{t-1} + b_g + 1)
    c = tanh(W_c x_t + U_c h_{t-1} + b_c)
    h_t = g * h_{t-1} + (1 - g) * c
    """

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.W = nn.Parameter(torch.empty(2 * hidden_size, input_size + hidden_size))
        self.b = nn.Parameter(torch.zeros(2 * hidden_size))
        nn.init.kaiming_uniform_(self.W, a=5**0.5)

    def step(self, x, h):
        X, H = self.input_size, self.hidden_size
        from_x = torch.addmm(self.b, x, self.W[:, :X].t())
        gate = torch.addmm(from_x[:, :H], h, self.W[:H, X:].transpose(0, 1))
        new = from_x.narrow(1, H, H) + torch.mm(h, self.W[H:, X : X + H].T)
        gate = (gate + 1.0).sigmoid()
        return gate * h + (1.0 - gate) * new.tanh()


class PiecewiseUnit(Cell):
    """Hard gates (Courbariaux et al. 2015, arXiv 1511.00363), ISRLU (Carlile et al. 2017, arXiv 1710.09967) and Snake
    (Ziyin et al. 2020, arXiv 2006.08195)::

        a, p, s, g = W x_t + U h_{t-1} + b
        r = a if a > 0 else a / sqrt(1 + a^2)
        q = sign(p) * log(1 + |p|)
        w = s + sin(s)^2
        g = clamp(g / 5 + 1/2, 0, 1), halved where h_{t-1} > 0.8 and not h_{t-1} <= mean |x_t|
        h_t = g * h_{t-1} + (1 - g) * tanh(r - q * w)
    """

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.W = nn.Linear(input_size, 4 * hidden_size)
        self.U = nn.Parameter(torch.randn(4, hidden_size, hidden_size) * 0.5 / hidden_size**0.5)

    def step(self, x, h):
        from_x = self.W(x).chunk(4, dim=-1)
        a, p, s, g = (part + h @ U for part, U in zip(from_x, self.U, strict=True))
        r = torch.where(a > 0, a, a / torch.sqrt(1 + a.pow(2)))
        q = torch.sign(p) * torch.log1p(torch.abs(p))
        w = s + torch.sin(s) ** 2
        g = (0.2 * g + 0.5).clamp(0, 1)
        high = (h > 0.8) & ~(h <= x.abs().mean(-1, keepdim=True))
        g = torch.where(high, g / 2, g)
        return g * h + (1 - g) * torch.tanh(r - q * w)


class ViewedLSTM(Cell):
    """Greff et al. 2017, arXiv 1503.04069, the variant CIFG: f = 1 - i; gates are taken apart by view and unbind::

    i, z, o, _ = W x_t + R h_{t-1} + b
    f, i = softmax of the stack (0, i), which is (1 - sigmoid(i), sigmoid(i))
    c_t = f * c_{t-1} + i * tanh(z)
    h_t = sigmoid(o) * tanh(c_t) + p * h_{t-1}                  p = sigmoid of the fourth, a leak
    """

    state_names = ("h", "c")

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.W = nn.Linear(input_size, 4 * hidden_size)
        self.R = nn.Linear(hidden_size, 4 * hidden_size, bias=False)

    def step(self, x, h, c):
        gates = (self.W(x) + self.R(h)).view(-1, 4, self.hidden_size)
        i, z, o, p = gates.unbind(1)
        f, i = torch.stack([torch.zeros_like(i), i], dim=1).softmax(dim=1).unbind(dim=1)
        c = f * c + i * z.tanh()
        o, p = torch.stack((o, p), 1).sigmoid().unbind(1)
        return 0.5 * (o * c.tanh() + p * h), c


class LiGRU(Cell):
    """Ravanelli et al. 2018, arXiv 1803.10225, without batch normalisation; sums are taken in place::

    z = sigmoid(W_z x_t + U_z h_{t-1} + b_z)
    h~ = relu(W_h x_t + U_h h_{t-1} + b_h)
    h_t = z * h_{t-1} + (1 - z) * h~
    """

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.wz = nn.Linear(input_size, hidden_size)
        self.wh = nn.Linear(input_size, hidden_size)
        self.uz = nn.Linear(hidden_size, hidden_size, bias=False)
        self.uh = nn.Linear(hidden_size, hidden_size, bias=False)
        self.act = nn.ReLU()

    def step(self, x, h):
        z = self.uz(h)
        z += self.wz(x)
        z = z.sigmoid_()
        candidate = self.uh(h).add_(self.wh(x))
        return torch.lerp(self.act(candidate), h, z)


class BorrowedLSTM(Cell):
    """Hochreiter and Schmidhuber 1997 as torch has it, between two residual streams: a module inside a step::

    h, c = LSTMCell(W x_t, (h_{t-1}, c_{t-1}))
    s_t = tanh(s_{t-1} + h_t)
    """

    state_names = ("s", "h", "c")

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.W = nn.Linear(input_size, hidden_size)
        self.inner = nn.LSTMCell(hidden_size, hidden_size)

    def step(self, x, s, h, c):
        h, c = self.inner(self.W(x), (h, c))
        return torch.tanh(s + h), h, c


class InputStatistics(Cell):
    """A step that looks at features of its input and at their mean, each through its own columns of one matrix::

    p = A tanh(x_t) + a
    h_t = tanh(W [h_{t-1}, mean(p), p + v] + b)
    """

    def __init__(self, input_size, hidden_size, features=3):
        super().__init__(input_size, hidden_size)
        self.A = nn.Linear(input_size, features)
        self.v = nn.Parameter(torch.randn(features))
        self.W = nn.Linear(hidden_size + 1 + features, hidden_size)

    def step(self, x, h):
        p = self.A(x.tanh())
        return torch.tanh(self.W(torch.cat([h, p.mean(-1, keepdim=True), p + self.v], -1)))


class Moments(Cell):
    """A state of sums, which the next step reads::

    h_t = tanh(W x_t + U h_{t-1} + m_{t-1, 1} - m_{t-1, 2})
    m_t = (mean h_t, mean h_t^2)
    """

    state_names = ("h", "m")

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.W = nn.Linear(input_size, hidden_size)
        self.U = nn.Linear(hidden_size, hidden_size, bias=False)

    @property
    def state_sizes(self):
        return self.hidden_size, 2

    def step(self, x, h, m):
        h = torch.tanh(self.W(x) + self.U(h) + m[:, :1] - m[:, 1:])
        return h, torch.stack([h.mean(-1), h.square().mean(-1)], -1)


class Sums(Moments):
    """The same with sums, which are divided where they are read."""

    def step(self, x, h, m):
        h = torch.tanh(self.W(x) + self.U(h) + (m[:, :1] - m[:, 1:]) / self.hidden_size)
        return h, torch.stack([h.sum(-1), h.square().sum(-1)], -1)


class HigherOrder(Cell):
    """Soltani and Jiang 2016, arXiv 1605.00064, eq. 3, of order 2: what was, the step hands on as it is::

    h_t = tanh(W x_t + U_1 h_{t-1} + U_2 h_{t-2} + b)
    """

    state_names = ("h", "before")

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.W = nn.Linear(input_size, hidden_size)
        self.U_1 = nn.Linear(hidden_size, hidden_size, bias=False)
        self.U_2 = nn.Linear(hidden_size, hidden_size, bias=False)

    def step(self, x, h, before):
        return torch.tanh(self.W(x) + self.U_1(h) + self.U_2(before)), h


STRANGERS: dict[str, tuple[str | type[Cell], dict[str, Any]]] = {
    **{name: (name, {}) for name in LITERATURE},
    "gated antisymmetric": ("antisymmetric", {"gated": True}),
    "fastgrnn of low rank": ("fastgrnn", {"rank": 8}),
    "minimal gated unit": (MinimalGatedUnit, {}),
    "layer norm lstm": (LayerNormLSTM, {}),
    "weight norm": (WeightNormRNN, {}),
    "orthogonal": (Orthogonal, {}),
    "residual transition": (ResidualTransition, {}),
    "residual transition, gelu of tanh": (ResidualTransition, {"approximate": "tanh"}),
    "hopfield memory": (HopfieldMemory, {}),
    "headed lstm": (HeadedLSTM, {}),
    "multiplicative lstm": (MultiplicativeLSTM, {}),
    "ugrnn of one matrix": (UGRNN, {}),
    "piecewise": (PiecewiseUnit, {}),
    "viewed lstm": (ViewedLSTM, {}),
    "ligru in place": (LiGRU, {}),
    "input statistics": (InputStatistics, {}),
    "borrowed lstm": (BorrowedLSTM, {}),
    "moments": (Moments, {}),
    "sums": (Sums, {}),
    "higher order": (HigherOrder, {}),
    "rotated pairs": (RotatedPairs, {}),
    "unitary": (Unitary, {}),
    "torch's gru": (from_module(nn.GRUCell), {}),
}
