"""LightningModules, one file a task; each takes any cell."""

from seqmodels.tasks.base import Task, load
from seqmodels.tasks.language_model import LanguageModel

__all__ = ["LanguageModel", "Task", "load"]
