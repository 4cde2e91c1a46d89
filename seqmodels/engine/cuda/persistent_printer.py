"""A whole direction of a loop as the text of one Triton kernel: the persistent kernel.

A program owns some rows of the batch and all columns, so that no program waits for another. It loads what multiplies
the state once, then walks through time with the states in registers. Tiles are as wide as products want them, a power
of two and at least 16, and masked beyond what is there.
"""

from dataclasses import dataclass

from seqmodels.engine.cuda.body import indented
from seqmodels.engine.cuda.functions import NEUTRAL, PRODUCTS, TOTAL, module_of
from seqmodels.engine.cuda.layout import Block, Layout, Slot
from seqmodels.engine.cuda.tiles import Tiles, padded
from seqmodels.engine.cuda.walk import AHEAD, Walk, results
from seqmodels.engine.graph import REDUCTIONS, Node, operands, reachable


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
    for store in results(layout):
        function.compute_all(store.node)
        function.store(store)
    return function.kernel()


class _Function(Walk):
    def __init__(self, layout: Layout) -> None:
        super().__init__(layout)
        self.weights: dict[Block, str] = {}
        self.operands: dict[Node, str] = {}
        self.tiles = Tiles()
        self.columns_read = 0  # at a step

    # --- where lines and values lie ---------------------------------------------------------------------------------

    def column(self, width: int) -> str:
        return self.tiles.column(width)

    def shape(self, width: int) -> str:
        return f"[ROWS, {padded(width)}]"

    def loading(self, node: Node, slots: list[Slot]) -> list[str]:
        lines = super().loading(node, slots)
        if lines is self.loads:
            self.columns_read += len(slots) * padded(node.width)
        return lines

    def mask(self, slot: Slot, width: int) -> str:
        if slot.rows == "vector":
            return f"{self.tiles.column(width)} < {width}"
        inside = self.tiles.inside(width)
        return f"is_row & {inside}" if inside else "is_row"

    def whole(self, node: Node, other: str) -> str:
        """A value as a whole tile, with another number where no columns are."""
        value, inside = self.read(node), self.tiles.inside(node.width)
        tile = f"tl.broadcast_to({value}, {self.shape(node.width)})"
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

    def multiply(self, node: Node) -> None:
        """Lines for a product: what was computed ahead, and each operand times its weights."""
        terms = self.terms_ahead(node)
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
        behind = reachable([node], self.layout.is_there)
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

    def kernel(self) -> Kernel:
        """Everything together."""
        ends = self.hand_over()
        matrices = sorted({block.segment.matrix for block in self.weights})
        arguments = [*self.buffers, *(f"matrix_{i}{part}" for i in matrices for part in ("", "_down", "_across"))]
        text = KERNEL.format(
            arguments=", ".join(arguments),
            t=self.time,
            before="\n".join(map(indented, [*self.halves, *self.tiles.lines, *self.once])),
            body="\n".join(indented(indented(line)) for line in [*self.loads, *self.work, *ends]),
            after="\n".join(map(indented, self.after)),
        )
        multiplied = sum(padded(node.width) for node in self.operands)
        return Kernel(
            self.buffers, list(self.weights), matrices, self.tiles.widest, multiplied, self.columns_read, text
        )
