"""Pass 5: in what order a step is computed, and what lies where.

A step is a few levels. A product or a reduction needs its operands whole, so it stands one level after them; at each
level come first the reductions, then, for each width, one phase: its products, tile by tile, and on each tile at once
all pointwise work that can be done there. Values that a later level needs are stored, or computed again where that is
cheap.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from seqmodels.engine.graph import EXPENSIVE, REDUCTIONS, Leaf, Node, Segment, operands, reachable

MOST_PRODUCTS = 4  # in one group: the accumulators of a tile must fit into registers


class Place(NamedTuple):
    """Where the columns of a value lie.

    Kinds: those of leaves; "new", the sequence of a state; "tape", a value of every step; "scratch", of one step;
    "carry", the cotangent for the step before; "gradient", of an input of every step; "total", of an input that no step
    changes, summed over the steps.
    """

    kind: str
    index: int  # type: ignore[assignment]  # hides tuple.index
    low: int = 0


class Store(NamedTuple):
    place: Place
    node: Node
    adds: bool = False  # to what is there


@dataclass
class Group:
    """Products of one phase with the same operands; those of inputs (the first ``ahead``) are computed ahead."""

    operands: list[Place]
    widths: list[int]  # of the operands
    products: list[Node]
    segments: list[list[Segment]]  # of each product, one an operand
    ahead: int = 0


@dataclass
class Phase:
    width: int
    groups: list[Group] = field(default_factory=list)
    work: list[Node] = field(default_factory=list)  # what is computed, operands first
    stores: list[Store] = field(default_factory=list)


@dataclass
class Reduction:
    """Reductions over rows of one width, in one loop."""

    width: int
    work: list[Node] = field(default_factory=list)
    results: list[tuple[Place, Node]] = field(default_factory=list)


@dataclass
class Level:
    reductions: list[Reduction] = field(default_factory=list)
    phases: list[Phase] = field(default_factory=list)


@dataclass
class Sink:
    """A product that no step needs: the gradient of an input, computed afterwards for many steps at once."""

    place: Place
    group: Group
    adds: bool


@dataclass
class Schedule:
    """One direction of the loop.

    ``places`` says where each value that is read or written lies; ``scratch`` and ``tape`` are widths.
    """

    levels: list[Level]
    sinks: list[Sink]
    places: dict[Node, Place]
    scratch: list[int]
    tape: list[int]

    def place(self, node: Node) -> Place:
        """Where to read a value from."""
        return place_of(node, self.places)


def place_of(node: Node, places: Mapping[Node, Place]) -> Place:
    """Where to read a value from: leaves lie in their inputs unless a copy was made."""
    if node in places:
        return places[node]
    assert isinstance(node.data, Leaf), node.op
    return Place(node.op, node.data.index, node.data.low)


def schedule(
    stores: Sequence[Store], known: dict[Node, Place], tape: Iterable[int] = (), sink: bool = False
) -> Schedule:
    """Orders the work that the stores ask for.

    Args:
        stores: What must lie where after the step.
        known: Where values lie that are there before the step, beside leaves.
        tape: Widths of the values on the tape, among them those that this step writes.
        sink: Whether gradients of inputs that are products are computed after the loop.
    """
    return _Scheduler(stores, known, list(tape), sink).schedule()


class _Scheduler:
    def __init__(self, stores: Sequence[Store], known: dict[Node, Place], tape: list[int], sink: bool) -> None:
        self.known = known
        self.tape = tape
        self.scratch: list[int] = []
        self.places: dict[Node, Place] = dict(known)  # of values read back; those of the step itself are added
        self.sinks: list[Sink] = []
        self.stores = self._without_sinks(stores) if sink else list(stores)
        for place, node, adds in self.stores:
            if not adds and place.kind != "carry" and not self.is_known(node):
                self.places.setdefault(node, place)
        nodes = [n for n in reachable((s.node for s in self.stores), self.is_known) if not self.is_known(n)]
        self.narrow: set[Node] = set()  # single numbers that are computed from a product, not from a whole row
        self.earliest = self._earliest(nodes)
        self.level = self._levels(nodes)
        self.last = max(self.level.values(), default=1)
        self.pending: dict[int, list[Store]] = {level: [] for level in range(1, self.last + 1)}
        self.found: dict[int, Level] = {}

    def schedule(self) -> Schedule:
        for store in self.stores:
            # What a reduction gives is written where it belongs as soon as it is made.
            if not (store.node.op in REDUCTIONS and self.places.get(store.node) == store.place):
                self.pending[self.level.get(store.node, 1)].append(store)
        for node in self.level:
            if node.op == "product" or node.op in REDUCTIONS:
                for arg in node.args:
                    if node.op == "product" and not self.is_known(arg) and arg not in self.places:
                        self._spill(arg)
        # Last to first: what a level needs of one before it is known before that one is made.
        for number in range(self.last, 0, -1):
            self.found[number] = self._make_level(number)
        levels = [self.found[number] for number in range(1, self.last + 1)]
        return Schedule(levels, self.sinks, self.places, self.scratch, self.tape)

    def is_known(self, node: Node) -> bool:
        """Whether a value is there before the step."""
        return node.is_leaf or node.is_number or node in self.known

    # --- products after the loop ------------------------------------------------------------------------------------

    def _without_sinks(self, stores: Sequence[Store]) -> list[Store]:
        kept, sunk = [], []
        for store in stores:
            product, rest = _split_product(store.node) if store.place.kind == "gradient" else (None, store.node)
            if product is None:
                kept.append(store)
                continue
            sunk.append((store.place, product, rest is not None))
            if rest is not None:
                kept.append(Store(store.place, rest))
        on_tape = {store.node: store.place for store in kept if store.place.kind == "tape"} | self.known
        for place, product, adds in sunk:
            for arg in product.args:
                if arg not in on_tape:
                    self.tape.append(arg.width)
                    on_tape[arg] = Place("tape", len(self.tape) - 1)
                    kept.append(Store(on_tape[arg], arg))
            segments = [segment for _, segment in operands(product)]
            group = Group(
                [on_tape[arg] for arg in product.args], [a.width for a in product.args], [product], [segments]
            )
            self.sinks.append(Sink(place, group, adds))
        return kept

    # --- levels -----------------------------------------------------------------------------------------------------

    def _earliest(self, nodes: Sequence[Node]) -> dict[Node, int]:
        earliest: dict[Node, int] = {}
        for node in nodes:
            if node.width == 1 and (node.op == "product" or any(arg in self.narrow for arg in node.args)):
                self.narrow.add(node)
            after = [
                max(earliest[arg], 1) + 1 if self._is_apart(node, arg) else earliest.get(arg, 0) for arg in node.args
            ]
            earliest[node] = max(after, default=0)
            if node.op == "product" or node.op in REDUCTIONS:
                earliest[node] = max(earliest[node], 1)
        return earliest

    def _is_apart(self, node: Node, arg: Node) -> bool:
        """Whether an operand must be whole before the level at which a node is computed."""
        if self.is_known(arg):
            return False
        narrow = arg in self.narrow and node.width > 1  # computed in another phase of the same level
        return node.op == "product" or node.op in REDUCTIONS or narrow

    def _levels(self, nodes: Sequence[Node]) -> dict[Node, int]:
        """As late as what uses a value allows, so that few values wait in memory; results as early as they can be."""
        levels: dict[Node, int] = {}
        for node in reversed(nodes):
            level = levels.setdefault(node, max(self.earliest[node], 1))
            for arg in node.args:
                if not self.is_known(arg):
                    limit = level - self._is_apart(node, arg)
                    levels[arg] = min(levels.get(arg, limit), limit)
        return levels

    def _make_level(self, number: int) -> Level:
        phases: dict[int, Phase] = {}
        done: dict[int, set[Node]] = {}
        # Working on one store may ask an earlier level for another, never this one.
        for store in self.pending[number]:
            width = store.node.width
            phase = phases.setdefault(width, Phase(width))
            phase.stores.append(store)
            self._need(store.node, number, done.setdefault(width, set()))
        level = Level(phases=[phases[width] for width in sorted(phases)])
        reductions = {n for work in done.values() for n in work if n.op in REDUCTIONS and self.level[n] == number}
        reductions |= {n for n in self.level if n.op in REDUCTIONS and self.level[n] == number}
        for phase in level.phases:
            work = sorted(done[phase.width], key=lambda n: n.number)
            phase.work = [n for n in work if n.op != "product" and n.op not in REDUCTIONS]
            phase.groups = self._groups([n for n in work if n.op == "product"])
        level.reductions = self._reductions(sorted(reductions, key=lambda n: n.number), number)
        return level

    def _need(self, node: Node, number: int, done: set[Node], reducing: bool = False) -> None:
        """Has a level compute a value, or an earlier one store it; ``done`` gathers what the level computes."""
        if self.is_known(node) or node in done:
            return
        here = self.level[node] == number and not reducing
        if here and node.op in REDUCTIONS:
            self._keep_reduction(node)
            return
        if not here and not self._is_cheap_again(node):
            if node not in self.places:
                self._spill(node)
            return
        done.add(node)
        if node.op != "product":
            for arg in node.args:
                self._need(arg, number, done, reducing)

    def _is_cheap_again(self, node: Node) -> bool:
        """Whether a value of an earlier level is computed again rather than stored."""
        if self.is_known(node):
            return True
        if node in self.places or node.op == "product" or node.op in REDUCTIONS:
            return False
        if node.op in EXPENSIVE and node.width > 1 and self.earliest[node] > 0:
            return False
        return all(self.is_known(arg) or arg in self.places or self._is_cheap_again(arg) for arg in node.args)

    def _spill(self, node: Node) -> None:
        if node.op in REDUCTIONS:
            self._keep_reduction(node)
            return
        self.scratch.append(node.width)
        self.places[node] = Place("scratch", len(self.scratch) - 1)
        self.pending[self.level[node]].append(Store(self.places[node], node))

    def _keep_reduction(self, node: Node) -> None:
        if node not in self.places:
            self.scratch.append(1)
            self.places[node] = Place("scratch", len(self.scratch) - 1)

    def _groups(self, products: Sequence[Node]) -> list[Group]:
        same: dict[tuple[Node, ...], list[Node]] = {}
        for node in products:
            same.setdefault(node.args, []).append(node)
        groups = []
        for args, nodes in same.items():
            for start in range(0, len(nodes), MOST_PRODUCTS):
                part = nodes[start : start + MOST_PRODUCTS]
                segments = [[segment for _, segment in operands(node)] for node in part]
                ahead = sum(arg.op == "step" for arg in args)
                groups.append(
                    Group([place_of(a, self.places) for a in args], [a.width for a in args], part, segments, ahead)
                )
        return groups

    def _reductions(self, nodes: Sequence[Node], number: int) -> list[Reduction]:
        found: dict[int, Reduction] = {}
        work: dict[int, set[Node]] = {}
        for node in nodes:
            (arg,) = node.args
            self._keep_reduction(node)
            reduction = found.setdefault(arg.width, Reduction(arg.width))
            reduction.results.append((self.places[node], node))
            self._need(arg, number, work.setdefault(arg.width, set()), reducing=True)
        for width, reduction in found.items():
            reduction.work = sorted(work[width], key=lambda n: n.number)
        return list(found.values())


def _split_product(node: Node) -> tuple[Node | None, Node | None]:
    """A sum as (product, rest), both of its width."""
    if node.op == "product":
        return node, None
    if node.op == "add":
        for first, second in (node.args, node.args[::-1]):
            if first.op == "product" and first.width == second.width:
                return first, second
    return None, node
