"""LightningModules, one file a task; each takes any cell."""

from seqmodels.tasks.base import Task, load
from seqmodels.tasks.captioner import Caption, Captioner
from seqmodels.tasks.conditional_generator import ConditionalGenerator
from seqmodels.tasks.language_model import LanguageModel
from seqmodels.tasks.music_model import MusicModel
from seqmodels.tasks.sequence_classifier import SequenceClassifier
from seqmodels.tasks.sequence_regressor import SequenceRegressor
from seqmodels.tasks.sequence_tagger import SequenceTagger
from seqmodels.tasks.translation import Translation
from seqmodels.tasks.translator import Translator
from seqmodels.tasks.tree_classifier import TreeClassifier
from seqmodels.tasks.visual_question_answerer import VisualQuestionAnswerer

__all__ = [
    "Caption",
    "Captioner",
    "ConditionalGenerator",
    "LanguageModel",
    "MusicModel",
    "SequenceClassifier",
    "SequenceRegressor",
    "SequenceTagger",
    "Task",
    "Translation",
    "Translator",
    "TreeClassifier",
    "VisualQuestionAnswerer",
    "load",
]
