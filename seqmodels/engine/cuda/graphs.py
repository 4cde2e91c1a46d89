"""Many steps in one launch: the kernels of a window of steps, captured in a CUDA graph.

A graph reads and writes the memory that it was captured with. So a window has buffers of its own, into which a stretch
of a sequence is copied, and out of which its results are: they belong to the caller alone, and any length is a few
windows.
"""

import functools
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from seqmodels.engine.cuda.buffers import Buffers

FEWEST = 16  # steps that are worth a graph
LONGEST = 32  # steps of a window; shorter ones are powers of two
MOST = 4  # windows that are kept, of different sizes of the batch

_capturing = threading.Lock()

OF_EVERY_STEP = ("step_", "new_", "saved_", "incoming_", "gradient_", "tape")
OF_A_STEP = ("scratch", "numbers", "state_")
RESULTS = ("carry_", "total_")  # beside those of every step


@dataclass(frozen=True)
class Steps:
    """One direction of a loop, as a window sees it."""

    launch: Callable[[Buffers, int, int], None]  # all steps of a batch, on these buffers
    is_backward: bool
    ahead: set[str]  # products of every step
    within: set[str]  # products that the steps compute themselves
    read: set[str]  # buffers that the steps read, and some that they only write
    written: set[str]


def are_worthwhile(device: torch.device, steps: int) -> bool:
    """Whether to capture; $SEQMODELS_CUDA_GRAPHS=0 says no. Into a graph that the user captures, all is launched."""
    if device.type != "cuda" or steps < FEWEST or os.environ.get("SEQMODELS_CUDA_GRAPHS") == "0":
        return False
    return not torch.cuda.is_current_stream_capturing()


class Windows:
    """The windows of one direction, by all that a graph depends on."""

    def __init__(self, direction: Steps) -> None:
        self.direction = direction
        self._known: dict[tuple, Window] = {}
        self._lock = threading.Lock()

    def run(self, buffers: Buffers, steps: int, batch: int, setting: str) -> None:
        """All steps; ``setting`` is what else products depend on."""
        present = next(tensor for tensor in buffers.values() if tensor is not None)
        stream = torch.cuda.current_stream(present.device).cuda_stream if present.is_cuda else 0
        missing = tuple(name for name, tensor in buffers.items() if tensor is None)
        key = (present.device, stream, batch, setting, missing)
        with self._lock:
            window = self._known.pop(key, None) or Window(self.direction, buffers, batch)
            self._known[key] = window  # the latest comes last
            if len(self._known) > MOST:
                del self._known[next(iter(self._known))]
            window.run(buffers, steps)


class Window:
    """Buffers of a window and the graphs on them, one for each length."""

    def __init__(self, direction: Steps, like: Buffers, batch: int) -> None:
        self.direction, self.batch = direction, batch
        with torch.inference_mode(False):  # a later call may be under another mode
            self.own: Buffers = {name: self._room(name, tensor) for name, tensor in like.items()}
        present = [name for name, tensor in like.items() if tensor is not None]
        timed = [name for name in present if self._is_timed(name)]
        self.results = [name for name in timed if name in direction.written]
        self.sequences = [name for name in timed if name in direction.read and name not in self.results]
        self.states = [name for name in present if name.startswith("state_")]
        self.carries = [name for name in present if name.startswith("carry_")]
        self.totals = [name for name in present if name.startswith(RESULTS)]
        apart = (*direction.within, *timed)
        self.constants = [name for name in present if name not in apart and not name.startswith(OF_A_STEP)]
        self.graphs: dict[int, Any] = {}

    def run(self, buffers: Buffers, steps: int) -> None:
        """All steps, window by window."""
        windows = _windows(steps)
        for _, size in windows:
            if size not in self.graphs:
                self.graphs[size] = capture(lambda size=size: self.direction.launch(self.own, size, self.batch))  # type: ignore[misc]
        _copy([self.own[name] for name in self.constants], [buffers[name] for name in self.constants])
        half = (steps - 1) % 2
        for start, size in reversed(windows) if self.direction.is_backward else windows:
            self._enter(buffers, start, size)
            first = (size - 1) % 2  # the half of the carries that the window's last step reads
            for name in self.carries if first != half else ():
                carry = self.own[name]
                assert carry is not None
                carry[first].copy_(carry[half])
            self.graphs[size].replay()
            half = 1  # what step 0 wrote
            stretches = [(buffers[name], self.own[name]) for name in self.results]
            _copy(
                [whole[start : start + size] for whole, _ in stretches],  # type: ignore[index]
                [own[:size] for _, own in stretches],  # type: ignore[index]
            )
        _copy([buffers[name] for name in self.totals], [self.own[name] for name in self.totals])

    def _enter(self, buffers: Buffers, start: int, size: int) -> None:
        """Copies a stretch of all sequences, and the states before it."""
        own = [self.own[name][:size] for name in self.sequences]  # type: ignore[index]
        given = [buffers[name][start : start + size] for name in self.sequences]  # type: ignore[index]
        for name in self.states:
            own.append(self.own[name])  # type: ignore[arg-type]
            given.append(buffers[name.replace("state", "new")][start - 1] if start else buffers[name])  # type: ignore
        _copy(own, given)

    def _room(self, name: str, tensor: Tensor | None) -> Tensor | None:
        if tensor is None:
            return None
        return tensor.new_zeros(LONGEST, *tensor.shape[1:]) if self._is_timed(name) else torch.zeros_like(tensor)

    def _is_timed(self, name: str) -> bool:
        return name.startswith(OF_EVERY_STEP) or name in self.direction.ahead


def capture(run: Callable[[], None]) -> Any:
    """A graph of what is launched, which is launched once before: kernels are compiled and libraries made ready."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        run()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    # Other threads, such as those that pin memory, may go on meanwhile.
    with (
        _capturing,
        torch.cuda.graph(graph, stream=_stream(torch.cuda.current_device()), capture_error_mode="thread_local"),
    ):
        run()
    return graph


@functools.cache
def _stream(device: int) -> torch.cuda.Stream:
    """For captures alone, so that cuBLAS's workspace of this stream lies in the memory of graphs."""
    return torch.cuda.Stream(device)


def _windows(steps: int) -> list[tuple[int, int]]:
    """First step and length of each."""
    found, start = [], 0
    while start < steps:
        size = min(LONGEST, 1 << ((steps - start).bit_length() - 1))
        found.append((start, size))
        start += size
    return found


def _copy(to: list, given: list) -> None:
    if to:
        torch._foreach_copy_(to, given)
