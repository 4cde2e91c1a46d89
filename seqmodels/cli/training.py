"""``seqmodels fit``, ``validate`` and ``test``: LightningCLI over the tasks and their data."""

import functools
import logging
import shlex
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonargparse
import lightning.pytorch as pl
from lightning.pytorch.callbacks import ModelCheckpoint, TQDMProgressBar
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.utilities.exceptions import MisconfigurationException

from seqmodels.cell import Cell
from seqmodels.cli.classes import CLASSES, check_pair, check_task, set_default_classes
from seqmodels.cli.config_files import configs_first, explain_parsing, with_options_of_run
from seqmodels.cli.mistakes import explain, raised_by_lightning
from seqmodels.cli.next_steps import next_steps
from seqmodels.cli.nothing_trained import SeesTraining, reason
from seqmodels.cli.own_cells import look_at
from seqmodels.cli.trainer_numbers import check_numbers
from seqmodels.cli.unused_folders import UnusedFolders
from seqmodels.data import Tokenizer
from seqmodels.errors import OptionError
from seqmodels.files.writing import check_writable
from seqmodels.tasks import LanguageModel, Task
from seqmodels.training import (
    PictureTable,
    ReliableWandbLogger,
    SampleText,
    StepCheckpoint,
    TrainingMonitor,
    read_checkpoint,
)

DEFAULTS = {
    "trainer.max_epochs": 1,
    "trainer.gradient_clip_val": 1.0,
    "trainer.log_every_n_steps": 10,
    "trainer.num_sanity_val_steps": 0,
    "trainer.enable_model_summary": False,
    "trainer.default_root_dir": "runs",
}
# Arguments of models that data modules have as attributes; a shared vocabulary of sources follows that of targets.
FROM_DATA = ("tokenizer", "source_tokenizer", "answers", "labels", "scaling", "image")
TRAINED = FROM_DATA[:-1]  # those that a checkpoint keeps
OF_FIT = ("wandb", "sample_length", "pictures", "checkpoint_every")  # options of ours that others have no use for
OF_OPTIMIZERS = ("learning_rate", "weight_decay")
CHECKPOINT_KEYWORDS = ("best", "last", "hpc", "registry")  # Lightning's own, in place of a path


def run(arguments: Sequence[str]) -> None:
    """Runs one of Lightning's subcommands; after training, shows what came of it."""
    _silence_lightning()
    try:
        cli = TrainingCLI(
            Task,
            pl.LightningDataModule,
            subclass_mode_model=True,
            subclass_mode_data=True,
            seed_everything_default=0,
            save_config_kwargs={"overwrite": True},
            parser_kwargs={"exit_on_error": False, "prog": "seqmodels"},
            args=configs_first(with_options_of_run(arguments)),
        )
    except (MisconfigurationException, ValueError, RuntimeError) as error:
        if not raised_by_lightning(error):
            raise
        raise explain(error, arguments[0]) from error
    if not cli.trainer.is_global_zero:
        return
    if arguments[0] == "fit":
        _report(cli)
    elif results := cli.results:
        cli.model.write_results(results)
        print(f"results: {results}")


