"""Whole cells compiled for other instruction sets than this processor's: as right, and as repeatable."""

import os
import platform
import subprocess
import sys

import pytest

ISAS = ("avx2", "portable") if platform.machine() == "x86_64" else ("portable",)
AGREES = """
import sys, torch
from seqmodels import RNN
name, options = sys.argv[1], eval(sys.argv[2])

def run(rnn, x, backend):
    rnn.backend = backend
    x = x.clone().requires_grad_()
    output, state = rnn(x)
    weights = torch.arange(output.numel(), dtype=x.dtype).cos().view_as(output)
    return [output.detach(), *torch.autograd.grad((output * weights).sum(), [x, *rnn.parameters()])]

for dtype, tolerance in ((torch.float32, 1e-5), (torch.float64, 1e-11)):
    torch.manual_seed(0)
    rnn = RNN(name, 5, 37, **options)
    x = torch.randn(9, 20, 5)
    expected = run(rnn.double(), x.double(), "reference")
    for b in range(1, 21):
        found = run(rnn.to(dtype), x[:, :b].to(dtype), "native")
        torch.set_num_threads(2)  # columns are divided for few rows, then rows are
        again = run(rnn, x[:, :b].to(dtype), "native")
        torch.set_num_threads(1)
        assert all(torch.equal(p, q) for p, q in zip(found, again, strict=True)), (b, "two threads differ from one")
        if b == 20:
            for ours, theirs in zip(found, expected, strict=True):
                difference = (ours.double() - theirs).abs().max() / theirs.abs().max().clamp(min=1)
                assert difference <= tolerance, (dtype, difference)
            whole = found[0]
        elif dtype is torch.float64:
            assert (found[0].double() - expected[0][:, :b]).abs().max() <= tolerance
    for b in (1, 7, 19):
        assert torch.equal(run(rnn, x[:, :b].to(dtype), "native")[0], whole[:, :b]), (b, "rows depend on the batch")
print("done")
"""


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize(
    ("name", "options"), [("lstm", {}), ("mut3", {}), ("gru", {"layer_norm": True})], ids=["lstm", "mut3", "normed gru"]
)
def test_a_cell_in_another_instruction_set(name, options, isa):
    done = subprocess.run(
        [sys.executable, "-c", AGREES, name, repr(options)],
        env={**os.environ, "SEQMODELS_ISA": isa, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
