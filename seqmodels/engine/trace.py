"""Pass 1: the whole step of a layer as a graph of torch's operations (torch.fx, ATen)."""

import contextlib
import copy
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, fx, nn

from seqmodels.engine.batch_first import put_batch_first
from seqmodels.engine.complex_numbers import write_complex_numbers
from seqmodels.engine.graph import Unsupported
from seqmodels.engine.heads import set_heads_apart
from seqmodels.engine.layer_pass import LayerPass
from seqmodels.engine.operations import KNOWN
from seqmodels.engine.orders import ALL, MOST_EXACT, write_orders
from seqmodels.engine.own_gradients import refuse_own_gradients
from seqmodels.engine.products import ChangedProducts
from seqmodels.engine.rewriting import undo_changes, write_copies, write_numbers, write_paddings
from seqmodels.engine.row_products import write_products_of_rows
from seqmodels.engine.settings import LARGEST, may_change_unseen, plain_settings
from seqmodels.engine.whole_step import Surroundings, whole_step

FOREIGN = "the step uses a tensor that is no parameter or buffer of the cell (register_buffer makes it one)"
PRIMES = (211, 223, 227, 229, 233, 239, 241, 251, 257, 263, 269, 271, 277)  # rarely found in a step


class Input(NamedTuple):
    """One input of the whole step."""

    kind: str  # "step": another at every step; "batch": one a row; "state"; "parameter": the same for all rows
    tensor: Tensor  # [T, B, ...], [B, ...], [B, size], any


@dataclass
class Inputs:
    """All that the whole step of a layer reads, in a fixed order."""

    x: Tensor
    real: Tensor | None
    reset: Tensor | None
    keeps: Sequence[Tensor] | None
    state: tuple[Tensor, ...]
    initial: tuple[Tensor, ...]
    operand_masks: dict[int, Tensor]
    weight_masks: dict[int, Tensor]
    parameters: dict[str, Tensor]

    @classmethod
    def of(cls, layer: LayerPass, real: Tensor | None, keeps: Sequence[Tensor] | None) -> "Inputs":
        """Of a layer, which of its steps are real, and the masks of its zoneout."""
        return cls(
            x=layer.input,
            real=real,
            reset=layer.reset,
            keeps=keeps,
            state=layer.state,
            initial=layer.initial if layer.reset is not None else (),
            operand_masks=layer.operand_masks,
            weight_masks=layer.weight_masks,
            parameters=layer.parameters,
        )

    def __iter__(self) -> Any:
        steps = [self.x, self.real, self.reset, *(self.keeps or ())]
        yield from (Input("step", tensor) for tensor in steps if tensor is not None)
        yield from (Input("state", tensor) for tensor in self.state)
        yield from (Input("batch", tensor) for tensor in (*self.initial, *self.operand_masks.values()))
        yield from (Input("parameter", tensor) for tensor in (*self.weight_masks.values(), *self.parameters.values()))

    def filled(self, tensors: Sequence[Tensor]) -> "Inputs":
        """The same with these tensors, given in the order in which they come out of it."""
        following = iter(tensors)

        def one(tensor: Tensor | None) -> Tensor | None:
            return None if tensor is None else next(following)

        def several(given: Any) -> Any:
            if isinstance(given, dict):
                return {key: next(following) for key in given}
            return None if given is None else tuple(next(following) for _ in given)

        return Inputs(
            x=next(following),
            real=one(self.real),
            reset=one(self.reset),
            keeps=several(self.keeps),
            state=several(self.state),
            initial=several(self.initial),
            operand_masks=several(self.operand_masks),
            weight_masks=several(self.weight_masks),
            parameters=several(self.parameters),
        )


class _Modules(nn.Module):
    """The modules whose parameters a whole step reads."""

    def __init__(self, layer: LayerPass) -> None:
        super().__init__()
        self.cell = layer.cell
        self.norms = nn.ModuleDict({str(index): norm for index, norm in layer.norms.items()})

    def forward(self, function: Any) -> Any:
        return function()

    def twin(self) -> "_Modules":
        """Modules of its own with the same tensors: what changes in them, other threads that use the cell don't see."""
        shared = {id(tensor): tensor for tensor in (*self.parameters(), *self.buffers())}
        try:
            return copy.deepcopy(self, shared)
        except Exception as error:  # whatever a stranger's attributes raise
            raise _NoTwin from error


class _NoTwin(Exception):
    """Something that a cell holds can't be copied."""


class _ChangesItself(Unsupported):
    """Each run of the step counts."""


@dataclass
class Traced:
    """The whole step in torch's operations; its placeholders are the inputs in their order."""

    graph: fx.Graph
    inputs: Inputs
    step: Callable[..., tuple[Tensor, ...]]  # from the inputs at one step to the next states
    rows: int  # size of the batch in the trace: no size of an input is a multiple of it

    @property
    def kinds(self) -> list[str]:
        """Of the placeholders."""
        return [item.kind for item in self.inputs]


def trace(layer: LayerPass, decompose: bool = False, multiply: bool = True) -> Traced:
    """Runs the whole step once on tensors that have shapes and no values.

    It runs on a twin of the cell, where it has one: some hold what can't be copied, or a function that reads the cell.

    Args:
        layer: The layer.
        decompose: Write operations out in torch's core operations, and those in place as others.
        multiply: Write moves of many short blocks as products.

    Raises:
        Unsupported: If the step can't run so: it looks at values, holds tensors that are no parameters or buffers, or
            changes gradients by hand.
    """
    modules = _Modules(layer)
    try:
        return _trace(layer, modules.twin(), decompose, multiply)
    except _ChangesItself:
        raise
    except (Unsupported, _NoTwin) as error:
        if isinstance(error, Unsupported) and str(error) != FOREIGN:
            raise
        return _trace(layer, modules, decompose, multiply)  # while it is traced, no other thread should use the cell


