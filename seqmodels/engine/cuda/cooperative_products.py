"""Products of the cooperative kernel as text: a program's rows of an operand times its columns of the matrices.

An operand is multiplied in chunks. A chunk may lie in parts, [parts, rows, chunk / parts], each for other warps: few
rows then keep all warps busy, and no warp reads what another reads.
"""

from collections.abc import Callable
from itertools import pairwise

from seqmodels.engine.cuda.layout import Product, Slot
from seqmodels.engine.cuda.tiling import FLIGHT, Tiling

_AXES = {True: (":, None", "None, :"), False: ("None, :, None", "None, None, :")}  # by whether a chunk is whole


def shares(product: Product) -> int:
    """How many results of a product lie side by side, padded to a power of two."""
    return 1 << (len(product.columns) - 1).bit_length()


class Multiplication:
    """Prints products.

    Args:
        tiling: How the kernel's work is divided.
        widest: Columns of the widest values, which all programs together have.
        base: Gives where the program's first row of a buffer begins.
    """

    def __init__(self, tiling: Tiling, widest: int, base: Callable[[Slot], str]) -> None:
        self.tiling, self.widest, self.base = tiling, widest, base
        self.names: dict[str, str] = {}  # what stands before all other lines, and what it names
        self.once: list[str] = []  # weights that stay
        self.results: dict[tuple[str, int], str] = {}  # of a product, by its buffer and column

    def multiply(self, product: Product, slot: Slot) -> list[str]:
        """Lines for an operand times all that multiplies it, whose results are then told apart."""
        name, chunk, depth = product.buffer, self.tiling.chunk, product.depth
        lines: list[str] = []
        if self.tiling.is_resident:
            sums, lows = "None", range(0, depth, chunk)
            for low in lows:
                is_whole = low + chunk <= depth
                self.once.append(f"{name}_weights_{low} = {self._weights(product, low, is_whole)}")
                lines.append(f"{name}_operand_{low} = {self._operand(product, slot, low, is_whole)}")
            for low in lows:
                lines.append(f"{name} = dot({name}_operand_{low}, {name}_weights_{low}, {sums}, PRECISION)")
                sums = name
        else:
            is_whole = depth % chunk == 0
            parts = f"{self.tiling.parts}, " if self.tiling.parts > 1 else ""
            lines += [
                f"{name} = tl.zeros([{parts}ROWS, {shares(product) * self.tiling.columns}], REAL)",
                f"for low in tl.range(0, {depth}, {chunk}, num_stages={FLIGHT}):",
                f"    {name}_weights = {self._weights(product, 'low', is_whole)}",
                f"    {name}_operand = {self._operand(product, slot, 'low', is_whole)}",
                f"    {name} = dot({name}_operand, {name}_weights, {name}, PRECISION)",
            ]
        return lines + self._told_apart(product)

    def _operand(self, product: Product, slot: Slot, low: int | str, is_whole: bool) -> str:
        """A chunk of an operand: [ROWS, chunk], or [parts, ROWS, chunk / parts]."""
        row, depth = self._axis("line", "ROWS", 0), self._depth(1)
        mask = f"({row} < height - start)"
        if not is_whole:
            mask += f" & ({depth} + {low} < {product.depth})"
        pointer = f"{self.base(slot)} + ({row} * {slot.row} + {depth} + ({slot.low} + {low}))"
        # Past the first-level cache, which knows nothing of what other processors write.
        return f'tl.load({pointer}, mask={mask}, other=0, cache_modifier=".cg")'

    def _weights(self, product: Product, low: int | str, is_whole: bool) -> str:
        """A chunk of what multiplies it: [chunk, shares * COLUMNS], or [parts, chunk / parts, shares * COLUMNS]."""
        wide, matrix = shares(product) * self.tiling.columns, product.buffer.replace("product", "matrix")
        depth, across, within = self._depth(0), self._axis(f"across_{wide}", str(wide), 1), f"within_{wide}"
        self.names[within] = f"block * COLUMNS + {across} % COLUMNS"
        widths = [column[0].width for column in product.columns]
        starts = [sum(widths[:number]) for number in range(len(widths))]
        masks = []
        if self.widest % self.tiling.columns or min(widths) < self.widest:
            masks.append(f"({within} < {_of_share(across, widths)})")
        if shares(product) != len(product.columns):
            masks.append(f"({across} < {len(product.columns)} * COLUMNS)")
        if not is_whole:
            masks.append(f"({depth} + {low} < {product.depth})")
        place = f"({_of_share(across, starts)} + {within})"
        pointer = f"{matrix} + ({depth} + {low}) * {matrix}_down + {place} * {matrix}_across"
        return f"tl.load({pointer}, mask={' & '.join(masks)}, other=0)" if masks else f"tl.load({pointer})"

    def _axis(self, name: str, size: str, number: int) -> str:
        """Numbers along one of the two axes of a chunk."""
        is_whole = self.tiling.parts == 1
        name = name if is_whole else f"{name}_of_parts"
        self.names[name] = f"tl.arange(0, {size})[{_AXES[is_whole][number]}]"
        return name

    def _depth(self, number: int) -> str:
        """Numbers along the axis of a chunk that is summed over."""
        parts, size = self.tiling.parts, self.tiling.chunk // self.tiling.parts
        name = self._axis(f"depth_{number}", str(size), number)
        if parts > 1:
            self.names[name] = f"tl.arange(0, {parts})[:, None, None] * {size} + {self.names[name]}"
        return name

    def _told_apart(self, product: Product) -> list[str]:
        """Lines that divide the results of a product that lie side by side, and add up those of its parts.

        Halving a tile moves it once, to where the pointwise work is at home. Without that, Triton moves each value that
        is read from memory to where products are: a single result is halved and joined again.
        """
        name, parts, wide = product.buffer, self.tiling.parts, shares(product)
        count = parts * wide
        if count == 1:
            half = self.tiling.columns // 2
            self.results[name, 0] = name
            return [
                f"{name}_0, {name}_1 = tl.split(tl.permute(tl.reshape({name}, [ROWS, 2, {half}]), [0, 2, 1]))",
                f"{name} = tl.reshape(tl.permute(tl.join({name}_0, {name}_1), [0, 2, 1]), [ROWS, COLUMNS])",
            ]
        shape, order = f"[ROWS, {wide}, COLUMNS]", "[0, 2, 1]"
        if parts > 1:
            shape, order = f"[{parts}, ROWS, {wide}, COLUMNS]", "[1, 3, 0, 2]"
        lines = [f"{name} = tl.permute(tl.reshape({name}, {shape}), {order})"]
        names, halves = [name], count
        while halves > 1:
            halves //= 2
            shape = f"[ROWS, COLUMNS, {halves}, 2]" if halves > 1 else "[ROWS, COLUMNS, 2]"
            lines += [f"{each}_0, {each}_1 = tl.split(tl.reshape({each}, {shape}))" for each in names]
            names = [f"{each}_{bit}" for each in names for bit in (0, 1)]
        low = 0
        for number, column in enumerate(product.columns):
            terms = [_half(name, part * wide + number, count) for part in range(parts)]
            self.results[name, low] = f"({' + '.join(terms)})"
            low += column[0].width
        return lines


def _of_share(across: str, numbers: list[int]) -> str:
    """The number that belongs to the share of a column."""
    steps = {after - before for before, after in pairwise(numbers)}
    if len(steps) <= 1:
        step = steps.pop() if steps else 0
        return f"({numbers[0]} + {across} // COLUMNS * {step})" if step else str(numbers[0])
    return f"({' + '.join(f'({across} // COLUMNS == {i}) * {number}' for i, number in enumerate(numbers))})"


def _half(name: str, number: int, count: int) -> str:
    """The name of one of so many results that were told apart: the bits of its number, the last first."""
    while count > 1:
        name, number, count = f"{name}_{number % 2}", number // 2, count // 2
    return name
