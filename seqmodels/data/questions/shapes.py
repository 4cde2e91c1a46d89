"""SHAPES: questions of a formal kind about grids of coloured shapes."""

import os
from pathlib import Path

from seqmodels.data.questions.image_arrays import ENDING, ImageArrays
from seqmodels.data.questions.visual_question import VisualQuestion
from seqmodels.data.text_file import read_text
from seqmodels.errors import DataError

# The training sets are nested, the first the largest: taking several would repeat questions.
_FILES = {
    "train": ("train", "train.large", "train.med", "train.small", "train.tiny"),
    "validation": ("val",),
    "test": ("test",),
}
_QUESTIONS = (".query_str.txt", ".query")
_ANSWERS = ("true", "false")


def read_shapes(folder: str | os.PathLike[str]) -> list[VisualQuestion]:
    """The questions of SHAPES, with "true" or "false" as the only answer; their pictures are in ``ImageArrays``.

    A set is three files: ``NAME.input.npy``, ``NAME.output``, and ``NAME.query_str.txt`` in words or ``NAME.query``
    such as "(is red (above circle))". Of the training sets, each of which holds the smaller ones, the largest that is
    there is read; then ``val`` and ``test``, where they are there. A question's key is
    also that of its picture.

    Args:
        folder: of these files.

    Raises:
        DataError: there is no set, a file of one is missing or damaged, or they don't go together.

    Source: Andreas et al. 2016, "Neural Module Networks"; files of github.com/ronghanghu/n2nmn.

    Example:
        >>> import pathlib, tempfile
        >>> import numpy as np
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> np.save(folder / "val.input.npy", np.zeros((1, 30, 30, 3), np.uint8))
        >>> _ = (folder / "val.query_str.txt").write_text("is a red shape left of a circle\\n")
        >>> _ = (folder / "val.output").write_text("false\\n")
        >>> question = read_shapes(folder)[0]
        >>> question.key, question.answers, ImageArrays(folder)[question.image].shape
        ('val/0', ('false',), (30, 30, 3))
    """
    images = ImageArrays(folder)
    found = []
    for split, names in _FILES.items():
        name = next((name for name in names if name in images.names), None)
        if name is not None:
            found += _read_set(images, name, split)
    if not found:
        known = ", ".join(name for names in _FILES.values() for name in names)
        raise DataError(f"{images.folder}: has none of the sets {known}; name its files as NAME{ENDING}")
    return found


def _read_set(images: ImageArrays, name: str, split: str) -> list[VisualQuestion]:
    pictures = len(images.file(name))
    paths = [images.folder / (name + ending) for ending in _QUESTIONS]
    path = next((path for path in paths if path.exists()), paths[0])
    answers_path = images.folder / f"{name}.output"
    questions, answers = _lines(path, pictures), _lines(answers_path, pictures)
    for number, (question, answer) in enumerate(zip(questions, answers, strict=True), start=1):
        if not question:
            raise DataError(f"{path}, line {number}: the question is empty; write one for each picture")
        if answer not in _ANSWERS:
            raise DataError(f"{answers_path}, line {number}: the answer is {answer!r:.60}; write true or false")
    keys = [f"{name}/{number}" for number in range(pictures)]
    return [
        VisualQuestion(key, key, None, question, (answer,), "yes/no", "is", split)
        for key, question, answer in zip(keys, questions, answers, strict=True)
    ]


def _lines(path: Path, pictures: int) -> list[str]:
    lines = [line.strip() for line in read_text(path).removesuffix("\n").split("\n")]
    if len(lines) != pictures:
        raise DataError(f"{path}: has {len(lines)} lines for {pictures} pictures; write one line for each")
    return lines
