"""Triton's interpreter with all programs of a launch at once, each in a process of its own, over shared memory.

It runs one program after another, so that one that waits for another would wait for ever. Atomic operations of the
interpreter are atomic among processes too.
"""

import contextlib
import inspect
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from itertools import product
from typing import Any
from unittest import mock

import torch
import triton.runtime.interpreter as interpreter

from seqmodels.engine.cuda import cooperative
from seqmodels.engine.cuda.device import H100


class _Launch(interpreter.GridExecutor):
    """A launch that forks once for each program."""

    def __call__(self, *arguments: Any, **options: Any) -> None:
        sizes = (*self.grid, *(1 for _ in range(3 - len(self.grid))))
        children = {self._start(place, sizes, arguments, options) for place in product(*map(range, sizes))}
        failed = False
        while children:
            child, status = os.wait()
            children.discard(child)
            if status and not failed:
                failed = True
                for other in children:  # they would wait for it for ever
                    os.kill(other, signal.SIGKILL)
        assert not failed, "a program failed"

    def _start(self, place: tuple[int, ...], sizes: tuple[int, ...], arguments: tuple, options: dict) -> int:
        child = os.fork()
        if child:
            return child
        try:
            self._run(place, sizes, arguments, options)
        except BaseException:
            traceback.print_exc(file=sys.stderr)
            os._exit(1)
        os._exit(0)

    def _run(self, place: tuple[int, ...], sizes: tuple[int, ...], arguments: tuple, options: dict) -> None:
        """What the interpreter itself does, for one program."""
        names = inspect.getfullargspec(self.fn).args
        given, named = self._init_args_hst(arguments, {key: v for key, v in options.items() if key in names})
        interpreter._patch_lang(self.fn)
        everything = inspect.getcallargs(self.fn, *given, **named)
        converted = {
            name: each if name in self.constexprs else interpreter._implicit_cvt(each)
            for name, each in everything.items()
        }
        interpreter.interpreter_builder.set_grid_dim(*sizes)
        interpreter.interpreter_builder.set_grid_idx(*place)
        self.fn(**converted)


@contextlib.contextmanager
def programs() -> Iterator[None]:
    """Within it kernels are launched so, as on an H100, and what is allocated is shared among processes."""
    empty, zeros = torch.Tensor.new_empty, torch.zeros
    with (
        mock.patch.object(interpreter, "GridExecutor", _Launch),
        mock.patch.object(cooperative, "processors", return_value=H100),
        mock.patch.object(torch.Tensor, "new_empty", lambda *args, **options: empty(*args, **options).share_memory_()),
        mock.patch.object(torch, "zeros", lambda *args, **options: zeros(*args, **options).share_memory_()),
    ):
        yield
