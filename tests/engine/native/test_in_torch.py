"""A model around a native RNN in what torch offers: compile, export, autocast, checkpoints, copies, forks."""

import copy
import io
import os
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad, gradgradcheck
from torch.utils.checkpoint import checkpoint
from torch.utils.data import Dataset

from seqmodels import RNN
from seqmodels.engine import once

sys.path.insert(0, str(Path(__file__).parent))
from compiled_models import B, Model, gradients, tokens

cells = pytest.mark.parametrize("cell", ["lstm", "mut1"])


CHECKS = [
    "whole_models",
    "inductor",
    "a_state_of_any_strides",
    "another_cell_than_it_was_made_with",
    "other_sizes_without_another_compilation",
    "all_that_surrounds_a_step",
    "two_processes",
    "export_lstm",
    "export_mut1",
]


@pytest.mark.parametrize("check", CHECKS)
def test_torch_compile_and_export(check, tmp_path):
    # In a process of its own: Dynamo can't look into the run-time type checks of the tests.
    code = f"import compiled_models; compiled_models.{check}()"
    paths = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": paths}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr[-3000:]


@cells
def test_autocast_to_bfloat16_stays_near_and_trains(cell):
    model, x = Model(cell), tokens(20, 5)
    expected = model(x)[0]
    with torch.autocast("cpu", torch.bfloat16):
        found = model(x)[0]
    torch.testing.assert_close(found.float(), expected, rtol=0, atol=0.02)
    near = gradients(model, expected)
    for a, b in zip(gradients(model, found.float()), near, strict=True):
        assert a.dtype == torch.float32
        assert (a - b).norm() <= 0.05 * b.norm()


@cells
def test_copies_compute_the_same_and_carry_no_compiled_code(cell):
    model, x = Model(cell), tokens()
    expected = model(x)[0]
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(other(x)[0], expected)
        with torch.no_grad():
            next(other.rnn.parameters()).zero_()
        assert torch.equal(model(x)[0], expected)
    assert len(pickle.dumps(model)) < 30_000
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    again = Model(cell)
    again.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(again(x)[0], expected)


@cells
def test_second_derivatives_are_the_plain_loops(cell):
    rnn = RNN(cell, 2, 3, backend="native").double()
    x = torch.randn(3, 2, 2, dtype=torch.float64, requires_grad=True)
    weights = [p.detach().clone().requires_grad_() for p in rnn.parameters()]

    def run(x: Tensor, *weights: Tensor) -> Tensor:
        named = dict(zip((name for name, _ in rnn.named_parameters()), weights, strict=True))
        for name, weight in named.items():
            module, _, leaf = name.rpartition(".")
            owner = rnn.get_submodule(module)
            del owner._parameters[leaf]
            owner._parameters[leaf] = weight
        return rnn(x, lengths=[3, 2])[0]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert gradgradcheck(run, (x, *weights), fast_mode=True)


def said_by(run) -> list[str]:
    """What is said of the plain loop when it runs twice."""
    once.warn_once.cache_clear()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run()
        run()
    return [str(warning.message) for warning in caught if "plain loop" in str(warning.message)]


def test_a_second_derivative_says_once_that_the_plain_loop_computes_it():
    rnn, x = RNN("mut1", 3, 4), torch.randn(5, 1, 3, requires_grad=True)

    def run() -> None:
        (slope,) = torch.autograd.grad(rnn(x)[0].sum(), x, create_graph=True)
        slope.square().sum().backward()

    (said,) = said_by(run)
    assert said == "a gradient that can be differentiated again is computed by a plain loop, which is slower"


def test_transforms_say_once_that_the_plain_loop_computes_them():
    rnn, x = RNN("mut1", 3, 4), torch.randn(5, 1, 3)
    slow = "MUT1 runs as a plain loop, which is slower: "
    (said,) = said_by(lambda: torch.func.grad(lambda x: rnn(x)[0].sum())(x))
    assert said == slow + "vmap and transforms of torch.func need the step itself"
    assert said_by(lambda: torch.func.jvp(lambda x: rnn(x)[0], (x,), (x,))) == [said]
    assert said_by(lambda: torch.func.vmap(lambda x: rnn(x)[0])(x[None])) == [said]

    def run() -> None:
        with forward_ad.dual_level():
            rnn(forward_ad.make_dual(x, x))

    assert said_by(run) == [slow + "forward-mode derivatives need the step itself"]


