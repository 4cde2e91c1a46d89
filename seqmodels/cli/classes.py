"""The classes of model and data that a command line of ``seqmodels fit`` names."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.cli import LightningArgumentParser

from seqmodels import data as data_modules
from seqmodels import tasks
from seqmodels.cli.config_files import config_files
from seqmodels.errors import CheckpointError, OptionError
from seqmodels.tasks.base import CHECKPOINT_KEY

OF_A_RUN = ("pytorch-lightning_version", "state_dict", "loops")  # keys that every checkpoint of a Trainer has
CLASSES = {"model": "seqmodels.tasks.LanguageModel", "data": "seqmodels.data.TextData"}  # where none is named

# The data that each task of ours reads, of those that are made of a user's files.
READS = {
    "LanguageModel": ("TextData",),
    "Captioner": ("CaptionData",),
    "VisualQuestionAnswerer": ("QuestionData",),
    "Translator": ("PairData",),
    "ConditionalGenerator": ("LabelledTextData",),
    "SequenceClassifier": ("LabelledTextData", "SeriesData"),
    "SequenceTagger": ("TaggedTextData", "SeriesData"),
    "TreeClassifier": ("TreeData",),
}


def set_default_classes(parser: LightningArgumentParser, arguments: Sequence[str]) -> None:
    """Makes the classes that will be used the parser's defaults.

    Another's default values would stay wherever both have an option of the same name.

    Raises:
        OptionError: If there is no such class.
    """
    for name in data_modules.__all__:
        getattr(data_modules, name)  # imports it: --data TextData is found among the classes that are there
    for part, path in (CLASSES | named_classes(arguments)).items():
        try:
            parser.set_defaults({part: {"class_path": path}})
        except (ValueError, ImportError, AttributeError) as error:
            file = next((file for file in config_files(arguments) if _classes_in(file).get(part) == path), None)
            raise OptionError((f"{file}: " if file else "") + _no_class(part, path)) from error


def check_pair(model: str, data: str) -> None:
    """Whether a task reads such data; nothing is known of classes that aren't ours.

    Raises:
        OptionError: If it doesn't.
    """
    (models, _, task), (modules, _, given) = model.rpartition("."), data.rpartition(".")
    known = {name for names in READS.values() for name in names}
    if (models, modules) != ("seqmodels.tasks", "seqmodels.data") or given not in known:
        return
    if given not in (reads := READS.get(task, (given,))):
        raise OptionError(f"{task} reads {' or '.join(reads)}, not {given}; give --data {reads[0]}")


def check_task(path: str, checkpoint: dict[str, Any], model: str) -> None:
    """Whether a checkpoint is of a run, and of the task that is asked for, as far as both are ours.

    Raises:
        CheckpointError: If it is of no run.
        OptionError: If it is of another task.
    """
    if missing := [key for key in OF_A_RUN if key not in checkpoint]:
        raise CheckpointError(f"{path}: is no checkpoint of a run (it has no {missing[0]}); give one of seqmodels fit")
    recorded = str((checkpoint.get(CHECKPOINT_KEY) or {}).get("task", "")).rpartition(":")[2]
    package, _, task = model.rpartition(".")
    if package == "seqmodels.tasks" and recorded not in ("", task) and hasattr(tasks, recorded):
        raise OptionError(f"{path}: is a {recorded}, not a {task}; give --model {recorded} and its data")


def named_classes(arguments: Sequence[str]) -> dict[str, str]:
    """The class of model and of data that a command line or its files name; the last one, where they name several."""
    found: dict[str, str] = {}
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=True):
        option, equals, value = argument.partition("=")
        value = value if equals else following
        if option in ("--config", "-c"):
            found |= _classes_in(value)
        part = option.removeprefix("--").removesuffix(".class_path")
        if option.startswith("--") and part in CLASSES:
            found[part] = value
    return found


def _no_class(part: str, path: str) -> str:
    package, kind = (tasks, tasks.Task) if part == "model" else (data_modules, pl.LightningDataModule)
    every = {name: getattr(package, name) for name in package.__all__}
    known = [name for name, one in every.items() if isinstance(one, type) and issubclass(one, kind) and one is not kind]
    similar = get_close_matches(path.rpartition(".")[2], known, n=1)
    hint = f"did you mean {similar[0]}?" if similar else f"use {', '.join(known)}, or package.module.Class"
    return f"--{part}: there is no class {path!r}; {hint}"


def _classes_in(path: str) -> dict[str, str]:
    """The same of one file; of none that can't be read, which is for the parser to say."""
    import yaml

    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    sections = {part: content.get(part) for part in CLASSES} if isinstance(content, dict) else {}
    named = {part: one.get("class_path") if isinstance(one, dict) else one for part, one in sections.items()}
    return {part: one for part, one in named.items() if isinstance(one, str)}
