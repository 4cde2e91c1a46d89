"""A schedule's pointwise work and reductions as the text of one Triton module: a kernel a phase, a kernel a reduction.

A kernel works on a tile of rows and columns. The text depends on the loop alone: not on T or B, nor on the types of the
buffers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from seqmodels.engine.cuda.body import Body, indented
from seqmodels.engine.cuda.functions import NEUTRAL, TOTAL, module_of
from seqmodels.engine.cuda.layout import Layout, Slot
from seqmodels.engine.graph import Node
from seqmodels.engine.schedule import Phase, Reduction

# Of a tile's rows: how they are numbered within the whole buffer.
LINES = {
    "now": "now = t.to(tl.int64) * batch + row",
    "even": "even = (t % 2).to(tl.int64) * batch + row",
    "odd": "odd = ((t + 1) % 2).to(tl.int64) * batch + row",
}


@dataclass
class Kernel:
    """One function of the module; its arguments are buffers, then ``t``, ``batch``, ``ROWS`` and ``COLUMNS``."""

    name: str
    buffers: list[str]
    written: list[str]
    width: int
    reduces: bool
    text: str


def kernels(layout: Layout) -> list[list[Kernel]]:
    """The kernels of each level, in their order.

    Args:
        layout: Of the schedule.
    """
    made: list[list[Kernel]] = []
    for number, level in enumerate(layout.schedule.levels):
        here = [_reduction(f"reduce_{number}_{i}", each, layout) for i, each in enumerate(level.reductions)]
        made.append(here + [_phase(f"phase_{number}_{i}", each, layout) for i, each in enumerate(level.phases)])
    return made


def source(made: Sequence[Sequence[Kernel]], dtype: str) -> str:
    """The text of the module of these kernels."""
    return module_of([kernel.text for level in made for kernel in level], dtype)


class _Function(Body):
    """Prints one kernel: lines for the tile's rows, then for each of its columns."""

    def __init__(self, layout: Layout, width: int) -> None:
        super().__init__(layout)
        self.width = width
        self.once: list[str] = []
        self.work: list[str] = []
        self.after: list[str] = []
        self.rows: dict[str, str] = {}  # names of rows, and the lines that compute them

    def computing(self, node: Node) -> list[str]:
        return self.once if node.width == 1 else self.work

    def loading(self, node: Node, slots: list[Slot]) -> list[str]:
        return self.computing(node)

    def mask(self, slot: Slot, width: int) -> str:
        if slot.rows == "vector":
            return f"column < {self.width}" if width > 1 else "tl.full([1, 1], 1, tl.int1)"
        return "is_there" if width > 1 else "is_row"

    def pointer(self, slot: Slot, width: int) -> str:
        column = str(slot.low) if width == 1 else f"(column + {slot.low})" if slot.low else "column"
        if slot.rows == "previous":
            return f"{self.before(slot)} + {column}"
        self.argument(slot.buffer)
        if slot.rows == "vector":
            return f"{slot.buffer} + {column if width > 1 else f'tl.full([1, 1], {slot.low}, tl.int32)'}"
        if slot.rows in LINES:
            self.rows[slot.rows] = LINES[slot.rows]
        return f"{slot.buffer} + {'row' if slot.rows == 'batch' else slot.rows} * {slot.row} + {column}"

    def before(self, slot: Slot) -> str:
        """The rows of a state before the step, which lie apart at the first one."""
        initial = slot.buffer.replace("new", "state")
        name = slot.buffer.replace("new", "before")
        self.argument(initial)
        self.argument(slot.buffer)
        self.rows["now"] = LINES["now"]
        self.rows[name] = (
            f"if t == 0:\n    {name} = {initial} + row * {slot.row}\n"
            f"else:\n    {name} = {slot.buffer} + (now - batch) * {slot.row}"
        )
        return name

    def kernel(self, name: str, reduces: bool) -> Kernel:
        outer = [line for _, line in sorted(self.rows.items(), key=lambda item: item[0].startswith("before"))]
        start = "start" if reduces else "tl.program_id(1) * COLUMNS"
        inner = [f"column = {start} + tl.arange(0, COLUMNS)[None, :]", f"is_there = is_row & (column < {self.width})"]
        inner += self.work
        if reduces:
            inner = [f"for start in range(0, {self.width}, COLUMNS):", *(indented(line) for line in inner)]
        lines = [*outer, *self.once, *inner, *self.after]
        buffers = "".join(f"{buffer}, " for buffer in self.buffers)
        text = KERNEL.format(name=name, buffers=buffers, body="\n".join(map(indented, lines)))
        return Kernel(name, self.buffers, self.written, self.width, reduces, text)


KERNEL = """\
@triton.jit(do_not_specialize=["t", "batch"])
def {name}({buffers}t, batch, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)[:, None]
    is_row = row < batch
{body}
"""


def _phase(name: str, phase: Phase, layout: Layout) -> Kernel:
    function = _Function(layout, phase.width)
    for node in phase.work:
        function.compute(node)
    for place, node, adds in phase.stores:
        if node in layout.parts and layout.slot(place).buffer == "numbers":
            continue  # a product is read where it was computed
        value = function.read(node)
        function.computing(node).append(function.write(layout.slot(place), node.width, value, adds))
    return function.kernel(name, reduces=False)


def _reduction(name: str, reduction: Reduction, layout: Layout) -> Kernel:
    function = _Function(layout, reduction.width)
    for node in reduction.work:
        function.compute(node)
    for place, node in reduction.results:
        value = function.read(node.args[0])
        function.once.append(f"{node} = tl.full([ROWS, COLUMNS], {NEUTRAL[node.op]}, REAL)")
        inside = f"tl.where(is_there, {value}, {NEUTRAL[node.op]})"
        function.work.append(
            f"{node} = {node} + {inside}" if node.op == "sum" else f"{node} = maximum({node}, {inside})"
        )
        function.after.append(function.write(layout.slot(place), 1, TOTAL[node.op].format(node)))
    return function.kernel(name, reduces=True)
