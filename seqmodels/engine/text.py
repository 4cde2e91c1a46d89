"""A loop as one line of text and back: the key under which its operators find it, in any process."""

import json
from typing import Any

from seqmodels.engine.graph import Graph, Leaf, Node, Segment, operands, reachable
from seqmodels.engine.loop import Loop


def write(loop: Loop) -> str:
    """The text of a loop; equal loops have equal texts."""
    nodes = reachable(loop.outputs)
    position = {node: number for number, node in enumerate(nodes)}
    return json.dumps(
        {
            "narrow": loop.narrow,
            "steps": loop.steps,
            "states": loop.states,
            "batches": loop.batches,
            "vectors": loop.vectors,
            "matrices": loop.matrices,
            "nodes": [[node.op, [position[arg] for arg in node.args], node.width, node.data] for node in nodes],
            "new_state": [[position[piece] for piece in pieces] for pieces in loop.new_state],
        },
        separators=(",", ":"),
    )


def read(text: str) -> Loop:
    """The loop of a text.

    Raises:
        ValueError: If it is none.
    """
    try:
        loop = _loop(json.loads(text))
        loop.check()
    except (AssertionError, LookupError, TypeError, ValueError) as error:
        raise ValueError(f"no text of a loop: {text[:80]!r}") from error
    return loop


def _loop(data: dict[str, Any]) -> Loop:
    graph = Graph()
    nodes: list[Node] = []
    for op, args, width, content in data["nodes"]:
        nodes.append(graph.make(op, [nodes[arg] for arg in args], width, _content(op, content)))
    sizes = {name: data[name] for name in ("steps", "states", "batches", "vectors")}
    loop = Loop(graph, **sizes, narrow=data["narrow"], matrices=[(rows, columns) for rows, columns in data["matrices"]])
    loop.new_state = [[nodes[piece] for piece in pieces] for pieces in data["new_state"]]
    return loop


def _content(op: str, content: Any) -> Any:
    if op == "product":
        return tuple(Segment(*segment) for segment in content)
    return Leaf(*content) if isinstance(content, list) else content


def describe(node: Node) -> str:
    """A node as a person reads it: ``n3 = tanh(n2)``."""
    match node.op:
        case "number":
            return f"{node} = {node.data:g}"
        case "product":
            terms = [
                f"{arg} @ M{s.matrix}[{s.row}:{s.row + arg.width}, {s.column}:{s.column + node.width}]"
                for arg, s in operands(node)
            ]
            return f"{node} = {' + '.join(terms)}"
        case _ if isinstance(node.data, Leaf):
            return f"{node} = {node.op} {node.data.index}[{node.data.low}:{node.data.low + node.width}]"
    return f"{node} = {node.op}({', '.join(map(str, node.args))})"
