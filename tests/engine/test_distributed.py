"""Two processes train as one does: with copies of all parameters (DDP), or each with a part (FSDP, ``fully_shard``)."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import copy, sys
import torch
import torch.distributed as dist
from torch.distributed.fsdp import fully_shard
from torch.distributed.device_mesh import init_device_mesh
from torch.nn.parallel import DistributedDataParallel
from seqmodels import RNN

rank, file, backend = int(sys.argv[1]), sys.argv[2], sys.argv[3]
torch.set_num_threads(1)
dist.init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=2)
torch.manual_seed(0)
x = torch.randn(3, 4, 6, dtype=torch.float64)
for cell in ("lstm", "mut3"):
    alone = RNN(cell, 6, 8, num_layers=2, bidirectional=cell == "lstm", backend=backend).double()
    copied = DistributedDataParallel(copy.deepcopy(alone))
    sharded = copy.deepcopy(alone)
    for layer in sharded.layers:
        fully_shard(layer, mesh=init_device_mesh("cpu", (2,)))
    fully_shard(sharded, mesh=init_device_mesh("cpu", (2,)))
    half = slice(2 * rank, 2 * rank + 2)
    for rnn, rows in ((sharded, half), (copied, half), (alone, slice(0, 4))):
        optimizer = torch.optim.SGD(rnn.parameters(), lr=1.0)
        for _ in range(2):
            output, _ = rnn(x[:, rows])
            output.square().mean().backward()
            optimizer.step()
            optimizer.zero_grad()
    everything = zip(sharded.named_parameters(), copied.parameters(), alone.parameters(), strict=True)
    for (name, shared), same, own in everything:
        assert shared.to_local().shape != own.shape, f"{cell} {name} is not shared out"
        torch.testing.assert_close(shared.full_tensor(), own, atol=1e-12, rtol=0, msg=f"{cell} {name}")
        torch.testing.assert_close(same, own, atol=1e-12, rtol=0, msg=f"{cell} {name}")
dist.destroy_process_group()
"""
INTERPRETED = {"TRITON_INTERPRET": "1", "SEQMODELS_TRITON_ON_CPU": "1"}


@pytest.mark.parametrize(("backend", "environment"), [("native", {}), ("cuda", INTERPRETED)], ids=["native", "cuda"])
def test_two_processes_train_as_one(backend, environment, tmp_path):
    if backend == "cuda":
        pytest.importorskip("triton", reason="triton is not installed (pip install triton)")
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT]
    ranks = [
        subprocess.Popen(
            [*command, str(rank), str(tmp_path / "meeting"), backend],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            text=True,
        )
        for rank in range(2)
    ]
    outputs = [rank.communicate(timeout=240)[0] for rank in ranks]
    assert [rank.returncode for rank in ranks] == [0, 0], "\n".join(outputs)
