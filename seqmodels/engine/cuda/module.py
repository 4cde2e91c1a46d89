"""A text as a module of Triton's functions.

Triton reads the text of a function where Python's tracebacks do, in linecache. Kept there alone, it is no file that
another process could change or remove; what is compiled of it, Triton itself keeps for the next run.
"""

import functools
import hashlib
import linecache
from types import ModuleType


@functools.cache
def load(source: str) -> ModuleType:
    """The module of this text; equal texts are one module."""
    name = f"seqmodels_triton_{hashlib.sha256(source.encode()).hexdigest()[:32]}"
    path = f"<{name}>"
    module = ModuleType(name)
    module.__file__ = path
    linecache.cache[path] = (len(source), None, source.splitlines(keepends=True), path)
    exec(compile(source, path, "exec"), module.__dict__)
    return module
