"""The text of functions that Triton has none of, or whose own loses digits: what stands before every kernel.

Only what both the compiler and the interpreter of Triton know is used: libdevice's functions are not interpreted. No
function overflows on its way to a result that doesn't.
"""

from collections.abc import Iterable

COMMON = """\
import triton
import triton.language as tl


@triton.jit
def maximum(a, b):
    return tl.maximum(a, b, propagate_nan=tl.PropagateNan.ALL)


@triton.jit
def minimum(a, b):
    return tl.minimum(a, b, propagate_nan=tl.PropagateNan.ALL)


@triton.jit
def sigmoid(x):
    e = tl.exp(-tl.abs(x))
    return tl.where(x < 0, e, 1.0) / (1.0 + e)


# log of the rounded 1 + x, and what was rounded away.
@triton.jit
def log1p(x):
    u = 1.0 + x
    is_finite = (u > 0) & (u < float("inf"))
    return tl.log(u) + tl.where(is_finite, (x - (u - 1.0)) / tl.where(is_finite, u, 1.0), 0.0)


@triton.jit
def softplus(x):
    return maximum(x, 0.0) + log1p(tl.exp(-tl.abs(x)))


@triton.jit
def power(a, b):
    whole = tl.floor(b)
    is_odd = whole - 2.0 * tl.floor(0.5 * whole) == 1.0
    size = tl.exp(b * tl.log(tl.abs(a)))
    signed = tl.where((a < 0) & is_odd, -size, size)
    real = tl.where((a < 0) & (whole != b), float("nan"), signed)
    return tl.where(b == 0.0, 1.0, real)


# A quotient may have been rounded to the next whole number, up or down. Infinity goes into no number.
@triton.jit
def remainder(x, y):
    a = tl.abs(x)
    b = tl.abs(y)
    r = tl.fma(-tl.floor(a / b), b, a)
    r = tl.where(r < 0, r + b, r)
    r = tl.where(r >= b, r - b, r)
    r = tl.where((a < float("inf")) & (b == float("inf")), a, r)
    r = tl.where(x < 0, -r, r)
    return tl.where((r != 0) & ((r < 0) != (y < 0)), r + y, r)

"""

FLOAT32 = """\

@triton.jit
def root(x):
    return tl.sqrt_rn(x)


# exp(x) - 1 = x + x^2 / 2 + ...; coefficients of Cephes' expf (S. L. Moshier).
@triton.jit
def expm1(x):
    p = 1.9875691500e-4
    p = p * x + 1.3981999507e-3
    p = p * x + 8.3334519073e-3
    p = p * x + 4.1665795894e-2
    p = p * x + 1.6666665459e-1
    p = p * x + 5.0000001201e-1
    return tl.where(tl.abs(x) < 0.35, p * (x * x) + x, tl.exp(x) - 1.0)


# Near 0 a polynomial keeps all digits; coefficients of Cephes' tanhf.
@triton.jit
def tanh(x):
    z = x * x
    p = -5.70498872745e-3
    p = p * z + 2.06390887954e-2
    p = p * z - 5.37397155531e-2
    p = p * z + 1.33314422036e-1
    p = p * z - 3.33332819422e-1
    e = tl.exp(-2.0 * tl.abs(x))
    far = (1.0 - e) / (1.0 + e)
    return tl.where(tl.abs(x) < 0.625, p * z * x + x, tl.where(x < 0, -far, far))

"""

FLOAT64 = """\

@triton.jit
def root(x):
    return tl.sqrt(x)


# Kahan: the error of exp(x) - 1 for a small x is that of its logarithm.
@triton.jit
def expm1(x):
    u = tl.exp(x)
    is_small = tl.abs(x) < 0.5
    is_one = u == 1.0
    other = tl.where(is_small & ~is_one, u, 2.0)
    near = (other - 1.0) * x / tl.log(other)
    return tl.where(is_small, tl.where(is_one, x, near), u - 1.0)


@triton.jit
def tanh(x):
    e = expm1(-2.0 * tl.abs(x))
    positive = -e / (e + 2.0)
    return tl.where(x < 0, -positive, positive)

"""

