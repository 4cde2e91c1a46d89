"""The official files of VQA v1 and v2: questions, annotations and pictures."""

import os
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from seqmodels.data.bad_records import BadRecords, shown
from seqmodels.data.held_out import PARTS
from seqmodels.data.questions.coco_images import CocoImages
from seqmodels.data.questions.visual_question import VisualQuestion
from seqmodels.data.strict_json import collection_paused, read_json
from seqmodels.errors import DataError, OptionError

ANNOTATORS = 10
_OTHER = {"questions": "annotations", "annotations": "questions"}


def read_vqa(
    questions: str | os.PathLike[str],
    annotations: str | os.PathLike[str] | None = None,
    images: str | os.PathLike[str] | None = None,
    *,
    split: str = "train",
    max_bad: int = 0,
) -> list[VisualQuestion]:
    """The questions of one split, in the order of their file.

    Faulty records are skipped up to ``max_bad``, with one warning that counts them: a key that is missing or has
    the wrong type, an empty question, a question id that is there twice, a question without annotation or the
    reverse, a picture without a file. Annotations of other than ten answers are kept, with a warning; sets where every
    question has one answer are usual and get none.

    Args:
        questions: JSON as in ``v2_OpenEnded_mscoco_train2014_questions.json``.
        annotations: JSON as in ``v2_mscoco_train2014_annotations.json``; None: questions without answers, as in test.
        images: the folder of the pictures, or one above ``train2014``, ``val2014``; None: paths are None.
        split: "train", "validation" or "test"; what the questions are for, whatever the files are called.
        max_bad: how many faulty records are skipped; more are an error.

    Raises:
        OptionError: ``split`` or ``max_bad`` is none of these.
        DataError: a file can't be read or is no such file, the two files don't belong together, or there are too many
            faulty records.

    Source: Antol et al. 2015; Goyal et al. 2017; visualqa.org/vqa_v2_teaser.html.

    Example:
        >>> import json, pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "questions.json"
        >>> asked = {"question_id": 9001, "image_id": 9, "question": "Is it red?"}
        >>> _ = path.write_text(json.dumps({"questions": [asked]}))
        >>> read_vqa(path, split="test")[0].question
        'Is it red?'
    """
    if split not in PARTS:
        raise OptionError(f"split must be 'train', 'validation' or 'test', not {split!r}")
    bad = BadRecords(max_bad)
    with collection_paused():
        found = _read(questions, annotations, images, split, bad)
    bad.warn()
    if not found:
        raise DataError(f"{os.fspath(questions)}: none of its questions can be used; check the files")
    if annotations is not None:
        _warn_of_other_than_ten(os.fspath(annotations), found)
    return found


def _read(
    questions: str | os.PathLike[str],
    annotations: str | os.PathLike[str] | None,
    images: str | os.PathLike[str] | None,
    split: str,
    bad: BadRecords,
) -> list[VisualQuestion]:
    asked_file = _Records(questions, "questions")
    answered_file = None if annotations is None else _Records(annotations, "annotations")
    folder = None if images is None else CocoImages(images, asked_file.subset)
    asked, faulty = asked_file.sound(_Asked.of, bad)
    answered: dict[int, _Answered] = {}
    if answered_file:
        _refuse_other_subset(asked_file, answered_file)
        answered, also_faulty = answered_file.sound(_Answered.of, bad)
        _match(asked_file, asked, faulty, answered_file, answered, also_faulty, bad)
    found = []
    for question_id, (number, image_id, question) in asked.items():
        path = None
        if folder:
            try:
                path = folder.find(image_id)
            except LookupError as fault:
                bad.add(asked_file.where(number, question_id), str(fault))
                continue
        answer = answered.get(question_id, _NOTHING)
        types = answer.answer_type, answer.question_type
        found.append(VisualQuestion(str(question_id), str(image_id), path, question, answer.answers, *types, split))
    return found


class _Fault(Exception):
    """What is wrong with a record."""


class _Asked(NamedTuple):
    number: int
    image_id: int
    question: str

    @classmethod
    def of(cls, number: int, record: dict[str, Any]) -> "_Asked":
        return cls(number, _integer(record, "image_id"), _text(record, "question"))


class _Answered(NamedTuple):
    number: int
    image_id: int
    answers: tuple[str, ...]
    answer_type: str
    question_type: str

    @classmethod
    def of(cls, number: int, record: dict[str, Any]) -> "_Answered":
        answers = _value(record, "answers")
        if not isinstance(answers, list) or not answers:
            raise _Fault(f"answers is {'empty' if answers == [] else shown(answers)}; it must be a list of answers")
        for place, answer in enumerate(answers):
            if not isinstance(answer, dict):
                raise _Fault(f"answers[{place}] is {shown(answer)}; it must be an object with an answer")
            if not isinstance(_value(answer, "answer", f"answers[{place}]."), str):
                raise _Fault(f"answers[{place}].answer is {shown(answer['answer'])}; it must be a text")
        return cls(
            number,
            _integer(record, "image_id"),
            tuple(answer["answer"] for answer in answers),
            _text(record, "answer_type"),
            _text(record, "question_type"),
        )


