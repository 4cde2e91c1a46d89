"""Answers of a model, in the form in which EvalAI's VQA challenge reads them."""

import json
import os
from collections.abc import Iterable, Mapping

from seqmodels.data.bad_records import shown
from seqmodels.data.questions.visual_question import VisualQuestion
from seqmodels.data.strict_json import read_json
from seqmodels.errors import DataError, InputError
from seqmodels.files.atomic_file import write_atomically


def write_vqa_results(path: str | os.PathLike[str], answers: Mapping[str, str]) -> None:
    """Write ``[{"question_id": 9001, "answer": "yes"}, ...]``, all of it or nothing.

    Args:
        path: the file; an old one is replaced.
        answers: the key of each question, VQA's id, and its answer.

    Raises:
        InputError: a key that is no integer or there twice, an answer that is no text, or no answers.
        DataError: the file can't be written.

    Source: visualqa.org/evaluation.html.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "results.json"
        >>> write_vqa_results(path, {"9001": "yes"})
        >>> path.read_text()
        '[{"question_id": 9001, "answer": "yes"}]'
    """
    results = [{"question_id": _question_id(key), "answer": _answer(key, text)} for key, text in answers.items()]
    if not results:
        raise InputError("there are no answers to write; the evaluation needs one for each question")
    if len({result["question_id"] for result in results}) < len(results):
        raise InputError("answers has a question id twice, as an integer and as a text; keep one of them")
    try:
        with write_atomically(path) as file:
            file.write(json.dumps(results).encode())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{os.fspath(path)!r}: can't be written ({reason}); check the path") from None


def check_vqa_results(path: str | os.PathLike[str], questions: Iterable[VisualQuestion]) -> None:
    """Refuse what the official evaluation would refuse: it wants an answer to every question and to no other.

    An id that is there twice is refused too, of which the evaluation would take the last without a word.

    Args:
        path: a file of results.
        questions: all of the set, as ``read_vqa`` gives them.

    Raises:
        DataError: the file can't be read, has another form, or its question ids are not those of the questions.

    Source: ``loadRes`` of github.com/GT-Vision-Lab/VQA, PythonHelperTools/vqaTools/vqa.py.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "results.json"
        >>> write_vqa_results(path, {"9001": "yes"})
        >>> check_vqa_results(path, [VisualQuestion("9001", "9", None, "Is it red?", (), "", "", "test")])
    """
    path = os.fspath(path)
    results = read_json(path)
    if not isinstance(results, list):
        raise DataError(f"{path}: is no list of results; write it with write_vqa_results")
    given: dict[str, int] = {}
    for number, result in enumerate(results):
        key = str(_checked(result, f"{path}, record {number}"))
        if key in given:
            raise DataError(f"{path}, record {number}: question_id {key} is in record {given[key]} too; keep one")
        given[key] = number
    wanted = {one.key for one in questions}
    if extra := [key for key in given if key not in wanted]:
        raise DataError(
            f"{path}, record {given[extra[0]]}: question_id {extra[0]} is no question of the set "
            f"({len(extra):,} such records); answer the questions of this set"
        )
    if missing := sorted(wanted - given.keys(), key=lambda key: (len(key), key)):
        raise DataError(
            f"{path}: has no answer to question_id {missing[0]} ({len(missing):,} of {len(wanted):,} are missing); "
            f"answer every question"
        )


def _checked(result: object, where: str) -> int:
    if not isinstance(result, dict):
        raise DataError(f"{where} is {shown(result)}; it must be an object with question_id and answer")
    for key in ("question_id", "answer"):
        if key not in result:
            raise DataError(f"{where}: {key} is missing; write it with write_vqa_results")
    if type(result["question_id"]) is not int:
        raise DataError(f"{where}: question_id is {shown(result['question_id'])}; it must be an integer")
    if not isinstance(result["answer"], str):
        raise DataError(f"{where}: answer is {shown(result['answer'])}; it must be a text")
    return int(result["question_id"])


def _question_id(key: object) -> int:
    if type(key) is int:
        return key
    if isinstance(key, str) and len(key) < 20 and key.isascii() and key.isdigit() and str(int(key)) == key:
        return int(key)
    raise InputError(
        f"answers has the key {shown(key)}, no integer as VQA's question ids are; answer questions of VQA's files"
    )


def _answer(key: object, text: object) -> str:
    if not isinstance(text, str):
        raise InputError(f"the answer to question {shown(key)} is {shown(text)}; it must be a text")
    return text
