"""Studies: many cells, equal budgets, many seeds, one report.

Names are imported when they are used, so that a worker reads no more than it needs.
"""

from typing import TYPE_CHECKING

from seqmodels.lazy import lazy

if TYPE_CHECKING:
    from seqmodels.compare.local import LocalWorkers
    from seqmodels.compare.problem import Problem
    from seqmodels.compare.problems import PROBLEMS, get_problem, music, text
    from seqmodels.compare.ray_workers import RayWorkers
    from seqmodels.compare.results import Point, Result, Settings, Trial
    from seqmodels.compare.space import Space
    from seqmodels.compare.stored import StoredStudy
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
    "StoredStudy": "stored",
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
    "StoredStudy",
    "Study",
    "Training",
    "Trial",
    "get_problem",
    "music",
    "run_trial",
    "text",
]

__getattr__, __dir__ = lazy(__name__, _MODULES)
