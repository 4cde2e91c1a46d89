"""Kernels are compiled by as many processes as there are processors: by copies of a command, each with its share."""

import os
import subprocess
import sys
from collections.abc import Iterator

MOST = 14  # processes, each of which takes some memory of the GPU


def side_by_side(tasks: int) -> Iterator[str]:
    """Runs this command that often at once, with ``--share NUMBER/COUNT`` added; the lines that they write."""
    count = max(1, min(tasks, (os.cpu_count() or 1) - 1, MOST))
    command, environment = [sys.executable, *sys.argv], {**os.environ, "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen([*command, "--share", f"{n}/{count}"], stdout=subprocess.PIPE, text=True, env=environment)
        for n in range(count)
    ]
    for process in processes:
        output, _ = process.communicate()
        yield from output.splitlines()


def mine(tasks: list, share: str) -> list:
    """The part of the tasks that a process does."""
    number, count = map(int, share.split("/"))
    return tasks[number::count]
