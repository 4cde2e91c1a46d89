"""The models that a page shows, each under a name that tells it from the others."""

import html
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seqmodels import tasks
from seqmodels.errors import OptionError


def load_models(checkpoints: Sequence[str | Path]) -> dict[str, tasks.Task]:
    """The tasks in these files or URLs, by the name of each: the part of its path in which it differs from the others.

    Raises:
        CheckpointError: If a file is missing, damaged, or holds no task.
        OptionError: If a file is given twice.
    """
    paths = [Path(checkpoint).resolve() for checkpoint in checkpoints]  # of URLs, too: to tell them apart and name them
    for checkpoint, path in zip(checkpoints, paths, strict=True):
        if paths.count(path) > 1:
            raise OptionError(f"{checkpoint} is given twice; give each checkpoint once")
    return dict(zip(names_of(paths), map(tasks.load, checkpoints), strict=True))


def names_of(paths: Sequence[Path]) -> list[str]:
    """Short names of different files.

    Example:
        >>> names_of([Path("runs/version_0/checkpoints/best.ckpt"), Path("runs/version_1/checkpoints/best.ckpt")])
        ['version_0/best', 'version_1/best']
        >>> names_of([Path("runs/gru.ckpt")])
        ['gru']
    """
    common = os.path.commonpath([path.parent for path in paths])
    parts = [path.relative_to(common).with_suffix("").parts for path in paths]
    short = ["/".join(part for part in each if part != "checkpoints") for each in parts]
    return short if len(set(short)) == len(short) else [str(path) for path in paths]


def heading(name: str, model: Any) -> str:
    """A model's name, and below it what it is, as HTML."""
    return f'<div class="model"><b>{html.escape(name)}</b> <small>{html.escape(model.describe())}</small></div>'


def choice(models: Mapping[str, Any]) -> Any:
    """Which of several models shall answer; of one alone, what it is."""
    import gradio as gr

    names = list(models)
    if len(names) > 1:
        return gr.Dropdown(names, value=names[0], label="Model")
    gr.HTML(heading(names[0], models[names[0]]))
    return gr.State(names[0])
