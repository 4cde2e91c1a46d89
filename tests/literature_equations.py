"""The equations of the literature's cells in NumPy, for one example at one time, as their papers write them.

A step takes the cell's parameters and buffers by name, ``w["W.weight"]``, then x and the states as vectors.
"""

from typing import Any

import numpy as np
from numpy import concatenate, cumsum, exp, eye, log, outer, split, sqrt, tanh
from scipy.linalg import expm
from scipy.signal import cont2discrete

Weights = dict[str, np.ndarray]


def sigma(a: np.ndarray) -> np.ndarray:
    return 1 / (1 + exp(-a))


def relu(a: np.ndarray) -> np.ndarray:
    return np.maximum(a, 0)


def softplus(a: np.ndarray) -> np.ndarray:
    return log(1 + exp(a))


def softmax(a: np.ndarray) -> np.ndarray:
    return exp(a) / exp(a).sum()


def affine(w: Weights, name: str, a: np.ndarray) -> np.ndarray:
    """W a + b, of a Linear of that name; its b may be missing."""
    return w[f"{name}.weight"] @ a + w.get(f"{name}.bias", 0)


def normalised(w: Weights, name: str, a: np.ndarray) -> np.ndarray:
    return w[f"{name}.weight"] * (a - a.mean()) / sqrt(a.var() + 1e-5) + w[f"{name}.bias"]


