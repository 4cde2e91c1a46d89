"""easy-VQA, which pip installs: simple questions about one coloured shape each."""

import importlib.util
import os
from pathlib import Path
from typing import Any

from seqmodels.data.bad_records import shown
from seqmodels.data.questions.visual_question import VisualQuestion
from seqmodels.data.strict_json import read_json
from seqmodels.errors import DataError, OptionError

_HELD_OUT = 10  # every tenth training picture is for validation
_SHAPES = ("circle", "rectangle", "triangle")
_HINT = "install it again: pip install --force-reinstall easy-vqa"


def read_easy_vqa() -> list[VisualQuestion]:
    """All questions of easy-VQA 1.0: 5,000 pictures of 64 x 64 pixels with one shape each.

    The package has training and test parts. Every tenth training picture, with all its questions, is validation here.
    Questions have one answer; their type is "yes/no" or "other", and the question's "presence", "shape" or "color".
    Keys are as in "train/17": the part of the package, and the number of the question or the picture in it.

    Raises:
        OptionError: the package easy-vqa isn't installed.
        DataError: its files are damaged.

    Source: Zhou 2019, github.com/vzhou842/easy-VQA.

    Example:
        >>> questions = read_easy_vqa()
        >>> questions[0].question, questions[0].answers, questions[0].image
        ('what is the blue shape?', ('rectangle',), 'train/0')
    """
    data = _data_folder()
    return [question for part in ("train", "test") for question in _read_part(data / part, part)]


def _data_folder() -> Path:
    try:
        found = importlib.util.find_spec("easy_vqa")  # importing it would do no more, but run its code
    except (ImportError, ValueError):
        found = None
    if found is None or not found.submodule_search_locations:
        raise OptionError("easy-VQA needs the package easy-vqa; run: pip install 'seqmodels[easy-vqa]'")
    return Path(next(iter(found.submodule_search_locations))) / "data"


def _read_part(folder: Path, part: str) -> list[VisualQuestion]:
    path, images = folder / "questions.json", folder / "images"
    records = read_json(path)
    try:
        names = set(os.listdir(images))
    except OSError as error:
        raise DataError(f"{images}: can't be listed ({error.strerror}); {_HINT}") from None
    if not isinstance(records, list) or not records:
        raise DataError(f"{path}: is no list of questions; {_HINT}")
    found = []
    for number, record in enumerate(records):
        question, answer, image = _checked(record, f"{path}, record {number}")
        name = f"{image}.png"
        if name not in names:
            raise DataError(f"{path}, record {number}: {images} has no {name}; {_HINT}")
        held_out = part == "train" and image % _HELD_OUT == _HELD_OUT - 1
        found.append(
            VisualQuestion(
                f"{part}/{number}",
                f"{part}/{image}",
                str(images / name),
                question,
                (answer,),
                "yes/no" if answer in ("yes", "no") else "other",
                "presence" if answer in ("yes", "no") else "shape" if answer in _SHAPES else "color",
                "validation" if held_out else part,
            )
        )
    return found


def _checked(record: Any, where: str) -> tuple[str, str, int]:
    if isinstance(record, list) and len(record) == 3:
        question, answer, image = record
        if isinstance(question, str) and question and isinstance(answer, str) and answer and type(image) is int:
            return question, answer, image
    raise DataError(f"{where} is {shown(record)}, not [question, answer, number of the image]; {_HINT}")
