"""Less garbage collection while libraries are imported."""

import contextlib
import gc
from collections.abc import Iterator

OBJECTS = 10_000  # new ones between two collections


@contextlib.contextmanager
def rare_collection() -> Iterator[None]:
    """Imports make a million objects and hardly any garbage: to look for it takes a fifth of their time."""
    before, *older = gc.get_threshold()
    gc.set_threshold(before and max(before, OBJECTS), *older)  # 0: collections are off, and stay so
    try:
        yield
    finally:
        gc.set_threshold(before, *older)