class TrainingCLI(LightningCLI):
    """LightningCLI with the loggers, checkpoints and samples that a run of a task needs."""

    def __init__(
        self, model: type[Task], data: type[pl.LightningDataModule], *, args: list[str], **options: Any
    ) -> None:
        self._arguments = args
        super().__init__(model, data, args=args, **options)

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        parser.set_defaults(DEFAULTS)
        set_default_classes(parser, self._arguments)
        for name in FROM_DATA:
            compute = functools.partial(self._from_data, name=name)
            parser.link_arguments("data", f"model.init_args.{name}", compute_fn=compute, apply_on="instantiate")
        add = parser.add_argument
        add("--wandb", type=str | None, help="fit: log to this W&B project too (offline if unreachable)")
        add("--sample_length", type=int, default=200, help="fit: tokens of the sample after each epoch")
        add("--pictures", type=int, default=16, help="fit, with --wandb: validation pictures in a table")
        add("--results", type=str | None, help="validate, test: write what the model found to this file (or folder)")
        add("--checkpoint_every", type=int, default=500, help="fit: steps between writing last.ckpt")

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        try:
            super().parse_arguments(parser, args)
        except (jsonargparse.ArgumentError, UnicodeDecodeError) as error:
            raise explain_parsing(error, parser, args) from error

    def instantiate_classes(self) -> None:
        self._check_subcommand()
        path = self._get(self.config, "ckpt_path")
        if not path and self.subcommand != "fit":
            raise OptionError(f"--ckpt_path is missing: give the checkpoint to {self.subcommand}")
        model, data = (self._get(self.config, part).class_path for part in CLASSES)
        hyper_parameters = {}
        if path in ("best", "last") and self.subcommand == "fit":
            raise OptionError(f"--ckpt_path {path}: a new run has no checkpoint yet; give a file{self._newest()}")
        if path and path not in CHECKPOINT_KEYWORDS:
            checkpoint = read_checkpoint(path)
            check_task(path, checkpoint, model)
            hyper_parameters = checkpoint.get("hyper_parameters", {})
            if self.subcommand == "fit":
                self._check_optimizer(hyper_parameters)
        if self.subcommand == "fit":
            check_writable(self._get(self.config, "trainer")["default_root_dir"])
        check_pair(model, data)
        self._trained = {name: hyper_parameters.get(name) for name in TRAINED}
        try:
            super().instantiate_classes()
        except (ValueError, TypeError, MisconfigurationException) as error:
            raise explain(error, str(self.subcommand)) from error
        one_of_each = {type(module): module for module in self.model.modules() if isinstance(module, Cell)}
        for cell in one_of_each.values():
            look_at(cell)
        if self.results and not hasattr(self.model, "write_results"):
            raise OptionError(f"--results: a {type(self.model).__name__} writes no result file")

    def _newest(self) -> str:
        """The last checkpoint that a run has left, to be named."""
        root = Path(self._get(self.config, "trainer")["default_root_dir"])
        found = sorted(root.glob("version_*/checkpoints/last.ckpt"), key=lambda file: file.stat().st_mtime)
        return f", such as {found[-1]}" if found else ""

    def _check_optimizer(self, hyper_parameters: dict[str, Any]) -> None:
        """The optimizer goes on with its own settings; others would be lost without a word."""
        given = self._get(self.config, "model").init_args
        for name in OF_OPTIMIZERS:
            now, then = getattr(given, name, None), hyper_parameters.get(name)
            if now is not None and then is not None and now != then:
                said = f"--model.{name} is {now:g}, but the optimizer in the checkpoint goes on with {then:g}"
                raise OptionError(f"{said}; leave it out")

    def _check_subcommand(self) -> None:
        """Whether it has a use for the options given; a file that fit has written holds all of them."""
        given = [argument.partition("=")[0] for argument in self._arguments]
        for name in OF_FIT:
            if self.subcommand != "fit" and f"--{name}" in given:
                raise OptionError(f"--{name} is an option of fit, not of {self.subcommand}; leave it out")
        if self.subcommand == "fit" and self.results:
            raise OptionError("--results is an option of validate and test, not of fit; give it to one of them")

    def _run_subcommand(self, subcommand: str) -> None:
        try:
            super()._run_subcommand(subcommand)
        except BaseException as error:
            if subcommand == "fit" and self.trainer.is_global_zero:
                if isinstance(error, SystemExit):  # GracefulTermination has said that, and written the checkpoint
                    _say_how_to_go_on(self.trainer)
                self._remove_unused()
            raise
        if subcommand == "fit" and self.trainer.is_global_zero and not self.sees.begun:
            print(f"seqmodels: nothing was trained: {reason(self.trainer)}", file=sys.stderr)
            self._remove_unused()

    def _remove_unused(self) -> None:
        for folders in self._unused:
            folders.remove()

    def _parse_ckpt_path(self) -> None:
        """Options come from the command line and its files, not from the checkpoint: it holds the tokenizer too."""

    def _from_data(self, data: Any, name: str) -> Any:
        """What the model must know of the data, None if the data have no such thing.

        Vocabularies are those of the checkpoint, if there is one, so that it can be tested on other data.
        """
        if not hasattr(type(data), name):
            return None
        if (trained := self._trained.get(name)) is not None:
            setattr(data, name, Tokenizer.from_dict(trained) if name.endswith("tokenizer") else trained)
        return getattr(data, name)

    @property
    def results(self) -> str | None:
        """Where captions or answers are to be written."""
        path: str | None = self._get(self.config, "results")
        return path

    def instantiate_trainer(self, **options: Any) -> pl.Trainer:
        config = self._get(self.config_init, "trainer")
        check_numbers(config)
        if self.subcommand != "fit":
            options["logger"], self.save_config_callback = False, None
        elif config.get("logger") is None:
            options["logger"] = self._loggers(config["default_root_dir"])
        given = config.get("callbacks") or []
        given = list(given) if isinstance(given, list) else [given]
        # Those that write checkpoints come last: what the others keep must be in the file.
        every = self._get(self.config_init, "checkpoint_every")
        saves = self.subcommand == "fit" and config.get("enable_checkpointing") is not False
        loggers = options.get("logger") or []  # ours: CSV first
        self._unused = [UnusedFolders(Path(csv.log_dir), Path(csv.save_dir)) for csv in loggers[:1]]
        saving = _checkpoints(every) if saves else []
        self.sees = SeesTraining()
        options["callbacks"] = [*given, self.sees, *self._unused, *self._watchers(config), *saving]
        return super().instantiate_trainer(**options)

    def _watchers(self, config: Any) -> list[pl.Callback]:
        """Progress, speed and samples."""
        fits = self.subcommand == "fit"
        watchers: list[pl.Callback] = [TrainingMonitor()] if fits and config.get("logger") is not False else []
        length = self._get(self.config_init, "sample_length")
        if fits and length and isinstance(self.model, LanguageModel):
            watchers.append(SampleText(length=length))
        pictures = self._get(self.config_init, "wandb") and self._get(self.config_init, "pictures")
        if fits and pictures and hasattr(self.model, "picture_rows") and hasattr(self.datamodule, "picture_sources"):
            watchers.append(PictureTable(pictures))
        if config.get("enable_progress_bar") is not False:
            watchers.append(TQDMProgressBar(refresh_rate=10, leave=True))
        return watchers

    def before_fit(self) -> None:
        for part in (self.datamodule, self.model):
            if hasattr(part, "describe") and self.trainer.is_global_zero:
                print(part.describe())

    def _loggers(self, folder: str) -> list[Any]:
        project = self._get(self.config_init, "wandb")
        csv = CSVLogger(folder, name="")
        return [csv, ReliableWandbLogger(project=project, save_dir=csv.log_dir)] if project else [csv]


