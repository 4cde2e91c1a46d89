"""Which backend takes which tensors, which driver, what is said where none can, and that Triton waits until needed."""

import ast
import contextlib
import importlib.util
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from seqmodels import RNN
from seqmodels.engine import generated, refusals
from seqmodels.engine.cuda import choice, device
from seqmodels.engine.cuda.choice import Demands
from seqmodels.engine.cuda.device import H100
from seqmodels.engine.cuda.direction import _cant_be_compiled, _is_too_large
from seqmodels.engine.layer_pass import LayerPass
from seqmodels.errors import OptionError


def test_tensors_of_the_cpu_are_refused(one_line):
    with one_line(OptionError, "backend='cuda'", "tensors on cpu", "backend='native'"):
        RNN("gru", 2, 3, backend="cuda")(torch.zeros(3, 1, 2))


def test_a_backend_says_which_tensors_are_not_for_it():
    layer = LayerPass(RNN("gru", 2, 3).cell, torch.zeros(3, 1, 2), (torch.zeros(1, 3),))
    found = refusals(layer)
    assert found["native"] is None
    assert found["cuda"] == "tensors on cpu are for backend='native'"
    assert device.runs_on(torch.device("cuda"))
    assert generated.wrong_device(replace(layer, input=layer.input.to("meta")), "cuda") == (
        "no code is generated for tensors on meta"
    )


def test_the_cpu_is_interpreted_only_where_both_variables_say_so(monkeypatch):
    monkeypatch.delenv("SEQMODELS_TRITON_ON_CPU", raising=False)
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    assert not device.runs_on(torch.device("cpu"))
    monkeypatch.setenv("SEQMODELS_TRITON_ON_CPU", "1")
    assert device.runs_on(torch.device("cpu"))
    monkeypatch.delenv("TRITON_INTERPRET")
    assert not device.runs_on(torch.device("cpu"))


def test_without_triton_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    device.problem.cache_clear()
    try:
        assert device.problem(torch.device("cuda")) == "there is no triton; pip install triton"
    finally:
        device.problem.cache_clear()


def test_an_older_gpu_is_told_what_it_lacks(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
    device.problem.cache_clear()
    try:
        found = device.problem(torch.device("cuda"))
        assert found == "code is generated for GPUs of compute capability 8.0, not for 7.5"
    finally:
        device.problem.cache_clear()


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (None, None),
        (RuntimeError("Failed to find\nC compiler"), "Triton fails: RuntimeError: Failed to find C compiler"),
    ],
)
def test_a_triton_that_can_compile_nothing_is_found_out_by_trying(outcome, expected, monkeypatch):
    tried = []

    def load(source):
        tried.append(source)
        if outcome is not None:
            raise outcome
        return SimpleNamespace(run={(1,): lambda tensor: None})

    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    monkeypatch.setattr(torch.cuda, "device", lambda device: nullcontext())
    monkeypatch.setattr(device.module, "load", load)
    zeros = torch.zeros
    monkeypatch.setattr(torch, "zeros", lambda *shape, **how: zeros(*shape, dtype=how["dtype"]))
    device.problem.cache_clear()
    try:
        assert [device.problem(torch.device("cuda")) for _ in range(2)] == [expected] * 2
        assert tried == [device.TRIAL]
    finally:
        device.problem.cache_clear()


