"""A schedule as the tables of numbers that runtime.c reads, and where its slots lie."""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any, NamedTuple

from seqmodels.engine.derivative import Deferred
from seqmodels.engine.schedule import MOST_PRODUCTS, Group, Phase, Place, Schedule

MOST_VECTORS = 4  # of a tile, as in runtime.c
BLOCK, LEFT, LOWEST_TILE = 256, 8, 3  # as in runtime.c
ROWS_AHEAD = 96  # rows of a chunk: enough for products at full speed, few enough for the second cache

PLAIN, PREVIOUS, EVEN, ODD = range(4)  # kinds of slots, as in runtime.c
# Of places, by kind: the buffer they lie in, and the kind of their slots.
WHERE = {"state": ("new", PREVIOUS), "cotangent": ("carry", EVEN), "carry": ("carry", ODD)}

Long = ctypes.c_long
Pointer = ctypes.c_void_p


class Task(ctypes.Structure):
    """Task of runtime.c, field by field."""

    _fields_ = [  # as ctypes wants it
        *(
            field
            for name, count in (
                ("level", "levels"),
                ("phase", None),
                ("reduction", None),
                ("group", "groups"),
                ("operand", None),
                ("block", None),
                ("sink", "sinks"),
                ("outer", "outers"),
                ("left", None),
                ("total", None),
                ("matrix", None),
                ("gradient", None),
                ("slot", "slots"),
            )
            for field in ([(name, Pointer)] + ([(count, Long)] if count else []))
        ),
        *((name, Pointer) for name in ("bodies", "reducers")),
        ("panel", Pointer),
        ("early", Pointer),
        ("early_row", Long),
        ("blocks", Pointer),
        ("block_size", Long),
        *((name, Long) for name in ("steps", "batch", "chunk", "backwards", "threads", "by_column")),
        *((name, Pointer) for name in ("parallel", "thread", "team")),
        *((name, Long) for name in ("waiting", "round")),
    ]


@dataclass
class Plan:
    """One direction: tables of runtime.c, and sizes of its buffers in numbers."""

    places: list[Place]
    tables: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    panel: int = 0
    early_row: int = 0
    is_chunked: bool = False

    def recipes(self) -> list[tuple[str, int, int, int]]:
        """Of each slot: name and number of its buffer, first column, kind."""
        found = ((place, *WHERE.get(place.kind, (place.kind, PLAIN))) for place in self.places)
        return [(name, place.index, place.low, kind) for place, name, kind in found]


class Processor(NamedTuple):
    """What a runtime was compiled for."""

    lanes: int  # numbers of a vector
    deep: int  # numbers that a product takes at once


def make_plan(schedule: Schedule, places: list[Place], processor: Processor, body: int, reducer: int) -> Plan:
    """Numbers of a schedule whose functions begin at these numbers in its library's tables."""
    return _Planner(schedule, places, processor, body, reducer).plan


