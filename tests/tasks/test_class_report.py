"""The report on each class, against scikit-learn's numbers."""

import pytest
import torch
from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support

from seqmodels.errors import OptionError
from seqmodels.tasks import class_report
from seqmodels.tasks.class_report import ClassReport

LABELS = ["a|b", "$x$", "never", "rare", "often"]


@pytest.fixture
def pairs():
    """True and predicted classes; the third is neither."""
    generator = torch.Generator().manual_seed(0)
    kinds = torch.tensor([0, 1, 3, 4])
    return tuple(kinds[torch.randint(0, 4, (200,), generator=generator).clamp(min=k)] for k in (1, 0))


def report_on(*batches):
    report = ClassReport(LABELS)
    for target, predicted in batches:
        report.update(target, predicted)
    report.compute()
    return report


def test_its_numbers_are_those_of_scikit_learn(pairs):
    report = report_on([part[:70] for part in pairs], [part[70:] for part in pairs])
    target, predicted = (part.numpy() for part in pairs)
    assert report.confusion.tolist() == confusion_matrix(target, predicted, labels=range(5)).tolist()
    expected = precision_recall_fscore_support(target, predicted, labels=range(5), zero_division=0)
    for column, values in zip(("precision", "recall", "f1", "support"), expected, strict=True):
        assert [getattr(one, column) for one in report.scores()] == pytest.approx(values.tolist())
    for mean, average in zip(report.means(), ("macro", "weighted"), strict=True):
        expected = precision_recall_fscore_support(target, predicted, average=average, zero_division=0)[:3]
        assert mean[1:4] == pytest.approx(expected)
        assert mean.support == 200
    assert f"accuracy {accuracy_score(target, predicted):.4f}" in report.table()


def test_an_epoch_begins_from_nothing(pairs):
    report = report_on(pairs)
    report.update(torch.tensor([4]), torch.tensor([3]))
    report.compute()
    assert report.confusion.sum() == report.confusion[4, 3] == 1


def test_without_any_sequence_there_is_a_table():
    assert "| often | 0.0000 | 0.0000 | 0.0000 | 0 |" in report_on().table()


def test_the_ranks_are_added_up_and_their_records_brought_in_order(monkeypatch):
    other = torch.zeros(5, 5, dtype=torch.long)
    other[1, 0] = 3
    monkeypatch.setattr(class_report, "gather_from_ranks", lambda mine: [mine, (other, ["second", "fourth"])])
    report = ClassReport(LABELS)
    report.update(torch.tensor([0, 1]), torch.tensor([0, 0]), ["first", "third", "fifth"])
    report.compute()
    assert report.confusion[:2, 0].tolist() == [1, 4]
    assert report.written == ["first", "second", "third", "fourth", "fifth"]


def test_it_is_written_as_a_table_a_picture_and_a_list(tmp_path):
    from PIL import Image

    report = ClassReport(LABELS)
    report.update(torch.tensor([0, 4]), torch.tensor([0, 3]), ["a\tb", "c\td"])
    report.compute()
    report.write(str(tmp_path / "new" / "report"), "true\tpredicted")
    folder = tmp_path / "new" / "report"
    assert (folder / "predictions.tsv").read_text() == "true\tpredicted\na\tb\nc\td\n"
    assert (folder / "report.md").read_text() == report.table() + "\n"
    assert r"| a\|b | 1.0000 |" in report.table()
    with Image.open(folder / "confusion.png") as picture:
        assert len(set(picture.convert("RGB").resize((64, 64)).getdata())) > 10, "something is drawn"


def test_the_picture_names_classes_and_counts_confusions():
    report = report_on((torch.tensor([0, 4, 4]), torch.tensor([0, 3, 3])))
    (axes,) = report.picture().axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a|b", r"\$x\$", "never", "rare", "often"]
    assert {(text.get_position(), text.get_text()) for text in axes.texts} == {((0, 0), "1"), ((3, 4), "2")}


def test_a_file_in_the_way_is_one_line(tmp_path, one_line):
    path = tmp_path / "report"
    path.write_text("")
    with one_line(OptionError, str(path), "name a folder"):
        report_on().write(str(path), "")
