"""The order of a step, walked through as the runtime does: whatever is read lies there, whole, and nothing twice."""

from collections import Counter
from collections.abc import Iterable

import pytest
import torch
from foreign_cells import STRANGERS

from seqmodels import RNN
from seqmodels.engine import LayerPass, generated, text
from seqmodels.engine.directions import Directions, plan_inference, plan_training
from seqmodels.engine.graph import LEAVES, REDUCTIONS, Node, operands, reachable
from seqmodels.engine.loop import Loop
from seqmodels.engine.schedule import Level, Phase, Place, Schedule, place_of
from seqmodels.trees import sequence_cells

H = 5
SUBJECTS = {**{name: (name, {}) for name in sequence_cells()}, **STRANGERS}
every_cell = pytest.mark.parametrize("name", SUBJECTS)


def loop_of(name: str, **options) -> Loop:
    cell, own = SUBJECTS[name]
    layer = RNN(cell, 3, H, **own, **options).layers[0]
    state = tuple(torch.zeros(2, size) for size in layer.cell.state_sizes)
    program = generated.program_of(LayerPass(layer.cell, torch.zeros(4, 2, 3), state))
    assert not isinstance(program, str), program
    return text.read(program.key)


def training(loop: Loop) -> Directions:
    """Both ways, for the gradients of all inputs."""
    sizes = {"step": loop.steps, "batch": loop.batches, "vector": loop.vectors, "matrix": loop.matrices}
    return plan_training(loop, {(kind, index) for kind, each in sizes.items() for index in range(len(each))})


class Walk:
    """One step of a schedule: what lies where, level by level.

    Args:
        schedule: The order.
        there: Kinds of places that are whole before the step.
    """

    def __init__(self, schedule: Schedule, there: Iterable[str]) -> None:
        self.schedule = schedule
        self.there = {*there}
        self.whole: set[Place] = set()
        self.stored: list[Place] = []
        for level in schedule.levels:
            self.walk(level)
        for sink in schedule.sinks:
            assert all(self.is_whole(place) for place in sink.group.operands), "a sink's operand isn't there"
            assert sink.adds == (sink.place in self.stored), f"{sink.place} is written over, or added to nothing"
            width = sink.group.products[0].width
            assert width == widths_of(schedule)[sink.place], f"{sink.place} is added to a value of another width"

    def is_whole(self, place: Place) -> bool:
        return place.kind in self.there or place in self.whole

    def walk(self, level: Level) -> None:
        reduced = []
        for reduction in level.reductions:
            known = self.work(reduction.work, set())
            for place, node in reduction.results:
                assert node.op in REDUCTIONS
                assert node.args[0].width == reduction.width
                self.read(node.args[0], known)
                reduced.append(place)
        self.put(reduced)  # each thread has reduced whole rows
        stored = [place for phase in level.phases for place in self.phase(phase)]
        self.put(stored)

    def phase(self, phase: Phase) -> list[Place]:
        """What the phase stores: whole only when all threads have come to its end."""
        products: set[Node] = set()
        for group in phase.groups:
            assert all(self.is_whole(place) for place in group.operands), "a product's operand isn't whole"
            assert all(product.width == phase.width for product in group.products)
            for index, product in enumerate(group.products):
                assert [segment for _, segment in operands(product)] == group.segments[index]
                assert [arg.width for arg in product.args] == group.widths
                assert [place_of(arg, self.schedule.places) for arg in product.args] == group.operands
            assert all(place.kind == "step" for place in group.operands[: group.ahead])
            products |= set(group.products)
        known = self.work(phase.work, products)
        for store in phase.stores:
            assert store.node.width == phase.width
            self.read(store.node, known)
        return [store.place for store in phase.stores]

    def work(self, nodes: list[Node], known: set[Node]) -> set[Node]:
        for node in nodes:
            assert node.op != "product"
            assert node.op not in REDUCTIONS
            for arg in node.args:
                self.read(arg, known)
            known.add(node)
        return known

    def read(self, node: Node, known: set[Node]) -> None:
        if not node.is_number and node not in known:
            place = self.schedule.place(node)
            assert self.is_whole(place), f"{node} = {node.op} is read from {place} before it lies there"

    def put(self, places: list[Place]) -> None:
        twice = [place for place, count in Counter([*self.stored, *places]).items() if count > 1]
        assert not twice, f"{twice} are stored twice"
        self.stored += places
        self.whole |= set(places)


