"""Which backend takes which tensors, which driver, what is said where none can, and that Triton waits until needed."""

import ast
import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from seqmodels import RNN
from seqmodels.engine import generated, refusals
from seqmodels.engine.cuda import choice, device
from seqmodels.engine.cuda.choice import Demands
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
        assert device.problem() == "there is no triton; pip install triton"
    finally:
        device.problem.cache_clear()


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


def test_auto_leaves_out_what_is_not_measured():
    assert generated.order(torch.device("cuda")) == ("vendor",)
    assert generated.order(torch.device("cpu")) == ("native", "vendor")


# --- drivers --------------------------------------------------------------------------------------------------------

LSTM = Demands(weights=131072, shared=151552, stages=1, widest=128, deepest=128, itemsize=2)  # bfloat16, H = 128


@pytest.mark.parametrize(
    ("demands", "batch", "precision", "expected"),
    [
        (LSTM, 1, "tf32", True),
        (LSTM, 16 * 132, "tf32", True),
        (LSTM, 16 * 132 * 10, "tf32", False),  # programs that take turns
        (LSTM._replace(shared=232449), 16, "tf32", False),
        (LSTM._replace(widest=512), 16, "tf32", False),
        (LSTM, 16, "ieee", True),  # which is of float32 alone
        (LSTM._replace(itemsize=4), 16, "ieee", False),
        (LSTM._replace(itemsize=4, deepest=64), 16, "ieee", False),
        (LSTM._replace(itemsize=4, deepest=64, weights=65536), 16, "ieee", True),
        (LSTM._replace(itemsize=4), 16, "tf32", True),
        (LSTM._replace(itemsize=8), 16, "ieee", True),
        (LSTM._replace(stages=0, weights=0, deepest=1), 16, "tf32", True),
    ],
)
def test_the_persistent_kernel_takes_what_fits_a_processor(demands, batch, precision, expected, monkeypatch):
    monkeypatch.delenv(choice.VARIABLE, raising=False)
    assert choice.is_persistent(demands, batch, device.H100, precision) is expected


def test_a_variable_names_the_driver(monkeypatch):
    monkeypatch.setenv(choice.VARIABLE, "stepwise")
    assert not choice.is_persistent(LSTM, 16, device.H100, "tf32")
    monkeypatch.setenv(choice.VARIABLE, "persistent")
    assert choice.is_persistent(LSTM, 16 * 132 * 10, device.H100, "tf32")


def test_a_driver_that_cant_be_is_refused_in_one_line(one_line, monkeypatch):
    monkeypatch.setenv(choice.VARIABLE, "persistent")
    with one_line(OptionError, choice.VARIABLE, "300000 bytes of shared memory", "unset it"):
        choice.is_persistent(LSTM._replace(shared=300000), 16, device.H100, "tf32")
    monkeypatch.setenv(choice.VARIABLE, "fused")
    with one_line(OptionError, choice.VARIABLE, "'fused'", "stepwise, persistent"):
        choice.is_persistent(LSTM, 16, device.H100, "tf32")
