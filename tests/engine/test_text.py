"""A loop's text is its key: it names the loop whole, in any process, and what is no text is refused."""

import json

import pytest
import torch
from foreign_cells import STRANGERS

from seqmodels import RNN
from seqmodels.engine import LayerPass, generated, interpret, text
from seqmodels.engine.graph import Graph, Segment, reachable
from seqmodels.engine.loop import Loop
from seqmodels.trees import sequence_cells

SUBJECTS = {**{name: (name, {}) for name in sequence_cells()}, **STRANGERS}


def text_of(name: str) -> str:
    cell, options = SUBJECTS[name]
    layer = RNN(cell, 3, 5, **options).layers[0]
    state = tuple(torch.zeros(2, size) for size in layer.cell.state_sizes)
    program = generated.program_of(LayerPass(layer.cell, torch.zeros(4, 2, 3), state))
    assert not isinstance(program, str), program
    return program.key


@pytest.mark.parametrize("name", SUBJECTS)
def test_reading_and_writing_again_gives_the_same_text(name):
    key = text_of(name)
    assert "\n" not in key
    assert text.write(text.read(key)) == key
    assert text_of(name) == key, "another cell of the same kind has another text"


def example(number: float = 0.1, narrow: bool = False) -> Loop:
    """x @ M + 0.1 * tanh(h)."""
    graph = Graph()
    x, h = graph.leaf("step", 0, 0, 2), graph.leaf("state", 0, 0, 4)
    product = graph.product([(x, Segment(0, 1, 3))], 4)
    loop = Loop(graph, steps=[2], states=[4], matrices=[(3, 7)], narrow=narrow)
    loop.new_state = [[graph.add(product, graph.mul(graph.tanh(h), number))]]
    return loop


def test_the_loop_read_is_the_loop_written():
    loop, tensors = example(), [torch.randn(3, 2, 2), torch.randn(2, 4), torch.randn(3, 7)]
    again = text.read(text.write(loop))
    assert (again.steps, again.states, again.matrices, again.narrow) == ([2], [4], [(3, 7)], False)
    assert [node.op for node in reachable(again.outputs)] == [node.op for node in reachable(loop.outputs)]
    assert torch.equal(interpret.run(again, tensors, 3)[0][0], interpret.run(loop, tensors, 3)[0][0])


@pytest.mark.parametrize("number", [0.1, 1e-300, 1 / 3, -0.0, float("inf"), float("-inf"), float("nan")])
def test_no_digit_of_a_number_is_lost(number):
    again = text.read(text.write(example(number)))
    (found,) = {repr(node.data) for node in reachable(again.outputs) if node.is_number}
    assert found == repr(number)


def test_other_loops_have_other_texts():
    texts = {text.write(loop) for loop in (example(), example(0.2), example(narrow=True))}
    assert len(texts) == 3


def test_what_no_output_needs_is_not_written():
    loop = example()
    before = text.write(loop)
    loop.graph.exp(loop.outputs[0])
    assert text.write(loop) == before


def changed(**entries: object) -> str:
    return json.dumps({**json.loads(text.write(example())), **entries})


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "lstm",
        "{",
        "{}",
        "[]",
        "3",
        '{"nodes": []}',
        changed(nodes=[["cube", [], 4, None]]),
        changed(nodes=[["tanh", [7], 4, None]]),
        changed(nodes=[["state", [], 4, [5, 0]]]),
        changed(nodes=[["state", [], 4, None]]),
        changed(nodes=[["product", [], 4, [[0]]]]),
        changed(nodes=[["state", [], 0, [0, 0]]]),
        changed(new_state=[[99]]),
        changed(new_state=[]),
        changed(states=[5]),
        changed(matrices=[[1, 7]]),
        changed(matrices=[3]),
    ],
)
def test_what_is_no_text_of_a_loop_is_refused(wrong):
    with pytest.raises(ValueError, match=r"^no text of a loop: "):
        text.read(wrong)


def test_nodes_as_a_person_reads_them():
    lines = [text.describe(node) for node in reachable(example().outputs)]
    assert lines == [
        "n0 = step 0[0:2]",
        "n1 = state 0[0:4]",
        "n2 = n0 @ M0[1:3, 3:7]",
        "n3 = tanh(n1)",
        "n4 = 0.1",
        "n5 = mul(n3, n4)",
        "n6 = add(n2, n5)",
    ]
