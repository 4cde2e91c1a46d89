"""A study as a group of W&B runs: one for each trial, and one with the report."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seqmodels.compare.files import plain
from seqmodels.compare.report.export import write_text
from seqmodels.compare.report.figures import pictures
from seqmodels.compare.report.grid import Findings, Grid, detail, overview
from seqmodels.compare.report.page import to_html
from seqmodels.compare.report.summary import StudyResults
from seqmodels.compare.results import Result
from seqmodels.figures import save
from seqmodels.training.wandb_logger import in_short, start_settings, why_not_online

RECORD = "wandb.json"


def log_to_wandb(study: StudyResults, project: str, folder: Path) -> int:
    """Log every result that isn't logged yet as a run of W&B, and the report of all of them as one run more.

    The runs are a group named as the study. A trial's run has its curve as history, its settings as configuration, and
    what came of it as summary; the run "report" has the tables, the figures and the page. Without an API key, or if
    W&B can't be reached, they are recorded in offline files, and one line says how to upload them.

    Args:
        study: May still be under way: call it again when there is more.
        project: Of W&B.
        folder: Of the study. ``wandb.json`` in it says what has been logged to which project, so that nothing is logged
            twice however often this is called, or killed; offline files are in its folder ``wandb``.

    Returns:
        How many runs were logged now.
    """
    if os.environ.get("WANDB_MODE") == "disabled":
        return 0
    from lightning.pytorch.utilities.rank_zero import rank_zero_info

    folder.mkdir(parents=True, exist_ok=True)
    record = _Record(folder / RECORD, project)
    connection = _Connection(project, study.title, folder)
    count = 0
    for result in study.results:
        digest = _digest(result.to_dict())
        if record.has(result.trial.key, digest):
            continue
        # a trial that was run again is another run: W&B doesn't take back what it has of the first one
        with connection.run(record.id_of(result.trial.key, digest), result.trial.key, result.trial.phase) as run:
            _log_trial(run, result)
        record.add(result.trial.key, digest)
        count += 1
    digest = _digest(study.to_dict())
    if not record.has("report", digest):
        with connection.run(record.id_of("report", ""), "report", "report") as run:
            _log_report(run, study)
        record.add("report", digest)
        count += 1
    if connection.offline:
        runs = "run is" if connection.offline == 1 else "runs are"
        rank_zero_info(
            f"W&B: {connection.offline_because}, so {connection.offline} {runs} recorded offline; "
            f"later: wandb sync {folder / 'wandb'}/offline-run-*"
        )
    return count


class _Connection:
    """Starts runs online, or all further ones offline once W&B can't be reached."""

    def __init__(self, project: str, group: str, folder: Path) -> None:
        self.project, self.group, self.folder = project, group[:128], folder
        wants_online = (os.environ.get("WANDB_MODE") or "online") == "online"
        self.offline_because = why_not_online() if wants_online else "WANDB_MODE is offline"
        self.is_online = self.offline_because is None
        self.offline = 0  # runs that were started so

    @contextlib.contextmanager
    def run(self, identity: str, name: str, kind: str) -> Iterator[Any]:
        """A run, finished at the end of the block; a run of the caller's own goes on beside it."""
        run = self._start(identity, name, kind)
        try:
            yield run
        except BaseException:
            run.finish(exit_code=1)
            raise
        run.finish()

    def _start(self, identity: str, name: str, kind: str) -> Any:
        if self.is_online:
            try:
                return self._init(identity, name, kind, "online")
            except Exception as error:  # of W&B's own, of its service, of the network
                self.offline_because, self.is_online = in_short(error), False
        self.offline += 1
        return self._init(identity, name, kind, "offline")

    def _init(self, identity: str, name: str, kind: str, mode: Any) -> Any:
        import wandb

        settings = start_settings({"silent": True, "console": "off", "disable_git": True, "x_disable_stats": True})
        return wandb.init(
            project=self.project, group=self.group, name=name, id=identity, job_type=kind, dir=self.folder, mode=mode,
            resume="allow" if mode == "online" else None, reinit="create_new", settings=settings,
        )  # fmt: skip


class _Record:
    """What has been logged to a project, in a file of all projects that is written after each run."""

    def __init__(self, path: Path, project: str) -> None:
        self.path = path
        self._projects = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        if project not in self._projects:  # ids must not meet those of another study of the same project and title
            self._projects[project] = {"study": secrets.token_hex(8), "logged": {}}
            self._write()  # before the first run: if killed within it, the next call gives it the same id
        self.study: str = self._projects[project]["study"]
        self.logged: dict[str, list[str]] = self._projects[project]["logged"]

    def has(self, key: str, digest: str) -> bool:
        """Whether just this is logged."""
        return digest in self.logged.get(key, [])

    def add(self, key: str, digest: str) -> None:
        """Note that it is logged."""
        self.logged.setdefault(key, []).append(digest)
        self._write()

    def id_of(self, key: str, digest: str) -> str:
        """The id of a run: the same whenever it is asked for."""
        return hashlib.sha256(f"{self.study}/{key}/{digest}".encode()).hexdigest()[:16]

    def _write(self) -> None:
        write_text(self.path, json.dumps(self._projects, indent=1) + "\n")


def _digest(values: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def _log_trial(run: Any, result: Result) -> None:
    trial = result.trial.to_dict()
    run.config.update({**trial.pop("settings"), **trial}, allow_val_change=True)
    run.define_metric("step")
    for name in ("value", "train_loss", "seconds", "tokens"):
        run.define_metric(name, step_metric="step")
    for point in result.history:
        values = {"step": point.step, "value": point.value, "train_loss": point.train_loss}
        values |= {"seconds": point.seconds, "tokens": point.tokens}
        run.log({name: value for name, value in values.items() if math.isfinite(value)}, step=point.step)
    came_of_it = {"status": result.status, "best": result.value, "test": result.test, "error": result.error}
    came_of_it["tokens_per_second"] = result.tokens_per_second
    run.summary.update({name: value for name, value in plain(came_of_it).items() if value not in (None, "")})


def _log_report(run: Any, study: StudyResults) -> None:
    import wandb

    found = Findings.of(study)
    drawn = pictures(study)
    run.config.update(plain({"budget": study.budget, **study.options, **study.environment}), allow_val_change=True)
    grids = {f"tables/{problem.name}": detail(found, problem) for problem in study.problems}
    if len(study.problems) > 1:
        grids["tables/overview"] = overview(found, gains=True)
    logged: dict[str, Any] = {name: _table(grid) for name, grid in grids.items()}
    with tempfile.TemporaryDirectory() as folder:  # W&B copies files when they are logged
        for picture in drawn:
            file = save(picture.figure, Path(folder), picture.name)[0]
            logged[f"figures/{picture.name}"] = wandb.Image(str(file), caption=picture.caption)
        logged["page"] = wandb.Html(to_html(study, drawn), inject=False)
        run.log(logged)
    for row in found.rows:
        if row.test:
            run.summary[f"test/{row.problem}/{study.names[row.cell]}"] = row.test.mean


def _table(grid: Grid) -> Any:
    import wandb

    columns: list[str | int] = [heading.strip().replace("\n", " ") for heading in grid.headings]
    for index, column in enumerate(columns):  # names of columns must differ
        columns[index] = column if column not in columns[:index] else f"{column} ({columns[index - 1]})"
    return wandb.Table(columns=columns, data=[[entry.text for entry in row] for row in grid.rows])
