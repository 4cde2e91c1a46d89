"""The C that a few cells come to, as files that a reviewer reads: a change of a pass shows in them."""

import os
from difflib import unified_diff
from pathlib import Path

import pytest
import torch

from seqmodels import RNN
from seqmodels.engine import LayerPass, generated, text
from seqmodels.engine.directions import plan_training
from seqmodels.engine.native import printer

GOLDEN = Path(__file__).parent / "golden"
UPDATE = "SEQMODELS_UPDATE_GOLDEN"


def generated_code(name: str) -> str:
    """The functions of a cell that trains, without the headers that all cells share."""
    layer = RNN(name, 3, 5).layers[0]
    state = tuple(torch.zeros(2, size) for size in layer.cell.state_sizes)
    program = generated.program_of(LayerPass(layer.cell, torch.zeros(4, 2, 3), state))
    assert not isinstance(program, str), program
    loop = text.read(program.key)
    inputs = {"step": loop.steps, "vector": loop.vectors, "matrix": loop.matrices}
    directions = plan_training(loop, {(kind, index) for kind, each in inputs.items() for index in range(len(each))})
    whole, _ = printer.source([directions.forward, directions.backward], "float32")
    return whole.removeprefix(printer._shared("float32", "vectors.h", "functions.h")).lstrip()


@pytest.mark.parametrize("name", ["lstm", "gru", "mut1", "peephole"])
def test_the_generated_code_is_that_of_the_file(name):
    path, found = GOLDEN / f"{name}.c", generated_code(name)
    if os.environ.get(UPDATE) == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_text(found, encoding="utf-8")
    kept = path.read_text(encoding="utf-8") if path.exists() else ""
    difference = "\n".join(unified_diff(kept.splitlines(), found.splitlines(), path.name, "generated", lineterm=""))
    assert found == kept, f"if this is meant, run the test with {UPDATE}=1 and commit what it writes:\n{difference}"


def test_the_generated_code_has_no_shared_headers():
    code = generated_code("lstm")
    assert code.startswith("static void phase_")
    assert code.count("static void phase_") == 3
    assert "typedef" not in code
