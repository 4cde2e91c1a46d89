"""Functions of vectors: as accurate as their type, right at the ends, in every instruction set, within their memory."""

import ctypes
import math
import platform
import subprocess
import sys
from collections.abc import Callable

import pytest
import torch
from patience import PATIENCE
from torch import Tensor

from seqmodels.engine.graph import POINTWISE
from seqmodels.engine.interpret import OPERATIONS
from seqmodels.engine.native import build, printer

ISAS = ("native", "avx2", "portable") if platform.machine() == "x86_64" else ("native", "portable")
DTYPES = (torch.float32, torch.float64)
OPS = [op for op in POINTWISE if op != "spread"]
APPLY = """
void apply_{op}(const real *p, const real *q, const real *s, real *to, long n) {{
    long i = 0;
    for (; i + LANES <= n; i += LANES) {{
        vec a = load(p + i), b = load(q + i), c = load(s + i);
        store(to + i, {expression});
    }}
    if (i < n) {{
        vec a = load_part(p + i, n - i), b = load_part(q + i, n - i), c = load_part(s + i, n - i);
        store_part(to + i, {expression}, n - i);
    }}
}}
"""
MORE = """
void reduce(const real *p, real *to) { to[0] = sum_of(load(p)); to[1] = amax_of(load(p)); }
void parts(const real *p, const real *q, real *to, long n) { store(to, part(load(p), load(q), n)); }
long lanes(void) { return LANES; }
"""
# Operands on a page that can be read and written, between two that can't.
GUARDED = """
import ctypes, mmap, sys
path, size, op = sys.argv[1], int(sys.argv[2]), sys.argv[3]
library, libc = ctypes.CDLL(path), ctypes.CDLL(None, use_errno=True)
page, most = mmap.PAGESIZE, 3 * library.lanes()
maps, buffers = [mmap.mmap(-1, 3 * page) for _ in range(2)], []
for buffer in maps:
    start = ctypes.addressof(ctypes.c_char.from_buffer(buffer))
    ctypes.memset(start + page, 0, page)
    for outside in (start, start + 2 * page):
        assert libc.mprotect(ctypes.c_void_p(outside), ctypes.c_size_t(page), 0) == 0
    buffers.append(start + page)
apply = getattr(library, f"apply_{op}")
for n in range(most + 1):
    for offset in (0, page - n * size):  # at the beginning of a page and at its end
        source, to = (ctypes.c_void_p(buffer + offset) for buffer in buffers)
        apply(source, source, source, to, ctypes.c_long(n))
print(most)
"""

every_isa = pytest.mark.parametrize("isa", ISAS)
every_dtype = pytest.mark.parametrize("dtype", DTYPES)
Library = Callable[[str, torch.dtype], ctypes.CDLL]


def source(dtype: torch.dtype) -> str:
    bodies = [APPLY.format(op=op, expression=printer.EXPRESSIONS[op].format("a", "b", "c")) for op in OPS]
    name = str(dtype).removeprefix("torch.")
    return "".join([printer._shared(name, "vectors.h", "functions.h"), *bodies, MORE])


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    """``library(isa, dtype)``: all functions, compiled for an instruction set."""

    def load(isa: str, dtype: torch.dtype) -> ctypes.CDLL:
        if isa == "avx2" and not torch.backends.cpu.get_cpu_capability().startswith("AVX"):
            pytest.skip("no AVX2")
        monkeypatch.setenv("SEQMODELS_ISA", isa)
        return build.load(source(dtype))

    return load


def pointer(tensor: Tensor) -> ctypes.c_void_p:
    return ctypes.c_void_p(tensor.data_ptr())


def apply(library: ctypes.CDLL, op: str, *operands: Tensor) -> Tensor:
    """The function of vectors; memory around the result must stay as it is."""
    n, canary = operands[0].numel(), 12345.0
    room = operands[0].new_full((n + 64,), canary)
    given = [pointer(operand) for operand in (*operands, *operands[:1] * 2)][:3]
    getattr(library, f"apply_{op}")(*given, pointer(room[32:]), ctypes.c_long(n))
    assert (room[:32] == canary).all()
    assert (room[32 + n :] == canary).all()
    return room[32 : 32 + n]


def numbers(dtype: torch.dtype) -> Tensor:
    near = torch.logspace(-37, 2, 5001, dtype=torch.float64)
    return torch.cat([torch.linspace(-110, 110, 40001, dtype=torch.float64), near, -near]).to(dtype)


