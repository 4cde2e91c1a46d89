"""Where the values of a schedule lie on the device, and which of its products are computed as one.

Values that enter one product lie side by side, so that it is one product of a wide operand; and what multiplies the
same operand within a step is computed at once, its matrices side by side.
"""

import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from seqmodels.engine.derivative import Deferred
from seqmodels.engine.directions import Directions
from seqmodels.engine.graph import Node, Segment
from seqmodels.engine.schedule import Group, Place, Schedule, Sink

# Of places, by kind: the rows that are meant. "now": those of this step; "previous": of the step before, or of the
# initial state; "batch": the same at every step; "even" and "odd": of two halves, by the parity of the step (what is
# written to one is read from the other a step later).
ROWS = {"state": "previous", "cotangent": "even", "carry": "odd", "vector": "vector"}
ROWS |= dict.fromkeys(("step", "new", "tape", "saved", "incoming", "gradient"), "now")
ROWS |= dict.fromkeys(("batch", "scratch", "total batch", "total vector"), "batch")


class Slot(NamedTuple):
    """Some columns of a buffer."""

    buffer: str
    low: int
    row: int  # numbers from one row to the next
    rows: str  # as in ROWS


class Block(NamedTuple):
    """A part of a matrix, or of its transpose, as a product has it: [depth, width]."""

    segment: Segment
    depth: int
    width: int


class Run(NamedTuple):
    """Operands of a group that lie side by side, and what multiplies them: for each product, a block an operand."""

    slot: Slot
    depth: int
    columns: list[list[Block]]


@dataclass
class Product:
    """One operand of a step times all that multiplies it."""

    buffer: str
    slot: Slot  # of the operand
    depth: int
    rows: str  # of the result: "now" if it is computed ahead for all steps, else "batch"
    level: int  # before whose kernels it is computed; -1: before the loop
    columns: list[list[Block]] = field(default_factory=list)
    width: int = 0

    @functools.cached_property
    def whole(self) -> Block | None:
        """One block that is all of these, if there is one; asked for when all are there."""
        first = self.columns[0][0]
        across = 0
        for column in self.columns:
            down = 0
            for block in column:
                if block.segment != _moved(first, down, across).segment:
                    return None
                down += block.depth
            across += column[0].width
        return Block(first.segment, down, across)

    def add(self, blocks: list[Block]) -> int:
        """The column at which the result of these blocks begins."""
        start = self.width
        self.columns.append(blocks)
        self.width += blocks[0].width
        return start


class Outer(NamedTuple):
    """A gradient of a part of a matrix: over all rows and steps, operand.T @ gradient."""

    operand: Slot
    depth: int
    gradient: Slot
    width: int
    segment: Segment


class Sum(NamedTuple):
    """A gradient of columns of a vector: the sum over all rows and steps."""

    vector: int
    low: int
    gradient: Slot
    width: int


class Ending(NamedTuple):
    """A gradient of an input that is a product, computed after the loop."""

    slot: Slot
    width: int
    products: list[Product]  # one an operand
    adds: bool  # to what the steps have written


