"""What torch computes before the loop: expressions of parameters, and of the input where the loop has no operation.

Ordinary autograd differentiates it.
"""

from collections.abc import Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor, fx, nn

from seqmodels.engine.columns import Columns
from seqmodels.engine.moves import shape_of


class Prelude:
    """Makes the inputs of a loop from those of the whole step.

    Args:
        graph: The whole step in torch's operations.
        columns: The same lowered: it says what the loop needs.
    """

    def __init__(self, graph: fx.Graph, columns: Columns) -> None:
        self.kinds = columns.kinds
        self.rows = columns.rows
        placeholders = [node for node in graph.nodes if node.op == "placeholder"]
        self.placeholders, self.sources = placeholders, columns.sources
        self.placeholder_kinds = [columns.kinds[node] for node in placeholders]
        # Inputs of every step and of the batch that the loop reads as they are, by their number; None: computed.
        self.steps = [placeholders.index(node) if node in placeholders else None for node in self.sources.steps]
        self.widths = [prod(shape_of(node)[1:]) for node in self.sources.steps]
        self.batches = [placeholders.index(node) for node in self.sources.batches]
        computed = [node for node in self.sources.steps if node not in placeholders]
        self.needs_rows = bool(computed)
        self.hoisted = len(computed)
        self.module = self._build(placeholders, computed, columns, graph.owning_module or nn.Module())

    def __call__(self, tensors: Sequence[Tensor], steps: int, batch: int) -> list[Tensor]:
        """The loop's inputs in order: of every step, states, of the batch, vectors, matrices."""
        given = list(tensors)
        if self.needs_rows:
            for index, (kind, tensor) in enumerate(zip(self.placeholder_kinds, tensors, strict=True)):
                if kind == "step":
                    given[index] = tensor.flatten(0, 1)
                elif kind == "batch":
                    given[index] = tensor.expand(steps, *tensor.shape).flatten(0, 1)
        made = self.module.forward(steps * batch, *given)
        following = iter(made[: self.hoisted])
        of_steps = [
            (next(following) if index is None else tensors[index]).reshape(steps, batch, width)
            for index, width in zip(self.steps, self.widths, strict=True)
        ]
        states = [tensor for kind, tensor in zip(self.placeholder_kinds, tensors, strict=True) if kind == "state"]
        batches = [tensors[index] for index in self.batches]
        return [*of_steps, *states, *batches, *made[self.hoisted :]]

    def _build(
        self, placeholders: list[fx.Node], computed: list[fx.Node], columns: Columns, constants: nn.Module
    ) -> fx.GraphModule:
        graph = fx.Graph()
        rows = graph.placeholder("rows")
        copies: dict[fx.Node, fx.Node] = {node: graph.placeholder(node.name) for node in placeholders}

        def resized(argument: Any) -> Any:
            """In operations on rows, the trace's number of rows stands for the real one."""
            if isinstance(argument, (list, tuple)):
                return type(argument)(resized(item) for item in argument)
            return rows if type(argument) is int and argument == self.rows else argument

        def copy(node: fx.Node) -> fx.Node:
            if node not in copies:
                for source in node.all_input_nodes:
                    copy(source)
                copies[node] = graph.node_copy(node, lambda source: copies[source])
                if self.kinds[node] != "parameter":
                    copies[node].args = resized(copies[node].args)
            return copies[node]

        def vector(node: fx.Node, tail: tuple[int, ...]) -> fx.Node:
            shape, copied = shape_of(node), copy(node)
            if prod(shape) != prod(tail):
                trailing = shape[len(shape) - len(tail) :] if len(shape) > len(tail) else shape
                copied = graph.call_function(torch.reshape, (copied, list(trailing)))
                copied = graph.call_method("expand", (copied, *tail))
            return graph.call_function(torch.reshape, (copied, [-1])) if len(shape) != 1 or len(tail) != 1 else copied

        def matrix(node: fx.Node) -> fx.Node:
            copied = copy(node)
            return graph.call_function(torch.unsqueeze, (copied, 1)) if len(shape_of(node)) == 1 else copied

        outputs = [copy(node) for node in computed]
        outputs += [vector(node, tail) for node, tail in self.sources.vectors]
        outputs += [matrix(node) for node in self.sources.matrices]
        graph.output(outputs)
        made = {node.target: getattr(constants, node.target) for node in graph.find_nodes(op="get_attr")}
        return fx.GraphModule(made, graph)
