"""LightningModules, one file a task; each takes any cell."""

from seqmodels.tasks.base import Task, load
from seqmodels.tasks.captioner import Caption, Captioner
from seqmodels.tasks.language_model import LanguageModel
from seqmodels.tasks.music_model import MusicModel
from seqmodels.tasks.sequence_classifier import SequenceClassifier
from seqmodels.tasks.sequence_regressor import SequenceRegressor
from seqmodels.tasks.visual_question_answerer import VisualQuestionAnswerer

__all__ = [
    "Caption",
    "Captioner",
    "LanguageModel",
    "MusicModel",
    "SequenceClassifier",
    "SequenceRegressor",
    "Task",
    "VisualQuestionAnswerer",
    "load",
]
