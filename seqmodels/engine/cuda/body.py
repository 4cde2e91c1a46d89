"""What the kernels of all drivers share: the text of a step's pointwise work, of loads and of stores.

A value is a tile [rows, columns]; one number a row is [rows, 1], a vector [1, columns], a constant [1, 1]. Kernels
compute in one type, REAL, and read and write their buffers in the buffers' types.
"""

from abc import ABC, abstractmethod
from math import isfinite

from seqmodels.engine.cuda.functions import EXPRESSIONS
from seqmodels.engine.cuda.layout import Layout, Slot
from seqmodels.engine.graph import Node

OPTIONAL = "incoming_"  # buffers that may be absent, which then read as 0


class Body(ABC):
    """Prints what is computed of nodes. A driver says where lines belong, and where its rows lie.

    Args:
        layout: Of the schedule.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.known: set[Node] = set()
        self.buffers: list[str] = []  # the arguments, in the order in which they are met
        self.written: list[str] = []

    @abstractmethod
    def computing(self, node: Node) -> list[str]:
        """Where the line of a node that is computed belongs."""

    @abstractmethod
    def loading(self, node: Node, slots: list[Slot]) -> list[str]:
        """Where the lines of a node that is loaded belong."""

    @abstractmethod
    def pointer(self, slot: Slot, width: int) -> str:
        """Where the columns of a slot begin."""

    @abstractmethod
    def mask(self, slot: Slot, width: int) -> str:
        """Which rows and columns of a tile are there."""

    def mask_of_writes(self, slot: Slot, width: int) -> str:
        """Which of them are written."""
        return self.mask(slot, width)

    def compute(self, node: Node) -> None:
        """A line for a node, after lines for what it reads from memory."""
        text = EXPRESSIONS[node.op].format(*(self.read(arg) for arg in node.args))
        self.computing(node).append(f"{node} = {text}")
        self.known.add(node)

    def read(self, node: Node) -> str:
        """The name of a value; what is not computed here is loaded from where it lies."""
        if node.is_number:
            return literal(float(node.data))  # type: ignore[arg-type]
        if node not in self.known:
            self.known.add(node)
            self.fetch(node, self.layout.slots(node))
        return str(node)

    def fetch(self, node: Node, slots: list[Slot]) -> None:
        """Lines that load a value: the sum of what lies in these slots."""
        lines = self.loading(node, slots)
        for number, slot in enumerate(slots):
            name = str(node) if len(slots) == 1 else f"{node}_{number}"
            load = f"{name} = {self.load(slot, node.width)}"
            lines.append(_or_zero(name, slot, load) if slot.buffer.startswith(OPTIONAL) else load)
        if len(slots) > 1:
            lines.append(f"{node} = {' + '.join(f'{node}_{number}' for number in range(len(slots)))}")

    def load(self, slot: Slot, width: int) -> str:
        return f"tl.load({self.pointer(slot, width)}, mask={self.mask(slot, width)}, other=0).to(REAL)"

    def write(self, slot: Slot, width: int, value: str, adds: bool = False) -> str:
        """The line that stores a value."""
        pointer, mask = self.pointer(slot, width), self.mask_of_writes(slot, width)
        if slot.buffer not in self.written:
            self.written.append(slot.buffer)
        if adds:
            value = f"{self.load(slot, width)} + {value}"
        return f"tl.store({pointer}, {value}, mask={mask})"

    def argument(self, buffer: str) -> str:
        """A buffer by its name."""
        if buffer not in self.buffers:
            self.buffers.append(buffer)
        return buffer


def indented(line: str) -> str:
    return "    " + line.replace("\n", "\n    ")


def literal(number: float) -> str:
    return f"tl.full([1, 1], {repr(number) if isfinite(number) else f'float({str(number)!r})'}, REAL)"


def _or_zero(name: str, slot: Slot, load: str) -> str:
    return f"if {slot.buffer} is None:\n    {name} = {literal(0.0)}\nelse:\n    {load}"
