"""What the engine makes of a step, in words: for those who wonder why a cell is fast, slow, or refused."""

from collections.abc import Sequence

import torch
from torch import Tensor

from seqmodels.engine import generated, operators, vendor
from seqmodels.engine.directions import Directions
from seqmodels.engine.equations import Line, Names, equations, terms
from seqmodels.engine.explanation import Equation, Explanation, Stage
from seqmodels.engine.generated import Program
from seqmodels.engine.graph import Node, operands, reachable
from seqmodels.engine.layer_pass import LayerPass
from seqmodels.engine.native.build import FLAGS, NoCompiler, compiler, target
from seqmodels.engine.native.execute import NativeLoop
from seqmodels.engine.schedule import Group, Level, Phase, Reduction, Schedule
from seqmodels.engine.trace import Inputs
from seqmodels.engine.whole_step import zoneout_masks


def explain(layer: LayerPass, title: str, training: bool = True, source: bool = False) -> Explanation:
    """What becomes of a layer.

    Args:
        layer: The layer, over two steps or more.
        title: What the report calls it.
        training: Also explain the way back.
        source: Also give the C of the cell's functions.
    """
    own = generated.backend_of(layer.input.device) or "native"
    refusals = {own: generated.refusal(layer, own), "vendor": vendor.refusal(layer)}
    program = generated.program_of(layer)
    if isinstance(program, str):
        return Explanation(title, *_backends(refusals, ""), reason=program)
    names, tensors = Names(layer, program.prelude, program.loop), _loop_inputs(layer, program, training)
    wanted = "".join("g" if tensor.requires_grad else "." for tensor in tensors)
    dtype = torch.float64 if layer.input.dtype is torch.float64 else torch.float32  # others are computed as float32
    native, how = None, ""
    if own == "native" and refusals[own] is None:
        try:
            native = operators.native_loop(program.key, wanted if training else "", dtype)
            how = _how(native, dtype)
        except NoCompiler as error:
            refusals["native"] = str(error)
    directions = native.directions if native else operators.directions_of(program.key, wanted if training else "")
    found = Explanation(title, *_backends(refusals, how), once=names.once, hoisted=names.hoisted)
    _Reader(directions, names).fill(found)
    if source and native is not None:
        start = native.source.index("\nstatic void ") + 1  # before it stands what all cells share
        found.source = native.source[start:]
    return found


def _loop_inputs(layer: LayerPass, program: Program, training: bool) -> list[Tensor]:
    """What the loop reads, with gradients as in a network whose input comes from another layer."""
    inputs = Inputs.of(layer, None, zoneout_masks(layer))
    tensors = [item.tensor for item in inputs]
    tensors[0] = tensors[0].detach().requires_grad_(training)
    with torch.set_grad_enabled(training):
        return program.prelude(tensors, *layer.input.shape[:2])


def _how(native: NativeLoop, dtype: torch.dtype) -> str:
    numbers = f"{native.lanes} numbers of {str(dtype).removeprefix('torch.')} at once"
    return f"{' '.join([*compiler(), FLAGS[0], *target()])}: {numbers}"


def _backends(refusals: dict[str, str | None], how: str) -> tuple[str, dict[str, str]]:
    """Which backend runs the layer, and what each says."""
    serves = next((name for name, reason in refusals.items() if reason is None), "reference")
    good = {"native": how, "cuda": "Triton", "vendor": "torch's own kernel computes the same"}
    said = {name: good[name] if reason is None else f"no: {reason}" for name, reason in refusals.items()}
    return serves, {**said, "reference": "the step itself in a loop, which always works"}


class _Reader:
    """Reads from schedules what the report says of them."""

    def __init__(self, directions: Directions, names: Names) -> None:
        self.directions, self.names, self.loop = directions, names, directions.loop
        self.kept = [node for node, place in directions.forward.places.items() if place.kind == "tape"]
        self.lines, self.texts = equations(self.loop, names, self.kept)

    def fill(self, found: Explanation) -> None:
        forward, backward = self.directions.forward, self.directions.backward
        groups = list(_groups(forward))
        stage = {
            node: number for number, level in reversed([*enumerate(forward.levels, 1)]) for node in _computed(level)
        }
        found.equations = [self._equation(line, stage) for line in self.lines]
        found.ahead = self._ahead(groups)
        found.forward = [_stage(level) for level in forward.levels]
        found.state_numbers = sum(self.loop.states)
        found.multiply_adds = sum(_multiply_adds(group) for group in groups)
        found.ahead_multiply_adds = sum(_multiply_adds(group, group.ahead) for group in groups)
        if backward is None:
            return
        found.backward = [_stage(level) for level in backward.levels]
        found.kept = [self.texts[node] for node in self.kept]
        found.kept_numbers = sum(self.directions.saved)
        known = {node for node in backward.places if backward.places[node].kind != "scratch"}
        step = reachable(self.loop.outputs)
        again = {node for level in backward.levels for node in _computed(level)} & set(step) - known
        found.again = [self.texts[node] for node in step if node in again]
        deferred = [each for _, _, each in self.directions.outer]
        segments = [each.segment for each in deferred]
        found.matrices = list(
            dict.fromkeys(self.names.matrices[segment.matrix].removesuffix(".T") for segment in segments)
        )
        found.inputs = list(dict.fromkeys(self.names.steps[sink.place.index] for sink in backward.sinks))
        found.after_multiply_adds = sum(each.operand.width * each.gradient.width for each in deferred)
        found.after_multiply_adds += sum(_multiply_adds(sink.group) for sink in backward.sinks)
        found.backward_multiply_adds = found.after_multiply_adds + sum(each.multiply_adds for each in found.backward)

    def _equation(self, line: Line, stage: dict[Node, int]) -> Equation:
        return Equation(line.name, line.text, stage.get(line.node, 1), line.node in self.kept)

    def _ahead(self, groups: Sequence[Group]) -> list[str]:
        products = [
            (s.matrix, (s.column, s.column + node.width), (s.row, s.row + arg.width), self.texts[arg])
            for group in groups
            for node in group.products
            for arg, s in operands(node)[: group.ahead]
        ]
        return terms(products, self.names)


def _groups(schedule: Schedule) -> Sequence[Group]:
    return [group for level in schedule.levels for phase in level.phases for group in phase.groups]


def _computed(level: Level) -> list[Node]:
    """All values that a stage computes."""
    found = [node for reduction in level.reductions for node in reduction.work]
    found += [node for reduction in level.reductions for _, node in reduction.results]
    for phase in level.phases:
        found += [node for group in phase.groups for node in group.products] + phase.work
    return found


def _stage(level: Level) -> Stage:
    groups = [group for phase in level.phases for group in phase.groups]
    parts: list[Reduction | Phase] = [*level.reductions, *level.phases]
    work = [node for part in parts for node in part.work]
    return Stage(
        products=sum(len(group.products) for group in groups),
        multiply_adds=sum(_multiply_adds(group) - _multiply_adds(group, group.ahead) for group in groups),
        operations=sum(node.op not in ("spread", "same", "stop") for node in work),
        reductions=sum(len(reduction.results) for reduction in level.reductions),
    )


def _multiply_adds(group: Group, first: int | None = None) -> int:
    """Of all operands of a group's products, or of the first ones."""
    return sum(group.widths[:first]) * sum(node.width for node in group.products)
