"""How fast the literature's cells train: beside the plain loop over the same step, and beside torch.nn.LSTM.

    python benchmarks/literature.py [--threads 1 2] [--shape 64,32,256] [--write FILE]

What is held against each other alternates in one process; a ratio is the median over pairs.
"""

import argparse
from pathlib import Path

import torch
from contestants import BASELINE, by_name
from engine import command, place
from engine_sections import counted, table
from measure import Shape, Workload, compare, progress, shown

from seqmodels import get_cell, registry

RESULTS = Path(__file__).parent / "results" / "literature.md"


def time_cell(name: str, shape: Shape, pairs: int) -> list[str]:
    """Milliseconds of a step of training; how many times as fast as the plain loop; its time beside an LSTM's."""
    native, loop = (Workload(by_name(name, way), shape, training=True) for way in ("native", "reference"))
    lstm = Workload(by_name(BASELINE, "native"), shape, training=True)
    of_loop, seconds = compare(native, loop, pairs)
    of_lstm, _ = compare(native, lstm, pairs)
    return [f"{seconds * 1e3:.1f}", f"{1 / of_loop:.1f}", f"{of_lstm:.2f}"]


def rows(threads: list[int], shape: Shape, pairs: int) -> list[list[str]]:
    found = {name: [name, get_cell(name).citation] for name in registry.literature_names()}
    for count in threads:
        torch.set_num_threads(count)
        for name, row in found.items():
            progress(f"{name}, {counted(count)}")
            try:
                row += time_cell(name, shape, pairs)
            except Exception as error:  # whatever a cell or a compiler raises
                row += [shown(error), "", ""]
    return list(found.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--shape", type=Shape.parse, default=Shape(64, 32, 256), metavar="T,B,H")
    parser.add_argument("--pairs", type=int, default=5, help="pairs of timings that a ratio is the median of")
    parser.add_argument("--write", type=Path, default=RESULTS, metavar="FILE", help="where the table goes")
    options = parser.parse_args()
    columns = ("ms, {}", "times as fast as the loop", "of LSTM's")
    heads = [column.format(counted(count)) for count in options.threads for column in columns]
    text = f"""# Cells of the literature

    {command()}

{place()}

A training step (forward and backward, with the input's gradient) of one layer, T,B,H = {options.shape}, input
size = H, by the engine and by the plain loop over the same step; its time as a part of {BASELINE}'s.

{table(["cell", "source", *heads], rows(options.threads, options.shape, options.pairs))}
"""
    options.write.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
