"""A whole direction of a loop as the text of one Triton kernel whose programs share each row: the cooperative kernel.

A program owns some rows of the batch and some columns of every value, with what multiplies the state into them. What
others have computed it reads from memory; a counter says when they have written it (cooperation.py).
"""

from dataclasses import dataclass
from math import ceil

from seqmodels.engine.cuda import cooperation
from seqmodels.engine.cuda.body import indented
from seqmodels.engine.cuda.cooperation import ASIDE, within
from seqmodels.engine.cuda.cooperative_products import Multiplication
from seqmodels.engine.cuda.functions import EXPRESSIONS, NEUTRAL, PRODUCTS, TOTAL, WAITING, module_of
from seqmodels.engine.cuda.layout import Layout, Slot
from seqmodels.engine.cuda.tiling import Tiling
from seqmodels.engine.cuda.walk import AHEAD, Walk, results
from seqmodels.engine.graph import Node, reachable
from seqmodels.engine.schedule import Place, Store

APART = 32  # numbers from one counter to the next: each has a line of the cache
MANY = 1024  # warps that look at one counter
TILE = "[ROWS, COLUMNS]"
PARITIES = ("scratch", ASIDE)  # buffers of two halves: one is read while the other is written for the next step


@dataclass
class Kernel:
    """The function ``run``; its arguments are buffers, products' matrices with two strides, and those of KERNEL."""

    buffers: list[str]
    rooms: dict[str, int]  # of buffers of a step's operands: their columns
    text: str

    def source(self, dtype: str) -> str:
        """The text of its module."""
        return module_of([PRODUCTS, WAITING, self.text], dtype)


KERNEL = """\
@triton.jit(do_not_specialize=["steps", "batch", "offset"])
def run(
    {arguments},
    counters,
    steps,
    batch,
    offset,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
    PRECISION: tl.constexpr,
):
    height = batch.to(tl.int64)
    block = tl.program_id(0)
    blocks = tl.num_programs(0)
    start = offset + tl.program_id(1).to(tl.int64) * ROWS
    arrived = counters + tl.program_id(1) * {apart}
    line = tl.arange(0, ROWS)[:, None]
    is_row = line < height - start
    column = block * COLUMNS + tl.arange(0, COLUMNS)[None, :]
    single = tl.zeros([1, 1], tl.int32)
    numbered = tl.arange(0, {numbered})[None, :]
{before}
    for step in tl.range(steps, num_stages=1):
        t = {t}
        now = t * height + start
{body}
{after}
"""


def problem(layout: Layout) -> str | None:
    """Why a direction can have no such kernel, or None."""
    if any(product.depth == 1 for product in within(layout)) or any(node.width == 1 for node in layout.parts):
        return "a product of one number a row, or to one"
    return None


def kernel(layout: Layout, tiling: Tiling, plan: cooperation.Step) -> Kernel:
    """The kernel of a direction that has none of the problems above.

    Args:
        layout: Of the schedule.
        tiling: How its work is divided.
        plan: Of a step.
    """
    function = _Function(layout, tiling, plan)
    for action in plan.actions:
        function.do(action)
    return function.kernel()


def widest(layout: Layout) -> int:
    """Columns of the widest values of a step."""
    nodes = reachable(store.node for store in results(layout))
    found = {node.width for node in nodes if not node.is_leaf}
    operands = {arg for node in nodes for arg in node.args if not (node.op == "product" and arg.op in AHEAD)}
    return max(found.union(arg.width for arg in operands))