class _Planner:
    def __init__(self, schedule: Schedule, places: list[Place], processor: Processor, body: int, reducer: int) -> None:
        self.lanes, self.deep = processor
        self.places = places
        self.plan = Plan(places)
        self.groups: list[tuple[int, ...]] = []
        self.operands: list[tuple[int, ...]] = []
        self.blocks: list[tuple[int, ...]] = []
        levels: list[tuple[int, ...]] = []
        phases: list[tuple[int, ...]] = []
        reductions: list[tuple[int, ...]] = []
        sinks: list[tuple[int, ...]] = []
        for level in schedule.levels:
            levels.append((len(reductions), len(level.reductions), len(phases), len(level.phases)))
            for reduction in level.reductions:
                reductions.append((reduction.width, reducer))
                reducer += 1
            for phase in level.phases:
                vectors = self._vectors(phase)
                first = len(self.groups)
                for group in phase.groups:
                    self._add_group(group, phase.width, vectors)
                phases.append((phase.width, vectors, first, len(phase.groups), body))
                body += 1
        for sink in schedule.sinks:
            width = sink.group.products[0].width
            sinks.append((places.index(sink.place), len(self.groups), int(sink.adds)))
            self._add_group(sink.group, width, self._balanced(width, MOST_VECTORS))
        self.plan.is_chunked = bool(sinks) or self.plan.early_row > 0
        named = {
            "level": levels,
            "phase": phases,
            "reduction": reductions,
            "group": self.groups,
            "operand": self.operands,
            "block": self.blocks,
            "sink": sinks,
        }
        for name, rows in named.items():
            self.plan.tables[name] = table(rows)
        self.plan.counts = {"levels": len(levels), "groups": len(self.groups), "sinks": len(sinks)}

    def _vectors(self, phase: Phase) -> int:
        """Vectors of a tile: as many as leave each group its accumulators."""
        products = max((len(group.products) for group in phase.groups), default=1)
        return self._balanced(phase.width, max(1, MOST_PRODUCTS // products))

    def _balanced(self, width: int, most: int) -> int:
        vectors = ceil(width / self.lanes)
        return ceil(vectors / ceil(vectors / most))

    def _add_group(self, group: Group, width: int, vectors: int) -> None:
        products, depth = len(group.products), sum(ceil(width / self.deep) for width in group.widths)
        row = ceil(width / self.lanes) * products * self.lanes
        early = self.plan.early_row if group.ahead else -1
        self.plan.early_row += row if group.ahead else 0
        self.groups.append(
            (
                products,
                len(group.operands),
                group.ahead,
                width,
                vectors,
                depth,
                len(self.operands),
                len(self.blocks),
                self.plan.panel,
                early,
            )
        )
        self.plan.panel += row * depth
        self.operands += [(self.places.index(p), w) for p, w in zip(group.operands, group.widths, strict=True)]
        for operand in range(len(group.operands)):
            self.blocks += [
                (s.matrix, s.row, s.column, int(s.transposed))
                for s in (segments[operand] for segments in group.segments)
            ]


class OuterTables(NamedTuple):
    """The products after the loop, as runtime.c reads them."""

    outer: Any
    left: Any
    total: Any
    outers: int
    block_size: int  # numbers that a thread needs to copy blocks of operands into


def outer_tables(
    outer: Sequence[tuple[Place, Place, Deferred]],
    sums: Sequence[tuple[Place, Place]],
    places: list[Place],
    matrices: Sequence[tuple[int, int]],
    by_row: Sequence[bool],
    lanes: int,
) -> OuterTables:
    """For gradients whose memory has rows one after the other, or columns.

    The right operand is the one whose numbers lie side by side in the gradient. Each operand that is summed besides,
    is summed where it comes first.
    """
    by_right: dict[tuple[Place, int], list[tuple[Place, int, int, int, int]]] = {}
    for operand, gradient, (node, of, segment) in outer:
        rows, columns = matrices[segment.matrix]
        if by_row[segment.matrix]:
            right, left = (gradient, of.width), (operand, node.width)
            place, stride = segment.row * columns + segment.column, columns
        else:
            right, left = (operand, node.width), (gradient, of.width)
            place, stride = segment.column * rows + segment.row, rows
        by_right.setdefault(right, []).append((*left, segment.matrix, place, stride))
    outers: list[tuple[int, ...]] = []
    lefts: list[tuple[int, ...]] = []
    totals: dict[Place, int] = {}  # the slots that sums go to, and whose they are

    def sums_of(operand: Place) -> tuple[int, int]:
        """First and number of the totals that an operand, met now, is summed to."""
        new = [total for of, total in sums if of == operand and total not in totals]
        first = len(totals)
        totals.update((total, places.index(total)) for total in new)
        return first, len(new)

    for (right_place, width), entries in by_right.items():
        outers.append((places.index(right_place), width, len(lefts), len(entries), *sums_of(right_place)))
        lefts += [(places.index(place), width, *where, *sums_of(place)) for place, width, *where in entries]
    widest = ceil(max((max(of.width, node.width) for _, _, (node, of, _) in outer), default=0) / lanes + 1) * lanes
    size = BLOCK * (widest + ceil(widest / LOWEST_TILE) * LEFT)
    return OuterTables(table(outers), table(lefts), table([tuple(totals.values())]), len(outers), size)


def table(rows: Sequence[Sequence[int]]) -> Any:
    """Rows of numbers, one after the other, as C has an array of structs of long."""
    numbers = [number for row in rows for number in row]
    return (Long * max(len(numbers), 1))(*numbers)
