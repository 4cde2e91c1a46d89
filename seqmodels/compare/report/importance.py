"""Which settings mattered in a search."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from seqmodels.compare.problem import Problem
from seqmodels.compare.quiet import quiet_optuna
from seqmodels.compare.report.names import SETTINGS
from seqmodels.compare.report.summary import StudyResults
from seqmodels.compare.results import Result

if TYPE_CHECKING:
    import optuna

IN_LOG = {"learning_rate", "initial_scale", "gradient_clip"}  # drawn and shown in logarithms
LEAST_TRIALS = 20
_BEST = 0.25  # what separates the best quarter from the rest


def importance(study: StudyResults, problem: Problem) -> dict[str, float] | None:
    """The share of each setting in what separates the best trials from the rest; shares add up to 1.

    Watanabe et al. 2023 (PED-ANOVA), over the trials of all cells, each ranked among those of its own cell, so that
    which cell it was doesn't count. A trial that diverged ranks last; one that failed says nothing.

    Returns:
        The shares of those settings that varied, the largest first; None with fewer than 20 trials, or where nothing
        tells them apart.
    """
    trials = [pair for cell in study.cells for pair in _ranked(study.of(problem.name, cell, "search"), problem)]
    varied = [name for name in SETTINGS if len({getattr(result.trial.settings, name) for result, _ in trials}) > 1]
    if len(trials) < LEAST_TRIALS or not varied or len({share for _, share in trials}) < 2:
        return None
    import optuna

    with quiet_optuna(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its experimental parts
        made = optuna.create_study(direction="minimize")
        made.add_trials(_trials(trials, varied))
        evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=_BEST)
        shares = optuna.importance.get_param_importances(made, evaluator=evaluator)
    finite = {name: share for name, share in shares.items() if math.isfinite(share)}
    return dict(sorted(finite.items(), key=lambda item: -item[1])) if sum(finite.values()) > 0 else None


def that_count(results: Sequence[Result]) -> list[Result]:
    """Trials that say something of their settings: those with a metric, and those that diverged."""
    return [r for r in results if r.status == "diverged" or (r.status != "failed" and math.isfinite(r.value))]


def _ranked(results: Sequence[Result], problem: Problem) -> list[tuple[Result, float]]:
    """Trials of one cell, each with the share of the others that are better: 0 the best, 1 what diverged."""
    counted = that_count(results)
    finite = [r.value for r in counted if r.status != "diverged"]
    ranked = []
    for result in counted:
        better = sum(problem.is_better(value, result.value) for value in finite)
        ranked.append((result, 1.0 if result.status == "diverged" else better / max(len(counted), 1)))
    return ranked


def _trials(trials: Sequence[tuple[Result, float]], varied: list[str]) -> list[optuna.trial.FrozenTrial]:
    import optuna

    kinds: dict[str, optuna.distributions.BaseDistribution] = {}
    for name in varied:
        values = [getattr(result.trial.settings, name) for result, _ in trials]
        if name == "num_layers":
            kinds[name] = optuna.distributions.IntDistribution(min(values), max(values))
        else:
            is_log = name in IN_LOG and min(values) > 0
            kinds[name] = optuna.distributions.FloatDistribution(min(values), max(values), log=is_log)
    return [
        optuna.trial.create_trial(
            params={name: getattr(result.trial.settings, name) for name in varied}, distributions=kinds, value=share
        )
        for result, share in trials
    ]
