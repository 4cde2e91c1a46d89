"""The matrix products of a step: found by running it, changed without rewriting it.

A product is a call of ``F.linear``, ``@``, ``torch.matmul`` or ``torch.mm`` with a matrix that depends neither on the
input nor on the state, whichever module makes it; what ``torch.einsum`` and the like come to (contractions.py) is
several. Products are counted in the order of the step's program, so an index names the same product at every time step.
"""

import copy
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from seqmodels.cell import Cell
from seqmodels.engine.attention import ATTENTION
from seqmodels.engine.contractions import as_contraction
from seqmodels.engine.torch_cells import STEP_FUNCTIONS

TRIED = 3  # rows
MATMULS = {torch.matmul, torch.mm, Tensor.matmul, Tensor.mm, Tensor.__matmul__}


class Product(NamedTuple):
    """What is known of one product of a step from having run it."""

    index: int  # type: ignore[assignment]  # hides tuple.index
    rows: int  # features of the result
    state_columns: Tensor  # [columns] bool: which features of the operand depend on the state

    @property
    def is_recurrent(self) -> bool:
        return bool(self.state_columns.any())


class Call(NamedTuple):
    """operand @ weight.T + bias."""

    operand: Tensor
    weight: Tensor
    bias: Tensor | None


def as_call(func: Any, args: tuple, kwargs: dict) -> Call | None:
    """The product that a call of a torch function computes, or None."""
    if func is F.linear:
        operand, weight, bias = (*args, *(kwargs[key] for key in ("weight", "bias") if key in kwargs), None)[:3]
        return Call(operand, weight, bias)
    if func in MATMULS and len(args) == 2 and isinstance(args[1], Tensor) and args[1].dim() == 2:
        return Call(args[0], args[1].t(), None)
    return None


class ProductMode(TorchFunctionMode):
    """Calls :meth:`product` in place of every product computed while it is entered."""

    writes_out = True  # einsum and the like as several products
    batch: int | None = None  # rows of the step's operands, where that is known

    def begin(self) -> None:
        """Counts products anew; called at the start of a step."""
        self.index = -1

    def product(self, index: int, call: Call) -> Tensor:
        return F.linear(*call)

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        if func in STEP_FUNCTIONS:  # torch's own cells hide their products: write them out
            with self:
                return STEP_FUNCTIONS[func](*args, **kwargs)
        if self.writes_out and func in ATTENTION:
            with self:
                result = ATTENTION[func](*args, **kwargs)
            if result is not NotImplemented:
                return result
        contraction = as_contraction(func, args, self.batch) if self.writes_out and not kwargs else None
        if contraction is not None:
            with self:
                return contraction.written_out()
        call = as_call(func, args, kwargs)
        if call is None:
            return func(*args, **kwargs)
        if self.writes_out and call.operand.dim() > 2 and call.bias is not None:
            with self:
                return call.operand @ call.weight.t() + call.bias
        self.index += 1
        return self.product(self.index, call)


class _Recorder(ProductMode):
    def __init__(self) -> None:
        super().__init__()
        self.begin()
        self.batch = TRIED
        self.calls: list[Call] = []

    def product(self, index: int, call: Call) -> Tensor:
        self.calls.append(Call(*(None if tensor is None else tensor.detach().clone() for tensor in call)))  # type: ignore[arg-type]
        return F.linear(*call)


@torch.no_grad()
def find_products(cell: Cell) -> list[Product]:
    """The products of a cell's step, found by running it at two states and comparing what entered each product."""
    like = next(cell.parameters(), torch.empty(0))
    if like.is_meta:
        with torch.device("cpu"):
            return find_products(_with_values(cell))
    source = torch.Generator("cpu").manual_seed(0)

    def draw(size: int) -> Tensor:
        return torch.randn(TRIED, size, generator=source, device="cpu").to(like)

    x = draw(cell.input_size)
    runs = []
    with torch.random.fork_rng(devices=[]):
        for _ in range(2):
            torch.default_generator.manual_seed(0)  # torch.manual_seed would also change the generators of GPUs
            with _Recorder() as recorder:
                cell.next_state(x, [draw(size) for size in cell.state_sizes])
            runs.append(recorder.calls)
    products = []
    for index, (first, second) in enumerate(zip(*runs, strict=True)):
        if first.operand.dim() == 2 and torch.equal(first.weight, second.weight):
            differs = (first.operand != second.operand).any(0).cpu()
            products.append(Product(index, first.weight.shape[0], differs))
    return products


