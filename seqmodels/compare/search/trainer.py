"""What a candidate is worth: trials of it, trained as those of a study are."""

from __future__ import annotations

import dataclasses
import math
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from seqmodels.compare.budget import solve_hidden_size
from seqmodels.compare.files import check_same, read_json, write_json
from seqmodels.compare.problem import Problem
from seqmodels.compare.results import Settings, Trial
from seqmodels.compare.search.history import Evaluation
from seqmodels.compare.training import Training
from seqmodels.compare.trial import run_trial


@dataclass(frozen=True)
class Trainer:
    """An :data:`Evaluator`: trains a cell at the search's budget of parameters; its score is the best in validation.

    Of a metric of which less is better, the score is its inverse.

    Args:
        folder: Where trials are kept; a trial that was killed goes on there.
        problems: By name.
        parameters: Of a whole model; the hidden size is solved for each cell.
        training: How each problem is trained, by its name.
        settings: By their numbers.
        seed: The same for all candidates, so that they see the same data.
    """

    folder: Path
    problems: Mapping[str, Problem]
    parameters: int
    training: Mapping[str, Training]
    settings: tuple[Settings, ...]
    seed: int = 0

    def __call__(self, cell: str, problem_name: str, setting: int) -> Evaluation:
        """Train and validate."""
        begin = time.monotonic()
        problem, settings = self.problems[problem_name], self.settings[setting]
        data = problem.make_data(self.seed)
        size = solve_hidden_size(problem, data, cell, settings.num_layers, self.parameters)
        trial = Trial(problem.name, cell, "search", setting, self.seed, *size, settings)
        result = run_trial(problem, trial, self.training[problem_name], self.folder / trial.key)
        score = result.value if problem.mode == "max" else 1 / max(result.value, 1e-12)
        status = result.status if math.isfinite(score) or result.status in ("diverged", "failed") else "failed"
        return Evaluation(score, time.monotonic() - begin, status, result.error)


def settle(path: Path, trainer: Trainer) -> None:
    """Keep in a file how candidates are trained; a search in which some were trained otherwise is another one.

    Raises:
        OptionError: If the file says otherwise.
    """
    values = dataclasses.asdict(trainer) | {"folder": None}  # wherever it is now
    if os.path.exists(path):
        check_same(read_json(path), values, f"{path.parent} holds another search")
    write_json(path, values)
