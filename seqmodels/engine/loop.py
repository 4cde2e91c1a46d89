"""What is computed at every step: the graph of a row, its inputs and what becomes of the state."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from seqmodels.engine.graph import Graph, Leaf, Node, check, reachable


@dataclass
class Loop:
    """What is computed at every step; leaves are columns of these inputs, given by their sizes."""

    graph: Graph
    steps: list[int] = field(default_factory=list)
    states: list[int] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    vectors: list[int] = field(default_factory=list)
    matrices: list[tuple[int, int]] = field(default_factory=list)
    narrow: bool = False  # products of bfloat16, summed in float32
    new_state: list[list[Node]] = field(default_factory=list)  # of each state, its pieces in order

    @property
    def outputs(self) -> list[Node]:
        return [piece for pieces in self.new_state for piece in pieces]

    def check(self) -> None:
        """Raises AssertionError if a pass before this left no valid loop."""
        check(reachable(self.outputs), self.matrices)
        sizes = {"step": self.steps, "state": self.states, "batch": self.batches, "vector": self.vectors}
        for node in reachable(self.outputs):
            if node.is_leaf:
                assert isinstance(node.data, Leaf)
                assert node.data.low + node.width <= sizes[node.op][node.data.index], f"{node}: columns"
        for size, pieces in zip(self.states, self.new_state, strict=True):
            assert sum(piece.width for piece in pieces) == size, "columns of a state"


@dataclass
class LoopInputs:
    """The inputs of a loop, each contiguous but the matrices."""

    steps: list[Tensor]  # each [T, B, w]
    states: list[Tensor]  # each [B, size]
    batches: list[Tensor]  # each [B, w]
    vectors: list[Tensor]  # each [w]
    matrices: list[Tensor]  # each [K, N], of any strides

    @classmethod
    def of(cls, loop: Loop, tensors: Iterable[Tensor]) -> "LoopInputs":
        """From all tensors, in the order of the fields."""
        following = iter(tensors)
        sizes = (loop.steps, loop.states, loop.batches, loop.vectors)
        steps, states, batches, vectors = ([next(following).contiguous() for _ in each] for each in sizes)
        return cls(steps, states, batches, vectors, list(following))

    def buffers(self) -> dict[str, Sequence[Tensor]]:
        return {"step": self.steps, "initial": self.states, "batch": self.batches, "vector": self.vectors}