def modrelu(z: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.array([np.sign(one) * max(abs(one) + shift, 0) for one, shift in zip(z, b, strict=True)])


def skew(w: Weights, size: int) -> np.ndarray:
    A, entries = np.zeros((size, size)), iter(w["skew.upper"])
    for i in range(size):
        for j in range(i + 1, size):
            A[i, j] = next(entries)
    return A - A.T


def antisymmetric(w, x, h, gated=False, gamma=0.01, epsilon=0.1):
    M = skew(w, len(h)) - gamma * eye(len(h))
    z = sigma(M @ h + affine(w, "V_z", x)) if gated else 1
    return (h + epsilon * z * tanh(M @ h + affine(w, "V_h", x)),)


def atr(w, x, h):
    p, q = affine(w, "W", x), affine(w, "U", h)
    i, f = sigma(p + q), sigma(p - q)
    return (i * p + f * h,)


def brc(w, x, h):
    U_a, U_c, U = split(affine(w, "U", x), 3)
    a, c = 1 + tanh(U_a + w["w_a"] * h), sigma(U_c + w["w_c"] * h)
    return (c * h + (1 - c) * tanh(U + a * h),)


def nbrc(w, x, h):
    U_a, U_c, U = split(affine(w, "U", x), 3)
    W_a, W_c = split(w["W.weight"], 2)
    a, c = 1 + tanh(U_a + W_a @ h), sigma(U_c + W_c @ h)
    return (c * h + (1 - c) * tanh(U + a * h),)


def cfn(w, x, h):
    theta, eta = split(sigma(affine(w, "U", h) + affine(w, "V", x)), 2)
    return (theta * tanh(h) + eta * tanh(w["W.weight"] @ x),)


def clockwork(w, x, h, t, groups=4):
    H = len(h)
    group = [i * groups // H for i in range(H)]
    new = affine(w, "W", x)
    for i in range(H):
        new[i] += sum(w["U.weight"][i, j] * h[j] for j in range(H) if group[j] >= group[i])
    runs = np.array([np.isclose(t[0] % 2**g, 0) for g in group])
    return np.where(runs, tanh(new), h), (t + 1) % 2 ** (groups - 1)


def cornn(w, x, y, z, dt=0.042, gamma=2.7, epsilon=4.7):
    W_y, W_z = split(w["W.weight"], 2, axis=1)
    z = z + dt * tanh(W_y @ y + W_z @ z + affine(w, "V", x)) - dt * gamma * y - dt * epsilon * z
    return y + dt * z, z


def ctrnn(w, x, h, dt=0.5):
    return (h + dt * (-h + w["W.weight"] @ tanh(h) + affine(w, "U", x)),)


def deep_transition(w, x, h, depth=2):
    for layer in range(depth):
        h = tanh(affine(w, f"U.{layer}", h) + (w["W.weight"] @ x if layer == 0 else 0))
    return (h,)


def delta_net(w, x, h, S, key_size=8):
    H, S = len(h), S.reshape(key_size, len(h)).T
    k, q, v, b = split(w["W.weight"] @ x, [key_size, 2 * key_size, 2 * key_size + H])
    k, q, b = softmax(k), softmax(q), sigma(b)
    S = S + b * outer(v - S @ k, k)
    return S @ q, S.T.ravel()


def echo_state(w, x, h, leak=1.0):
    return ((1 - leak) * h + leak * tanh(w["W_in"] @ x + w["W"] @ h),)


def exprnn(w, x, h):
    return (modrelu(expm(skew(w, len(h))) @ h + w["U.weight"] @ x, w["b"]),)


def fastrnn(w, x, h):
    return (sigma(w["alpha"]) * tanh(affine(w, "W", x) + affine(w, "U", h)) + sigma(w["beta"]) * h,)


def fastgrnn(w, x, h, rank=None):
    W, U = (w[f"{m}.weight"] if rank is None else w[f"{m}.1.weight"] @ w[f"{m}.0.weight"] for m in "WU")
    z, new = sigma(W @ x + U @ h + w["b_z"]), tanh(W @ x + U @ h + w["b_h"])
    return ((sigma(w["zeta"]) * (1 - z) + sigma(w["nu"])) * new + z * h,)


def indrnn(w, x, h):
    return (relu(affine(w, "W", x) + w["u"] * h),)


def janet(w, x, h, beta=1.0):
    s, c = split(affine(w, "U", h) + affine(w, "W", x), 2)
    return (sigma(s) * h + (1 - sigma(s - beta)) * tanh(c),)


def layer_norm_lstm(w, x, h, c):
    products = normalised(w, "norm_h", w["W_h.weight"] @ h) + normalised(w, "norm_x", w["W_x.weight"] @ x)
    f, i, o, g = split(products, 4)
    c = sigma(f) * c + sigma(i) * tanh(g)
    return sigma(o) * tanh(normalised(w, "norm_c", c)), c


def lem(w, x, y, z, dt=1.0):
    V_1, V_2, V_z, V_y = split(affine(w, "V", x), 4)
    W_1, W_2, W_z = split(w["W.weight"], 3)
    step, other = dt * sigma(W_1 @ y + V_1), dt * sigma(W_2 @ y + V_2)
    z = (1 - step) * z + step * tanh(W_z @ y + V_z)
    return (1 - other) * y + other * tanh(w["W_y.weight"] @ z + V_y), z


def ligru(w, x, h):
    z, new = split(affine(w, "W", x) + affine(w, "U", h), 2)
    return (sigma(z) * h + (1 - sigma(z)) * relu(new),)


def lipschitz(w, x, h, beta=0.75, gamma=0.001, epsilon=0.03):
    A, W = ((1 - beta) * (M + M.T) + beta * (M - M.T) - gamma * eye(len(h)) for M in (w["M_A"], w["M_W"]))
    return (h + epsilon * (A @ h + tanh(W @ h + affine(w, "U", x))),)


def lmu(w, x, h, m, window=64.0):
    size = len(m)
    A, B = np.empty((size, size)), np.empty((size, 1))
    for i in range(size):
        B[i] = (2 * i + 1) * (-1) ** i / window
        for j in range(size):
            A[i, j] = (2 * i + 1) / window * (-1 if i < j else (-1) ** (i - j + 1))
    A, B, *_ = cont2discrete((A, B, eye(size), np.zeros((size, 1))), dt=1.0, method="zoh")
    u = w["e_x.weight"] @ x + w["e_h.weight"] @ h + w["e_m.weight"] @ m
    m = A @ m + B @ u
    return tanh(w["W_x.weight"] @ x + w["W_h.weight"] @ h + w["W_m.weight"] @ m), m


def lru(w, x, y, re, im):
    eigenvalue = exp(-exp(w["nu"]) + 1j * exp(w["theta"]))
    B_re, B_im = split(w["B.weight"], 2)
    C_re, C_im = split(w["C.weight"], 2, axis=1)
    s = eigenvalue * (re + 1j * im) + exp(w["gamma"]) * ((B_re + 1j * B_im) @ x)
    return ((C_re - 1j * C_im) @ s).real + w["D.weight"] @ x, s.real, s.imag


def lstmp(w, x, r, c, projection_size=None):
    i, f, new, o = split(affine(w, "W", x) + w["R.weight"] @ r, 4)
    old = c
    c = sigma(f + w["p_f"] * old) * old + sigma(i + w["p_i"] * old) * tanh(new)
    return w["P.weight"] @ (sigma(o + w["p_o"] * c) * tanh(c)), c


def ltc(w, x, h, unfolds=6):
    dt = 1 / unfolds
    for _ in range(unfolds):
        f = sigma(affine(w, "W", x) + affine(w, "U", h))
        h = (h + dt * f * w["A"]) / (1 + dt * (1 / softplus(w["tau"]) + f))
    return (h,)


def mi_rnn(w, x, h):
    Wx, Uh = w["W.weight"] @ x, w["U.weight"] @ h
    return (tanh(w["alpha"] * Wx * Uh + w["beta_1"] * Uh + w["beta_2"] * Wx + w["b"]),)


def min_gru(w, x, h):
    z, new = split(affine(w, "W", x), 2)
    return ((1 - sigma(z)) * h + sigma(z) * new,)


def min_lstm(w, x, h):
    f, i, new = split(affine(w, "W", x), 3)
    f, i = sigma(f), sigma(i)
    return (f / (f + i) * h + i / (f + i) * new,)


def minimal_rnn(w, x, h):
    z = tanh(affine(w, "W", x))
    u = sigma(affine(w, "U_h", h) + affine(w, "U_z", z))
    return (u * h + (1 - u) * z,)


def mlstm(w, x, h, C, n, m, key_size=8):
    K, H = key_size, len(h)
    q, k, v, o, i, f = split(affine(w, "W", x), np.cumsum([K, K, H, H, 1]))
    k, kept = k / sqrt(K), log(sigma(f)) + m
    m = max(kept, i)
    i, f = exp(i - m), exp(kept - m)
    C = f * C.reshape(K, H).T + i * outer(v, k)
    n = f * n + i * k
    return sigma(o) * (C @ q) / max(abs(n @ q), exp(-m)), C.T.ravel(), n, m


def multiplicative_lstm(w, x, h, c):
    m = (w["W_mx.weight"] @ x) * (w["W_mh.weight"] @ h)
    i, f, new, o = split(affine(w, "W", x) + w["U.weight"] @ m, 4)
    c = sigma(f) * c + sigma(i) * tanh(new)
    return sigma(o) * tanh(c), c


def narx(w, x, h, d, order=3):
    matrices, states = split(w["U.weight"], order, axis=1), [h, *split(d, order - 1)]
    new = affine(w, "W", x) + sum(U @ state for U, state in zip(matrices, states, strict=True))
    return tanh(new), concatenate(states[:-1])


def nas(w, x, h, c):
    p, q = split(affine(w, "W", x), 8), split(w["U.weight"] @ h, 8)
    one = [sigma(p[0] + q[0]), relu(p[1] + q[1]), sigma(p[2] + q[2]), relu(p[3] * q[3])]
    one += [tanh(p[4] + q[4]), sigma(p[5] + q[5]), tanh(p[6] + q[6]), sigma(p[7] + q[7])]
    two = [tanh(one[0] * one[1]), tanh(one[2] + one[3]), tanh(one[4] * one[5]), sigma(one[6] + one[7])]
    c = tanh(two[0] + c) * two[1]
    return tanh(c * tanh(two[2] + two[3])), c


def ntm(w, x, h, c, r, w_read, w_write, M, rows=8, width=16):
    gates = [w["lstm.weight_ih"] @ concatenate([x, r]), w["lstm.bias_ih"], w["lstm.weight_hh"] @ h, w["lstm.bias_hh"]]
    i, f, new, o = split(sum(gates), 4)
    c = sigma(f) * c + sigma(i) * tanh(new)
    h = sigma(o) * tanh(c)
    memory, first = M.reshape(rows, width) + w["M"], eye(rows)[0]
    of_heads = split(affine(w, "W", h), [width + 6, 2 * (width + 6), 3 * width + 12])
    weightings = []
    for head, old in zip(of_heads[:2], (w_read + first, w_write + first), strict=True):
        k, (beta, g, gamma), s = split(head, [width, width + 3])
        beta, g, gamma, s = softplus(beta), sigma(g), 1 + softplus(gamma), softmax(s)
        alike = [k @ row / sqrt(k @ k) / sqrt(row @ row) for row in memory]
        mixed = g * softmax(beta * np.array(alike)) + (1 - g) * old
        places = range(rows)
        moved = np.array([sum(s[d + 1] * mixed[(n - d) % rows] for d in (-1, 0, 1)) for n in places])
        sharp = np.maximum(moved, 1e-12) ** gamma
        weightings.append(sharp / sharp.sum())
    read, write = weightings
    erase, add = sigma(of_heads[2]), of_heads[3]
    memory = memory * (1 - outer(write, erase)) + outer(write, add)
    return h, c, read @ memory, read - first, write - first, (memory - w["M"]).ravel()


def on_lstm(w, x, h, c, chunk_size=1):
    H = len(h)
    rows = split(affine(w, "W", x) + w["U.weight"] @ h, [H, 2 * H, 3 * H, 4 * H, 4 * H + H // chunk_size])
    f, i, o, new = sigma(rows[0]), sigma(rows[1]), sigma(rows[2]), tanh(rows[3])
    forget, insert = (np.repeat(cumsum(softmax(a)), chunk_size) for a in rows[4:])
    insert = 1 - insert
    both = forget * insert
    c = (f * both + (forget - both)) * c + (i * both + (insert - both)) * new
    return o * tanh(c), c


def phased_lstm(w, x, h, c, t, open_share=0.05, leak=0.001):
    i, f, new, o = split(affine(w, "W", x) + w["U.weight"] @ h, 4)
    i, f = sigma(i + w["peep_i"] * c), sigma(f + w["peep_f"] * c)
    new_c = f * c + i * tanh(new)
    new_h = sigma(o + w["peep_o"] * new_c) * tanh(new_c)
    p = np.mod(t - w["s"], w["tau"]) / w["tau"]
    k = np.select([p < open_share / 2, p < open_share], [2 * p / open_share, 2 - 2 * p / open_share], leak * p)
    return k * new_h + (1 - k) * h, k * new_c + (1 - k) * c, t + 1


def ran(w, x, h, c):
    i, f = split(sigma(affine(w, "W", x) + w["U.weight"] @ h), 2)
    c = i * (w["W_c.weight"] @ x) + f * c
    return tanh(c), c


def rhn(w, x, h, depth=3):
    for layer in range(depth):
        W_H, W_T = split(w["W.weight"] @ x if layer == 0 else np.zeros(2 * len(h)), 2)
        R_H, R_T = split(affine(w, f"R.{layer}", h), 2)
        t = sigma(W_T + R_T)
        h = tanh(W_H + R_H) * t + h * (1 - t)
    return (h,)


def rmc(w, x, M, slots=None, heads=1):
    slots = slots or next(n for n in (4, 3, 2, 1) if len(M) % n == 0)
    d = len(M) // slots // heads
    M = M.reshape(slots, -1) + eye(slots, d * heads)
    x = affine(w, "W_x", x)
    seen = np.vstack([M, x])
    attended = M.copy()
    for part in (slice(n * d, (n + 1) * d) for n in range(heads)):
        q, k, v = M @ w["W_q.weight"][part].T, seen @ w["W_k.weight"][part].T, seen @ w["W_v.weight"][part].T
        for n in range(slots):
            attended[n, part] += softmax(k @ q[n] / sqrt(d)) @ v
    new = []
    for old, row in zip(M, attended, strict=True):
        a = normalised(w, "norm_a", row)
        n = normalised(w, "norm_n", a + affine(w, "W_2", relu(affine(w, "W_1", a))))
        i, f = split(affine(w, "W_g", x) + w["U_g.weight"] @ tanh(old), 2)
        new.append(sigma(i) * tanh(n) + sigma(f + 1) * old)
    return ((np.array(new) - eye(slots, d * heads)).ravel(),)


def scornn(w, x, h):
    S, identity = skew(w, len(h)), eye(len(h))
    W = np.linalg.inv(identity + S) @ (identity - S) @ np.diag(w["D"])
    return (modrelu(W @ h + w["U.weight"] @ x, w["b"]),)


def scrn(w, x, h, s, context_size=40, alpha=0.95):
    s = (1 - alpha) * (w["B.weight"] @ x) + alpha * s
    return sigma(w["P.weight"] @ s + w["A.weight"] @ x + w["R.weight"] @ h), s


def slstm(w, x, h, c, n, m, heads=1):
    size = len(h) // heads
    R = np.zeros((4, len(h), len(h)))  # block-diagonal
    for k in range(heads):
        block = slice(k * size, (k + 1) * size)
        for gate in range(4):
            R[gate, block, block] = w["R"][gate, k].T
    i, f, z, o = (one + matrix @ h for one, matrix in zip(split(affine(w, "W", x), 4), R, strict=True))
    kept = log(sigma(f)) + m
    m = np.where(n == 0, i, np.maximum(kept, i))
    i, f = exp(i - m), np.where(n == 0, 0, exp(kept - m))
    c, n = f * c + i * tanh(z), f * n + i
    return sigma(o) * c / np.maximum(n, 1), c, n, m


def sru(w, x, h, c):
    f, r = split(affine(w, "W_gates", x), 2)
    f, r = sigma(f + w["v_f"] * c), sigma(r + w["v_r"] * c)
    c = f * c + (1 - f) * (w["W.weight"] @ x)
    return r * c + (1 - r) * (w["P.weight"] @ x if "P.weight" in w else x), c


def stack_rnn(w, x, h, s, stacks=2, depth=16):
    s = s.reshape(stacks, depth)
    h = sigma(affine(w, "W", x) + w["U.weight"] @ h + w["P.weight"] @ s[:, :2].ravel())
    new = np.zeros_like(s)
    for n in range(stacks):
        push, pop, keep = softmax(w["A.weight"][3 * n : 3 * n + 3] @ h)
        above = concatenate([[sigma(w["D.weight"][n] @ h)], s[n]])
        for i in range(depth):
            below = s[n, i + 1] if i + 1 < depth else 0
            new[n, i] = push * above[i] + pop * below + keep * s[n, i]
    return h, new.ravel()


def star(w, x, h):
    z, k = split(affine(w, "W", x), 2)
    z, k = tanh(z), sigma(k + w["U_k.weight"] @ h)
    return (tanh((1 - k) * h + k * z),)


def ugrnn(w, x, h):
    g, new = split(affine(w, "W", x) + w["U.weight"] @ h, 2)
    return (sigma(g) * h + (1 - sigma(g)) * tanh(new),)


def unicornn(w, x, y, z, dt=0.1, alpha=1.0):
    dt = dt * sigma(w["c"])
    z = z - dt * (tanh(w["w"] * y + affine(w, "V", x)) + alpha * y)
    return y + dt * z, z


def step(name: str, w: Weights, x: np.ndarray, states: tuple[np.ndarray, ...], **options: Any) -> list[np.ndarray]:
    """The next states of a batch, row by row."""
    rows = [globals()[name](w, one, *(s[b] for s in states), **options) for b, one in enumerate(x)]
    return [np.stack(state) for state in zip(*rows, strict=True)]