def test_threads_share_the_flag_of_exact_products_and_leave_it_as_it_was(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device", lambda _: contextlib.nullcontext())
    flags, gpu = torch.backends.cuda.matmul, torch.device("cuda")
    before = flags.fp32_precision
    first, second = device.working_on(gpu), device.working_on(gpu)
    with first:
        second.__enter__()
        during = flags.fp32_precision
    after_one = flags.fp32_precision
    second.__exit__(None, None, None)
    assert (during, after_one, flags.fp32_precision) == (device.precision(), device.precision(), before)


def test_the_flag_goes_on_to_follow_that_of_all_operations(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device", lambda _: contextlib.nullcontext())
    try:
        with device.working_on(torch.device("cuda")):
            pass
        torch.backends.fp32_precision = "tf32"
        assert torch.backends.cuda.matmul.fp32_precision == "tf32"
    finally:
        torch.backends.fp32_precision = "none"


class PTXASError(Exception):
    """As Triton names its own."""


@pytest.mark.parametrize(
    "error", [PTXASError("out of registers"), RuntimeError("Triton Error: too many blocks in cooperative launch")]
)
def test_a_kernel_that_triton_refuses_is_done_without(error):
    assert _is_too_large(error) or _cant_be_compiled(error)


@pytest.mark.parametrize(("allowed", "expected"), [(True, "tf32"), (False, "ieee")])
def test_products_are_as_exact_as_torchs_recurrent_layers(allowed, expected):
    before = torch.backends.cudnn.allow_tf32
    try:
        torch.backends.cudnn.allow_tf32 = allowed
        assert device.precision() == expected
    finally:
        torch.backends.cudnn.allow_tf32 = before


def test_no_module_imports_triton():
    """Generated ones do, when kernels are first launched; torch itself may at any time."""
    for path in Path(device.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            assert [name for name in names if name.split(".")[0] == "triton"] == [], path.name


def test_auto_generates_code_before_it_asks_the_vendor():
    assert generated.order(torch.device("cuda")) == ("cuda", "vendor")
    assert generated.order(torch.device("cpu")) == ("native", "vendor")


# --- drivers --------------------------------------------------------------------------------------------------------

LSTM = Demands(weights=131072, shared=151552, stages=1, widest=128, deepest=128, itemsize=2)  # bfloat16, H = 128


@pytest.mark.parametrize(
    ("demands", "precision", "problem"),
    [
        (LSTM, "tf32", None),
        (LSTM._replace(shared=232449), "tf32", "232449 bytes of shared memory, of which there are 232448"),
        (LSTM._replace(widest=512), "tf32", "rows of 512 columns"),
        (LSTM, "ieee", None),  # which is of float32 alone
        (LSTM._replace(itemsize=4), "ieee", "products of float32 without TF32"),
        (LSTM._replace(itemsize=4, deepest=64), "ieee", "products of float32 without TF32"),
        (LSTM._replace(itemsize=4, deepest=64, weights=65536), "ieee", None),
        (LSTM._replace(itemsize=4), "tf32", None),
        (LSTM._replace(itemsize=8), "ieee", None),
        (LSTM._replace(stages=0, weights=0, deepest=1), "tf32", None),
    ],
)
def test_the_persistent_kernel_takes_what_fits_a_processor(demands, precision, problem):
    found = choice.persistent_problem(demands, device.H100, precision)
    assert found is None if problem is None else problem in found


@pytest.mark.parametrize(
    ("batch", "expected"), [(1, 16), (16, 16), (17, 24), (24, 24), (25, 32), (33, 48), (64, 64), (65, 96), (97, 128)]
)
def test_batches_of_like_sizes_have_one_choice(batch, expected):
    assert choice.rounded(batch) == expected


def test_programs_beyond_the_processors_take_turns():
    once = choice.persistent(LSTM, 16 * 132, device.H100, "tf32")
    assert choice.persistent(LSTM, 1, device.H100, "tf32") == once
    assert choice.persistent(LSTM, 16 * 132 + 1, device.H100, "tf32") == 2 * once


def drivers(direction, dtype=torch.bfloat16, batch=16):
    return [each.driver for each in direction.choices(torch.zeros(1, dtype=dtype), batch)]


@pytest.fixture
def on_an_h100(monkeypatch):
    """Choices are those for an H100, whatever tensors lie on."""
    monkeypatch.delenv(choice.VARIABLE, raising=False)
    monkeypatch.setattr("seqmodels.engine.cuda.direction.processors", lambda device: H100)


@pytest.mark.usefixtures("on_an_h100")
@pytest.mark.parametrize(
    ("cell", "size", "batch", "expected"),
    [
        ("lstm", 512, 16, "cooperative"),
        ("lstm", 1024, 64, "cooperative"),
        ("mut3", 256, 256, "cooperative"),
        ("lstm", 64, 16 * 132, "persistent"),
        ("lstm", 2048, 1024, "stepwise"),  # bound by products, at which cuBLAS is better
    ],
)
def test_the_quickest_driver_runs(cell, size, batch, expected, directions):
    for direction in directions(cell, size):
        assert drivers(direction, batch=batch)[0] == expected
        assert "stepwise" in drivers(direction, batch=batch)  # whatever happens


@pytest.mark.usefixtures("on_an_h100")
def test_products_of_float32_without_tf32_are_cublas(directions, monkeypatch):
    monkeypatch.setattr("seqmodels.engine.cuda.direction.precision", lambda: "ieee")
    assert drivers(directions("lstm", 512)[0], torch.float32) == ["stepwise"]


@pytest.mark.usefixtures("on_an_h100")
def test_a_variable_names_the_driver(directions, monkeypatch):
    direction = directions("lstm", 64)[0]
    for name in choice.DRIVERS:
        monkeypatch.setenv(choice.VARIABLE, name)
        assert set(drivers(direction)) == {name}


@pytest.mark.usefixtures("on_an_h100")
def test_a_driver_that_cant_be_is_refused_in_one_line(one_line, directions, monkeypatch):
    direction = directions("lstm", 512)[0]
    monkeypatch.setenv(choice.VARIABLE, "persistent")
    with one_line(OptionError, choice.VARIABLE, "bytes of shared memory", "unset it"):
        drivers(direction)
    monkeypatch.setenv(choice.VARIABLE, "fused")
    with one_line(OptionError, choice.VARIABLE, "'fused'", "stepwise, persistent, cooperative"):
        drivers(direction)


def test_some_processors_may_be_kept_free(one_line, monkeypatch):
    class Properties:
        multi_processor_count, shared_memory_per_block_optin, shared_memory_per_block = 132, 232448, 49152

    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: Properties)
    device.processors.cache_clear()
    monkeypatch.setenv(device.MOST, "100")
    assert device.processors(torch.device("cuda")).number == 100
    device.processors.cache_clear()
    monkeypatch.setenv(device.MOST, "some")
    with one_line(OptionError, device.MOST, "'some'"):
        device.processors(torch.device("cuda"))
    device.processors.cache_clear()