def _with_values(cell: Cell) -> Cell:
    """A copy on the CPU of a cell whose tensors have shapes alone."""
    copied = copy.deepcopy(cell).to_empty(device="cpu")
    source = torch.Generator("cpu").manual_seed(0)
    for tensor in (*copied.parameters(), *copied.buffers()):
        tensor.normal_(generator=source) if tensor.is_floating_point() else tensor.zero_()
    return copied


class ChangedProducts(ProductMode):
    """The products of a step, masked and normalised as asked."""

    def __init__(
        self, operand_masks: dict[int, Tensor], weight_masks: dict[int, Tensor], norms: dict[int, nn.LayerNorm]
    ) -> None:
        super().__init__()
        self.operand_masks, self.weight_masks, self.norms = operand_masks, weight_masks, norms
        self.masked_weights: dict[int, tuple[Tensor, Tensor]] = {}
        self.begin()

    def product(self, index: int, call: Call) -> Tensor:
        operand, weight, bias = call
        if index in self.operand_masks:
            operand = operand * _for_parts(self.operand_masks[index], operand)
        if index in self.weight_masks:
            weight = self.masked(index, weight)
        if index not in self.norms:
            return F.linear(operand, weight, bias)
        result = self.norms[index](F.linear(operand, weight))
        return result if bias is None else result + bias

    def masked(self, index: int, weight: Tensor) -> Tensor:
        """weight * mask, computed once a sequence where the weight is the same tensor at every step."""
        known = self.masked_weights.get(index)
        if known is None or known[0] is not weight:
            known = self.masked_weights[index] = (weight, weight * self.weight_masks[index])
        return known[1]


def _for_parts(mask: Tensor, operand: Tensor) -> Tensor:
    """A mask [B, K] for an operand [B, K], or [B * parts, K] where a step lays parts of the state below each other."""
    parts = len(operand) // max(len(mask), 1)
    return mask if parts == 1 else mask[:, None].expand(-1, parts, -1).reshape(operand.shape)


class SequenceProducts(ChangedProducts):
    """The products of one layer over a sequence; those of the input itself are computed at once.

    A product of the input itself with a parameter is computed for all time steps at once, at the first step.
    """

    def __init__(
        self,
        input: Tensor,  # [T, B, input_size]
        operand_masks: dict[int, Tensor],
        weight_masks: dict[int, Tensor],
        norms: dict[int, nn.LayerNorm],
    ) -> None:
        super().__init__(operand_masks, weight_masks, norms)
        self.writes_out = bool(operand_masks or weight_masks or norms)  # else the step is run as it is
        self.batch = int(input.shape[1]) if self.writes_out else None
        self.input, self.inputs = input, input.unbind(0)
        self.hoisted: dict[int, tuple[Tensor, tuple[Tensor, ...]]] = {}

    def begin_step(self, t: int) -> Tensor:
        """Starts step t and gives its input; the step must use this very tensor."""
        self.begin()
        self.t = t
        return self.inputs[t]

    def product(self, index: int, call: Call) -> Tensor:
        if call.operand is not self.inputs[self.t] or not isinstance(call.weight, nn.Parameter):
            return self.compute(index, call)
        if index not in self.hoisted:
            whole = self.compute(index, call._replace(operand=self.input))
            # Not unbind: a step may change its own product in place, which views of several outputs forbid.
            self.hoisted[index] = call.weight, tuple(part.squeeze(0) for part in torch.unsafe_split(whole, 1))
        weight, products = self.hoisted[index]
        # A step whose program differs from time to time may multiply with another matrix here.
        return products[self.t] if weight is call.weight else self.compute(index, call)

    def compute(self, index: int, call: Call) -> Tensor:
        return super().product(index, call)
