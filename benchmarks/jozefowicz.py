"""A study's arithmetic and XML beside Table 1 of Jozefowicz, Zaremba and Sutskever 2015.

seqmodels compare --problems arithmetic,xml --trials 6 --layers 1,2 --steps 3600 --validations 20 --folder jozefowicz
python benchmarks/jozefowicz.py jozefowicz
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from scipy.stats import spearmanr

from seqmodels.compare.report import StudyResults, summarize
from seqmodels.compare.report.comparison import Comparison, compare

# Next-step accuracy, as the paper's Table 1 has it. Our LSTM starts its forget bias at 1: the paper's LSTM-b.
PAPER = {
    "elman": ("Tanh", {"arithmetic": 0.29493, "xml": 0.32050}),
    "lstm": ("LSTM-b", {"arithmetic": 0.90163, "xml": 0.44434}),
    "gru": ("GRU", {"arithmetic": 0.89565, "xml": 0.45963}),
    "mut1": ("MUT1", {"arithmetic": 0.92135, "xml": 0.47483}),
    "mut2": ("MUT2", {"arithmetic": 0.89735, "xml": 0.47324}),
    "mut3": ("MUT3", {"arithmetic": 0.90728, "xml": 0.46478}),
}


def table(study: StudyResults, problem: str) -> list[str]:
    """Markdown: each cell's accuracy here and in the paper, with its place among the cells that both have."""
    rows = {row.cell: row for row in summarize(study) if row.problem == problem and row.test is not None}
    tests = {each.cell: each for each in compare(study) if each.problem == problem}
    both = [cell for cell in rows if cell in PAPER]
    ours = places([rows[cell].test.mean for cell in both])  # type: ignore[union-attr]
    theirs = places([PAPER[cell][1][problem] for cell in both])
    lines = [
        "| cell | accuracy | 95 % interval | against lstm | place | in the paper | place |",
        "|---|---|---|---|---|---|---|",
    ]
    for cell, row in rows.items():
        assert row.test is not None
        interval = "-" if row.test.low is None else f"{row.test.low:.4f} to {row.test.high:.4f}"
        line = f"| {cell} | {row.test.mean:.4f} | {interval} | {against(tests.get(cell))} |"
        if cell in both:
            name, values = PAPER[cell]
            place = both.index(cell)
            line += f" {ours[place]} | {name} {values[problem]:.4f} | {theirs[place]} |"
        lines.append(line if cell in both else f"{line} | | |")
    rank = spearmanr(ours, theirs)
    lines += [
        "",
        f"Spearman's rank correlation with the paper, {len(both)} cells: {rank.statistic:.2f} (p = {rank.pvalue:.3f}).",
    ]
    return lines


def against(test: Comparison | None) -> str:
    """The paired difference, with p after Holm's correction."""
    if test is None or test.gain is None:
        return "-"
    return f"{test.gain.mean:+.4f} (p = {test.p:.3f})" if test.p is not None else f"{test.gain.mean:+.4f}"


def places(values: Sequence[float]) -> list[int]:
    """1 for the highest."""
    return [1 + sum(other > value for other in values) for value in values]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of the study")
    folder = parser.parse_args().folder
    study = StudyResults.from_dict(json.loads((folder / "report" / "results.json").read_text(encoding="utf-8")))
    print(f"{study.budget}\n")
    for problem in study.problems:
        if problem.name in ("arithmetic", "xml"):
            print(f"## {problem.name}\n", *table(study, problem.name), "", sep="\n")


if __name__ == "__main__":
    main()
