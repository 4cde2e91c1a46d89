"""Random architectures, and the cells that they are printed as."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seqmodels import Cell
from seqmodels.compare.search import SEEDS, CellGraph, mutate, source


def descendant(seed: int) -> CellGraph:
    """A built-in cell after one to five generations of mutations."""
    random = np.random.default_rng(seed)
    graph = list(SEEDS.values())[seed % len(SEEDS)]()
    for _ in range(1 + seed % 5):
        graph = mutate(graph, random, largest_rate=0.5).graph or graph
    return graph


@pytest.fixture(scope="session")
def mutants() -> list[CellGraph]:
    """Thirty of them."""
    return [descendant(seed) for seed in range(30)]


@pytest.fixture
def load(tmp_path: Path) -> Callable[[CellGraph], type[Cell]]:
    """The class that a graph is printed as."""

    def load(graph: CellGraph) -> type[Cell]:
        name = f"Printed{len(list(tmp_path.iterdir()))}"
        path = tmp_path / f"{name.lower()}.py"
        path.write_text(source(graph, name), encoding="utf-8")
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return getattr(module, name)

    return load
