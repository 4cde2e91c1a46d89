"""Studies: many cells, equal budgets, many seeds, one report.

Names are imported when they are used, so that a worker reads no more than it needs.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqmodels.compare.local import LocalWorkers
    from seqmodels.compare.problem import Problem
    from seqmodels.compare.problems import PROBLEMS, get_problem, music, text
    from seqmodels.compare.ray_workers import RayWorkers
    from seqmodels.compare.results import Point, Result, Settings, Trial
    from seqmodels.compare.space import Space
    from seqmodels.compare.study import Study
    from seqmodels.compare.training import Training
    from seqmodels.compare.trial import run_trial

_MODULES = {
    "PROBLEMS": "problems",
    "LocalWorkers": "local",
    "Point": "results",
    "Problem": "problem",
    "RayWorkers": "ray_workers",
    "Result": "results",
    "Settings": "results",
    "Space": "space",
    "Study": "study",
    "Training": "training",
    "Trial": "results",
    "get_problem": "problems",
    "music": "problems",
    "run_trial": "trial",
    "text": "problems",
}

__all__ = [
    "PROBLEMS",
    "LocalWorkers",
    "Point",
    "Problem",
    "RayWorkers",
    "Result",
    "Settings",
    "Space",
    "Study",
    "Training",
    "Trial",
    "get_problem",
    "music",
    "run_trial",
    "text",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
