"""The engine under torch.compile; imported there only, since it brings Dynamo, which takes a second.

Dynamo can't look into caches and tracers, so it sees one call with tensors and constants; what is inside is traced by
AOTAutograd, with tensors that have no values, down to the operators of operators.py.
"""

from typing import Any

import torch
from torch import Tensor, nn

from seqmodels.engine import generated, reference
from seqmodels.engine.layer_pass import LayerPass, LayerResult
from seqmodels.engine.step_modules import StepModules, step_modules
from seqmodels.errors import OptionError


def run(layer: LayerPass, backend: str) -> LayerResult:
    """As engine.run, in one call that Dynamo doesn't look into."""
    tensors = {
        "input": layer.input,
        "state": layer.state,
        "initial": layer.initial,
        "operand_masks": layer.operand_masks,
        "weight_masks": layer.weight_masks,
    }
    optional = {"lengths": layer.lengths, "reset": layer.reset}
    tensors |= {name: tensor for name, tensor in optional.items() if tensor is not None}
    parameters: dict[str, Tensor] = {}
    for prefix, module in (("cell", layer.cell), *((f"norms.{index}", norm) for index, norm in layer.norms.items())):
        parameters |= dict(module.named_parameters(prefix)) | dict(module.named_buffers(prefix))
    settings = (layer.zoneout, layer.training, layer.every_state)
    output, state, states = _traced(layer.number, backend, settings, tensors, parameters)
    return LayerResult(output, state, states if layer.every_state else None)


# Not nonstrict_trace, with which torch.export of a whole graph by Dynamo (strict=True) can't do.
@torch.compiler.allow_in_graph
def _traced(
    number: int, backend: str, settings: tuple, tensors: dict[str, Any], parameters: dict[str, Tensor]
) -> tuple[Tensor, tuple[Tensor, ...], tuple[Tensor, ...]]:
    found = step_modules(number)
    zoneout, training, every_state = settings
    layer = LayerPass(
        found.cell, norms=found.norms, zoneout=zoneout, training=training, every_state=every_state, **tensors
    )
    # The parameters are those of the compiled graph, not the modules' own; Dynamo gives a dictionary that can't change.
    return torch.func.functional_call(_Modules(found), dict(parameters), (layer, backend))


class _Modules(nn.Module):
    def __init__(self, found: StepModules) -> None:
        super().__init__()
        self.cell = found.cell
        self.norms = nn.ModuleDict({str(index): norm for index, norm in found.norms.items()})

    def forward(self, layer: LayerPass, backend: str) -> tuple[Tensor, tuple[Tensor, ...], tuple[Tensor, ...]]:
        found = self._prepared(layer, backend)
        if isinstance(found, str) and backend in ("native", "cuda"):
            raise OptionError(f"backend={backend!r} can't run this: {found}; use backend='auto'")
        result = reference.run(layer) if isinstance(found, str) else generated.run(layer, found)
        return result.output, result.state, result.states or ()  # Dynamo takes no None out of such a call

    def _prepared(self, layer: LayerPass, backend: str) -> generated.Program | str:
        if backend == "vendor":
            return "torch's kernel is none of torch.compile's"
        wanted = generated.order(layer.input.device) if backend == "auto" else (backend,)
        refusals = [generated.wrong_device(layer, name) for name in wanted if name != "vendor"]
        if None not in refusals:
            return next(filter(None, refusals))
        return generated.prepare(layer)
