"""What is said once in a process."""

import functools
import warnings


@functools.cache
def warn_once(message: str) -> None:
    """Warns with this text the first time that it is called with it."""
    warnings.warn(message, stacklevel=2)
