"""The equations of the eight cells in NumPy, for one example at one time, as the lecture and the papers write them.

Written from the papers alone, with vectors and matrices; :func:`weights` names a cell's parameters as the equations do.
"""

from typing import Any

import numpy as np
from numpy import concatenate, tanh

from seqmodels import Cell

Weights = dict[str, np.ndarray]


def sigma(a: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-a))


def relu(a: np.ndarray) -> np.ndarray:
    return np.maximum(a, 0)


def elman(w: Weights, x: np.ndarray, h: np.ndarray, nonlinearity: str = "tanh", **_: Any) -> tuple:
    return ({"tanh": tanh, "relu": relu}[nonlinearity](w["W_hh"] @ h + w["W_xh"] @ x + w["b_h"]),)


def lstm(w: Weights, x: np.ndarray, h: np.ndarray, c: np.ndarray, **_: Any) -> tuple:
    hx = concatenate([h, x])
    f = sigma(w["W_f"] @ hx + w["b_f"])
    i = sigma(w["W_i"] @ hx + w["b_i"])
    o = sigma(w["W_o"] @ hx + w["b_o"])
    c = f * c + i * tanh(w["W_c"] @ hx + w["b_c"])
    return o * tanh(c), c


def peephole(w: Weights, x: np.ndarray, h: np.ndarray, c: np.ndarray, **_: Any) -> tuple:
    hx = concatenate([h, x])
    f = sigma(w["V_f"] @ c + w["W_f"] @ hx + w["b_f"])
    i = sigma(w["V_i"] @ c + w["W_i"] @ hx + w["b_i"])
    c = f * c + i * tanh(w["W_c"] @ hx + w["b_c"])
    o = sigma(w["V_o"] @ c + w["W_o"] @ hx + w["b_o"])
    return o * tanh(c), c


def coupled(w: Weights, x: np.ndarray, h: np.ndarray, c: np.ndarray, **_: Any) -> tuple:
    hx = concatenate([h, x])
    f = sigma(w["W_f"] @ hx + w["b_f"])
    o = sigma(w["W_o"] @ hx + w["b_o"])
    c = f * c + (1 - f) * tanh(w["W_c"] @ hx + w["b_c"])
    return o * tanh(c), c


def gru(w: Weights, x: np.ndarray, h: np.ndarray, reset: str = "before", **_: Any) -> tuple:
    hx = concatenate([h, x])
    z = sigma(w["W_z"] @ hx + w["b_z"])
    r = sigma(w["W_r"] @ hx + w["b_r"])
    if reset == "before":
        new = tanh(w["W"] @ concatenate([r * h, x]) + w["b"])
    else:
        size = len(h)
        new = tanh(w["W"][:, size:] @ x + w["b"] + r * (w["W"][:, :size] @ h + w["b_hh"]))
    return ((1 - z) * h + z * new,)


def mut1(w: Weights, x: np.ndarray, h: np.ndarray, **_: Any) -> tuple:
    z = sigma(w["W_xz"] @ x + w["b_z"])
    r = sigma(w["W_xr"] @ x + w["W_hr"] @ h + w["b_r"])
    return (tanh(w["W_hh"] @ (r * h) + tanh(w["P"] @ x) + w["b_h"]) * z + h * (1 - z),)


def mut2(w: Weights, x: np.ndarray, h: np.ndarray, **_: Any) -> tuple:
    z = sigma(w["W_xz"] @ x + w["W_hz"] @ h + w["b_z"])
    r = sigma(w["P"] @ x + w["W_hr"] @ h + w["b_r"])
    return (tanh(w["W_hh"] @ (r * h) + w["W_xh"] @ x + w["b_h"]) * z + h * (1 - z),)


def mut3(w: Weights, x: np.ndarray, h: np.ndarray, **_: Any) -> tuple:
    z = sigma(w["W_xz"] @ x + w["W_hz"] @ tanh(h) + w["b_z"])
    r = sigma(w["W_xr"] @ x + w["W_hr"] @ h + w["b_r"])
    return (tanh(w["W_hh"] @ (r * h) + w["W_xh"] @ x + w["b_h"]) * z + h * (1 - z),)


STEPS = {
    "elman": elman,
    "lstm": lstm,
    "peephole": peephole,
    "coupled": coupled,
    "gru": gru,
    "mut1": mut1,
    "mut2": mut2,
    "mut3": mut3,
}


def weights(name: str, cell: Cell) -> Weights:
    """The parameters of a built-in cell under the names of the equations; P is the identity where sizes agree."""
    p = {key: value.detach().numpy() for key, value in cell.named_parameters()}
    zeros = np.zeros(cell.hidden_size)
    if name == "elman":
        return {"W_xh": p["W_xh.weight"], "W_hh": p["W_hh.weight"], "b_h": p.get("W_xh.bias", zeros)}
    if name in ("lstm", "peephole", "coupled"):
        gates = "fco" if name == "coupled" else "ifco"
        w = _gates(gates, p["W_x.weight"], p["W_h.weight"], p.get("W_x.bias", np.zeros(len(gates) * cell.hidden_size)))
        if name == "peephole":
            full = {gate: p[f"W_c{gate}.weight"] for gate in "ifo"}
            w |= {f"V_{gate}": v if v.ndim == 2 else np.diag(v) for gate, v in full.items()}
        return w
    if name == "gru":
        w_h, b = concatenate([p["W_h.weight"], p["W_hh.weight"]]), p.get("W_x.bias", np.tile(zeros, 3))
        w = _gates("rzn", p["W_x.weight"], w_h, b)
        w["W"], w["b"], w["b_hh"] = w.pop("W_n"), w.pop("b_n"), p.get("W_hh.bias", zeros)
        return w
    w = {key.removesuffix(".weight"): value for key, value in p.items() if key.endswith(".weight")}
    biases = {"mut1": ("W_xz", "W_xr", "W_hh"), "mut2": ("W_xz", "W_hr", "W_xh"), "mut3": ("W_xz", "W_xr", "W_xh")}
    w |= {b: p.get(f"{key}.bias", zeros) for b, key in zip(("b_z", "b_r", "b_h"), biases[name], strict=True)}
    return {"P": np.eye(cell.hidden_size), **w}


def _gates(names: str, w_x: np.ndarray, w_h: np.ndarray, b: np.ndarray) -> Weights:
    """Matrices that act on [h, x], from gates that stand one below the other."""
    found = {}
    for gate, rows_x, rows_h, rows_b in zip(names, *(np.split(m, len(names)) for m in (w_x, w_h, b)), strict=True):
        found[f"W_{gate}"], found[f"b_{gate}"] = concatenate([rows_h, rows_x], 1), rows_b
    return found


def run(name: str, cell: Cell, x: np.ndarray, state: tuple[np.ndarray, ...], **options: Any) -> tuple:
    """The equations over x [T, B, I] from states [B, H]: every h [T, B, H], and the final states."""
    w, final = weights(name, cell), [s.copy() for s in state]
    output = np.empty((*x.shape[:2], cell.hidden_size))
    for t in range(x.shape[0]):
        for b in range(x.shape[1]):
            new = STEPS[name](w, x[t, b], *(s[b] for s in final), **options)
            for s, value in zip(final, new, strict=True):
                s[b] = value
            output[t, b] = new[0]
    return output, final