class Layout:
    """The places of one direction.

    Args:
        directions: What the loop does.
        schedule: One of its two schedules.
    """

    def __init__(self, directions: Directions, schedule: Schedule) -> None:
        self.schedule = schedule
        self.is_backward = schedule is directions.backward
        loop = directions.loop
        states, saved = loop.states, directions.saved
        self.sizes = {
            **dict.fromkeys(("state", "new", "carry", "cotangent", "incoming"), states),
            **{"step": loop.steps, "batch": loop.batches, "vector": loop.vectors, "saved": saved},
            **{"gradient": loop.steps, "total batch": loop.batches, "total vector": loop.vectors},
        }
        groups = [group for level in schedule.levels for phase in level.phases for group in phase.groups]
        operands = [place for group in groups for place in group.operands if place.kind == "scratch"]
        others = [Place("scratch", index) for index in range(len(schedule.scratch))]
        self.joint: dict[Place, Slot] = {}
        self.widths: dict[str, int] = {}  # of the buffers in which values lie side by side
        self._join("scratch", dict.fromkeys(operands), schedule.scratch)
        self._join("numbers", [place for place in others if place not in self.joint], schedule.scratch)
        if self.is_backward:
            self._join("tape", _tape_order(schedule, directions.outer), schedule.tape)
        self.products: list[Product] = []
        self.parts: dict[Node, list[tuple[Product, int]]] = {}
        for number, level in enumerate(schedule.levels):
            for group in [group for phase in level.phases for group in phase.groups]:
                self._add_group(group, number)
        self.outer = self._outer(directions.outer) if self.is_backward else []
        self.sums = self._sums(directions.sums) if self.is_backward else []
        self.sinks = [self._sink(sink) for sink in schedule.sinks]
        stores = [store for level in schedule.levels for phase in level.phases for store in phase.stores]
        self.added = {place.index for place, _, _ in stores if place.kind == "total vector"}  # vectors, by each step

    def slot(self, place: Place) -> Slot:
        """Where a place lies."""
        if place._replace(low=0) in self.joint:
            slot = self.joint[place._replace(low=0)]
            return slot._replace(low=slot.low + place.low)
        kind = {"tape": "saved", "cotangent": "carry"}.get(place.kind, place.kind)
        name = {"state": "new"}.get(kind, kind).replace(" ", "_")
        return Slot(f"{name}_{place.index}", place.low, self.sizes[kind][place.index], ROWS[place.kind])

    def is_there(self, node: Node) -> bool:
        """Whether a value is there before the step."""
        place = self.schedule.places.get(node)
        is_saved = self.is_backward and place is not None and place.kind in ("saved", "new")
        return node.is_leaf or node.is_number or is_saved

    def slots(self, node: Node) -> list[Slot]:
        """Where the parts lie whose sum is the value of a node."""
        if node in self.parts:
            return [Slot(of.buffer, low, of.width, of.rows) for of, low in self.parts[node]]
        return [self.slot(self.schedule.place(node))]

    def runs(self, group: Group) -> list[Run]:
        """The operands of a group, those that lie side by side as one."""
        operands = []
        for index, (place, width) in enumerate(zip(group.operands, group.widths, strict=True)):
            products = zip(group.segments, group.products, strict=True)
            columns = [[Block(segments[index], width, node.width)] for segments, node in products]
            operands.append(Run(self.slot(place), width, columns))
        return _merged(sorted(operands, key=lambda run: run.slot), _follows, _join_runs)

    def _sink(self, sink: Sink) -> Ending:
        slot, (node,) = self.slot(sink.place), sink.group.products
        products = [Product("", r.slot, r.depth, "now", -1, r.columns, node.width) for r in self.runs(sink.group)]
        return Ending(slot, node.width, products, sink.adds)

    def _sums(self, sums: Iterable[tuple[Place, Place]]) -> list[Sum]:
        """Gradients of vectors, those of neighbouring columns as one."""
        widths = self.schedule.tape
        found = [Sum(where.index, where.low, self.slot(place), widths[place.index]) for place, where in sums]
        return _merged(sorted(found), _continues, lambda a, b: a._replace(width=a.width + b.width))

    def _join(self, buffer: str, places: Iterable[Place], widths: Sequence[int]) -> None:
        """Puts places of one kind side by side in one buffer."""
        chosen = list(places)
        total = sum(widths[place.index] for place in chosen)
        low = 0
        for place in chosen:
            self.joint[place] = Slot(buffer, low, total, ROWS[place.kind])
            low += widths[place.index]
        if total:
            self.widths[buffer] = total

    def _add_group(self, group: Group, level: int) -> None:
        for run in self.runs(group):
            is_ahead, is_constant = (run.slot.buffer.startswith(kind) for kind in ("step_", "batch_"))
            product = next((p for p in self.products if (p.slot, p.depth) == (run.slot, run.depth)), None)
            if product is None:
                first = -1 if is_ahead or is_constant else level
                rows = "now" if is_ahead else "batch"
                product = Product(f"product_{len(self.products)}", run.slot, run.depth, rows, first)
                self.products.append(product)
            for node, blocks in zip(group.products, run.columns, strict=True):
                self.parts.setdefault(node, []).append((product, product.add(blocks)))

    def _outer(self, outer: Iterable[tuple[Place, Place, Deferred]]) -> list[Outer]:
        """Gradients of matrices, those of neighbouring columns with neighbouring gradients as one."""
        found = [
            Outer(self.slot(operand), of.operand.width, self.slot(gradient), of.gradient.width, of.segment)
            for operand, gradient, of in outer
        ]
        return _merged(sorted(found, key=lambda o: (o.operand, o.segment, o.gradient)), _is_beside, _widened)


def _tape_order(schedule: Schedule, outer: Sequence[tuple[Place, Place, Deferred]]) -> list[Place]:
    """Gradients in the order of the columns of the matrices that they are gradients of; then the rest."""
    order = sorted(outer, key=lambda each: (each[2].segment.matrix, each[2].segment.column))
    rest = [Place("tape", index) for index in range(len(schedule.tape))]
    return list(dict.fromkeys([*(gradient for _, gradient, _ in order), *rest]))


def _merged(items: Sequence, fits: Callable, join: Callable) -> list:
    """Neighbours that fit together, joined."""
    result: list = []
    for item in items:
        if result and fits(result[-1], item):
            result[-1] = join(result[-1], item)
        else:
            result.append(item)
    return result


def _follows(left: Run, right: Run) -> bool:
    return left.slot._replace(low=left.slot.low + left.depth) == right.slot


def _join_runs(left: Run, right: Run) -> Run:
    columns = [above + below for above, below in zip(left.columns, right.columns, strict=True)]
    return Run(left.slot, left.depth + right.depth, columns)


def _is_beside(left: Outer, right: Outer) -> bool:
    slot = left.gradient._replace(low=left.gradient.low + left.width)
    segment = left.segment._replace(column=left.segment.column + left.width)
    return (left.operand, left.depth, slot, segment) == (right.operand, right.depth, right.gradient, right.segment)


def _moved(block: Block, down: int, across: int) -> Block:
    """The block that lies so far away in the product's matrix."""
    segment = block.segment
    row, column = (across, down) if segment.transposed else (down, across)
    return block._replace(segment=segment._replace(row=segment.row + row, column=segment.column + column))


def _continues(left: Sum, right: Sum) -> bool:
    beside = left.gradient._replace(low=left.gradient.low + left.width)
    return (left.vector, left.low + left.width, beside) == (right.vector, right.low, right.gradient)


def _widened(left: Outer, right: Outer) -> Outer:
    return left._replace(width=left.width + right.width)
