"""Parameters that several processes share (FSDP, ``fully_shard``): the engine trains as one process does."""

import subprocess
import sys

SCRIPT = """
import copy, os, sys
import torch
import torch.distributed as dist
from torch.distributed.fsdp import fully_shard
from torch.distributed.device_mesh import init_device_mesh
from seqmodels import RNN

rank, file = int(sys.argv[1]), sys.argv[2]
torch.set_num_threads(1)
dist.init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=2)
torch.manual_seed(0)
x = torch.randn(5, 4, 6, dtype=torch.float64)
for cell in ("lstm", "mut3"):
    alone = RNN(cell, 6, 8, num_layers=2, bidirectional=True, backend="native").double()
    sharded = copy.deepcopy(alone)
    for layer in sharded.layers:
        fully_shard(layer, mesh=init_device_mesh("cpu", (2,)))
    fully_shard(sharded, mesh=init_device_mesh("cpu", (2,)))
    for rnn, rows in ((sharded, slice(2 * rank, 2 * rank + 2)), (alone, slice(0, 4))):
        optimizer = torch.optim.SGD(rnn.parameters(), lr=1.0)
        for _ in range(3):
            output, _ = rnn(x[:, rows])
            output.square().mean().backward()
            optimizer.step()
            optimizer.zero_grad()
    for (name, shared), own in zip(sharded.named_parameters(), alone.parameters(), strict=True):
        assert shared.to_local().shape != own.shape, f"{cell} {name} is not shared out"
        torch.testing.assert_close(shared.full_tensor(), own, atol=1e-12, rtol=0, msg=f"{cell} {name}")
dist.destroy_process_group()
"""


def test_layers_whose_parameters_two_processes_share_train_as_in_one(tmp_path):
    command = [sys.executable, "-c", SCRIPT]
    ranks = [
        subprocess.Popen(
            [*command, str(rank), str(tmp_path / "meeting")],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(2)
    ]
    outputs = [rank.communicate(timeout=240)[0] for rank in ranks]
    assert [rank.returncode for rank in ranks] == [0, 0], "\n".join(outputs)