def columns(places: Iterable[Place], widths: dict[Place, int], kind: str, index: int) -> list[int]:
    """Which columns of one input are written, with repetitions."""
    chosen = [place for place in places if (place.kind, place.index) == (kind, index)]
    return sorted(column for place in chosen for column in range(place.low, place.low + widths[place]))


def widths_of(schedule: Schedule) -> dict[Place, int]:
    found = {sink.place: sink.group.products[0].width for sink in schedule.sinks}
    for level in schedule.levels:
        found |= {place: 1 for reduction in level.reductions for place, _ in reduction.results}
        found |= {store.place: store.node.width for phase in level.phases for store in phase.stores}
    return found


@every_cell
@pytest.mark.parametrize("trains", [False, True])
def test_forwards_everything_read_is_there_and_every_state_is_written(name, trains):
    loop = loop_of(name)
    directions = training(loop) if trains else plan_inference(loop)
    walk, widths = Walk(directions.forward, LEAVES), widths_of(directions.forward)
    for index, size in enumerate(loop.states):
        assert columns(walk.stored, widths, "new", index) == list(range(size))
    assert directions.forward.sinks == []
    tape = [place for place in walk.stored if place.kind == "tape"]
    assert sorted(place.index for place in tape) == list(range(len(directions.saved)))
    assert directions.forward.tape == directions.saved
    assert trains or not tape


@every_cell
def test_backwards_everything_read_is_there_and_every_gradient_is_written(name):
    loop = loop_of(name)
    directions = training(loop)
    schedule = directions.backward
    walk, widths = Walk(schedule, {*LEAVES, "saved", "new"}), widths_of(schedule)
    for index, size in enumerate(loop.states):
        assert columns(walk.stored, widths, "carry", index) == list(range(size))
    tape = {place for place in walk.stored if place.kind == "tape"}
    assert {place.index for place in tape} == set(range(len(schedule.tape)))
    for operand, gradient, deferred in directions.outer:
        assert operand.kind in {"saved", "new", "step", "state", "batch", "vector"}
        assert gradient in tape
        assert widths[gradient] == deferred.gradient.width
    of_matrices = {deferred.segment.matrix for _, _, deferred in directions.outer}
    used = {segment.matrix for node in reachable(loop.outputs) if node.op == "product" for _, segment in operands(node)}
    assert of_matrices == used


@pytest.mark.parametrize("name", ["mut3", "layer norm lstm"])
def test_the_walk_finds_levels_in_another_order(name):
    schedule = plan_inference(loop_of(name)).forward
    schedule.levels.reverse()
    with pytest.raises(AssertionError):
        Walk(schedule, LEAVES)


def test_the_walk_finds_a_missing_store():
    schedule = plan_inference(loop_of("mut3")).forward
    schedule.levels[0].phases[0].stores.clear()
    with pytest.raises(AssertionError, match="isn't whole"):
        Walk(schedule, LEAVES)


@pytest.mark.parametrize(
    ("name", "forwards", "backwards"),
    [
        ("elman", 1, 2),
        ("lstm", 1, 2),
        ("coupled", 1, 2),
        ("peephole", 2, 3),
        ("gru", 2, 3),
        ("mut1", 2, 3),
        ("mut3", 2, 3),
    ],
)
def test_as_few_levels_as_products_in_a_row(name, forwards, backwards):
    directions = training(loop_of(name))
    assert (len(directions.forward.levels), len(directions.backward.levels)) == (forwards, backwards)


def test_the_lstm_keeps_its_gates_and_nothing_else():
    directions = training(loop_of("lstm"))
    kept = [
        s.node for level in directions.forward.levels for p in level.phases for s in p.stores if s.place.kind == "tape"
    ]
    gates = {}
    for node in kept:
        (product,) = (arg for arg in node.args[0].args if arg.op == "product")
        gates[operands(product)[-1][1].column // H] = node.op
    assert gates == {0: "sigmoid", 1: "sigmoid", 2: "tanh", 3: "sigmoid"}  # tanh(c) is computed again
    assert directions.saved == [H] * 4


def test_gradients_of_inputs_that_are_products_are_left_for_after_the_loop():
    schedule = training(loop_of("lstm")).backward
    assert [sink.place.kind for sink in schedule.sinks] == ["gradient"]
    assert "gradient" not in {s.place.kind for level in schedule.levels for p in level.phases for s in p.stores}
