"""``VisualQuestion``: the one form of all question files."""

from dataclasses import dataclass


@dataclass(frozen=True)
class VisualQuestion:
    """A question about a picture, and what people answered.

    Args:
        key: the question's id; no other question of the set has it.
        image: the key of the picture, which several questions may share.
        path: the image file; None: unknown, or the picture is not in a file of its own.
        question: as it was asked.
        answers: as they were given: ten annotators' in VQA, one in other sets, none where a set keeps them secret.
        answer_type: "yes/no", "number" or "other"; "" where there are no answers.
        question_type: what scores are listed by; VQA has the first words, such as "how many".
        split: "train", "validation" or "test".

    Example:
        >>> VisualQuestion("42001", "42", None, "Is it red?", ("yes",) * 10, "yes/no", "is it", "train").answers[0]
        'yes'
    """

    key: str
    image: str
    path: str | None
    question: str
    answers: tuple[str, ...]
    answer_type: str
    question_type: str
    split: str