def relative_error(found: Tensor, truth: Tensor) -> float:
    """The largest where the truth is a normal number of the type."""
    limits = torch.finfo(found.dtype)
    normal = (truth.abs() >= limits.tiny) & (truth.abs() <= limits.max)
    assert normal.any()
    return ((found.double() - truth) / truth)[normal].abs().max().item()


UNARY = [op for op in OPS if POINTWISE[op] == 1]


@every_isa
@every_dtype
@pytest.mark.parametrize("op", UNARY)
def test_functions_are_as_accurate_as_their_type(op, dtype, isa, library):
    x = numbers(dtype)
    found, truth = apply(library(isa, dtype), op, x), OPERATIONS[op](x.double())
    assert relative_error(found, truth) < (4e-7 if dtype == torch.float32 else 1e-15)
    assert torch.equal(found.isnan(), truth.isnan())
    assert not (found.isinf() & (truth.abs() < 0.99 * torch.finfo(dtype).max)).any()
    limit = torch.finfo(dtype).tiny
    assert (found[truth.abs() < limit].abs() <= 1.01 * limit).all(), "no number, yet not nearly 0"


@every_isa
@every_dtype
def test_tanh_keeps_its_digits_near_zero(dtype, isa, library):
    x = torch.logspace(-30, -1, 3001, dtype=torch.float64).to(dtype)
    found = apply(library(isa, dtype), "tanh", x)
    assert relative_error(found, x.double().tanh()) < (4e-7 if dtype == torch.float32 else 1e-15)
    assert torch.equal(apply(library(isa, dtype), "tanh", -x), -found)


SPECIAL = (math.nan, math.inf, -math.inf, 0.0, -0.0, 1.0, -1.0, 300.0, -300.0)


@every_isa
@every_dtype
@pytest.mark.parametrize("op", OPS)
def test_special_numbers(op, dtype, isa, library):
    # Of every place in a vector, and in its tail.
    grids = torch.meshgrid(*[torch.tensor(SPECIAL, dtype=dtype)] * POINTWISE[op], indexing="ij")
    operands = [grid.flatten().repeat(5) for grid in grids]
    found = apply(library(isa, dtype), op, *operands)
    truth = OPERATIONS[op](*(operand.double() for operand in operands)).to(dtype)
    torch.testing.assert_close(found, truth, rtol=1e-6, atol=1e-7, equal_nan=True)
    if op in ("neg", "abs", "tanh", "sqrt", "floor", "select", "stop", "same"):
        assert torch.equal(found.signbit()[~truth.isnan()], truth.signbit()[~truth.isnan()])


@every_dtype
def test_instruction_sets_give_nearly_the_same(dtype, library):
    x = numbers(dtype)
    whole = torch.int32 if dtype == torch.float32 else torch.int64
    for op in UNARY:
        results = [apply(library(isa, dtype), op, x) for isa in ISAS]
        for other in results[1:]:
            assert torch.equal(other.isnan(), results[0].isnan())
            apart = (other.view(whole).long() - results[0].view(whole).long())[~other.isnan()].abs().max()
            # AVX2 and AVX-512 fuse the same multiplications and additions; the portable code fuses none.
            assert apart <= (3 if op in ("exp", "tanh", "sigmoid") and dtype == torch.float32 else 0), op


@every_isa
@every_dtype
def test_reductions_of_a_vector(dtype, isa, library):
    loaded = library(isa, dtype)
    lanes, result = loaded.lanes(), torch.empty(2, dtype=dtype)
    x = torch.randn(lanes, dtype=dtype)
    loaded.reduce(pointer(x), pointer(result))
    torch.testing.assert_close(result[0], x.sum(), rtol=1e-5, atol=1e-6)
    assert result[1] == x.max()
    for place in range(lanes):
        spoiled = x.clone()
        spoiled[place] = torch.nan
        loaded.reduce(pointer(spoiled), pointer(result))
        assert result.isnan().all()


@every_isa
@every_dtype
def test_a_part_of_one_vector_and_the_rest_of_another(dtype, isa, library):
    loaded = library(isa, dtype)
    a, b, result = (torch.randn(loaded.lanes(), dtype=dtype) for _ in range(3))
    for n in range(loaded.lanes()):
        loaded.parts(pointer(a), pointer(b), pointer(result), ctypes.c_long(n))
        assert torch.equal(result, torch.cat([a[:n], b[n:]]))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="guards pages as Linux does")
@every_isa
@every_dtype
def test_nothing_outside_of_the_operands_is_touched(dtype, isa, library):
    loaded = library(isa, dtype)
    command = [sys.executable, "-c", GUARDED, loaded._name, str(dtype.itemsize), "add"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert (done.returncode, done.stdout.strip()) == (0, str(3 * loaded.lanes())), done.stderr