_NOTHING = _Answered(0, 0, (), "", "")
_Record = TypeVar("_Record", _Asked, _Answered)


class _Records:
    """The list of records in a file."""

    def __init__(self, path: str | os.PathLike[str], name: str) -> None:
        self.path, self._name = os.fspath(path), name
        value = read_json(self.path)
        if not isinstance(value, dict) or name not in value:
            other = _OTHER[name]
            is_other = isinstance(value, dict) and other in value
            reason = f"it has {other}, so give it as {other}" if is_other else f"give VQA's {name} file"
            raise DataError(f"{self.path}: has no {name!r}; {reason}")
        self._records = value[name]
        if not isinstance(self._records, list) or not self._records:
            shape = "empty" if self._records == [] else shown(self._records)
            raise DataError(f"{self.path}: {name!r} is {shape}; it must be a list of {name}")
        subset = value.get("data_subtype")
        self.subset = subset if isinstance(subset, str) else None

    def where(self, number: int, question_id: object = None) -> str:
        """The place of a record in a message."""
        named = f" (question_id {question_id})" if question_id is not None else ""
        return f"{self.path}, {self._name}[{number}]{named}"

    def sound(
        self, read: Callable[[int, dict[str, Any]], _Record], bad: BadRecords
    ) -> tuple[dict[int, _Record], set[int]]:
        """The records by question id, and the ids of faulty ones, which the other file is not to be blamed for."""
        found: dict[int, _Record] = {}
        faulty = set()
        for number, record in enumerate(self._records):
            question_id = None
            try:
                if not isinstance(record, dict):
                    raise _Fault(f"the record is {shown(record)}; it must be an object")
                question_id = _integer(record, "question_id")
                if question_id in found:
                    raise _Fault(f"{self._name}[{found[question_id].number}] has the same question_id")
                found[question_id] = read(number, record)
            except _Fault as fault:
                if question_id is not None:
                    faulty.add(question_id)
                bad.add(self.where(number, question_id), str(fault))
        return found, faulty - found.keys()


def _refuse_other_subset(asked_file: _Records, answered_file: _Records) -> None:
    asked, answered = asked_file.subset, answered_file.subset
    if asked is not None and answered is not None and asked != answered:
        raise DataError(
            f"{answered_file.path}: belongs to {shown(answered)}, but the questions in {asked_file.path} to "
            f"{shown(asked)}; give the two files of one set"
        )


def _match(
    asked_file: _Records,
    asked: dict[int, _Asked],
    faulty: set[int],
    answered_file: _Records,
    answered: dict[int, _Answered],
    also_faulty: set[int],
    bad: BadRecords,
) -> None:
    """Take out of ``asked`` what has no annotation; each question that is lost counts once."""
    for question_id, one in answered.items():
        where = answered_file.where(one.number, question_id)
        if question_id in asked:
            image_id = asked[question_id].image_id
            if image_id != one.image_id:
                bad.add(where, f"image_id is {one.image_id}, but {image_id} in {asked_file.path}")
                also_faulty.add(question_id)
        elif question_id not in faulty:
            bad.add(where, f"{asked_file.path} has no such question")
    for question_id in list(asked):
        if question_id not in answered and question_id not in also_faulty:
            bad.add(asked_file.where(asked[question_id].number, question_id), f"{answered_file.path} has no annotation")
        if question_id not in answered or question_id in also_faulty:
            del asked[question_id]


def _warn_of_other_than_ten(path: str, found: list[VisualQuestion]) -> None:
    others = [one for one in found if len(one.answers) != ANNOTATORS]
    if others and any(len(one.answers) > 1 for one in found):
        first = others[0]
        warnings.warn(
            f"{path}: {len(others):,} of {len(found):,} questions don't have {ANNOTATORS} answers, the first "
            f"question_id {first.key} with {len(first.answers)}; the official accuracy is made for {ANNOTATORS}",
            stacklevel=3,
        )


def _value(record: dict[str, Any], key: str, within: str = "") -> Any:
    if key not in record:
        raise _Fault(f"{within}{key} is missing")
    return record[key]


def _integer(record: dict[str, Any], key: str) -> int:
    value = _value(record, key)
    if type(value) is not int or not 0 <= value < 10**18:
        raise _Fault(f"{key} is {shown(value)}; it must be an integer from 0")
    return value


def _text(record: dict[str, Any], key: str) -> str:
    value = _value(record, key)
    if not isinstance(value, str) or not value.strip():
        raise _Fault(f"{key} is {'empty' if isinstance(value, str) else shown(value)}; it must be a text")
    return value
