"""``seqmodels search``: evolutionary search for new cells."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqmodels.cli.arguments import ArgumentParser, names
from seqmodels.cli.rare_collection import rare_collection

if TYPE_CHECKING:
    from seqmodels.compare.search import Candidate, SearchOptions

EXAMPLES = """\
examples:
  seqmodels search
  seqmodels search --problems xml,my.txt --candidates 1000 --folder wide
  seqmodels compare --cells lstm,gru,search.best.evolved:Evolved     # what it found, on problems it has not seen

The same command again goes on with a search that was stopped.
"""


def run(arguments: Sequence[str]) -> int:
    """Runs a search, or goes on with it; prints each candidate and where the best cell is."""
    options = _parser().parse_args(arguments[1:])

    with rare_collection():
        from seqmodels.compare import LocalWorkers, Settings, Training, get_problem
        from seqmodels.compare.search import Search
        from seqmodels.compare.search.trainer import Trainer, settle
        from seqmodels.compare.workers import available_cores

    passed, *asked = [get_problem(name) for name in (options.filter, *options.problems)]
    problems = {problem.name: problem for problem in (passed, *asked)}
    training = Training(steps=options.steps, validations=min(5, options.steps))
    filter_training = Training(steps=options.filter_steps, validations=min(5, options.filter_steps))
    trainer = Trainer(
        folder=Path(options.folder).absolute() / "trials",
        problems=problems,
        parameters=options.parameters,
        training={name: filter_training if name == passed.name else training for name in problems},
        settings=(Settings(learning_rate=options.learning_rate),),
        seed=options.seed,
    )
    search = Search(options.folder, _options(options, passed.name, [problem.name for problem in asked]))
    workers = LocalWorkers(available_cores() if options.workers is None else options.workers)
    try:
        with search.lock:
            settle(search.folder / "budget.json", trainer)
            search.run(workers, trainer, report=_say)
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on", file=sys.stderr)
        return 130
    finally:
        workers.close()
    _conclude(search.history, search.folder)
    return 0


def _options(options: argparse.Namespace, filter_name: str, problems: list[str]) -> "SearchOptions":
    from seqmodels.compare.search import SearchOptions

    return SearchOptions(
        problems=tuple(problems),
        filter_problem=filter_name,
        filter_score=options.filter_score,
        candidates=options.candidates,
        population=options.population,
        children=options.children,
        mutation_rate=options.mutation_rate,
        revisit=0.0,  # there is one setting only
        seed=options.seed,
    )


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        "seqmodels search",
        description="Search for new cells by evolution, after Jozefowicz, Zaremba and Sutskever 2015.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    number: dict[str, Any] = {"metavar": "N", "type": int}
    add = parser.add_argument
    add("--folder", default="search", help="where the search is kept (default: %(default)s)")
    add("--candidates", **number, default=300, help="how many are trained (default: %(default)s)")
    add(
        "--problems",
        metavar="A,B,...",
        type=names,
        default=["arithmetic", "xml"],
        help="what a cell must be good at, tried in this order (default: arithmetic,xml)",
    )
    add("--filter", metavar="A", default="memorisation", help="what it must be able to do first (default: %(default)s)")
    add("--filter-score", metavar="X", type=float, default=0.95, help="and how well (default: %(default)s)")
    add("--filter-steps", **number, default=2500, help="in how many training steps (default: %(default)s)")
    add("--parameters", **number, default=30_000, help="of a whole model (default: %(default)s)")
    add("--steps", **number, default=1000, help="training steps on each problem (default: %(default)s)")
    add("--learning-rate", metavar="X", type=float, default=0.01, help="of Adam (default: %(default)s)")
    add("--population", **number, default=20, help="the best ones, which may have children (default: %(default)s)")
    add("--children", **number, default=8, help="of a generation (default: %(default)s)")
    add(
        "--mutation-rate",
        metavar="SHARE",
        type=float,
        default=0.4,
        help="the largest share of a cell's parts that a mutation changes (default: %(default)s)",
    )
    add("--seed", **number, default=0, help="of all randomness (default: %(default)s)")
    add("--workers", **number, help="trainings at a time (default: one a CPU core)")
    return parser


def _say(line: "Candidate") -> None:
    if line.was_trained:
        how = f"{line.score:.4f} of the baseline" if line.score is not None else line.outcome
        came = line.origin or f"from {line.parent} by {', '.join(line.mutations)}"
        print(
            f"[{line.number}] {how}, {line.seconds:.0f} s: {came}{f' ({line.error})' if line.error else ''}", flush=True
        )


def _conclude(history: "Sequence[Candidate]", folder: Path) -> None:
    from seqmodels.compare.search import standings
    from seqmodels.compare.search.picture import progress
    from seqmodels.figures import save

    save(progress(history, "gru"), folder, "history")
    number, score = next(iter(standings(history).items()))
    trained = sum(line.was_trained for line in history)
    print(
        f"{trained} cells trained of {len(history)} proposed; the best is number {number}, {score:.4f} of the baseline"
    )
    print(f"it is {folder / 'best' / 'evolved.py'}; how it came about: {folder / 'history.png'}")
