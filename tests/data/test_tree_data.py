"""Batches of trees: tokens and labels of the right nodes, from files or drawn."""

import pytest
import torch

from seqmodels.data import build_tokenizer
from seqmodels.data.streams import NOT_SCORED
from seqmodels.data.tree_data import TreeData, plant_words
from seqmodels.data.tree_files import parse_brackets, parse_operators
from seqmodels.errors import DataError, InputError, OptionError

TRAIN = """\
(3 (2 It) (4 (2 's) (4 lovely)))
(0 (2 A) (1 (1 dull) (2 film)))
(2 (2 A) (2 film))
(4 lovely)
"""
VALID = "(4 (4 Lovely) (2 movie))\n(0 dull)\n"


@pytest.fixture
def files(tmp_path):
    for name, text in {"train.txt": TRAIN, "dev.txt": VALID}.items():
        (tmp_path / name).write_text(text)
    return {"source": str(tmp_path / "train.txt"), "valid_source": str(tmp_path / "dev.txt")}


def written(data, batch):
    """(word, label) of each node as the batch has it, in the order of the trees."""
    words = [data.tokenizer.tokens[token] for token in batch.words.tolist()]
    words += [None] * (len(batch.forest) - len(words))
    labels = [None if label == NOT_SCORED else data.labels[label] for label in batch.labels.tolist()]
    places = torch.argsort(batch.forest.order).tolist()
    return [(words[place], labels[place]) for place in places]


def test_words_and_labels_belong_to_their_nodes(files):
    data = TreeData(**files)
    batch = data.collate(data.parts["train"][:2])
    assert written(data, batch) == [
        (None, "3"), ("It", "2"), (None, "4"), ("'s", "2"), ("lovely", "4"),
        (None, "0"), ("A", "2"), (None, "1"), ("dull", "1"), ("film", "2"),
    ]  # fmt: skip
    assert data.labels == ["0", "1", "2", "3", "4"]
    assert [str(tree) for tree in batch.as_read.trees] == TRAIN.splitlines()[:2]


def test_words_are_looked_up_in_lower_case_if_they_must(files):
    data = TreeData(**files)
    assert [word for word, _ in written(data, data.collate(data.parts["validation"]))] == [
        None, "lovely", "<unk>", "dull",
    ]  # fmt: skip
    assert "A" in data.tokenizer.tokens
    assert "A" not in TreeData(**files, lowercase=True).tokenizer.tokens


def test_binary_labels_leave_out_what_is_neutral(files):
    data = TreeData(**files, binary=True)
    assert data.labels == ["negative", "positive"]
    assert len(data.parts["train"]) == 3
    assert written(data, data.collate(data.parts["train"][1:2])) == [
        (None, "negative"), ("A", None), (None, "negative"), ("dull", "negative"), ("film", None),
    ]  # fmt: skip


def test_binary_of_other_labels_is_one_line(tmp_path, one_line):
    (tmp_path / "t.txt").write_text("(S a)\n")
    with one_line(DataError, "t.txt, line 1", "'S'", "labels from 0 to 4"):
        _ = TreeData(str(tmp_path / "t.txt"), binary=True).records


def test_a_label_that_training_does_not_have_is_one_line(files, tmp_path, one_line):
    (tmp_path / "dev.txt").write_text("(9 dull)\n")
    with one_line(DataError, "dev.txt, line 1", "'9'", "0, 1, 2, 3, 4"):
        _ = TreeData(**files).parts


def test_drawn_expressions_are_the_same_every_time_and_others_in_each_part():
    first, second = TreeData(expressions=50), TreeData(expressions=50, seed=3)
    assert first.records == second.records
    assert [len(first.records[part]) for part in ("train", "validation", "test")] == [50, 5, 5]
    assert len({record.key for part in first.records.values() for record in part}) == 60
    assert first.describe().startswith("TreeData: listops, 50 train, 5 validation, 5 test trees, 10 labels")


def test_one_file_is_cut_into_parts_and_equal_sentences_stay_together(tmp_path):
    lines = [f"(1 (1 a) (0 w{number // 2}))" for number in range(200)]
    (tmp_path / "t.txt").write_text("\n".join(lines))
    records = TreeData(str(tmp_path / "t.txt")).records
    keys = {part: {record.key for record in found} for part, found in records.items()}
    assert sum(len(found) for found in records.values()) == 200
    assert not keys["train"] & keys["validation"]
    assert not keys["train"] & keys["test"]


def test_words_of_all_nodes_or_of_leaves(one_line):
    words = build_tokenizer("word", "[MAX 2 9 ]")
    operators, parse = parse_operators("[MAX 2 9 ]"), parse_brackets("( ( ( [MAX 2 ) 9 ) ] )")
    forest, tokens = plant_words([operators], words)
    assert len(tokens) == len(forest) == 3
    assert words.decode(tokens) == "2 9 [MAX "
    forest, tokens = plant_words([parse], words)
    assert len(tokens) == forest.leaves == 4
    with one_line(InputError, "some trees have words at their inner nodes"):
        plant_words([operators, parse], words)


def test_white_space_within_a_word_does_not_tear_it():
    words = build_tokenizer("word", "1_2 a")
    forest, tokens = plant_words([parse_brackets("(2 (2 1\u00a02) (2 a))")], words)
    assert words.decode(tokens[torch.argsort(forest.order[: forest.leaves])]) == "1_2 a "


def test_wrong_options_are_one_line(one_line):
    with one_line(OptionError, "expressions is 0"):
        TreeData(expressions=0)
    with one_line(OptionError, "fractions"):
        TreeData(fractions=(0.5, 0.1, 0.1))
