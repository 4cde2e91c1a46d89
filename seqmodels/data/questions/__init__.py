"""Questions about pictures, from the files in which people have them, in one form; and result files.

Names are imported when they are used.
"""

from typing import TYPE_CHECKING

from seqmodels.lazy import lazy

if TYPE_CHECKING:
    from seqmodels.data.questions.answers import SoftTargets, answer_coverage, answer_vocabulary, soft_targets
    from seqmodels.data.questions.csv_file import question_table, read_question_csv
    from seqmodels.data.questions.easy_vqa import read_easy_vqa
    from seqmodels.data.questions.image_arrays import ImageArrays
    from seqmodels.data.questions.results import check_vqa_results, write_vqa_results
    from seqmodels.data.questions.shapes import read_shapes
    from seqmodels.data.questions.visual_question import VisualQuestion
    from seqmodels.data.questions.vqa import read_vqa

_MODULES = {
    "ImageArrays": "image_arrays",
    "SoftTargets": "answers",
    "VisualQuestion": "visual_question",
    "answer_coverage": "answers",
    "answer_vocabulary": "answers",
    "check_vqa_results": "results",
    "question_table": "csv_file",
    "read_easy_vqa": "easy_vqa",
    "read_question_csv": "csv_file",
    "read_shapes": "shapes",
    "read_vqa": "vqa",
    "soft_targets": "answers",
    "write_vqa_results": "results",
}

__all__ = [
    "ImageArrays",
    "SoftTargets",
    "VisualQuestion",
    "answer_coverage",
    "answer_vocabulary",
    "check_vqa_results",
    "question_table",
    "read_easy_vqa",
    "read_question_csv",
    "read_shapes",
    "read_vqa",
    "soft_targets",
    "write_vqa_results",
]

__getattr__, __dir__ = lazy(__name__, _MODULES)
