"""The named values inside a cell's step, found by watching it run.

Nothing is asked of the cell: names are those of the step's own variables, of its modules, and of what an activation
function was applied to.
"""

import inspect
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from seqmodels.cell import Cell

ACTIVATIONS = ("sigmoid", "tanh", "relu", "softmax", "hardtanh", "hardsigmoid", "elu", "gelu", "silu", "softplus")


class Variable(NamedTuple):
    """A value inside the step."""

    value: Tensor
    activation: str | None
    """The function that gave it, such as "sigmoid"; None: none of the usual ones."""


@torch.no_grad()
def step_variables(cell: Cell, x: Tensor, state: Sequence[Tensor], modes: Sequence[Any] = ()) -> dict[str, Variable]:
    """One step's variables by name, in the order in which they were computed.

    A variable is called as in the step; the result of a module as the module, with its path; the result of an
    activation function that has no variable of its own as ``sigmoid(f)``, or ``sigmoid`` where its argument has none
    either. Of a name that is used twice the last value is taken. What the step is given is left out, and what it
    returns, as those are the states.

    Args:
        cell: The cell; what is inside modules of torch itself is not looked into.
        x: Its input [N, I].
        state: Each state [N, S].
        modes: Further contexts that the step runs in, entered last.

    Returns:
        Values of N rows each.

    Example:
        >>> from seqmodels.plugins.gru import GRU
        >>> found = step_variables(GRU(2, 3), torch.zeros(4, 2), [torch.zeros(4, 3)])
        >>> [name for name, variable in found.items() if variable.activation]
        ['r', 'z', 'tanh']
    """
    return watched_step(cell, x, state, modes)[1]


def watched_step(
    cell: Cell, x: Tensor, state: Sequence[Tensor], modes: Sequence[Any] = ()
) -> tuple[tuple[Tensor, ...], dict[str, Variable]]:
    """The next state, and the variables of :func:`step_variables`; tensors may be those of a trace."""
    watch = _Watch(cell)
    with _Activations(watch), watch.tracing(), ExitStack() as entered:
        for mode in modes:
            entered.enter_context(mode)
        new = cell.next_state(x, state)
    return new, watch.variables(len(x), given=(x, *state), returned=new)


class _Watch:
    """Keeps what it sees, so that identities stay those of what was seen."""

    def __init__(self, cell: Cell) -> None:
        self.paths = {id(module): name for name, module in cell.named_modules()}
        # Without what decorators put around it.
        self.code = getattr(inspect.unwrap(type(cell).step), "__code__", None)
        self.named: dict[str, Tensor] = {}
        self.names: dict[int, str] = {}  # of a tensor: its variable, else its module
        self.modules: list[tuple[str, Tensor]] = []
        self.activated: list[tuple[str, Any, Tensor]] = []  # function, argument, result
        self.seen: list[Any] = []

    @contextmanager
    def tracing(self) -> Iterator[None]:
        earlier = sys.gettrace()
        sys.settrace(self._called)
        try:
            yield
        finally:
            sys.settrace(earlier)

    def _called(self, frame: FrameType, event: str, argument: Any) -> Any:
        if frame.f_code is self.code:
            return self._trace("")
        if frame.f_code.co_name != "forward":
            return None
        module = frame.f_locals.get("self")
        path = self.paths.get(id(module))
        if not path:  # not of the cell, or the cell itself
            return None
        if type(module).__module__.startswith("torch."):
            frame.f_trace_lines = False
            return self._result(path)
        return self._trace(f"{path}.", path)

    def _trace(self, prefix: str, module: str = "") -> Any:
        """Looks at the variables after every line."""

        def look(frame: FrameType, event: str, argument: Any) -> Any:
            for name, value in frame.f_locals.items():
                if isinstance(value, Tensor) and self.named.get(prefix + name) is not value:
                    self.seen.append(value)
                    self.named.pop(prefix + name, None)  # so that the order is that of the last values
                    self.named[prefix + name] = value
                    self.names[id(value)] = prefix + name
            if event == "return" and module and isinstance(argument, Tensor):
                self._keep_result(module, argument)
            return look

        return look

    def _result(self, path: str) -> Any:
        def look(frame: FrameType, event: str, argument: Any) -> Any:
            if event == "return" and isinstance(argument, Tensor):
                self._keep_result(path, argument)
            return look

        return look

    def _keep_result(self, path: str, value: Tensor) -> None:
        self.modules.append((path, value))
        self.names.setdefault(id(value), path)

    def variables(self, rows: int, given: Sequence[Tensor], returned: Sequence[Tensor]) -> dict[str, Variable]:
        # By storage: a part of a result, as `chunk` gives it, is one too.
        functions = {_storage(result): function for function, _, result in self.activated}
        left_out = {id(tensor) for tensor in (*given, *returned)}
        found: dict[str, Tensor] = {**dict(self.modules), **self.named}
        named = {id(tensor) for tensor in found.values()}
        nameless = [one for one in self.activated if id(one[2]) not in named]
        again = Counter(self._title(*one) for one in nameless)
        numbers: Counter[str] = Counter()
        for one in nameless:
            title = self._title(*one)
            numbers[title] += 1
            found[f"{title} {numbers[title]}" if again[title] > 1 else title] = one[2]
        return {
            name: Variable(value, functions.get(_storage(value)))
            for name, value in found.items()
            if id(value) not in left_out and value.dim() == 2 and len(value) == rows and value.is_floating_point()
        }

    def _title(self, function: str, argument: Any, result: Tensor) -> str:
        name = self.names.get(id(argument))
        return function if name is None else f"{function}({name})"


class _Activations(TorchFunctionMode):
    """Notes what activation functions were applied to."""

    def __init__(self, watch: _Watch) -> None:
        super().__init__()
        self._watch = watch

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        result = func(*args, **(kwargs or {}))
        name = getattr(func, "__name__", "").rstrip("_")
        if name in ACTIVATIONS and args and isinstance(result, Tensor):
            self._watch.activated.append((name, args[0], result))
        return result


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata  # its address: a trace's tensors have no data