def _trace(layer: LayerPass, modules: _Modules, decompose: bool, multiply: bool) -> Traced:
    from torch.fx.experimental.proxy_tensor import make_fx

    draws, device = layer.training and any(layer.zoneout), layer.input.device
    mask = torch.empty(1, 1, 1, dtype=torch.bool, device=device)
    keeps = [mask.expand(1, 1, state.shape[-1]) for state in layer.state] if draws else None
    real = None if layer.lengths is None else mask[0]
    inputs = Inputs.of(layer, real, keeps)
    rows = _number_of_rows(inputs)
    examples = [_example(item, rows) for item in inputs]
    norms: dict[int, Any] = {int(index): norm for index, norm in modules.norms.items()}

    def step(*tensors: Tensor) -> tuple[Tensor, ...]:
        given = inputs.filled(tensors)
        products = ChangedProducts(given.operand_masks, given.weight_masks, norms)
        products.batch = given.x.shape[0]
        around = Surroundings(given.real, given.reset, given.initial, given.keeps)

        def next_state(x: Tensor, state: Sequence[Tensor]) -> tuple[Tensor, ...]:
            with products:
                return modules.cell.next_state(x, state)

        def run() -> tuple[Tensor, ...]:
            return whole_step(next_state, given.x, given.state, around, layer.zoneout)

        return torch.func.functional_call(modules, given.parameters, (run,), tie_weights=False)

    table: Any = {}
    function = step
    if decompose:
        from torch._decomp import core_aten_decompositions

        # What has a rule stays as it is: written out, a norm has no slope at 0, and detach one.
        function = torch.func.functionalize(step, remove="mutations")
        table = {key: rule for key, rule in core_aten_decompositions().items() if key.overloadpacket not in KNOWN}
    settings = plain_settings(modules)
    try:
        with without_autocast(layer.input.device.type), _unlogged():
            refuse_own_gradients(step, examples)
            traced = make_fx(function, decomposition_table=table, tracing_mode="fake")(*examples)
    except Unsupported:
        raise
    except Exception as error:  # whatever a stranger's step raises
        reason = " ".join(str(error).split())[:200]
        if "convert all Tensors to FakeTensors" in reason:  # torch found one among those of the trace
            raise Unsupported(FOREIGN) from error
        raise Unsupported(f"the step can't be traced: {type(error).__name__}: {reason}") from error
    if plain_settings(modules) != settings:
        raise _ChangesItself("the step changes an attribute of the cell")
    graph = traced.graph
    placeholders = [*zip(graph.find_nodes(op="placeholder"), inputs, strict=True)]
    undo_changes(graph)
    write_copies(graph)
    write_numbers(traced)
    states = [node for node, item in placeholders if item.kind == "state"]
    write_complex_numbers(graph, states)
    set_heads_apart(graph, rows)
    write_products_of_rows(graph, rows)
    write_paddings(graph, states)
    least = ALL if not multiply else MOST_EXACT if device.type != "cpu" or layer.has_narrow_products else 0
    write_orders(graph, rows, states, least)
    put_batch_first(graph, rows)
    graph.eliminate_dead_code()
    _check_constants(traced, modules)
    return Traced(graph, inputs, step, rows)


@contextlib.contextmanager
def _unlogged() -> Iterator[None]:
    """Without torch's log of an operation that fails in this thread: that is raised, and said where it matters."""
    log, thread = logging.getLogger("torch._subclasses.fake_tensor"), threading.get_ident()

    def is_of_others(record: logging.LogRecord) -> bool:
        return record.thread != thread

    log.addFilter(is_of_others)
    try:
        yield
    finally:
        log.removeFilter(is_of_others)


def _check_constants(traced: fx.GraphModule, modules: nn.Module) -> None:
    """Refuses tensors of several numbers that may change without another trace."""
    made = [getattr(traced, str(node.target)) for node in traced.graph.find_nodes(op="get_attr")]
    if any(tensor.numel() > LARGEST for tensor in made) or (made and may_change_unseen(modules)):
        raise Unsupported("the step makes a tensor of numbers that may change; keep it in the cell (register_buffer)")


def without_autocast(device: str) -> contextlib.AbstractContextManager:
    """Nothing where there is no autocast: torch.export writes down every such region."""
    return torch.autocast(device, enabled=False) if torch.is_autocast_enabled(device) else contextlib.nullcontext()


def _number_of_rows(inputs: Inputs) -> int:
    """A prime that divides no size of any input: a size of it is the batch, as verification.py will see."""
    sizes = {size for item in inputs for size in own_shape(item)}
    found = next((prime for prime in PRIMES if all(size % prime for size in sizes if size)), None)
    if found is None:
        raise Unsupported("the cell has tensors of too many sizes")
    return found


def _example(item: Input, rows: int) -> Tensor:
    """A tensor of the form of an input at one step, with the trace's number of rows; narrow floats as float32."""
    shape = own_shape(item) if item.kind == "parameter" else (rows, *own_shape(item))
    return torch.empty(shape, dtype=example_type(item), device=item.tensor.device)


def example_type(item: Input) -> torch.dtype:
    """In what an input is traced: of narrow floats float32."""
    dtype = item.tensor.dtype
    return torch.float32 if dtype in (torch.bfloat16, torch.float16) else dtype


def own_shape(item: Input) -> tuple[int, ...]:
    """An input's shape less time and batch; torch.compile gives symbols even for sizes that it knows."""
    return tuple(int(size) for size in item.tensor.shape[{"step": 2, "parameter": 0}.get(item.kind, 1) :])
