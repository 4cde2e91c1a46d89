"""What kernels share that walk through time: what a step hands to the next stays in registers.

Between steps states stay in the type in which a kernel computes; driver 1 rounds them to that of their buffers.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import NamedTuple

from seqmodels.engine.cuda.body import Body
from seqmodels.engine.cuda.layout import Layout, Slot
from seqmodels.engine.graph import Leaf, Node
from seqmodels.engine.schedule import Place, Store

AHEAD = ("step", "batch")  # operands whose products are computed before the loop
BASES = {"now": "now", "batch": "start", "even": "first", "odd": "last"}  # the program's first row, by kind of rows


class Columns(NamedTuple):
    """Columns of a state that are carried through time, or of its gradient."""

    index: int  # type: ignore[assignment]  # hides tuple.index
    low: int
    width: int

    @property
    def name(self) -> str:
        return f"carried_{self.index}_{self.low}"


class Walk(Body):
    """Prints a kernel: lines before the loop, those of a step, which loads first, and those after the loop.

    The rows of a program begin at ``start`` of the batch and at ``now`` of a sequence, and ``line`` counts them.

    Args:
        layout: Of the schedule.
    """

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout)
        self.once: list[str] = []
        self.loads: list[str] = []
        self.work: list[str] = []
        self.after: list[str] = []
        self.new: dict[Columns, str] = {}  # what a state, or its gradient, is after the step
        self.carried: list[Columns] = []

    @abstractmethod
    def column(self, width: int) -> str:
        """The numbers of a tile's columns: [1, columns]."""

    @abstractmethod
    def shape(self, width: int) -> str:
        """Of a tile of values of this width."""

    @property
    def time(self) -> str:
        """The step that is computed at a turn of the loop."""
        return "steps - 1 - step" if self.layout.is_backward else "step"

    def compute_all(self, node: Node) -> None:
        """Lines for a value and all that it is computed from, each just before it is needed."""
        for each in _in_order_of_need(node, lambda n: n in self.known or self.layout.is_there(n)):
            self.compute(each)

    def terms_ahead(self, node: Node) -> list[str]:
        """What of a product was computed before the loop, after lines that load it."""
        terms = []
        for number, (product, low) in enumerate(self.layout.parts[node]):
            if product.level < 0:
                slot = Slot(product.buffer, low, product.width, product.rows)
                terms.append(f"{node}_{number}")
                self.loading(node, [slot]).append(f"{terms[-1]} = {self.load(slot, node.width)}")
        return terms

    # --- where lines and values lie ---------------------------------------------------------------------------------

    def computing(self, node: Node) -> list[str]:
        return self.work

    def loading(self, node: Node, slots: list[Slot]) -> list[str]:
        return self.once if all(slot.rows in ("batch", "vector") for slot in slots) else self.loads

    def pointer(self, slot: Slot, width: int) -> str:
        column = f"{self.column(width)} + {slot.low}"
        if slot.rows == "vector":
            return f"{self.argument(slot.buffer)} + ({column})"
        return f"{self.base(slot)} + (line * {slot.row} + {column})"

    def base(self, slot: Slot) -> str:
        """Where the program's first row of a buffer begins."""
        if slot.rows == "previous":
            return self.before(slot)
        return f"{self.argument(slot.buffer)} + {BASES[slot.rows]} * {slot.row}"

    def before(self, slot: Slot) -> str:
        """The rows of a state before the step, which lie apart at the first one."""
        name = slot.buffer.replace("new", "before")
        initial, later = self.argument(slot.buffer.replace("new", "state")), self.argument(slot.buffer)
        rows = f"tl.where(t == 0, {initial} + start * {slot.row}, {later} + (now - height) * {slot.row})"
        if f"{name} = {rows}" not in self.loads:
            self.loads.append(f"{name} = {rows}")
        return name

    def fetch(self, node: Node, slots: list[Slot]) -> None:
        """As in any driver, but what a step hands to the next stays in registers."""
        if node.op != ("cotangent" if self.layout.is_backward else "state"):
            super().fetch(node, slots)
            return
        self.loads.append(f"{node} = {self.carry(node, slots).name}")

    def carry(self, node: Node, slots: list[Slot]) -> Columns:
        """The columns of a state, or of its gradient, which are carried from now on."""
        assert isinstance(node.data, Leaf)
        columns = Columns(*node.data, node.width)
        if columns not in self.carried:
            (slot,) = slots
            if not self.layout.is_backward:
                slot = slot._replace(buffer=slot.buffer.replace("new", "state"), rows="batch")
            self.carried.append(columns)
            self.once.append(f"{columns.name} = {self.load(slot, node.width)}")
        return columns

    # --- what is stored ---------------------------------------------------------------------------------------------

    def store(self, store: Store) -> None:
        """Lines that keep a result: in memory, in registers for the next step, or added up in registers."""
        place, node, adds = store
        slot, width = self.layout.slot(place), node.width
        if adds:
            name = f"{slot.buffer}_{slot.low}"
            self.once.append(f"{name} = tl.zeros({self.shape(width)}, REAL)")
            self.work.append(f"{name} += {self.read(node)}")
            self.after.append(self.write(slot, width, name, adds=True))
            return
        if place.kind in ("new", "carry"):
            value = f"tl.broadcast_to({self.read(node)}, {self.shape(width)})"
            self.new[Columns(place.index, place.low, width)] = value
        if place.kind != "carry":
            self.work.append(self.write(slot, width, self.read(node)))

    def hand_over(self) -> list[str]:
        """Lines that end a step: what is carried becomes new. A gradient that no step reads is stored by each."""
        lines = [
            f"{each.name} = {self.new.get(each, f'tl.zeros({self.shape(each.width)}, REAL)')}" for each in self.carried
        ]
        if self.layout.is_backward:
            for each, value in self.new.items():
                if each in self.carried:
                    self.after.append(self.write(self._carry_slot(each), each.width, each.name))
                else:
                    lines.append(self.write(self._carry_slot(each), each.width, value))
        return lines

    def _carry_slot(self, columns: Columns) -> Slot:
        return self.layout.slot(Place("carry", columns.index, columns.low))

    @property
    def halves(self) -> list[str]:
        """Lines that say where the two halves of a gradient that is carried begin."""
        if not self.layout.is_backward:
            return []
        return ["first = (steps + 1) % 2 * height + start", "last = height + start"]


def results(layout: Layout) -> Iterable[Store]:
    """What a step leaves behind: all results that are not for later levels of the same step alone."""
    for level in layout.schedule.levels:
        found = [Store(place, node) for reduction in level.reductions for place, node in reduction.results]
        found += [store for phase in level.phases for store in phase.stores]
        yield from (store for store in found if store.place.kind != "scratch")


def _in_order_of_need(node: Node, is_there: Callable[[Node], bool]) -> list[Node]:
    """What must be computed for a value, operands first, each just before it is needed."""
    found: dict[Node, None] = {}
    todo = [node]
    while todo:
        waiting = [arg for arg in todo[-1].args if arg not in found and not is_there(arg)]
        if is_there(todo[-1]) or todo[-1] in found:
            todo.pop()
        elif waiting:
            todo += reversed(waiting)
        else:
            found[todo.pop()] = None
    return list(found)