@pytest.mark.parametrize("asked", ["parameters", "x"])
def test_an_exported_model_gives_gradients_that_were_not_asked_for_at_its_export(asked):
    rnn, x = RNN("mut1", 3, 4, backend="native").double(), torch.randn(5, 2, 3, dtype=torch.float64)
    with torch.set_grad_enabled(asked == "x"):
        exported = torch.export.export(rnn, (x,)).module()
    x.requires_grad_(asked == "x")
    slopes = []
    for module in (exported, rnn):
        inputs = [x] if asked == "x" else [module.get_parameter(name) for name, _ in rnn.named_parameters()]
        slopes.append(torch.autograd.grad(module(x)[0].sin().sum(), inputs))
    for found, expected in zip(*slopes, strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("is_traced_before", [True, False])
def test_gradient_checkpointing_gives_the_same_gradients(is_traced_before):
    model, x = Model("mut1").double(), tokens()
    expected = gradients(model, model(x)[0])
    model = model if is_traced_before else copy.deepcopy(model)
    found = gradients(model, checkpoint(lambda x: model(x)[0], x, use_reentrant=False))
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_a_graph_can_be_walked_twice():
    model, x = Model("mut1"), tokens()
    scores, parameters = model(x)[0].sum(), list(model.parameters())
    first = torch.autograd.grad(scores, parameters, retain_graph=True)
    second = torch.autograd.grad(scores, parameters)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_an_old_graph_refuses_parameters_changed_since():
    model, x = Model("mut1"), tokens()
    scores = model(x)[0].sum()
    with torch.no_grad():
        model.rnn.cell.W_hh.weight.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        scores.backward()


@cells
def test_only_what_is_wanted_gets_a_gradient(cell):
    model, x = Model(cell), tokens()
    frozen = next(p for name, p in model.rnn.named_parameters() if "weight" in name)
    frozen.requires_grad_(False)
    state = [torch.zeros(2, B, 7, requires_grad=True) for _ in model.rnn.cell.state_names]
    scores, final = model(x, None, model.rnn.cell.unpack_state(tuple(state)))
    scores.sum().backward()
    assert frozen.grad is None
    assert all(p.grad is not None for p in model.parameters() if p is not frozen)
    assert all(s.grad is not None for s in state)
    # Of the final state alone, too.
    model.zero_grad()
    _, final = model(x)
    sum(s.sum() for s in model.rnn.cell.pack_state(final)).backward()
    assert all(p.grad is not None for name, p in model.rnn.named_parameters() if p is not frozen)


@pytest.mark.parametrize("state", [0, 1])
def test_a_loss_may_look_at_one_state_only(state):
    x, slopes = torch.randn(5, 2, 3, dtype=torch.float64), []
    rnn = RNN("lstm", 3, 4).double()
    for rnn.backend in ("native", "reference"):
        histories = rnn(x, lengths=[5, 2], return_states=True)[2]
        slopes.append(torch.autograd.grad(histories[state].sin().sum(), list(rnn.parameters())))
    for found, expected in zip(*slopes, strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


class Rows(Dataset):
    """Runs an RNN in a worker."""

    def __init__(self, rnn: RNN) -> None:
        self.rnn = rnn

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Tensor:
        with torch.no_grad():
            return self.rnn(torch.full((5, 2, 3), float(index)))[0]


FORKED = """
import os, sys, torch
from torch.utils.data import DataLoader
sys.path.insert(0, {folder!r})
from test_in_torch import Rows
from seqmodels import RNN

torch.set_num_threads(2)
rnn = RNN("mut1", 3, 40, backend="native")
expected = [Rows(rnn)[index] for index in range(4)]  # the parent has threads of its own by now
loader = DataLoader(Rows(rnn), batch_size=None, num_workers=2, multiprocessing_context="fork")
assert all(torch.equal(a, b) for a, b in zip(loader, expected, strict=True))
child = os.fork()
if child == 0:
    torch.set_num_threads(2)
    same = torch.equal(Rows(rnn)[1], expected[1])
    os._exit(0 if same else 1)
assert os.waitpid(child, 0)[1] == 0
print("done")
"""


def test_forked_processes_do_not_hang():
    code = FORKED.format(folder=str(Path(__file__).parent))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout == "done\n", done.stderr[-2000:]


def test_threads_share_no_workspace():
    from concurrent.futures import ThreadPoolExecutor

    rnn, inputs = RNN("mut1", 3, 40, backend="native"), [torch.randn(50, 4, 3) for _ in range(16)]
    with torch.no_grad():
        expected = [rnn(x)[0] for x in inputs]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(torch.no_grad()(lambda x: rnn(x)[0]), inputs))
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
