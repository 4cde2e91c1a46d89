"""What is said of a step, and as text: what is computed when, in the order in which it happens."""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

WIDTH = 120
MOST = 24  # items of a list
FILL = 14  # characters before what a line says


class Equation(NamedTuple):
    """One line of the step; values that no line needs twice, and that nothing keeps, stand within another."""

    name: str
    text: str
    stage: int  # of the way forward in which it is computed, counted from 1
    is_kept: bool  # for the way back


class Stage(NamedTuple):
    """What is computed of a row at a step before the next product or reduction needs it whole."""

    products: int
    multiply_adds: int
    operations: int  # number by number
    reductions: int  # sums and maxima of a row


@dataclass
class Explanation:
    """What the engine makes of a step; ``str()`` is the report.

    Counts are for one row of the batch at one step. Where the engine can't take the step, ``reason`` says why, and only
    ``title``, ``backend`` and ``backends`` say more.
    """

    title: str
    backend: str  # which one runs the cell here
    backends: dict[str, str]  # each backend, and what it says to the cell
    reason: str | None = None  # why there are no equations
    equations: list[Equation] = field(default_factory=list)
    once: list[str] = field(default_factory=list)  # computed from parameters, once a call
    hoisted: list[str] = field(default_factory=list)  # computed from the input by torch, for all steps
    ahead: list[str] = field(default_factory=list)  # products of the input, for many steps together
    forward: list[Stage] = field(default_factory=list)
    backward: list[Stage] = field(default_factory=list)  # empty unless training
    kept: list[str] = field(default_factory=list)  # values for the way back, beside the states
    kept_numbers: int = 0
    state_numbers: int = 0
    again: list[str] = field(default_factory=list)  # computed once more on the way back
    matrices: list[str] = field(default_factory=list)  # whose gradients are computed after the loop
    inputs: list[str] = field(default_factory=list)  # whose gradients are products, computed for many steps together
    multiply_adds: int = 0  # all products of the loop, forwards
    ahead_multiply_adds: int = 0  # of them, those of the input
    backward_multiply_adds: int = 0  # all products of the way back
    after_multiply_adds: int = 0  # of them, those that no step waits for
    source: str = ""  # C of the cell's functions, if asked for

    def __str__(self) -> str:
        return _write(self)


def _write(found: Explanation) -> str:
    """The report."""
    blocks = [[found.title]]
    if found.reason is None:
        blocks += [[*_step(found)], [*_before(found)], [*_loop(found)]]
        if found.backward:
            blocks.append([*_back(found)])
        blocks.append([*_costs(found)])
    blocks.append([*_backend(found)])
    if found.source:
        start = "The cell's functions in C (compiled behind vectors.h and functions.h of seqmodels/engine/native)"
        blocks.append([start, "", found.source.rstrip()])
    return "\n\n".join("\n".join(line.rstrip() for line in block) for block in blocks)


def _step(found: Explanation) -> Iterator[str]:
    yield "The step of one row: W x is a matrix times a vector, * goes by columns, ' marks the state after the step"
    width = max(len(line.name) for line in found.equations)
    for line in found.equations:
        start = f"  {'kept' if line.is_kept else '':6} {line.stage}  {line.name:{width}} = "
        yield from textwrap.wrap(line.text, WIDTH, initial_indent=start, subsequent_indent=" " * len(start))
    yield "  (the number is the stage in which it is computed)"


def _before(found: Explanation) -> Iterator[str]:
    yield "Before the loop"
    yield from _said("once", found.once, "nothing: no parameter is changed before it is used", ";")
    if found.hoisted:
        yield from _said("all steps", found.hoisted, "", ";")
    yield from _said("many steps", found.ahead, "nothing: no product is one of the input alone", ",")


def _loop(found: Explanation) -> Iterator[str]:
    yield "At every step"
    yield from _stages(found.forward)


def _back(found: Explanation) -> Iterator[str]:
    yield "On the way back"
    kept = found.kept and [f"{', '.join(_some(found.kept))} ({found.kept_numbers:,} numbers)"]
    yield from _said("kept", [*kept, "the states"], "", " and")
    yield from _said("again", found.again, "nothing is computed twice", ",")
    yield from _stages(found.backward)
    yield from _said("after it", [f"gradients of {', '.join(_some(found.matrices))}"] if found.matrices else [], "", "")
    yield from _said("many steps", [f"gradient of {name}" for name in found.inputs], "", ",")


def _costs(found: Explanation) -> Iterator[str]:
    yield "Costs of a step for one row"
    rows = [("forward", found.multiply_adds, found.ahead_multiply_adds)]
    rows += [("backward", found.backward_multiply_adds, found.after_multiply_adds)] if found.backward else []
    width = len(f"{max(row[1] for row in rows):,}")
    for name, all_of_them, apart in rows:
        text = f"{all_of_them:{width},} multiply-adds, {apart:{width},} of them for many steps at once"
        yield f"  {name:{FILL - 4}}  {text}"
    if found.backward:
        numbers = found.kept_numbers + found.state_numbers
        text = f"{found.kept_numbers:,} and {found.state_numbers:,} of the states"
        yield f"  {'memory':{FILL - 4}}  {numbers:{width},} numbers kept: {text}"


def _backend(found: Explanation) -> Iterator[str]:
    yield f"Backend: {found.backend}"
    for name, said in found.backends.items():
        yield from _said(name, [said], "", "")


def _stages(stages: Sequence[Stage]) -> Iterator[str]:
    for number, stage in enumerate(stages, 1):
        parts = [
            _count(stage.products, "product") + (f" ({stage.multiply_adds:,} multiply-adds)" if stage.products else ""),
            _count(stage.reductions, "sum or maximum of a row", "sums or maxima of rows"),
            _count(stage.operations, "operation"),
        ]
        text = ", ".join(part for part in parts if part) or "moves numbers"
        yield f"  {f'stage {number}':{FILL - 4}}  {text}"


def _count(number: int, one: str, several: str = "") -> str:
    return f"{number} {one if number == 1 else several or f'{one}s'}" if number else ""


def _said(name: str, items: Sequence[str], otherwise: str, separator: str) -> Iterator[str]:
    """A name, and what there is to say of it, in as many lines as it takes."""
    if items or otherwise:
        text = f"{separator} ".join(_some(items)) or otherwise
        start = f"  {name:{FILL - 4}}  "
        yield from textwrap.wrap(
            text, WIDTH, initial_indent=start, subsequent_indent=" " * len(start), break_long_words=False
        )


def _some(items: Sequence[str]) -> list[str]:
    rest = len(items) - MOST
    return [*items[:MOST], f"{rest} more"] if rest > 0 else list(items)
