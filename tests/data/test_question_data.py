"""Questions from a CSV as batches, and files that don't go together."""

import csv

import pictures
import pytest
import torch

from seqmodels.data import QuestionData
from seqmodels.errors import DataError, OptionError
from seqmodels.tasks.answer_scores import AnswerScores


def asked(folder, name="questions.csv", people=1):
    """A CSV of two questions about each picture; the last two pictures are for validation."""
    drawn = pictures.draw_all(folder)
    with (folder / name).open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("image", "question", "answer", "split"))
        for number, (picture, (colour, shape)) in enumerate(drawn.items()):
            split = "train" if number < len(drawn) - 2 else "val"
            writer.writerow((picture, "Is it a square?", "Yes" if shape == "square" else "No", split))
            for _ in range(people):
                writer.writerow((picture, "What color?", colour, split))
    return folder


def test_a_csv_gives_batches(tmp_path):
    folder = asked(tmp_path / "photos")
    data = QuestionData(str(folder / "questions.csv"), images=str(folder), image_size=32, batch_size=4)
    assert data.answers == ["No", "Yes", "blue", "green", "red"]
    assert data.describe().endswith("questions.csv, 12 train, 4 validation, 4 test questions, 5 answers")
    batch = next(iter(data.val_dataloader()))
    assert batch.image.shape == (4, 3, 32, 32)
    assert batch.answers == (("Yes",), ("yellow",), ("No",), ("yellow",))
    assert batch.answer.tolist() == [1, -1, 0, -1]
    assert batch.keys == ("14", "15", "16", "17")
    inside = QuestionData(str(folder), image_size=32)
    assert inside.records == data.records


def test_where_some_questions_have_several_answers_all_are_spelled_in_one_way(tmp_path):
    folder = asked(tmp_path / "photos", people=4)
    data = QuestionData(str(folder), image_size=32, batch_size=12)
    assert data.answers == ["no", "yes", "blue", "green", "red"]
    batch = data.collate([data.parts["train"][number] for number in range(4)])
    assert [data.answers[number] for number in batch.answer.tolist()] == ["yes", "red", "no", "red"]
    assert torch.equal(batch.scores.sum(1), torch.ones(4))
    assert batch.answers == (("yes",), ("red",) * 4, ("no",), ("red",) * 4)
    scores = AnswerScores()
    scores.update(0.0, 4, ["yes", "red", "no", "red"], batch)
    assert scores.compute() == {"accuracy": 1, "accuracy_other": 1, "accuracy_yes_no": 1, "loss": 0}


def test_files_of_their_own_for_validation_and_test(tmp_path):
    folder = asked(tmp_path / "photos")
    names = sorted(path.name for path in folder.glob("*.png"))
    for part, name in (("valid", names[0]), ("test", names[1])):
        (tmp_path / f"{part}.csv").write_text(f"image,question,answer\n{name},What color?,red\n")
    (tmp_path / "train.csv").write_text(f"image,question,answer\n{names[2]},What color?,green\n")
    files = {part: str(tmp_path / f"{part}.csv") for part in ("train", "valid", "test")}
    data = QuestionData(files["train"], valid_source=files["valid"], test_source=files["test"], images=str(folder))
    assert {part: [one.image for one in found] for part, found in data.records.items()} == {
        "train": names[2:3],
        "validation": names[:1],
        "test": names[1:2],
    }


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"images": "photos"}, ["easy-VQA has its own", "as source"]),
        ({"questions": "q.csv"}, ["questions is 'q.csv'", "give a CSV as source"]),
        ({"source": "vqa", "questions": "q.json", "valid_questions": "v.csv"}, ["valid_questions is 'v.csv'"]),
        ({"source": "own.csv", "annotations": "a.json"}, ["annotations belongs to source 'vqa', not to 'own.csv'"]),
        ({"source": "own.csv", "valid_images": "v"}, ["valid_images belongs to source 'vqa'"]),
        ({"source": "vqa"}, ["source 'vqa' needs questions"]),
        ({"valid_source": "v.csv"}, ["valid_source belongs to a CSV", "not to 'easy-vqa'"]),
        ({"source": "own.csv", "test_source": "t.csv"}, ["test_source needs valid_source"]),
        ({"num_workers": -1}, ["num_workers is -1; use 0 or more"]),
    ],
)
def test_options_that_do_not_go_together_are_one_line(one_line, options, parts):
    with one_line(OptionError, *parts):
        QuestionData(**options)


def test_sources_that_cannot_be_read_are_one_line(tmp_path, one_line):
    folder = asked(tmp_path / "photos")
    with one_line(OptionError, "questions.csv needs its pictures", "--data.images"):
        _ = QuestionData(str(folder / "questions.csv")).records
    few = tmp_path / "few.csv"
    few.write_text("image,question,answer,split\n000000000001.png,What color?,red,train\n")
    with one_line(DataError, "few.csv: has no questions for validation", "--data.fractions [0.6,0.2,0.2]"):
        _ = QuestionData(str(few), images=str(folder)).records
    (folder / "questions.csv").unlink()
    for source in (str(folder), "easyvqa"):
        with one_line(DataError, f"{source}: is no CSV, and no folder with questions.csv or SHAPES"):
            _ = QuestionData(source).records
