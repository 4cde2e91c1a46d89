"""What the engine makes of cells that others have published: their training beside that of the plain loop.

    python benchmarks/published_cells.py [--threads 1 2] [--shape 64,32,256] [--write FILE]

The cells are those with a source in tests/foreign_cells.py, which the tests hold against the plain loop. Both ways
alternate in one process; a ratio is the median over pairs.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from engine import command, place
from engine_sections import counted, table
from measure import Shape, Workload, compare, progress, shown

from seqmodels import RNN

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from foreign_cells import STRANGERS

RESULTS = Path(__file__).parent / "results" / "published_cells.md"


def making(source: Any, options: dict[str, Any], backend: str) -> Callable[[int], RNN]:
    return lambda size: RNN(source, size, size, backend=backend, **options)


def time_cell(name: str, shape: Shape, pairs: int) -> tuple[float, float]:
    """How many times as fast it trains as by the plain loop, and its seconds."""
    source, options = STRANGERS[name]
    native, loop = (Workload(making(source, options, way), shape, training=True) for way in ("native", "reference"))
    ratio, seconds = compare(native, loop, pairs)
    return 1 / ratio, seconds


def rows(threads: list[int], shape: Shape, pairs: int) -> list[list[str]]:
    found: dict[str, list[str]] = {}
    for count in threads:
        torch.set_num_threads(count)
        for name, (source, _) in STRANGERS.items():
            if not source.citation:
                continue
            progress(f"{name}, {counted(count)}")
            try:
                faster, seconds = time_cell(name, shape, pairs)
                cells = [f"{seconds * 1e3:.1f}", f"{faster:.1f}"]
            except Exception as error:  # whatever a cell or a compiler raises
                cells = [shown(error), ""]
            found.setdefault(name, [name, source.citation]).extend(cells)
    return list(found.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--shape", type=Shape.parse, default=Shape(64, 32, 256), metavar="T,B,H")
    parser.add_argument("--pairs", type=int, default=5, help="pairs of timings that a ratio is the median of")
    parser.add_argument("--write", type=Path, default=RESULTS, metavar="FILE", help="where the table goes")
    options = parser.parse_args()
    heads = [head for count in options.threads for head in (f"ms, {counted(count)}", "times as fast as the loop")]
    text = f"""# Cells that others have published

    {command()}

{place()}

A training step (forward and backward, with the input's gradient) of one layer, T,B,H = {options.shape}, input
size = H, by the engine and by the plain loop over the same step. The cells are in tests/foreign_cells.py.

{table(["cell", "source", *heads], rows(options.threads, options.shape, options.pairs))}
"""
    options.write.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
