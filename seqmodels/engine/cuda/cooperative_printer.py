"""A whole direction of a loop as the text of one Triton kernel whose programs share each row: the cooperative kernel.

A program owns some rows of the batch and some columns of every value, with what multiplies the state into them. What a
product needs whole it reads from memory, to which all programs of these rows have written their columns; a counter
says when they have. A value that depends on the state alone, such as tanh(h), is written with the state.
"""

from dataclasses import dataclass
from math import ceil

from seqmodels.engine.cuda.body import indented
from seqmodels.engine.cuda.cooperative_products import Multiplication
from seqmodels.engine.cuda.functions import EXPRESSIONS, NEUTRAL, PRODUCTS, TOTAL, WAITING, module_of
from seqmodels.engine.cuda.layout import Layout, Product, Slot
from seqmodels.engine.cuda.tiling import Tiling
from seqmodels.engine.cuda.walk import AHEAD, Walk, results
from seqmodels.engine.graph import REDUCTIONS, Node, reachable
from seqmodels.engine.schedule import Place, Store

APART = 32  # numbers from one counter to the next: each has a line of the cache
UNCHANGED = ("vector", "batch")
TILE = "[ROWS, COLUMNS]"
PARITIES = ("scratch", "early")  # buffers of two halves: one is read while the other is written for the next step


@dataclass
class Kernel:
    """The function ``run``; its arguments are buffers, products' matrices with two strides, and those of KERNEL."""

    buffers: list[str]
    rooms: dict[str, int]  # of buffers of a step's operands: their columns
    reductions: int  # of a step
    arrivals: int  # how often programs wait for each other at a step
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
    within = [product for product in layout.products if product.level >= 0]
    if any(product.depth == 1 for product in within) or any(node.width == 1 for node in layout.parts):
        return "a product of one number a row, or to one"
    return None


def kernel(layout: Layout, tiling: Tiling) -> Kernel:
    """The kernel of a direction that has none of the problems above.

    Args:
        layout: Of the schedule.
        tiling: How its work is divided.
    """
    function = _Function(layout, tiling)
    function.step()
    return function.kernel()


def widest(layout: Layout) -> int:
    """Columns of the widest values of a step."""
    nodes = reachable(store.node for store in results(layout))
    found = {node.width for node in nodes if not node.is_leaf}
    return max(found.union(arg.width for node in nodes for arg in node.args if not _is_ahead(node, arg)))


