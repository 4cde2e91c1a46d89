"""``seqmodels compare``: a study of many cells from the command line."""

import argparse
import contextlib
import os
import shlex
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from seqmodels.cli.arguments import ArgumentParser, names, numbers
from seqmodels.cli.rare_collection import rare_collection
from seqmodels.compare.space import FIXED_RATES, SEARCHED_RATES
from seqmodels.errors import OptionError

if TYPE_CHECKING:
    from seqmodels.compare import StoredStudy, Study
    from seqmodels.compare.report import StudyResults
    from seqmodels.compare.workers import Workers

SEVERAL: dict[str, Any] = {"metavar": "A,B,...", "type": names}
NUMBER: dict[str, Any] = {"metavar": "N", "type": int}
EXAMPLES = """\
examples:
  seqmodels compare
  seqmodels compare --cells lstm,gru,mypkg.cells:MyCell --problems my.txt --parameters 300000 --steps 5000
  seqmodels compare --cells lstm,lstm:forget_bias=0,gru,gru:layer_norm=true
  seqmodels compare --trials 9 --layers 1,2 --seeds 5 --folder tuned
  seqmodels compare --engine ray --address auto --accelerator gpu --folder /shared/study

The same command again goes on with a study that was stopped.
"""


def run(arguments: Sequence[str]) -> int:
    """Runs a study, or goes on with it; prints its table and where its report is."""
    options = _parser().parse_args(arguments[1:])
    with rare_collection():
        import_module("seqmodels.compare.study")
    try:
        return _report(options) if options.report else _train(options, shlex.join(["seqmodels", *arguments]))
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on", file=sys.stderr)
        return 130


def _train(options: argparse.Namespace, command: str) -> int:
    from seqmodels.cli.own_cells import look_at_named
    from seqmodels.compare.progress import Display
    from seqmodels.compare.words import plural

    accelerator = _accelerator(options)
    if options.engine != "ray":  # a cluster may have what this machine lacks
        _check_trainer(options, accelerator)
    study = _study(options, accelerator)
    study.command = command
    for cell in study.cells:
        look_at_named(cell)
    size = f"{plural(len(study.cells), 'cell')}, {plural(len(study.problems), 'problem')}"
    print(f"{options.folder}: {size}, {study.describe_budget()}", flush=True)
    workers = _workers(options, accelerator)
    try:
        with Display() as display:
            results = study.run(workers, display, options.retry_failed)
    except KeyboardInterrupt:
        workers.close()
        print("\nstopped; the same command goes on", file=sys.stderr)
        with contextlib.suppress(KeyboardInterrupt):  # a second time: not even that
            study.write_report()
            print(f"report so far: {options.folder}/report/index.html", file=sys.stderr)
        return 130
    finally:
        workers.close()
    return _conclude(study, results, options)


def _report(options: argparse.Namespace) -> int:
    """What there is of a study, wherever it was trained."""
    from seqmodels.compare import StoredStudy

    for name, value in vars(options).items():
        if name not in ("report", "folder", "wandb") and value != _parser().get_default(name):
            option = name.replace("_", "-")
            raise OptionError(f"--{option} has no effect with --report, which is of the study as it is; leave it out")
    study = StoredStudy.load(options.folder)
    return _conclude(study, study.write_report(), options)


def _conclude(study: "StoredStudy", results: "StudyResults", options: argparse.Namespace) -> int:
    """Prints the table, where the report is, and what has failed; the exit code is 1 if some trial has."""
    from rich.console import Console

    from seqmodels.compare.report.table import to_text
    from seqmodels.compare.words import plural

    console = Console()
    print(to_text(results, console.width, color=console.is_terminal))
    if options.wandb:
        from seqmodels.compare.report.wandb_group import log_to_wandb

        log_to_wandb(results, options.wandb, study.folder)
    print(f"report: {options.folder}/report/index.html")
    failed = [result.trial for result in study.results.values() if result.status == "failed"]
    if failed:
        cells = ", ".join(sorted({trial.cell for trial in failed}))
        why = study.folder_of(failed[0]) / "error.txt"
        print(f"{plural(len(failed), 'trial')} failed, of {cells}; why: {why}; --retry-failed runs them again")
    return 1 if failed else 0


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        "seqmodels compare",
        description="Compare cells on problems: equal budgets, many seeds, one report.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for add in (_add_compared, _add_budget, _add_settings, _add_places, _add_report):
        add(parser)
    return parser


