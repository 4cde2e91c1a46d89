"""Questions about one's own pictures, in a CSV file with a row for each answer."""

import re
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from seqmodels.data.bad_records import BadRecords, shown
from seqmodels.data.captions.gathering import Gathering
from seqmodels.data.captions.image_folder import ImageFolder
from seqmodels.data.captions.text_files import IMAGE_COLUMNS
from seqmodels.data.csv_rows import filled_rows
from seqmodels.data.held_out import check_fractions, checked_split, split_name
from seqmodels.data.questions.visual_question import VisualQuestion
from seqmodels.data.text_file import read_text
from seqmodels.errors import DataError

_TABLES = ("questions.csv", "metadata.csv")
_ENOUGH = 4  # people who agree wholly on an answer, so that the official accuracy is 1 for it


def question_table(source: str) -> Path | None:
    """The CSV file that a source is, or that lies in the folder that it is; None: it is something else.

    Example:
        >>> str(question_table("dogs.csv")), question_table("easy-vqa")
        ('dogs.csv', None)
    """
    place = Path(source)
    if place.is_dir():
        return next((place / name for name in _TABLES if (place / name).is_file()), None)
    return place if place.is_file() or place.suffix.lower() == ".csv" else None


def read_question_csv(
    path: str | Path | Mapping[str, str | Path],
    images: str | Path | None = None,
    *,
    fractions: Sequence[float] = (0.8, 0.1, 0.1),
    max_bad: int = 0,
) -> list[VisualQuestion]:
    """Questions with a row for each answer, in the order of the file.

    The header names the columns image, question and answer, and split (train, validation, test), answer_type and
    question_type if there are such; other columns are passed over. Several rows with the same picture and question are
    answers of several people. Questions of the test may have no answer. A question's key is the line of its first row.

    Where there is no column split, a hash of the picture's name says in which part it is: the same on every machine,
    and all questions of a picture together. White space at the ends is dropped, within answers it becomes a space.
    Without answer_type, "yes" and "no" are "yes/no", digits "number", and the rest "other".

    Args:
        path: the file; or one for each split.
        images: the folder, or one above it, where image files are looked for; None: nowhere, and paths are None.
        fractions: expected shares of train, validation and test, where a hash decides.
        max_bad: how many bad records are skipped, with one warning. A record is bad if its question is empty, or its
            answer where it is needed, if its split is none or not that of the picture's rows before, or its picture
            leaves the folder or isn't in it.

    Raises:
        OptionError: an option out of range.
        DataError: a file is missing, damaged, or lacks a column; there are more bad records, or no good one.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "questions.csv"
        >>> _ = path.write_text("image,question,answer,split\\ndog.jpg,Is it a dog?,yes,train\\n")
        >>> question = read_question_csv(path)[0]
        >>> question.question, question.answers, question.answer_type, question.split
        ('Is it a dog?', ('yes',), 'yes/no', 'train')
    """
    check_fractions(fractions)
    parts: dict[str | None, str | Path] = {None: path} if isinstance(path, str | Path) else {}
    if isinstance(path, Mapping):
        parts = {checked_split(split, "path"): file for split, file in path.items()}
    bad = BadRecords(max_bad)
    gathering = Gathering(bad, ImageFolder(images) if images is not None else None)
    asked: dict[tuple[str, str], _Asked] = {}
    for split, file in parts.items():
        gathering.source, gathering.split = str(file), split
        _gather(read_text(file), gathering, asked)
    # A picture's captions are its questions here.
    pictures = {picture.key: picture for picture in gathering.images(fractions=fractions)}
    found = []
    for (key, question), one in asked.items():
        if (picture := pictures.get(key)) is not None:
            kinds = one.answer_type or _answer_type(one.answers), one.question_type
            answers = tuple(one.answers)
            found.append(VisualQuestion(one.key, key, picture.path, question, answers, *kinds, picture.split))
    if not found:
        raise DataError(f"{', '.join(map(str, parts.values()))}: none of its questions can be used; check the file")
    bad.warn()
    _warn_of_few_answers(found)
    return found


@dataclass
class _Asked:
    key: str
    answer_type: str
    question_type: str
    answers: list[str] = field(default_factory=list)


def _gather(text: str, gathering: Gathering, asked: dict[tuple[str, str], _Asked]) -> None:
    rows = filled_rows(text, gathering.source)
    number, header = next(rows, (1, []))
    columns = _columns(header, f"{gathering.source}, line {number}", gathering.split == "test")
    for number, row in rows:
        where = f"line {number}"
        if len(row) != len(header):
            fault = f"{len(row)} columns rather than {len(header)}; put what has commas in quotes"
            gathering.fault(where, fault)
            continue
        cells = {name: row[place].strip() for name, place in columns.items()}
        question, answer = cells["question"], " ".join(cells.get("answer", "").split())
        split = cells.get("split")
        part = gathering.split or split_name(split)
        if not question:
            gathering.fault(where, "the question is empty")
        elif not answer and part != "test":
            gathering.fault(where, f"the answer to {shown(question)} is empty")
        elif (key := gathering.image(where, cells["image"], cells["image"], split, again=True)) is not None:
            if (key, question) not in asked:
                gathering.caption(where, key, question)
                kinds = cells.get("answer_type", ""), cells.get("question_type", "")
                asked[key, question] = _Asked(str(number), *kinds)
            asked[key, question].answers += [answer] * bool(answer)


def _columns(header: list[str], where: str, answers_unknown: bool) -> dict[str, int]:
    """Places of the columns that are there."""
    names = [name.strip().lower() for name in header]
    known = "question", "answer", "split", "answer_type", "question_type"
    found: dict[str, str] = {name: name for name in known if name in names}
    if images := [name for name in IMAGE_COLUMNS if name in names]:
        found["image"] = images[0]
    needed = ("image", "question") if answers_unknown else ("image", "question", "answer")
    if missing := [name for name in needed if name not in found]:
        there = ", ".join(map(shown, header[:10])) or "nothing"
        fix = "rename one" if len(header) > 1 else "write its columns with commas between"
        raise DataError(f"{where}: no column {' and no column '.join(missing)} among {there}; {fix}")
    return {column: names.index(name) for column, name in found.items()}


def _answer_type(answers: list[str]) -> str:
    """As VQA has them; "" where nobody answered."""
    if not answers:
        return ""
    common = Counter(answer.lower() for answer in answers).most_common(1)[0][0]
    if common in ("yes", "no"):
        return "yes/no"
    return "number" if re.fullmatch(r"[\d.,]*\d", common) else "other"


def _warn_of_few_answers(found: list[VisualQuestion]) -> None:
    few = [one for one in found if 1 < len(one.answers) < _ENOUGH]
    if few:
        warnings.warn(
            f"{len(few):,} of {len(found):,} questions have 2 or 3 answers, one in line {few[0].key}; even if all "
            f"agree, the official accuracy stays below 1; give one answer a question, or {_ENOUGH} and more",
            stacklevel=3,
        )