def _checkpoints(every_n_steps: int) -> list[pl.Callback]:
    """best.ckpt by validation loss; last.ckpt every so many steps and at the end of every epoch."""
    return [
        ModelCheckpoint(
            monitor="val_loss", filename="best", save_on_train_epoch_end=False, enable_version_counter=False
        ),
        StepCheckpoint(every_n_steps),
        ModelCheckpoint(every_n_epochs=1, save_on_train_epoch_end=True, filename="last", enable_version_counter=False),
    ]


def _say_how_to_go_on(trainer: pl.Trainer) -> None:
    config, last = (Path(trainer.log_dir or "", name) for name in ("config.yaml", "checkpoints/last.ckpt"))
    if config.is_file() and last.is_file():
        command = shlex.join(["seqmodels", "fit", "--config", str(config), "--ckpt_path", str(last)])
        print(f"go on: {command}", file=sys.stderr)


def _silence_lightning() -> None:
    """Advertisements, and warnings that concern Lightning's own code or what is meant so."""
    logging.getLogger("lightning.pytorch.utilities.rank_zero").addFilter(
        lambda record: "Tip:" not in record.getMessage()
    )
    warnings.filterwarnings("ignore", message=".*LeafSpec.*")
    warnings.filterwarnings("ignore", message=".*args parameter is intended.*")
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    warnings.filterwarnings("ignore", message=".*dirpath has changed.*")
    warnings.filterwarnings("ignore", message=".*smaller than the logging interval.*")
    warnings.filterwarnings("ignore", message="Be aware that when using `ckpt_path`.*")


def _report(cli: TrainingCLI) -> None:
    """The last words of a run: what was reached, a sample, where the checkpoint is, and what to do with it."""
    trainer = cli.trainer
    metrics = {name: float(value) for name, value in trainer.callback_metrics.items() if name.startswith("val_")}
    if metrics:
        print("\n" + ", ".join(f"{name} {value:.4g}" for name, value in sorted(metrics.items())))
    paths = (getattr(callback, "best_model_path", "") for callback in trainer.checkpoint_callbacks)
    if best := next(filter(None, paths), ""):
        print(f"checkpoint: {best}")
        print(*next_steps(cli.model, best), sep="\n")
