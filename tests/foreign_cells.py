"""Cells as strangers write them: each from its paper, in its own style of PyTorch, knowing nothing of any backend."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations

from seqmodels import Cell, from_module


class JANET(Cell):
    """Van der Westhuizen and Lasenby 2018, arXiv 1804.04849: an LSTM with nothing but its forget gate::

    s = U_f h_{t-1} + W_f x_t + b_f
    c~ = tanh(U_c h_{t-1} + W_c x_t + b_c)
    h_t = sigmoid(s) * h_{t-1} + (1 - sigmoid(s - beta)) * c~
    """

    citation = "van der Westhuizen & Lasenby 2018"

    def __init__(self, input_size, hidden_size, beta=1.0):
        super().__init__(input_size, hidden_size)
        self.beta = beta
        self.W = nn.Linear(input_size, 2 * hidden_size)
        self.U = nn.Linear(hidden_size, 2 * hidden_size, bias=False)

    def step(self, x, h):
        s, c = torch.chunk(self.W(x) + self.U(h), 2, dim=1)
        return torch.sigmoid(s) * h + (1 - torch.sigmoid(s - self.beta)) * torch.tanh(c)


class MinimalGatedUnit(Cell):
    """Zhou et al. 2016, arXiv 1603.09420, eq. 5-7::

    f = sigmoid(W_f [x_t, h_{t-1}] + b_f)
    h~ = tanh(W_h [x_t, f * h_{t-1}] + b_h)
    h_t = (1 - f) * h_{t-1} + f * h~
    """

    citation = "Zhou et al. 2016"

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.forget = nn.Linear(input_size + hidden_size, hidden_size)
        self.candidate = nn.Linear(input_size + hidden_size, hidden_size)

    def step(self, x, h):
        f = torch.sigmoid(self.forget(torch.cat([x, h], -1)))
        new = torch.tanh(self.candidate(torch.cat([x, f * h], -1)))
        return (1 - f) * h + f * new


class SCRN(Cell):
    """Mikolov et al. 2015, arXiv 1412.7753, eq. 3-5: a slow context s beside the hidden state h::

    s_t = (1 - alpha) B x_t + alpha s_{t-1}
    h_t = sigmoid(P s_t + A x_t + R h_{t-1})
    y_t = [h_t, s_t]
    """

    citation = "Mikolov et al. 2015"
    state_names = ("h", "s")

    def __init__(self, input_size, hidden_size, context_size=4, alpha=0.95):
        super().__init__(input_size, hidden_size)
        self.context_size, self.alpha = context_size, alpha
        self.B = nn.Linear(input_size, context_size, bias=False)
        self.A = nn.Linear(input_size, hidden_size, bias=False)
        self.P = nn.Linear(context_size, hidden_size, bias=False)
        self.R = nn.Linear(hidden_size, hidden_size, bias=False)

    @property
    def state_sizes(self):
        return self.hidden_size, self.context_size

    @property
    def output_size(self):
        return self.hidden_size + self.context_size

    def step(self, x, h, s):
        s = (1 - self.alpha) * self.B(x) + self.alpha * s
        return torch.sigmoid(self.P(s) + self.A(x) + self.R(h)), s

    def output(self, h, s):
        return torch.cat([h, s], -1)


class RecurrentHighway(Cell):
    """Zilly et al. 2017, arXiv 1607.03474, section 4: `depth` highway layers within a step, coupled gates c = 1 - t::

    h_l = tanh(W_H x_t [l = 1] + R_Hl s_{l-1} + b_Hl)
    t_l = sigmoid(W_T x_t [l = 1] + R_Tl s_{l-1} + b_Tl)
    s_l = h_l * t_l + s_{l-1} * (1 - t_l)
    """

    citation = "Zilly et al. 2017"

    def __init__(self, input_size, hidden_size, depth=3):
        super().__init__(input_size, hidden_size)
        self.W_H = nn.Linear(input_size, hidden_size, bias=False)
        self.W_T = nn.Linear(input_size, hidden_size, bias=False)
        self.R_H = nn.ModuleList(nn.Linear(hidden_size, hidden_size) for _ in range(depth))
        self.R_T = nn.ModuleList(nn.Linear(hidden_size, hidden_size) for _ in range(depth))

    def step(self, x, s):
        for depth, (to_h, to_t) in enumerate(zip(self.R_H, self.R_T, strict=True)):
            h, t = to_h(s), to_t(s)
            if depth == 0:
                h, t = h + self.W_H(x), t + self.W_T(x)
            t = t.sigmoid()
            s = h.tanh() * t + s * (1 - t)
        return s


class LayerNormLSTM(Cell):
    """Ba, Kiros and Hinton 2016, arXiv 1607.06450, eq. 20-22: both products and the cell state are normalised::

        f, i, o, g = LN(W_h h_{t-1}) + LN(W_x x_t) + b
        c_t = sigmoid(f) * c_{t-1} + sigmoid(i) * tanh(g)
        h_t = sigmoid(o) * tanh(LN(c_t))

    The gain of the state's norm starts at 0.1 (Cooijmans et al. 2017): at 1 the step is chaotic.
    """

    citation = "Ba et al. 2016"
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


class Antisymmetric(Cell):
    """Chang et al. 2019, arXiv 1902.09689: the matrix of the state has imaginary eigenvalues, less gamma::

    M = W - W^T - gamma I
    z_t = sigmoid(M h_{t-1} + V_z x_t + b_z)                    if gated, else 1
    h_t = h_{t-1} + epsilon z_t * tanh(M h_{t-1} + V_h x_t + b_h)
    """

    citation = "Chang et al. 2019"

    def __init__(self, input_size, hidden_size, gated=False, gamma=0.2, epsilon=0.1):
        super().__init__(input_size, hidden_size)
        self.gamma, self.epsilon = gamma, epsilon
        self.W = nn.Parameter(0.5 * torch.randn(hidden_size, hidden_size) / hidden_size**0.5)
        self.V_h = nn.Linear(input_size, hidden_size)
        self.V_z = nn.Linear(input_size, hidden_size) if gated else None

    def step(self, x, h):
        M = self.W - self.W.T - self.gamma * torch.eye(self.hidden_size, dtype=x.dtype, device=x.device)
        product = F.linear(h, M)
        update = self.epsilon * torch.tanh(product + self.V_h(x))
        if self.V_z is not None:
            update = torch.sigmoid(product + self.V_z(x)) * update
        return h + update


class CoRNN(Cell):
    """Rusch and Mishra 2021, arXiv 2010.00951, eq. 3: coupled oscillators; y moves with the new velocity z::

    z_n = z_{n-1} + dt (tanh(W y_{n-1} + W' z_{n-1} + V u_n + b) - gamma y_{n-1} - epsilon z_{n-1})
    y_n = y_{n-1} + dt z_n
    """

    citation = "Rusch & Mishra 2021"
    state_names = ("y", "z")

    def __init__(self, input_size, hidden_size, dt=0.1, gamma=1.0, epsilon=1.0):
        super().__init__(input_size, hidden_size)
        self.dt, self.gamma, self.epsilon = dt, gamma, epsilon
        self.i2h = nn.Linear(input_size + hidden_size + hidden_size, hidden_size)

    def step(self, x, y, z):
        force = torch.tanh(self.i2h(torch.cat((x, z, y), 1)))
        z = z + self.dt * (force - self.gamma * y - self.epsilon * z)
        y = y + self.dt * z
        return y, z


class IndRNN(Cell):
    """Li et al. 2018, arXiv 1803.04831, eq. 2: each neuron sees its own past alone::

    h_t = relu(W x_t + u * h_{t-1} + b)
    """

    citation = "Li et al. 2018"

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.W = nn.Linear(input_size, hidden_size)
        self.u = nn.Parameter(torch.empty(hidden_size).uniform_(0, 0.95))

    def step(self, x, h):
        return F.relu(self.W(x) + self.u * h)


class WeightNormRNN(Cell):
    """Salimans and Kingma 2016, arXiv 1602.07868, eq. 2, for the recurrent matrix: its rows have the lengths g::

    W = g V / |V|
    h_t = tanh(W h_{t-1} + U x_t + b)
    """

    citation = "Salimans & Kingma 2016"

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.V = nn.Parameter(torch.randn(hidden_size, hidden_size))
        self.g = nn.Parameter(torch.full((hidden_size, 1), 0.7))
        self.U = nn.Linear(input_size, hidden_size)

    def step(self, x, h):
        W = self.g * self.V / self.V.norm(dim=1, keepdim=True)
        return torch.tanh(h @ W.t() + self.U(x))


class ScaledCayley(Cell):
    """Helfrich, Willmott and Ye 2018, arXiv 1707.09520, section 3: an orthogonal matrix from a skew-symmetric one::

    W = (I + A)^{-1} (I - A) D
    z = U x_t + W h_{t-1}
    h_t = sign(z) * relu(|z| + b)                               modReLU
    """

    citation = "Helfrich et al. 2018"

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.A = nn.Parameter(torch.randn(hidden_size, hidden_size) / hidden_size**0.5)
        self.b = nn.Parameter(torch.empty(hidden_size).uniform_(-0.1, 0.0))
        self.U = nn.Linear(input_size, hidden_size, bias=False)
        D = torch.ones(hidden_size)
        D[: hidden_size // 2] = -1
        self.register_buffer("D", D)

    def step(self, x, h):
        identity = torch.eye(self.hidden_size).to(x)
        A = self.A.tril(-1) - self.A.tril(-1).mT
        W = torch.linalg.solve(identity + A, identity - A) * self.D
        z = self.U(x) + 0.9 * torch.matmul(h, W.mT)
        return z.sign() * F.relu(z.abs() + self.b)


class Orthogonal(Cell):
    """Lezcano-Casado and Martinez-Rubio 2019, arXiv 1901.08428: W = exp(A), A skew-symmetric, by torch's own means::

    h_t = tanh(W h_{t-1} + U x_t + b)
    """

    citation = "Lezcano-Casado & Martinez-Rubio 2019"

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.W = parametrizations.orthogonal(nn.Linear(hidden_size, hidden_size, bias=False))
        self.U = nn.Linear(input_size, hidden_size)

    def step(self, x, h):
        return torch.tanh(self.W(h) + self.U(x))


class DeepTransition(Cell):
    """Pascanu et al. 2014, arXiv 1312.6026, DT-RNN: a network between states, here residual and gated::

    d = exp(-softplus(W_d x_t + U_d h_{t-1} + b_d))
    h_t = d * h_{t-1} + (1 - d) * tanh(MLP(h_{t-1}) + silu(W x_t + b))
    """

    citation = "Pascanu et al. 2014"

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

    citation = "Ramsauer et al. 2021"

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


class FastGRNN(Cell):
    """Kusupati et al. 2018, arXiv 1901.02358: gate and candidate share their matrices of low rank::

    z = sigmoid(W x_t + U_2 U_1 h_{t-1} + b_z)
    h~ = tanh(W x_t + U_2 U_1 h_{t-1} + b_h)
    h_t = (sigmoid(zeta) (1 - z) + sigmoid(nu)) * h~ + z * h_{t-1}
    """

    citation = "Kusupati et al. 2018"

    def __init__(self, input_size, hidden_size, rank=8):
        super().__init__(input_size, hidden_size)
        self.W = nn.Parameter(0.1 * torch.randn(input_size, hidden_size))
        self.U1 = nn.Parameter(0.1 * torch.randn(hidden_size, rank))
        self.U2 = nn.Parameter(0.1 * torch.randn(rank, hidden_size))
        self.bias_gate = nn.Parameter(torch.ones(1, hidden_size))
        self.bias_update = nn.Parameter(torch.ones(1, hidden_size))
        self.zeta = nn.Parameter(torch.tensor(1.0))
        self.nu = nn.Parameter(torch.tensor(-4.0))

    def step(self, x, h):
        both = torch.matmul(x, self.W) + torch.matmul(torch.matmul(h, self.U1), self.U2)
        z = torch.sigmoid(both + self.bias_gate)
        new = torch.tanh(both + self.bias_update)
        return (torch.sigmoid(self.zeta) * (1.0 - z) + torch.sigmoid(self.nu)) * new + z * h


class SLSTM(Cell):
    """Beck et al. 2024, arXiv 2405.04517, section 2.2: exponential gates, kept finite by the state m::

        i, f, z, o = W x_t + R h_{t-1} + b
        m_t = max(log sigmoid(f) + m_{t-1}, i)
        i' = exp(i - m_t),  f' = exp(log sigmoid(f) + m_{t-1} - m_t)
        c_t = f' * c_{t-1} + i' * tanh(z)
        n_t = f' * n_{t-1} + i'
        h_t = sigmoid(o) * c_t / max(|n_t|, 1)

    The maximum is that of the paper's mLSTM: it lets any n be a start.
    """

    citation = "Beck et al. 2024"
    state_names = ("h", "c", "n", "m")

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.W = nn.Linear(input_size, 4 * hidden_size)
        self.R = nn.Linear(hidden_size, 4 * hidden_size, bias=False)

    def step(self, x, h, c, n, m):
        i, f, z, o = torch.split(self.W(x) + self.R(h), self.hidden_size, dim=-1)
        log_f = F.logsigmoid(f) + m
        m = torch.maximum(log_f, i)
        i, f = torch.exp(i - m), torch.exp(log_f - m)
        c = f * c + i * torch.tanh(z)
        n = f * n + i
        return torch.sigmoid(o) * c / torch.clamp(n.abs(), min=1.0), c, n, m


class HeadedLSTM(Cell):
    """An LSTM of several heads, as Beck et al. 2024, section 2.2, have them: no head sees another's state. For each k::

    i, f, z, o = W x_t + R_k h_{t-1, k} + b
    c_{t, k} = sigmoid(f) * c_{t-1, k} + sigmoid(i) * tanh(z)
    h_{t, k} = sigmoid(o) * tanh(normalised c_{t, k})
    """

    citation = "Beck et al. 2024"
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


class DeltaRule(Cell):
    """Schlag, Irie and Schmidhuber 2021, arXiv 2102.11174: a matrix S of fast weights, corrected at one key a step::

    k = softmax(W_k x_t),  q = softmax(W_q x_t + U h_{t-1}),  v = W_v x_t,  b = sigmoid(W_b x_t)
    S_t = S_{t-1} + b (v - S_{t-1} k) k'
    h_t = W S_t q
    """

    citation = "Schlag, Irie & Schmidhuber 2021"
    state_names = ("h", "S")

    def __init__(self, input_size, hidden_size, size=3):
        super().__init__(input_size, hidden_size)
        self.size = size
        self.V = nn.Linear(input_size, 3 * size + 1)
        self.U = nn.Linear(hidden_size, size, bias=False)
        self.W = nn.Linear(size, hidden_size)

    @property
    def state_sizes(self):
        return self.hidden_size, self.size**2

    def step(self, x, h, S):
        k, q, v, b = self.V(x).split([self.size, self.size, self.size, 1], -1)
        k, q = k.softmax(-1), (q + self.U(h)).softmax(-1)
        S = S.view(-1, self.size, self.size)
        wrong = v - torch.einsum("bij,bj->bi", S, k)
        S = S + torch.einsum("bi,bj->bij", torch.sigmoid(b) * wrong, k)
        return self.W((S @ q[..., None])[..., 0]), S.flatten(1)


class OrderedNeurons(Cell):
    """Shen et al. 2019, arXiv 1810.09536, eq. 6-13, with chunks of one unit; cumax is the running sum of a softmax::

    f, i, o, g = the gates and candidate of an LSTM
    F = cumax(W_F x_t + U_F h_{t-1} + b_F),  I = 1 - cumax(W_I x_t + U_I h_{t-1} + b_I)
    c_t = (f * F * I + F - F * I) * c_{t-1} + (i * F * I + I - F * I) * g
    h_t = o * tanh(c_t)
    """

    citation = "Shen et al. 2019"
    state_names = ("h", "c")

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.W = nn.Linear(input_size, 6 * hidden_size)
        self.U = nn.Linear(hidden_size, 6 * hidden_size, bias=False)

    def step(self, x, h, c):
        f, i, o, g, forget, insert = (self.W(x) + self.U(h)).chunk(6, -1)
        forget, insert = forget.softmax(-1).cumsum(-1), 1 - insert.softmax(-1).cumsum(-1)
        overlap = forget * insert
        f = torch.sigmoid(f) * overlap + forget - overlap
        i = torch.sigmoid(i) * overlap + insert - overlap
        c = f * c + i * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


class ProjectionLSTM(Cell):
    """Sak, Senior and Beaufays 2014, arXiv 1402.1128, eq. 7-12: the state that recurs is a projection, with peepholes::

    i = sigmoid(W_ix x_t + W_im r_{t-1} + w_ic * c_{t-1} + b_i)
    f = sigmoid(W_fx x_t + W_fm r_{t-1} + w_fc * c_{t-1} + b_f)
    c_t = f * c_{t-1} + i * tanh(W_cx x_t + W_cm r_{t-1} + b_c)
    o = sigmoid(W_ox x_t + W_om r_{t-1} + w_oc * c_t + b_o)
    r_t = W_rm (o * tanh(c_t))
    """

    citation = "Sak et al. 2014"
    state_names = ("r", "c")

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.projection_size = max(1, hidden_size // 2)
        for gate in "ifco":
            setattr(self, f"W_{gate}x", nn.Linear(input_size, hidden_size))
            setattr(self, f"W_{gate}m", nn.Linear(self.projection_size, hidden_size, bias=False))
        self.w_ic, self.w_fc, self.w_oc = (nn.Parameter(0.1 * torch.randn(hidden_size)) for _ in range(3))
        self.W_rm = nn.Linear(hidden_size, self.projection_size, bias=False)

    @property
    def state_sizes(self):
        return (self.projection_size, self.hidden_size)

    def step(self, x, r, c):
        i = torch.sigmoid(self.W_ix(x) + self.W_im(r) + self.w_ic * c)
        f = torch.sigmoid(self.W_fx(x) + self.W_fm(r) + self.w_fc * c)
        c = f * c + i * torch.tanh(self.W_cx(x) + self.W_cm(r))
        o = torch.sigmoid(self.W_ox(x) + self.W_om(r) + self.w_oc * c)
        return self.W_rm(o * torch.tanh(c)), c


class MultiplicativeLSTM(Cell):
    """Krause et al. 2016, arXiv 1609.07959: a product of two products enters the gates' product::

    m = (W_mx x_t) * (W_mh h_{t-1})
    i, o, f, u = W_x x_t + W_m m + b
    c_t = sigmoid(f) * c_{t-1} + sigmoid(i) * tanh(u)
    h_t = sigmoid(o) * tanh(c_t)
    """

    citation = "Krause et al. 2016"
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


class MultiplicativeIntegration(Cell):
    """Wu et al. 2016, arXiv 1606.06630: the two products are multiplied, not only added::

    h_t = tanh(alpha * W x_t * U h_{t-1} + beta_1 * U h_{t-1} + beta_2 * W x_t + b)
    """

    citation = "Wu et al. 2016"

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.W = nn.Linear(input_size, hidden_size, bias=False)
        self.U = nn.Linear(hidden_size, hidden_size, bias=False)
        starts = {"alpha": 1.0, "beta_1": 0.5, "beta_2": 0.5, "b": 0.0}
        self.vectors = nn.ParameterDict({k: nn.Parameter(torch.full((hidden_size,), v)) for k, v in starts.items()})

    def step(self, x, h):
        v, Wx, Uh = self.vectors, self.W(x), self.U(h)
        return torch.tanh(v["alpha"] * Wx * Uh + v["beta_1"] * Uh + v["beta_2"] * Wx + v["b"])


class UGRNN(Cell):
    """Collins, Sohl-Dickstein and Sussillo 2017, arXiv 1611.09913, out of one matrix [W, U] and one vector::

    g = sigmoid(W_g x_t + U_g h_{t-1} + b_g + 1)
    c = tanh(W_c x_t + U_c h_{t-1} + b_c)
    h_t = g * h_{t-1} + (1 - g) * c
    """

    citation = "Collins et al. 2017"

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

    citation = "Courbariaux et al. 2015; Carlile et al. 2017; Ziyin et al. 2020"

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

    citation = "Greff et al. 2017"
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

    citation = "Ravanelli et al. 2018"

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


class LiquidTimeConstant(Cell):
    """Hasani et al. 2021, arXiv 2006.04439, algorithm 1: an ODE solved by `unfolds` fused steps over one input::

    f = sigmoid(W x_t + U h + b)
    h <- (h + dt f * A) / (1 + dt (1 / tau + f))
    """

    citation = "Hasani et al. 2021"

    def __init__(self, input_size, hidden_size, unfolds=3, dt=0.5):
        super().__init__(input_size, hidden_size)
        self.unfolds, self.dt = unfolds, dt
        self.W = nn.Linear(input_size, hidden_size)
        self.U = nn.Linear(hidden_size, hidden_size, bias=False)
        self.A = nn.Parameter(torch.randn(hidden_size))
        self.raw_tau = nn.Parameter(torch.zeros(hidden_size))

    def step(self, x, h):
        sensory = self.W(x)
        rate = 1 / (F.softplus(self.raw_tau) + 0.1)
        for _ in range(self.unfolds):
            f = torch.sigmoid(sensory + self.U(h))
            h = (h + self.dt * f * self.A) / (1 + self.dt * (rate + f))
        return h


class EchoState(Cell):
    """Jaeger et al. 2007, Neural Networks 20(3): a fixed random reservoir; only a, rho and the readout learn::

    x_t = (1 - a) x_{t-1} + a tanh(W_in u_t + rho W x_{t-1})
    y_t = W_out x_t
    """

    citation = "Jaeger et al. 2007"

    def __init__(self, input_size, hidden_size, output_features=3):
        super().__init__(input_size, hidden_size)
        self.register_buffer("W_in", torch.rand(hidden_size, input_size) - 0.5)
        self.register_buffer("W", torch.randn(hidden_size, hidden_size) / hidden_size**0.5)
        self.leak = nn.Parameter(torch.zeros(1))
        self.rho = nn.Parameter(torch.tensor(0.8))
        self.W_out = nn.Linear(hidden_size, output_features)

    @property
    def output_size(self):
        return self.W_out.out_features

    def step(self, u, x):
        a = torch.sigmoid(self.leak)
        return (1 - a) * x + a * torch.tanh(F.linear(u, self.W_in) + F.linear(x, self.rho * self.W))

    def output(self, x):
        return self.W_out(x)


class BorrowedLSTM(Cell):
    """Hochreiter and Schmidhuber 1997 as torch has it, between two residual streams: a module inside a step::

    h, c = LSTMCell(W x_t, (h_{t-1}, c_{t-1}))
    s_t = tanh(s_{t-1} + h_t)
    """

    citation = "Hochreiter & Schmidhuber 1997"
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


class ContinuousTime(Cell):
    """Funahashi & Nakamura 1993, eq. 1, in steps of Euler's method::

    h_t = h_{t-1} + dt (-h_{t-1} + W tanh(h_{t-1}) + U x_t + b)
    """

    citation = "Funahashi & Nakamura 1993"

    def __init__(self, input_size, hidden_size, dt=0.5):
        super().__init__(input_size, hidden_size)
        self.dt = dt
        self.W = nn.Linear(hidden_size, hidden_size, bias=False)
        self.U = nn.Linear(input_size, hidden_size)

    def step(self, x, h):
        return h + self.dt * (self.W(torch.tanh(h)) + self.U(x) - h)


class HigherOrder(Cell):
    """Soltani and Jiang 2016, arXiv 1605.00064, eq. 3, of order 2: what was, the step hands on as it is::

    h_t = tanh(W x_t + U_1 h_{t-1} + U_2 h_{t-2} + b)
    """

    citation = "Soltani & Jiang 2016"
    state_names = ("h", "before")

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.W = nn.Linear(input_size, hidden_size)
        self.U_1 = nn.Linear(hidden_size, hidden_size, bias=False)
        self.U_2 = nn.Linear(hidden_size, hidden_size, bias=False)

    def step(self, x, h, before):
        return torch.tanh(self.W(x) + self.U_1(h) + self.U_2(before)), h


class DelayedOutputs(Cell):
    """Lin et al. 1996, IEEE Trans. Neural Networks 7(6), NARX: a line d of the states before, the latest first::

    h_t = tanh(W x_t + V [h_{t-1}, d_{t-1}] + b)
    d_t = [h_{t-1}, d_{t-1} without its oldest]
    """

    citation = "Lin et al. 1996"
    state_names = ("h", "d")

    def __init__(self, input_size, hidden_size, delays=3):
        super().__init__(input_size, hidden_size)
        self.delays = delays
        self.W = nn.Linear(input_size, hidden_size)
        self.V = nn.Linear((1 + delays) * hidden_size, hidden_size, bias=False)

    @property
    def state_sizes(self):
        return self.hidden_size, self.delays * self.hidden_size

    def step(self, x, h, d):
        line = torch.cat([h, d], -1)
        return torch.tanh(self.W(x) + self.V(line)), line[:, : -self.hidden_size]


STRANGERS: dict[str, tuple[type[Cell], dict[str, Any]]] = {
    "janet": (JANET, {}),
    "minimal gated unit": (MinimalGatedUnit, {}),
    "scrn": (SCRN, {}),
    "recurrent highway": (RecurrentHighway, {"depth": 3}),
    "layer norm lstm": (LayerNormLSTM, {}),
    "antisymmetric": (Antisymmetric, {}),
    "gated antisymmetric": (Antisymmetric, {"gated": True}),
    "cornn": (CoRNN, {}),
    "indrnn": (IndRNN, {}),
    "weight norm": (WeightNormRNN, {}),
    "scaled cayley": (ScaledCayley, {}),
    "orthogonal": (Orthogonal, {}),
    "deep transition": (DeepTransition, {}),
    "deep transition, gelu of tanh": (DeepTransition, {"approximate": "tanh"}),
    "hopfield memory": (HopfieldMemory, {}),
    "fastgrnn": (FastGRNN, {}),
    "slstm": (SLSTM, {}),
    "headed lstm": (HeadedLSTM, {}),
    "delta rule": (DeltaRule, {}),
    "ordered neurons": (OrderedNeurons, {}),
    "projection lstm": (ProjectionLSTM, {}),
    "multiplicative lstm": (MultiplicativeLSTM, {}),
    "multiplicative integration": (MultiplicativeIntegration, {}),
    "ugrnn": (UGRNN, {}),
    "piecewise": (PiecewiseUnit, {}),
    "viewed lstm": (ViewedLSTM, {}),
    "ligru": (LiGRU, {}),
    "liquid time constant": (LiquidTimeConstant, {}),
    "continuous time": (ContinuousTime, {}),
    "echo state": (EchoState, {}),
    "input statistics": (InputStatistics, {}),
    "borrowed lstm": (BorrowedLSTM, {}),
    "higher order": (HigherOrder, {}),
    "delayed outputs": (DelayedOutputs, {}),
    "torch's gru": (from_module(nn.GRUCell), {}),
}