class _Function(Walk):
    """Prints the kernel.

    Args:
        layout: Of the schedule.
        tiling: How its work is divided.
    """

    def __init__(self, layout: Layout, tiling: Tiling) -> None:
        super().__init__(layout)
        self.tiling, self.widest = tiling, widest(layout)
        self.within = [product for product in layout.products if product.level >= 0]
        self.operands = {product.buffer: _operands(layout, product) for product in self.within}
        self.products = Multiplication(tiling, self.widest, self.base)
        self.multiplied: set[str] = set()  # products, by their buffers
        self.given: set[Place] = set()  # operands that this step has written
        self.early: dict[Node, Slot] = {}  # operands that are written with the state, and where
        self.apart: dict[Place, list[Slot]] = {}  # where operands are written beside their places
        self.instead: dict[str, Slot] = {}  # of a product, by its buffer: where its operand lies, if not in its place
        self.exchanged: set[str] = set()  # states that other programs read
        self.pending = {store.place: store for store in results(layout)}
        self.reductions = self.find_reductions()
        self.reduced: set[Node] = set()  # those of which all programs have written their parts
        self.barriers = 0  # within a step

    # --- where values lie -------------------------------------------------------------------------------------------

    def column(self, width: int) -> str:
        return "column" if width > 1 else "single"

    def shape(self, width: int) -> str:
        return TILE if width > 1 else "[ROWS, 1]"

    def mask(self, slot: Slot, width: int) -> str:
        inside = f"{self.column(width)} < {width}"
        return inside if slot.rows == "vector" else f"is_row & ({inside})" if width > 1 else "is_row"

    def write(self, slot: Slot, width: int, value: str, adds: bool = False) -> str:
        """As in any driver; one number a row, which all programs compute, is written by the first."""
        line = super().write(slot, width, value, adds)
        return line.replace("mask=is_row)", "mask=is_row & (block == 0))") if width == 1 else line

    def base(self, slot: Slot) -> str:
        if slot.rows == "batch" and slot.buffer in PARITIES:
            return f"{self.argument(slot.buffer)} + (step % 2 * height + start) * {slot.row}"
        return super().base(slot)

    # --- a step -----------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """All lines: what others wait for as soon as it is known, and what nobody waits for while waiting."""
        self.find_exchanged()
        self.find_early()
        if self.waits_for_state:
            self.work.append(self.wait("step * ARRIVALS", 0))
        while (operands := self.next_operands()) or self.next_reductions():
            self.exchange(operands, self.next_reductions())
        for product in self.within:
            self.multiply(product)
        for node in self.reductions:
            self.reduce(node)
        needed = self.exchanged | {self.buffer_of(leaf) for node in self.early for leaf in _states(node)}
        for place in [place for place in self.pending if self.buffer_at(place) in needed]:
            self.finish(self.pending.pop(place))
        if self.waits_for_state:
            self.work += [*self.write_early("(step + 1)"), "arrive(arrived)"]
        for store in self.pending.values():
            self.finish(store)

    def exchange(self, operands: list[tuple[Place, Node]], reductions: list[Node]) -> None:
        """Lines that give values to all programs, do what need not wait for them, and wait."""
        for place, node in operands:
            self.open(node)
            self.publish(place, node)
        for node in reductions:
            self.open(node.args[0])
            self.publish_part(node)
        self.barriers += 1
        self.work.append("arrive(arrived)")
        for product in self.within:
            if self.is_ready(product) and not any(operand in operands for operand in self.operands[product.buffer]):
                self.multiply(product)
        for place in [place for place, store in self.pending.items() if self.is_spare(store)]:
            self.finish(self.pending.pop(place))
        self.work.append(self.wait("step * ARRIVALS", self.barriers))
        self.reduced.update(reductions)

    def open(self, node: Node) -> None:
        """Lines for the products and reductions that a value comes of."""
        products, reductions = self.behind(node)
        for product in products:
            self.multiply(product)
        for each in reductions:
            self.reduce(each)

    def wait(self, before: str, number: int) -> str:
        """The line that waits until all have arrived that often, beside ``before``."""
        return f"wait(arrived, ({before} + {number + bool(self.early)}) * blocks)"

    def next_operands(self) -> list[tuple[Place, Node]]:
        """Operands that others can be given now: those not yet written that come of what is there."""
        waiting = dict(pair for product in self.within for pair in self.operands[product.buffer])
        return [pair for pair in waiting.items() if not self.is_given(*pair) and self.is_known_of(pair[1])]

    def next_reductions(self) -> list[Node]:
        """Reductions of which a program can give its part now."""
        return [node for node in self.reductions if node not in self.reduced and self.is_known_of(node.args[0])]

    def is_known_of(self, node: Node) -> bool:
        """Whether a value comes of products and reductions that can be computed now."""
        products, reductions = self.behind(node)
        return all(map(self.is_ready, products)) and self.reduced.issuperset(reductions)

    def is_given(self, place: Place, node: Node) -> bool:
        """Whether all programs have, or have been promised, an operand."""
        is_there = self.is_there(node) and place not in self.apart
        return place in self.given or node in self.early or is_there

    def is_ready(self, product: Product) -> bool:
        return all(self.is_given(*operand) for operand in self.operands[product.buffer])

    def is_spare(self, store: Store) -> bool:
        """Whether a result is known and no other program needs it."""
        products, reductions = self.behind(store.node)
        is_known = self.multiplied.issuperset(product.buffer for product in products)
        return is_known and self.known.issuperset(reductions) and self.buffer_at(store.place) not in self.exchanged

    def behind(self, node: Node) -> tuple[list[Product], list[Node]]:
        """The products and the reductions of a step that a value comes of."""
        nodes = [each for each in reachable([node], self.is_there) if not self.is_there(each)]
        found = {product.buffer for each in nodes for product, _ in self.layout.parts.get(each, ())}
        reductions = [each for each in nodes if each.op in REDUCTIONS]
        return [product for product in self.within if product.buffer in found], reductions

    def find_reductions(self) -> list[Node]:
        """Those of a step, in their order."""
        wanted = [store.node for store in self.pending.values()]
        wanted += [node for pairs in self.operands.values() for _, node in pairs]
        found = reachable(wanted, self.is_there)
        return [node for node in found if node.op in REDUCTIONS and not self.is_there(node)]

    @property
    def waits_for_state(self) -> bool:
        """Whether a step begins with what the step before has written."""
        return bool(self.exchanged or self.early)

    def buffer_of(self, leaf: Node) -> str:
        """Where a state lies."""
        (slot,) = self.layout.slots(leaf)
        return slot.buffer

    def buffer_at(self, place: Place) -> str:
        return self.layout.slot(place).buffer

    def find_exchanged(self) -> None:
        """Finds the states that are operands."""
        for nodes in self.operands.values():
            for _, node in nodes:
                if node.op == "state" and not self.layout.is_backward:
                    self.exchanged.add(self.buffer_of(node))

    def find_early(self) -> None:
        """Finds the operands that have a place of their own: what depends on the state alone, and its gradient."""
        found = {}
        for product in self.within:
            nodes = [node for _, node in self.operands[product.buffer]]
            is_early = all(node.op != "state" and self.is_early(node) for node in nodes)
            if is_early or any(node.op == "cotangent" for node in nodes):
                found[product.buffer] = is_early
        total = sum(node.width for name in found for _, node in self.operands[name])
        low = 0
        for name, is_early in found.items():
            self.instead[name] = Slot("early", low, total, "batch")
            for place, node in self.operands[name]:
                slot = Slot("early", low, total, "batch")
                if is_early:
                    self.early[node] = slot
                else:
                    self.apart.setdefault(place, []).append(slot)
                low += node.width

    def is_early(self, node: Node) -> bool:
        """Whether a value depends on the state alone, without a product, so that it can be written with it."""
        nodes = reachable([node])
        leaves = [each for each in nodes if not each.args and not each.is_number]
        is_pointwise = all(each.op != "product" and each.op not in REDUCTIONS for each in nodes)
        return not self.layout.is_backward and is_pointwise and all(n.op in ("state", *UNCHANGED) for n in leaves)

    def publish(self, place: Place, node: Node) -> None:
        """Lines that write an operand of this step."""
        self.given.add(place)
        if place in self.pending:
            self.finish(self.pending.pop(place))
        self.compute_all(node)
        slots = self.apart.get(place, [])
        if place.kind == "scratch":
            slots = [*slots, self.layout.slot(place)]
        self.work += [self.write(slot, node.width, self.read(node)) for slot in slots]

    def publish_part(self, node: Node) -> None:
        """Lines that write what a reduction over this program's columns gives."""
        (arg,) = node.args
        self.compute_all(arg)
        inside = f"tl.where(column < {arg.width}, {self.read(arg)}, {NEUTRAL[node.op]})"
        part = TOTAL[node.op].format(f"tl.broadcast_to({inside}, {TILE})")
        self.work.append(f"tl.store({self.part_of(node)} + block * height + line, {part}, mask=is_row)")

    def reduce(self, node: Node) -> None:
        """Lines for a reduction, of the parts of all programs; once."""
        if node not in self.known:
            pointer = f"{self.part_of(node)} + numbered * height + line"
            parts = (
                f'tl.load({pointer}, mask=is_row & (numbered < blocks), other={NEUTRAL[node.op]}, cache_modifier=".cg")'
            )
            self.work.append(f"{node} = {TOTAL[node.op].format(parts)}")
            self.known.add(node)

    def part_of(self, node: Node) -> str:
        """Where the parts of a reduction begin: for each a number a row."""
        which = f"step % 2 * {len(self.reductions)} + {self.reductions.index(node)}"
        return f"{self.argument('parts')} + ({which}) * blocks * height + start"

    def finish(self, store: Store) -> None:
        self.compute_all(store.node)
        self.store(store)

    def write_early(self, step: str) -> list[str]:
        """Lines that write what depends on the state alone; ``step`` is the one that it is for."""
        lines = []
        for node, slot in self.early.items():
            base = f"{self.argument(slot.buffer)} + ({step} % 2 * height + start) * {slot.row}"
            pointer = f"{base} + (line * {slot.row} + column + {slot.low})"
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

    # --- products ---------------------------------------------------------------------------------------------------

    def compute(self, node: Node) -> None:
        if node.op != "product":
            super().compute(node)
            return
        terms = []
        for number, (product, low) in enumerate(self.layout.parts[node]):
            if product.level < 0:
                slot = Slot(product.buffer, low, product.width, product.rows)
                terms.append(f"{node}_{number}")
                self.loading(node, [slot]).append(f"{terms[-1]} = {self.load(slot, node.width)}")
            else:
                terms.append(self.products.results[product.buffer, low])
        self.work.append(f"{node} = {' + '.join(terms)}")
        self.known.add(node)

    def multiply(self, product: Product) -> None:
        """Lines for a product; once."""
        if product.buffer not in self.multiplied:
            self.multiplied.add(product.buffer)
            self.work += self.products.multiply(product, self.instead.get(product.buffer, product.slot))

    # --- everything together ----------------------------------------------------------------------------------------

    def kernel(self) -> Kernel:
        ends = self.hand_over()
        arrivals = self.barriers + int(self.waits_for_state)
        names = [f"{name} = {text}" for name, text in self.products.names.items()]
        before = [*self.halves, *names, *self.products.once, *self.once]
        if self.early:
            self.new = {}
            before += [*self.write_early("0"), "arrive(arrived)"]
            before = [line.replace("(0 % 2 * height + start)", "start") for line in before]
        matrices = [product.buffer.replace("product", "matrix") for product in self.within]
        arguments = [*self.buffers, *(f"{name}{part}" for name in matrices for part in ("", "_down", "_across"))]
        body = [line.replace("ARRIVALS", str(arrivals)) for line in [*self.loads, *self.work, *ends]]
        text = KERNEL.format(
            arguments=", ".join(arguments),
            apart=APART,
            numbered=1 << (ceil(self.widest / self.tiling.columns) - 1).bit_length(),
            t=self.time,
            before="\n".join(map(indented, before)),
            body="\n".join(indented(indented(line)) for line in body),
            after="\n".join(map(indented, self.after)),
        )
        early = sum(node.width for name in self.instead for _, node in self.operands[name])
        sizes = {"scratch": self.layout.widths.get("scratch", 0), "early": early}
        rooms = {name: width for name, width in sizes.items() if name in self.buffers}
        return Kernel(self.buffers, rooms, len(self.reductions), arrivals, text)


def _operands(layout: Layout, product: Product) -> list[tuple[Place, Node]]:
    """What makes up the operand of a product, from left to right."""
    groups = [group for phase in layout.schedule.levels[product.level].phases for group in phase.groups]
    found = {layout.slot(p): (p, n) for g in groups for p, n in zip(g.operands, g.products[0].args, strict=True)}
    columns = range(product.slot.low, product.slot.low + product.depth)
    beside = [slot for slot in found if slot._replace(low=0) == product.slot._replace(low=0) and slot.low in columns]
    return [found[slot] for slot in sorted(beside)]


def _is_ahead(node: Node, arg: Node) -> bool:
    """Whether a value is an operand of a product that is computed before the loop."""
    return node.op == "product" and arg.op in AHEAD


def _states(node: Node) -> list[Node]:
    """The states that a value depends on."""
    return [each for each in reachable([node]) if each.op == "state"]