class _Function(Walk):
    """Prints the kernel.

    Args:
        layout: Of the schedule.
        tiling: How its work is divided.
        plan: Of a step.
    """

    def __init__(self, layout: Layout, tiling: Tiling, plan: cooperation.Step) -> None:
        super().__init__(layout)
        self.tiling, self.widest = tiling, widest(layout)
        self.blocks = ceil(self.widest / tiling.columns)
        self.wait = "wait_among_many" if self.blocks * tiling.warps >= MANY else "wait"
        self.products = Multiplication(tiling, self.widest, self.base)
        self.plan = plan

    # --- where values lie -------------------------------------------------------------------------------------------

    def column(self, width: int) -> str:
        return "column" if width > 1 else "single"

    def shape(self, width: int) -> str:
        return TILE if width > 1 else "[ROWS, 1]"

    def mask(self, slot: Slot, width: int) -> str:
        inside = f"{self.column(width)} < {width}"
        return inside if slot.rows == "vector" else f"is_row & ({inside})" if width > 1 else "is_row"

    def mask_of_writes(self, slot: Slot, width: int) -> str:
        """One number a row, which all programs compute, is written by the first."""
        mask = self.mask(slot, width)
        return mask if width > 1 else f"{mask} & (block == 0)"

    def base(self, slot: Slot) -> str:
        if slot.rows == "batch" and slot.buffer in PARITIES:
            return self.half(slot, "step")
        return super().base(slot)

    def half(self, slot: Slot, step: str) -> str:
        """Where the program's first row begins in that half of a buffer that is a step's."""
        return f"{self.argument(slot.buffer)} + ({step} % 2 * height + start) * {slot.row}"

    # --- what is done, as cooperation.py orders it --------------------------------------------------------------------

    def do(self, action: cooperation.Action) -> None:
        """Lines for one action."""
        match action:
            case cooperation.Wait(number):
                before = number + bool(self.plan.early)  # those were written once before the loop
                arrivals = f"(step * {self.plan.arrivals} + {before}) * blocks"
                self.work.append(f"{self.wait}(arrived, {arrivals}, PRECISION)")
            case cooperation.Arrive():
                self.work.append("arrive(arrived, PRECISION)")
            case cooperation.Multiply(product):
                self.work += self.products.multiply(product, self.plan.instead.get(product.buffer, product.slot))
            case cooperation.Give(place, node, result):
                self.give(place, node, result)
            case cooperation.GivePart(node):
                self.give_part(node)
            case cooperation.Reduce(node):
                self.reduce(node)
            case cooperation.Finish(store):
                self.compute_all(store.node)
                self.store(store)
            case cooperation.GiveEarly():
                self.work += self.early("(step + 1)")

    def give(self, place: Place, node: Node, result: Store | None) -> None:
        """Lines that write an operand of this step."""
        self.compute_all(node)
        slots = list(self.plan.aside.get(place, []))
        if place.kind == "scratch":
            slots.append(self.layout.slot(place))
        if result is not None:
            self.store(result)
        self.work += [self.write(slot, node.width, self.read(node)) for slot in slots]

    def give_part(self, node: Node) -> None:
        """Lines that write what a reduction over this program's columns gives."""
        (arg,) = node.args
        self.compute_all(arg)
        inside = f"tl.where(column < {arg.width}, {self.read(arg)}, {NEUTRAL[node.op]})"
        part = TOTAL[node.op].format(f"tl.broadcast_to({inside}, {TILE})")
        self.work.append(f"tl.store({self.parts(node)} + block * height + line, {part}, mask=is_row)")

    def reduce(self, node: Node) -> None:
        """Lines for a reduction, of the parts of all programs."""
        mask = f"mask=is_row & (numbered < blocks), other={NEUTRAL[node.op]}"
        parts = f'tl.load({self.parts(node)} + numbered * height + line, {mask}, cache_modifier=".cg")'
        self.work.append(f"{node} = {TOTAL[node.op].format(parts)}")
        self.known.add(node)

    def parts(self, node: Node) -> str:
        """Where the parts of a reduction begin: for each a number a row."""
        reductions = self.plan.reductions
        which = f"step % 2 * {len(reductions)} + {reductions.index(node)}"
        return f"{self.argument('parts')} + ({which}) * blocks * height + start"

    def early(self, step: str) -> list[str]:
        """Lines that write what depends on the state alone; ``step`` is the one that it is for."""
        lines = []
        for node, slots in self.plan.early.items():
            for slot in slots:  # one for each product that it is an operand of
                pointer = f"{self.half(slot, step)} + (line * {slot.row} + column + {slot.low})"
                lines.append(f"tl.store({pointer}, {self.of_new_state(node)}, mask={self.mask(slot, node.width)})")
        return lines

    def of_new_state(self, node: Node) -> str:
        """The text of a value that depends on the state alone, for the state of the next step."""
        if node.op == "state":
            columns = self.carry(node, self.layout.slots(node))
            return f"({self.new.get(columns, columns.name)})"
        if node.is_leaf or node.is_number:
            return self.read(node)
        return f"({EXPRESSIONS[node.op].format(*map(self.of_new_state, node.args))})"

    def compute(self, node: Node) -> None:
        if node.op != "product":
            super().compute(node)
            return
        within_step = [(product, low) for product, low in self.layout.parts[node] if product.level >= 0]
        terms = [*self.terms_ahead(node), *(self.products.results[each.buffer, low] for each, low in within_step)]
        self.work.append(f"{node} = {' + '.join(terms)}")
        self.known.add(node)

    # --- everything together ----------------------------------------------------------------------------------------

    def kernel(self) -> Kernel:
        ends = self.hand_over()
        names = [f"{name} = {text}" for name, text in self.products.names.items()]
        before = [*self.halves, *names, *self.products.once, *self.once]
        if self.plan.early:
            self.new = {}  # before the loop, what is carried is the state itself
            before += [*self.early("0"), "arrive(arrived, PRECISION)"]
        matrices = [product.buffer.replace("product", "matrix") for product in within(self.layout)]
        arguments = [*self.buffers, *(f"{name}{part}" for name in matrices for part in ("", "_down", "_across"))]
        text = KERNEL.format(
            arguments=", ".join(arguments),
            apart=APART,
            numbered=1 << (self.blocks - 1).bit_length(),
            t=self.time,
            before="\n".join(map(indented, before)),
            body="\n".join(indented(indented(line)) for line in [*self.loads, *self.work, *ends]),
            after="\n".join(map(indented, self.after)),
        )
        sizes = {"scratch": self.layout.widths.get("scratch", 0), ASIDE: self.plan.width}
        rooms = {name: width for name, width in sizes.items() if name in self.buffers}
        return Kernel(self.buffers, rooms, text)
