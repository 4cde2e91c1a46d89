"""Whether a model is being made from a checkpoint, which changes what may and what need be done."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_restoring = ContextVar("restoring", default=False)


@contextmanager
def restoring() -> Iterator[None]:
    """While a model is made of what a checkpoint says: no module is imported that it names, as it may be a stranger's,
    and no weights are read from elsewhere, as it holds them.

    Example:
        >>> with restoring():
        ...     is_restoring()
        True
    """
    before = _restoring.set(True)
    try:
        yield
    finally:
        _restoring.reset(before)


def is_restoring() -> bool:
    """Whether that is so now."""
    return _restoring.get()