PRODUCTS = """\
# Triton's interpreter takes the bits of bfloat16 for whole numbers.
@triton.jit
def dot(left, right, sums, PRECISION: tl.constexpr):
    if PRECISION == "interpreted":
        return tl.dot(left.to(REAL), right.to(REAL), sums, out_dtype=REAL)
    else:
        return tl.dot(left, right, sums, input_precision=PRECISION, out_dtype=REAL)


# What is computed from another operand of the same type, every warp would compute for all columns, and hold all that it
# takes in registers; a sum over a single number hides where it came from.
@triton.jit
def apart(tile, weight):
    if weight.dtype == REAL:
        return tl.sum(tile[:, :, None], 2)
    else:
        return tile

"""

# Of all threads of a program the first arrives, and each looks.
ARRIVE = "{ .reg .pred p; .reg .u32 n; mov.u32 n, %tid.x; setp.eq.u32 p, n, 0; "
ARRIVE += "@p red.release.gpu.global.add.s32 [$1], 1; mov.u32 $0, 0; }"
LOOK = "ld.acquire.gpu.global.s32 $0, [$1];"
WAITING = f"""\
# Of all programs that share a counter: what each has written before it arrives, all may read once they have waited.
# Triton's own atomics have one thread look at the counter and tell the others, which takes longer than to look.
@triton.jit
def arrive(counter, PRECISION: tl.constexpr):
    tl.debug_barrier()
    if PRECISION == "interpreted":
        tl.atomic_add(counter, 1, sem="release")
    else:
        tl.inline_asm_elementwise("{ARRIVE}", "=r,l", [counter], dtype=tl.int32, is_pure=False, pack=1)


@triton.jit
def arrivals(counter, PRECISION: tl.constexpr):
    if PRECISION == "interpreted":
        return tl.atomic_add(counter, 0, sem="acquire")
    else:
        return tl.inline_asm_elementwise("{LOOK}", "=r,l", [counter], dtype=tl.int32, is_pure=False, pack=1)


@triton.jit
def wait(counter, expected, PRECISION: tl.constexpr):
    while arrivals(counter, PRECISION) < expected:
        pass


# The same where so many would look that they are in each other's way.
@triton.jit
def wait_among_many(counter, expected, PRECISION: tl.constexpr):
    while tl.atomic_add(counter, 0, sem="acquire") < expected:
        pass
    tl.debug_barrier()

"""

SHARED = {"float32": COMMON + FLOAT32, "float64": COMMON + FLOAT64}


def module_of(kernels: Iterable[str], dtype: str) -> str:
    """The text of a module.

    Args:
        kernels: Texts of its kernels.
        dtype: In what they compute, "float32" or "float64".
    """
    return "\n\n".join([SHARED[dtype], f"REAL: tl.constexpr = tl.{dtype}\n", *kernels])


EXPRESSIONS = {
    "add": "{} + {}",
    "sub": "{} - {}",
    "mul": "{} * {}",
    "div": "{} / {}",
    "neg": "-{}",
    "abs": "tl.abs({})",
    "sqrt": "root({})",
    "exp": "tl.exp({})",
    "expm1": "expm1({})",
    "log": "tl.log({})",
    "log1p": "log1p({})",
    "tanh": "tanh({})",
    "sigmoid": "sigmoid({})",
    "softplus": "softplus({})",
    "sin": "tl.sin({})",
    "cos": "tl.cos({})",
    "erf": "tl.erf({})",
    "pow": "power({}, {})",
    "floor": "tl.floor({})",
    "remainder": "remainder({}, {})",
    "maximum": "maximum({}, {})",
    "minimum": "minimum({}, {})",
    "less": "({} < {}).to(REAL)",
    "less_equal": "({} <= {}).to(REAL)",
    "equal": "({} == {}).to(REAL)",
    "select": "tl.where({} != 0, {}, {})",
    "spread": "{}",
    "same": "{}",
    "stop": "{}",
}

# Of a tile's columns that don't count, and one number a row of all of them.
NEUTRAL = {"sum": "0.0", "amax": 'float("-inf")'}
TOTAL = {"sum": "tl.sum({}, 1)[:, None]", "amax": "tl.reduce({}, 1, maximum)[:, None]"}
