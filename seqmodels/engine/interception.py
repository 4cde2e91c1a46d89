"""Looking at what the engine is asked to compute, or computing it otherwise."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeAlias

from seqmodels.engine.layer_pass import LayerPass, LayerResult

Runner: TypeAlias = Callable[[LayerPass, str], LayerResult]
runner: ContextVar[Runner | None] = ContextVar("runner", default=None)


@contextmanager
def intercept(instead: Runner | None) -> Iterator[None]:
    """Gives every layer that is run within to a function instead of the engine.

    Args:
        instead: Takes a layer and the backend that was asked for. What it runs itself goes to the engine. None: within
            another interception, the engine runs again.

    Example:
        >>> import torch
        >>> from seqmodels import RNN, engine
        >>> seen = []
        >>> def look(layer, backend):
        ...     seen.append(type(layer.cell).__name__)
        ...     return engine.run(layer, backend)
        >>> with engine.intercept(look):
        ...     _ = RNN("gru", 2, 3, num_layers=2)(torch.zeros(4, 1, 2))
        >>> seen
        ['GRU', 'GRU']
    """
    token = runner.set(instead)
    try:
        yield
    finally:
        runner.reset(token)
