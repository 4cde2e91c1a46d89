"""Code of others: cells are made and tried, and what goes wrong is one line, with the place in its file."""

import contextlib
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import torch
from torch import nn

from seqmodels.cell import Cell
from seqmodels.errors import CellError, SeqmodelsError

TRIED = 2  # rows
# What torch has in place of Python's own, for modules and for parameters.
REGISTERS = {dict: ("ModuleDict", "ParameterDict"), list: ("ModuleList", "ParameterList")}
DEEPEST = 3  # lists within each other that are looked into
Value = TypeVar("Value")


def make(kind: type[Cell], input_size: int, hidden_size: int, options: dict[str, Any]) -> Cell:
    """A cell, by its constructor.

    Raises:
        CellError: If the constructor fails.
    """
    with one_line(kind, "__init__"):
        return kind(input_size, hidden_size, **options)


def try_step(cell: Cell) -> None:
    """Runs a step once, from zeros, and changes nothing but what the step itself changes.

    Raises:
        CellError: If it fails, or gives states of another number or other shapes than the cell declares, or another
            output.
    """
    like = next((parameter for parameter in cell.parameters() if parameter.is_floating_point()), torch.zeros(()))
    x = like.new_zeros(TRIED, cell.input_size)
    with one_line(type(cell), "step"), torch.no_grad(), torch.random.fork_rng(devices=[]):
        new = cell.next_state(x, cell.zero_state(x))
    if (found := [list(state.shape) for state in new]) != [[TRIED, size] for size in cell.state_sizes]:
        declared = ", ".join(
            f"{name} [B, {size}]" for name, size in zip(cell.state_names, cell.state_sizes, strict=True)
        )
        given = ", ".join(str(["B", *shape[1:]]).replace("'", "") for shape in found)
        raise CellError(f"{type(cell).__name__}: step gives {given}, but its states are {declared}")
    with one_line(type(cell), "output"), torch.no_grad():
        width = cell.output(*new).shape[-1]
    if width != cell.output_size:
        raise CellError(f"{type(cell).__name__}: output gives {width} features, but output_size is {cell.output_size}")


def unregistered(cell: Cell) -> str | None:
    """Which list or dictionary of a cell hides modules or parameters from torch, and what to write; None: none does.

    What is the cell's by another name too, or isn't trained, is hidden from nobody.
    """
    known = {id(parameter) for parameter in cell.parameters()}
    for module in cell.modules():
        for name, value in vars(module).items():
            hidden = [found for found in _within(value, DEEPEST) if not {id(p) for p in _trained(found)} <= known]
            if hidden:
                kind = dict if isinstance(value, dict) else list
                instead = REGISTERS[kind][isinstance(hidden[0], nn.Parameter)]
                said = f"{type(module).__name__}.{name}: what is in a plain {type(value).__name__} is not trained, "
                return f"{said}moved or saved with the cell; write nn.{instead}"
    return None


def _within(value: Any, depth: int) -> Iterator[nn.Module | nn.Parameter]:
    """The modules and parameters in a plain list, tuple or dictionary."""
    if isinstance(value, list | tuple | dict) and depth:
        for each in value.values() if isinstance(value, dict) else value:
            if isinstance(each, nn.Module | nn.Parameter):
                yield each
            else:
                yield from _within(each, depth - 1)


def _trained(found: nn.Module | nn.Parameter) -> list[nn.Parameter]:
    parameters = [found] if isinstance(found, nn.Parameter) else found.parameters()
    return [parameter for parameter in parameters if parameter.requires_grad]


def without_numbers(make: Callable[[], Value]) -> Value:
    """Calls it where nothing is drawn or stored, or, if that is not enough for it, as usual."""
    try:
        with torch.device("meta"):
            return make()
    except Exception:  # of what needs numbers while it is made; other mistakes are raised again
        return make()


@contextlib.contextmanager
def one_line(kind: type[Cell], where: str) -> Iterator[None]:
    """Raises CellError for what is raised within, but for want of memory, which some wait for and go on."""
    try:
        yield
    except (SeqmodelsError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # whatever a stranger's code raises
        raise CellError(f"{kind.__name__}: {where} fails: {reason(error, kind)}") from error


def reason(error: Exception, kind: type[Cell]) -> str:
    """The error, the line of the cell's file where it happened, and what to do if that is known."""
    said = f"{type(error).__name__}: {' '.join(str(error).split())}"
    with contextlib.suppress(TypeError, OSError):  # no file
        file = inspect.getfile(kind)
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
        said += f" ({file}:{lines[-1]})" if lines else ""
    if "before Module.__init__()" in said:
        said += "; call super().__init__(input_size, hidden_size) first"
    return said


def is_importable(kind: type) -> bool:
    """Whether a class is found by its module and name; one defined in a function is not."""
    found: Any = sys.modules.get(kind.__module__)
    for part in kind.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is kind