def _add_compared(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("what is compared")
    group.add_argument(
        "--cells",
        **SEVERAL,
        help="names (see seqmodels cells), literature for all of its cells, or package.module:Class; each may have "
        "options, lstm:forget_bias=0:zoneout=0.1 (default: the lecture's, and all that were installed)",
    )
    group.add_argument(
        "--problems",
        **SEVERAL,
        default=["arithmetic", "xml", "code"],
        help="arithmetic, xml, code, memorisation, copying, adding, digits, tagging, addition, listops, questions, "
        "captions; a text file, a .mat or .pickle of piano rolls, or package.module:problem (default: "
        "arithmetic,xml,code)",
    )
    group.add_argument("--baseline", metavar="CELL", help="the cell that others are tested against (default: lstm)")
    group.add_argument("--folder", default="study", help="where the study is kept (default: %(default)s)")


def _add_budget(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("what each trial is given")
    group.add_argument(
        "--parameters", metavar="N,...", type=numbers, default=[100_000], help="of a whole model (default: 100000)"
    )
    group.add_argument(
        "--tolerance",
        metavar="SHARE",
        type=float,
        default=0.01,
        help="how far from that it may be (default: %(default)s)",
    )
    group.add_argument(
        "--steps", **NUMBER, default=300, help="training steps of a trial, a batch each (default: %(default)s)"
    )
    group.add_argument("--minutes", metavar="M", type=float, help="training time of a trial, instead of --steps")
    group.add_argument("--validations", **NUMBER, default=6, help="how often it is validated (default: %(default)s)")
    group.add_argument("--seeds", **NUMBER, default=3, help="runs of each cell that count (default: %(default)s)")
    group.add_argument("--seed", **NUMBER, default=0, help="from which all seeds follow (default: %(default)s)")


def _add_settings(parser: ArgumentParser) -> None:
    group = parser.add_argument_group(
        "settings",
        "One value each; with --trials also a list, 0.1,0.2,0.5, or a range, 0.001:0.1, as the second defaults are.",
    )
    group.add_argument(
        "--trials", **NUMBER, default=0, help="random settings to try for each cell and problem (default: 0, no search)"
    )
    group.add_argument("--optimizer", default="adam", help="adam, rmsprop or sgd (default: %(default)s)")
    rates = "; ".join(f"{name} {FIXED_RATES[name]}, or {rates}" for name, rates in SEARCHED_RATES.items())
    for option, text in (
        ("--learning-rate", f"of the optimizer, at first (default: {rates})"),
        (
            "--initial-scale",
            "factor of the cells' first matrices (default: 1, or 0.3,0.7,1,1.4,2,2.8)",
        ),
        ("--gradient-clip", "largest norm of the gradient (default: 1, or 1,2.5,5,10,20)"),
        ("--layers", "of the network (default: 1, or 1,2,3,4)"),
        ("--dropout", "probability, between layers and before the output (default: 0)"),
    ):
        group.add_argument(option, metavar="X", help=text)


def _add_places(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("where it runs")
    group.add_argument("--engine", default="local", help="local, or ray for a cluster (default: %(default)s)")
    group.add_argument("--address", help="of a running Ray cluster, or auto (default: start one here)")
    group.add_argument("--workers", **NUMBER, help="trials at a time (default: one a GPU, or one a CPU core)")
    group.add_argument("--threads", **NUMBER, default=1, help="CPU threads of a trial (default: %(default)s)")
    group.add_argument("--accelerator", help="cpu, gpu, ... (default: gpu if there is one)")
    group.add_argument(
        "--devices", **NUMBER, default=1, help="of one trial; several train by DDP (default: %(default)s)"
    )
    group.add_argument("--precision", default="32-true", help="32-true, bf16-mixed, ... (default: %(default)s)")


def _add_report(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("report")
    group.add_argument(
        "--wandb", metavar="PROJECT", help="log all trials and the report to a group of this W&B project"
    )
    group.add_argument("--report", action="store_true", help="only write the report of what is there")
    group.add_argument("--retry-failed", action="store_true", help="run trials that failed again")


def _accelerator(options: argparse.Namespace) -> str:
    import torch

    if options.accelerator in (None, "auto"):
        return "gpu" if torch.cuda.is_available() else "cpu"
    return options.accelerator


def _study(options: argparse.Namespace, accelerator: str) -> "Study":
    from seqmodels.compare import Space, Study, Training

    training = Training(
        steps=options.steps,
        seconds=None if options.minutes is None else 60 * options.minutes,
        validations=options.validations,
        optimizer=options.optimizer,
        accelerator=accelerator,
        devices=options.devices,
        precision=options.precision,
        threads=options.threads,
    )
    space = Space.of(
        options.optimizer,
        options.trials > 0,
        learning_rate=options.learning_rate,
        initial_scale=options.initial_scale,
        gradient_clip=options.gradient_clip,
        num_layers=options.layers,
        dropout=options.dropout,
    )
    compared = _cells(options.cells)
    return Study(
        options.folder,
        compared,
        options.problems,
        parameters=options.parameters,
        tolerance=options.tolerance,
        training=training,
        trials=options.trials,
        space=space,
        seeds=options.seeds,
        seed=options.seed,
        baseline=options.baseline or ("lstm" if "lstm" in compared else None),
    )


def _cells(named: list[str] | None) -> list[str]:
    """The cells that are named, ``literature`` standing for all of its; if none are, the lecture's and one's own."""
    from seqmodels import registry
    from seqmodels.trees import sequence_cells

    if named is None:
        return sequence_cells()
    found = []
    for name in named:
        first, _, options = name.partition(":")
        cells = registry.literature_names() if first == "literature" else [first]
        found += [f"{cell}:{options}" if options else cell for cell in cells]
    return found


def _workers(options: argparse.Namespace, accelerator: str) -> "Workers":
    import torch

    gpus = options.devices if accelerator in ("gpu", "cuda") else 0
    cores = options.threads * (options.devices if not gpus else 1)
    if options.engine == "ray":
        from seqmodels.compare import RayWorkers

        return RayWorkers(options.workers, cores, gpus, options.address)
    if options.engine != "local":
        raise OptionError(f"--engine: no engine {options.engine!r}; give local or ray")
    if options.address:
        raise OptionError("--address is for --engine ray; give both, or none")
    from seqmodels.compare import LocalWorkers
    from seqmodels.compare.workers import available_cores

    groups = None
    if gpus:
        visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
        numbers = visible.split(",") if visible else [str(number) for number in range(torch.cuda.device_count())]
        groups = [",".join(numbers[first : first + gpus]) for first in range(0, len(numbers) - gpus + 1, gpus)]
        if not groups:
            raise OptionError(f"--devices: a trial needs {gpus} GPUs, this machine has {len(numbers)}")
    count = options.workers
    if count is None:
        count = len(groups) if groups else max(1, available_cores() // cores)
    return LocalWorkers(count, options.threads, groups)


def _check_trainer(options: argparse.Namespace, accelerator: str) -> None:
    """Whether Lightning has such a Trainer here, before every trial finds out for itself."""
    import lightning.pytorch as pl
    from lightning.pytorch.plugins.environments import LightningEnvironment
    from lightning.pytorch.utilities.exceptions import MisconfigurationException

    from seqmodels.compare.quiet import quiet

    options_of_trainer = {name: getattr(options, name) for name in ("devices", "precision")}
    try:
        with quiet():
            environment = LightningEnvironment()  # as trials have it
            pl.Trainer(accelerator=accelerator, logger=False, plugins=[environment], **options_of_trainer)
    except (MisconfigurationException, ValueError, RuntimeError) as error:
        raise OptionError(f"--accelerator, --devices or --precision: {' '.join(str(error).split())}") from error
