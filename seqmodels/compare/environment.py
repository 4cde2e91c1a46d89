"""What else the numbers of a trial may depend on: versions and processor of the machine that trains it."""

from __future__ import annotations

import contextlib
import functools
import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path

import torch


def environment() -> dict[str, str]:
    """Of this process."""
    gpu = {"gpu": torch.cuda.get_device_name()} if torch.cuda.is_available() else {}
    packages = {name: version(name) for name in ("seqmodels", "torch", "lightning")}
    return {**packages, "python": platform.python_version(), "processor": _processor(), **gpu}


def merged(environments: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """One of many: where they differ, each value once.

    >>> merged([{"torch": "2.14", "processor": "A"}, {}, {"torch": "2.14", "processor": "B", "gpu": "C"}])
    {'torch': '2.14', 'processor': 'A; B', 'gpu': 'C'}
    """
    values: dict[str, set[str]] = {}
    for each in environments:
        for name, value in each.items():
            values.setdefault(name, set()).add(value)
    return {name: "; ".join(sorted(each)) for name, each in values.items()}


@functools.cache
def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
