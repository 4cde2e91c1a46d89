"""A whole direction of a loop as the text of one Triton kernel: the persistent kernel.

A program owns some rows of the batch and all columns, so that no program waits for another. It loads what multiplies
the state once, then walks through time with the states in registers. Tiles are as wide as products want them, a power
of two and at least 16, and masked beyond what is there.

Between steps states stay in the type in which the kernel computes; driver 1 rounds them to that of their buffers.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from seqmodels.engine.cuda.body import Body, indented
from seqmodels.engine.cuda.functions import NEUTRAL, PRODUCTS, TOTAL, module_of
from seqmodels.engine.cuda.layout import Block, Layout, Slot
from seqmodels.engine.cuda.tiles import Tiles, padded
from seqmodels.engine.graph import REDUCTIONS, Leaf, Node, operands, reachable
from seqmodels.engine.schedule import Place, Store

AHEAD = ("step", "batch")  # operands whose products are computed before the loop
BASES = {"now": "now", "batch": "start", "even": "first", "odd": "last"}  # the program's first row, by kind of rows


class Columns(NamedTuple):
    """Columns of a state that are carried through time in registers, or of its gradient."""

    index: int  # type: ignore[assignment]  # hides tuple.index
    low: int
    width: int

    @property
    def name(self) -> str:
        return f"carried_{self.index}_{self.low}"

    @property
    def zeros(self) -> str:
        return f"tl.zeros([ROWS, {padded(self.width)}], REAL)"


@dataclass
class Kernel:
    """The function ``run``; its arguments are buffers, matrices each with two strides, and those of KERNEL."""

    buffers: list[str]
    weights: list[Block]  # what it keeps of the matrices
    matrices: list[int]
    widest: int  # columns of the widest tile
    operands: int  # columns of all that is multiplied at a step
    loads: int  # columns that are read at a step
    text: str

    def source(self, dtype: str) -> str:
        """The text of its module."""
        return module_of([PRODUCTS, self.text], dtype)


KERNEL = """\
@triton.jit(do_not_specialize=["steps", "batch"])
def run({arguments}, steps, batch, ROWS: tl.constexpr, PRECISION: tl.constexpr, STAGES: tl.constexpr):
    height = batch.to(tl.int64)
    start = tl.program_id(0).to(tl.int64) * ROWS
    line = tl.arange(0, ROWS)[:, None]
    is_row = line < height - start
{before}
    for step in tl.range(steps, num_stages=STAGES):
        t = {t}
        now = t * height + start
{body}
{after}
"""


def kernel(layout: Layout) -> Kernel:
    """The kernel of a direction.

    Args:
        layout: Of the schedule.
    """
    function = _Function(layout)
    for store in _stores(layout):
        for node in _in_order_of_need(store.node, lambda n: n in function.known or function.is_there(n)):
            function.compute(node)
        function.store(store)
    return function.kernel()


class _Function(Body):
    """Prints the kernel: lines before the loop, those of a step, which loads first, and those after the loop."""

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout)
        self.once: list[str] = []
        self.loads: list[str] = []
        self.work: list[str] = []
        self.after: list[str] = []
        self.weights: dict[Block, str] = {}
        self.operands: dict[Node, str] = {}
        self.tiles = Tiles()
        self.columns_read = 0  # at a step
        self.new: dict[Columns, str] = {}  # what a state, or its gradient, is after the step
        self.carried: list[Columns] = []

    def is_there(self, node: Node) -> bool:
        """Whether a value is there before the step."""
        place = self.layout.schedule.places.get(node)
        is_saved = self.layout.is_backward and place is not None and place.kind in ("saved", "new")
        return node.is_leaf or node.is_number or is_saved

    # --- where lines and values lie ---------------------------------------------------------------------------------

    def computing(self, node: Node) -> list[str]:
        return self.work

    def loading(self, node: Node, slots: list[Slot]) -> list[str]:
        if all(slot.rows in ("batch", "vector") for slot in slots):
            return self.once
        self.columns_read += len(slots) * padded(node.width)
        return self.loads

    def mask(self, slot: Slot, width: int) -> str:
        if slot.rows == "vector":
            return f"{self.tiles.column(width)} < {width}"
        inside = self.tiles.inside(width)
        return f"is_row & {inside}" if inside else "is_row"

    def pointer(self, slot: Slot, width: int) -> str:
        column = f"{self.tiles.column(width)} + {slot.low}"
        if slot.rows == "vector":
            return f"{self.argument(slot.buffer)} + ({column})"
        if slot.rows == "previous":
            base = self.before(slot)
        else:
            base = f"{self.argument(slot.buffer)} + {BASES[slot.rows]} * {slot.row}"
        return f"{base} + (line * {slot.row} + {column})"

    def before(self, slot: Slot) -> str:
        """The rows of a state before the step, which lie apart at the first one."""
        name = slot.buffer.replace("new", "before")
        initial, later = self.argument(slot.buffer.replace("new", "state")), self.argument(slot.buffer)
        rows = f"tl.where(t == 0, {initial} + start * {slot.row}, {later} + (now - height) * {slot.row})"
        if f"{name} = {rows}" not in self.loads:
            self.loads.append(f"{name} = {rows}")
        return name

    def whole(self, node: Node, other: str) -> str:
        """A value as a whole tile, with another number where no columns are."""
        value, inside = self.read(node), self.tiles.inside(node.width)
        tile = f"tl.broadcast_to({value}, [ROWS, {padded(node.width)}])"
        return f"tl.where({inside}, {tile}, {other})" if inside else tile

    # --- what is computed -------------------------------------------------------------------------------------------

    def compute(self, node: Node) -> None:
        if node.op == "product":
            self.multiply(node)
        elif node.op in REDUCTIONS:
            (arg,) = node.args
            self.work.append(f"{node} = {TOTAL[node.op].format(self.whole(arg, NEUTRAL[node.op]))}")
        else:
            super().compute(node)
        self.known.add(node)

    def fetch(self, node: Node, slots: list[Slot]) -> None:
        """As in any driver, but what a step hands to the next stays in registers."""
        if node.op != ("cotangent" if self.layout.is_backward else "state"):
            super().fetch(node, slots)
            return
        assert isinstance(node.data, Leaf)
        (slot,) = slots
        if not self.layout.is_backward:
            slot = slot._replace(buffer=slot.buffer.replace("new", "state"), rows="batch")
        columns = Columns(*node.data, node.width)
        self.carried.append(columns)
        self.once.append(f"{columns.name} = {self.load(slot, node.width)}")
        self.loads.append(f"{node} = {columns.name}")

    def multiply(self, node: Node) -> None:
        """Lines for a product: what was computed ahead, and each operand times its weights."""
        terms = []
        for number, (product, low) in enumerate(self.layout.parts[node]):
            if product.level < 0:
                slot = Slot(product.buffer, low, product.width, product.rows)
                terms.append(f"{node}_{number}")
                self.loading(node, [slot]).append(f"{terms[-1]} = {self.load(slot, node.width)}")
        sums = "None"
        for number, (arg, segment) in enumerate(operands(node)):
            if arg.op in AHEAD:
                continue
            weight = self.weight(Block(segment, arg.width, node.width))
            if arg.width > 1 and node.width > 1:
                dot = f"dot({self.operand(arg, weight)}, {weight}, {sums}, PRECISION)"
                sums = f"{node}_times_{number}"
                self.work.append(f"{sums} = {dot}")
            elif arg.width > 1:
                terms.append(f"tl.sum({self.whole(arg, '0.0')} * {weight}, 1)[:, None]")
            else:
                terms.append(f"{self.read(arg)} * {weight}")
        terms += [] if sums == "None" else [sums]
        self.work.append(f"{node} = {' + '.join(terms)}")

    def operand(self, node: Node, weight: str) -> str:
        """A value as the left side of products, in the type of the matrices."""
        if node not in self.operands:
            tile = self.whole(node, "0.0")
            if self.is_of_another(node):
                tile = f"apart({tile}, {weight})"
            self.operands[node] = f"{node}_operand"
            self.work.append(f"{node}_operand = {tile}.to({weight}.dtype)")
        return self.operands[node]

    def is_of_another(self, node: Node) -> bool:
        """Whether an operand is computed from another operand without a product, as tanh(h) beside h."""
        others = {arg for product in self.layout.parts for arg in product.args if arg is not node}
        behind = reachable([node], self.is_there)
        return all(each.op != "product" for each in behind) and any(each in others for each in behind)

    def weight(self, block: Block) -> str:
        """A part of a matrix: [depth, width], or [1, depth] where the result is one number a row."""
        if block in self.weights:
            return self.weights[block]
        name = self.weights[block] = f"weight_{len(self.weights)}"
        (index, row, column, transposed), depth, width = block
        down = self.tiles.column(depth) if width == 1 else self.tiles.down(depth)
        across = self.tiles.column(width)
        sizes = [(down, depth), (across, width)]
        mask = " & ".join(f"({each} < {size})" for each, size in sizes if size != padded(size))
        down, across = (across, down) if transposed else (down, across)
        matrix = f"matrix_{index}"
        pointer = f"{matrix} + ({down} + {row}) * {matrix}_down + ({across} + {column}) * {matrix}_across"
        load = f"tl.load({pointer}, mask={mask}, other=0)" if mask else f"tl.load({pointer})"
        self.once.append(f"{name} = {load}" if depth > 1 and width > 1 else f"{name} = {load}.to(REAL)")
        return name

    # --- what is stored ---------------------------------------------------------------------------------------------

    def store(self, store: Store) -> None:
        """Lines that keep a result: in memory, in registers for the next step, or added up in registers."""
        place, node, adds = store
        slot, width = self.layout.slot(place), node.width
        if adds:
            name = f"{slot.buffer}_{slot.low}"
            self.once.append(f"{name} = tl.zeros([ROWS, {padded(width)}], REAL)")
            self.work.append(f"{name} += {self.read(node)}")
            self.after.append(self.write(slot, width, name, adds=True))
            return
        if place.kind in ("new", "carry"):
            value = f"tl.broadcast_to({self.read(node)}, [ROWS, {padded(width)}])"
            self.new[Columns(place.index, place.low, width)] = value
        if place.kind != "carry":
            self.work.append(self.write(slot, width, self.read(node)))

    def kernel(self) -> Kernel:
        """Everything together."""
        ends = [f"{each.name} = {self.new.get(each, each.zeros)}" for each in self.carried]
        before, after = [], list(self.after)
        if self.layout.is_backward:
            before = ["first = (steps + 1) % 2 * height + start", "last = height + start"]
            for each, value in self.new.items():
                is_carried = each in self.carried
                slot = self.layout.slot(Place("carry", each.index, each.low))
                (after if is_carried else ends).append(self.write(slot, each.width, each.name if is_carried else value))
        before += self.tiles.lines
        matrices = sorted({block.segment.matrix for block in self.weights})
        arguments = [*self.buffers, *(f"matrix_{i}{part}" for i in matrices for part in ("", "_down", "_across"))]
        text = KERNEL.format(
            arguments=", ".join(arguments),
            t="steps - 1 - step" if self.layout.is_backward else "step",
            before="\n".join(map(indented, [*before, *self.once])),
            body="\n".join(indented(indented(line)) for line in [*self.loads, *self.work, *ends]),
            after="\n".join(map(indented, after)),
        )
        multiplied = sum(padded(node.width) for node in self.operands)
        return Kernel(
            self.buffers, list(self.weights), matrices, self.tiles.widest, multiplied, self.columns_read, text
        )


def _stores(layout: Layout) -> Iterable[Store]:
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
