"""Which answers a model chooses from, and how right each of them is."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from seqmodels.data.questions.visual_question import VisualQuestion
from seqmodels.errors import InputError, OptionError

AGREEING = 3  # annotators that make an answer fully right


def answer_vocabulary(
    questions: Iterable[VisualQuestion],
    size: int = 1000,
    min_count: int = 1,
    normalise: Callable[[str], str] = str,
) -> tuple[str, ...]:
    """The answers that are most often a question's most common one, by count, then in alphabetical order.

    Args:
        questions: those of training.
        size: K, the most answers.
        min_count: how many questions an answer must be the most common one of.
        normalise: applied to every answer first, such as ``seqmodels.metrics.normalise_answer``; answers that it makes
            empty are left out.

    Returns:
        K answers, or fewer where there are no more.

    Raises:
        OptionError: ``size`` or ``min_count`` is below 1.
        InputError: there is no answer.

    Source: Antol et al. 2015 (K = 1000); Teney et al. 2018 (``min_count`` 9).

    Example:
        >>> asked = [VisualQuestion("", "", None, "?", (answer,), "", "", "train") for answer in ("no", "yes", "no")]
        >>> answer_vocabulary(asked)
        ('no', 'yes')
    """
    for name, value in {"size": size, "min_count": min_count}.items():
        if type(value) is not int or value < 1:
            raise OptionError(f"{name} must be an integer from 1, not {value!r}")
    counts = Counter(filter(None, (_most_common(one.answers, normalise) for one in questions)))
    if not counts:
        raise InputError("the questions have no answers to choose from; give training questions with annotations")
    ordered = sorted(counts, key=lambda answer: (-counts[answer], answer))
    found = tuple(answer for answer in ordered[:size] if counts[answer] >= min_count)
    if not found:
        raise OptionError(
            f"no answer is there {min_count} times (min_count); the most common {counts[ordered[0]]} times"
        )
    return found


def answer_coverage(
    questions: Iterable[VisualQuestion], vocabulary: Iterable[str], normalise: Callable[[str], str] = str
) -> float:
    """The share, from 0 to 1, of questions whose most common answer is in the vocabulary.

    Questions without answers don't count.

    Raises:
        InputError: there is no answer.

    Example:
        >>> asked = [VisualQuestion("", "", None, "?", (answer,), "", "", "train") for answer in ("no", "yes", "no")]
        >>> round(answer_coverage(asked, ["no"]), 2)
        0.67
    """
    known = set(vocabulary)
    covered = [_most_common(one.answers, normalise) in known for one in questions if one.answers]
    if not covered:
        raise InputError("the questions have no answers, so there is nothing to cover; give questions with annotations")
    return sum(covered) / len(covered)


class SoftTargets(NamedTuple):
    """What a model is to say: each answer with its score, and the most common one."""

    indices: tuple[int, ...]
    """Ascending numbers of answers of the vocabulary; all others score 0."""
    scores: tuple[float, ...]
    """Of these, above 0, at most 1."""
    common: str
    """The most common answer, whether in the vocabulary or not; of several the first; "" where there is none."""


def soft_targets(answers: Sequence[str], vocabulary: Sequence[str] | Mapping[str, int]) -> SoftTargets:
    """The score of each answer: min(1, annotators who gave it / 3); 1 where there is only one annotator.

    Args:
        answers: of one question, normalised as the vocabulary is.
        vocabulary: K answers; or their numbers, which is faster for many questions.

    Source: Teney et al. 2018, "Tips and Tricks for Visual Question Answering"; the limit of 3 is that of Antol et al.
    2015.

    Example:
        >>> soft_targets(["red"] * 8 + ["pink"] * 2, ["red", "blue", "pink"])
        SoftTargets(indices=(0, 2), scores=(1.0, 0.6666666666666666), common='red')
    """
    numbers = vocabulary if isinstance(vocabulary, Mapping) else {word: at for at, word in enumerate(vocabulary)}
    counts = Counter(answers)
    enough = 1 if len(answers) == 1 else AGREEING
    found = sorted((numbers[answer], min(1.0, count / enough)) for answer, count in counts.items() if answer in numbers)
    return SoftTargets(tuple(at for at, _ in found), tuple(score for _, score in found), _most_common(answers, str))


def _most_common(answers: Iterable[str], normalise: Callable[[str], str]) -> str:
    counts = Counter(map(normalise, answers))
    return max(counts, key=counts.__getitem__) if counts else ""
