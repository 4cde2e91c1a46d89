"""The accuracy of the VQA challenge: an answer is right if three of the people asked gave it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict

from seqmodels.errors import DataError, InputError
from seqmodels.metrics.vqa_answers import clean_answer, normalise_answer


def vqa_accuracy(answer: str, answers: Sequence[str]) -> float:
    """From 0 to 1: the mean, over leaving out one annotator, of min(1, matches among the others / 3).

    As the official evaluation does: if all annotators gave the same answer, it is compared as it stands, and only
    otherwise are all answers spelled by :func:`normalise_answer`.

    Args:
        answer: Of the model.
        answers: Of the annotators, ten in VQA; 2 or more.

    Raises:
        InputError: Fewer than 2 answers, or something else than strings.

    Source: Antol et al. 2015; github.com/GT-Vision-Lab/VQA, ``vqaEval.py`` of 2021.

    Example:
        >>> vqa_accuracy("Two", ["2", "2", "two", "three"] + ["dogs"] * 6)
        0.9
    """
    if isinstance(answers, str) or len(answers) < 2:
        given = "one string" if isinstance(answers, str) else len(answers)
        raise InputError(f"answers is {given}; give those of 2 annotators or more, ten in VQA")
    answer, answers = clean_answer(answer), [clean_answer(given) for given in answers]
    if len(set(answers)) > 1:
        answer, answers = normalise_answer(answer), [normalise_answer(given) for given in answers]
    matches = answers.count(answer)
    return sum(min(1.0, (matches - (given == answer)) / 3) for given in answers) / len(answers)


class VqaScores(TypedDict):
    """Accuracies in percent, under the names of the official evaluation."""

    overall: float
    perQuestionType: dict[str, float]
    perAnswerType: dict[str, float]


def vqa_scores(records: Iterable[Mapping[str, Any]], digits: int | None = 2) -> VqaScores:
    """The means of :func:`vqa_accuracy` in percent, of all questions and by their types.

    Args:
        records: For each question, ``answer`` of the model, and of the official file of annotations ``answers`` (a list
            of strings, or of mappings with ``answer``), ``question_type`` and ``answer_type``; so
            ``annotation | {"answer": ...}`` is one. A ``question_id`` is named in errors.
        digits: Decimals to which they are rounded, 2 in the official evaluation; None: not at all.

    Raises:
        DataError: No records, or one that lacks something.

    Source: github.com/GT-Vision-Lab/VQA, ``vqaEval.py`` of 2021.

    Example:
        >>> kinds = {"question_type": "how many", "answer_type": "number"}
        >>> records = [{"answer": "2", "answers": ["2"] * 10, **kinds}, {"answer": "2", "answers": ["3"] * 10, **kinds}]
        >>> vqa_scores(records)
        {'overall': 50.0, 'perQuestionType': {'how many': 50.0}, 'perAnswerType': {'number': 50.0}}
    """
    overall: list[float] = []
    by_question: dict[str, list[float]] = {}
    by_answer: dict[str, list[float]] = {}
    for number, record in enumerate(records):
        name = f"record {number}" + (f" (question_id {record['question_id']})" if "question_id" in record else "")
        for key in ("answer", "answers", "question_type", "answer_type"):
            if key not in record:
                raise DataError(f"{name} has no {key!r}; give the answer beside the official annotation")
        try:
            accuracy = vqa_accuracy(record["answer"], [_answer_of(one) for one in record["answers"]])
        except InputError as error:
            raise DataError(f"{name}: {error}") from None
        overall.append(accuracy)
        by_question.setdefault(record["question_type"], []).append(accuracy)
        by_answer.setdefault(record["answer_type"], []).append(accuracy)
    if not overall:
        raise DataError("there are no records to score")

    def percent(accuracies: list[float]) -> float:
        mean = 100 * sum(accuracies) / len(accuracies)
        return mean if digits is None else round(mean, digits)

    return VqaScores(
        overall=percent(overall),
        perQuestionType={kind: percent(accuracies) for kind, accuracies in by_question.items()},
        perAnswerType={kind: percent(accuracies) for kind, accuracies in by_answer.items()},
    )


def _answer_of(one: Any) -> Any:
    return one.get("answer") if isinstance(one, Mapping) else one
