"""Passes 3 to 5 together: the schedules of a loop forwards and backwards."""

from dataclasses import dataclass, field

from seqmodels.engine.derivative import Backward, Deferred, differentiate
from seqmodels.engine.graph import Leaf, Node
from seqmodels.engine.loop import Loop
from seqmodels.engine.saving import choose_saved
from seqmodels.engine.schedule import Place, Schedule, Store, place_of, schedule


@dataclass
class Directions:
    """What a loop does, forwards and, if it trains, backwards."""

    loop: Loop
    forward: Schedule
    backward: Schedule | None = None
    saved: list[int] = field(default_factory=list)  # widths of the values kept for the way back
    outer: list[tuple[Place, Place, Deferred]] = field(default_factory=list)  # operand, gradient, and whose
    sums: list[tuple[Place, Place]] = field(default_factory=list)  # what is summed over all steps and rows, and where


def plan_inference(loop: Loop) -> Directions:
    """Forwards only."""
    return Directions(loop, schedule(_new_states(loop), {}))


def plan_training(loop: Loop, wanted: set[tuple[str, int]]) -> Directions:
    """Both ways, for the gradients of the wanted inputs (derivative.py)."""
    backward = differentiate(loop, wanted)
    saved = choose_saved(loop, backward)
    tape = {node: Place("tape", number) for number, node in enumerate(saved)}
    stores = [Store(place, node) for node, place in tape.items()]
    forward = schedule([*_new_states(loop), *stores], {}, [node.width for node in saved])

    known = {node: Place("saved", place.index) for node, place in tape.items()}
    known |= {store.node: store.place for store in _new_states(loop) if not store.node.is_leaf}
    widths: list[int] = []
    kept: dict[Node, Place] = {}
    outer = []
    for deferred in backward.deferred:
        if deferred.gradient.is_number and deferred.gradient.data == 0.0:
            continue
        if deferred.gradient not in kept:
            widths.append(deferred.gradient.width)
            kept[deferred.gradient] = Place("tape", len(widths) - 1)
        outer.append((place_of(deferred.operand, known), kept[deferred.gradient], deferred))
    back = [Store(place, node) for node, place in kept.items()]
    sums = []
    for leaf, node in backward.leaves.items():
        store = _gradient_store(leaf, node)
        if leaf.op == "vector" and node in kept:  # the products after the loop read all its rows anyway
            sums.append((kept[node], store.place))
        else:
            back.append(store)
    back += _missing_carries(loop, backward)
    backwards = schedule(back, known, widths, sink=True)
    return Directions(loop, forward, backwards, [node.width for node in saved], outer, sums)


def _new_states(loop: Loop) -> list[Store]:
    stores = []
    for index, pieces in enumerate(loop.new_state):
        low = 0
        for piece in pieces:
            stores.append(Store(Place("new", index, low), piece))
            low += piece.width
    return stores


def _gradient_store(leaf: Node, node: Node) -> Store:
    assert isinstance(leaf.data, Leaf)
    if leaf.op == "state":
        return Store(Place("carry", *leaf.data), node)
    if leaf.op == "step":
        return Store(Place("gradient", *leaf.data), node)
    return Store(Place(f"total {leaf.op}", *leaf.data), node, adds=True)


def _missing_carries(loop: Loop, backward: Backward) -> list[Store]:
    """Zeros for the columns of states that a step doesn't look at."""
    graph, stores = loop.graph, []
    for index, size in enumerate(loop.states):
        edges = sorted(
            (leaf.data.low, leaf.data.low + leaf.width)
            for leaf in backward.leaves
            if leaf.op == "state" and isinstance(leaf.data, Leaf) and leaf.data.index == index
        )
        at = 0
        for low, high in [*edges, (size, size)]:
            if low > at:
                stores.append(Store(Place("carry", index, at), graph.spread_to(graph.value(0), low - at)))
            at = high
    return stores
