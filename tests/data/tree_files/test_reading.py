"""Every form of trees is read as what it means; every fault is one line that names file and line."""

import numpy as np
import pytest
import shared_data
from hypothesis import given
from hypothesis import strategies as st

from seqmodels.data.tree_files import draw_expressions, parse_brackets, parse_operators, parse_trees, read_trees
from seqmodels.data.tree_files.nested_lists import parse_nested_lists
from seqmodels.errors import DataError, InputError, OptionError
from seqmodels.trees import Branch, Tree

WORDS = st.text(st.characters(exclude_characters=" \t\r\n()"), min_size=1, max_size=5)
LABELLED = st.recursive(
    st.builds(Branch, WORDS, WORDS),
    lambda part: st.builds(Branch, WORDS, st.none(), st.lists(part, min_size=2, max_size=3)),
    max_leaves=8,
)


def read(folder, text, name="trees.txt", **options):
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return read_trees(path, **options)


def row(number, word, head):
    return "\t".join([str(number), word, *"____", str(head), *"___"])


@given(LABELLED)
def test_what_is_written_in_brackets_is_read_again(branch):
    tree = Tree.of(branch)
    assert parse_brackets(str(tree)) == tree


def test_sentiment_trees_have_a_label_at_every_node(tmp_path):
    (found,) = read(tmp_path, "(3 (2 It) (4 (2 's) (4 lovely)))\n")
    assert found.tree.labels == ("3", "2", "4", "2", "4")
    assert found.tree.words == (None, "It", None, "'s", "lovely")
    assert found.where.endswith("trees.txt, line 1")


def test_penn_trees_go_over_lines_and_unary_chains_collapse(tmp_path):
    text = "\n( (S\n    (NP (DT The) (NN cat))\n    (VP (VBZ sits)))\n  )\n\n(S (NP (PRP It)) (VP (VBZ rains)))\n"
    first, second = read(tmp_path, text, "wsj.mrg")
    assert str(first.tree) == "(S (NP (DT The) (NN cat)) (VP sits))"
    assert second.tree.labels == ("S", "NP", "VP")
    assert (first.where[-6:], second.where[-6:]) == ("line 2", "line 7")


def test_other_spaces_are_part_of_a_word():
    assert parse_brackets("(2 (2 1\u00a02) (2 \u3000))").words == (None, "1\u00a02", "\u3000")


def test_parses_of_listops_are_binary_trees(tmp_path):
    (found, lone) = read(tmp_path, "9\t( ( ( [MAX 2 ) 9 ) ] )\n7\t7\n", "d.tsv")
    assert found.tree.words == (None, None, None, "[MAX", "2", "9", "]")
    assert found.tree.labels == ("9", *[None] * 6)
    assert (lone.tree.words, lone.tree.labels) == (("7",), ("7",))


def test_the_same_file_is_read_as_trees_of_operators(tmp_path):
    (found,) = read(tmp_path, "4\t( ( ( [MAX 2 ) ( ( ( [MIN 4 ) 7 ) ] ) ) ] )\n", "d.tsv", form="operators")
    assert (found.tree.words, found.tree.parents) == (("[MAX", "2", "[MIN", "4", "7"), (-1, 0, 0, 2, 2))
    assert found.classes == ("4",)


def test_nested_lists(tmp_path):
    (found,) = read(tmp_path, '{"tree": [["very", "lovely"], [["film"]]], "label": 4}\n', "t.jsonl")
    assert found.tree.words == (None, None, "very", "lovely", "film")
    assert found.classes == ("4",)


def test_dependency_trees_hang_words_below_their_heads(tmp_path):
    lines = ["# text = Birds don't sing", "# label = fact", row(1, "Birds", 4), row("2-3", "don't", "_")]
    lines += [row(2, "do", 4), row(3, "n't", 4), row("3.1", "ever", "_"), row(4, "sing", 0)]
    first, second = read(tmp_path, "\n".join([*lines, "", "", "# label = x", row(1, "Yes", 0)]), "d.conllu")
    assert (first.tree.words, first.tree.parents) == (("sing", "Birds", "do", "n't"), (-1, 0, 0, 0))
    assert first.classes == ("fact",)
    assert (second.tree.words, second.where[-7:]) == (("Yes",), "line 11")


@pytest.mark.parametrize(
    ("name", "text", "line", "words"),
    [
        ("t.txt", "(2 (2 a) (2 b)\n(2 c)\n", 1, "1 bracket is never closed"),
        ("t.txt", "(2 c)\n(2 (2 a) (2 b)))\n", 2, "')' follows the end"),
        ("t.txt", "(2 (2 a) ( (2 b) (2 c)))\n", 1, "node 2 (no word) has no label"),
        ("t.txt", "(2 (2 a) b)\n", 1, "node 2 (b) has no label"),
        ("t.txt", "(2 (2 a) (2))\n", 1, "'(2)' holds no word"),
        ("t.txt", "a film\n", 1, "'a film' stands in no bracket"),
        ("t.txt", ") (2 a)\n", 1, "closes nothing"),
        ("d.tsv", "1\t( a b )\n\n1\t( a b )\n", 2, "the line is empty"),
        ("d.tsv", "( a b )\n", 1, "no label"),
        ("d.tsv", "1\t\n", 1, "there is no tree"),
        ("t.jsonl", '{"label": 1}\n', 1, "the record is dict"),
        ("t.jsonl", '{"tree": ["a"\n', 1, "not JSON"),
        ("t.jsonl", '{"tree": ["a", 3], "label": 1}\n', 1, "3 stands in the tree"),
        ("t.jsonl", '{"tree": ["a", []], "label": 1}\n', 1, "an empty list"),
        ("t.jsonl", '{"tree": ["a", "b"]}\n', 1, "no label"),
        ("t.jsonl", '{"tree": ["a", "b"], "label": [1]}\n', 1, "the label is list"),
        ("d.conllu", "# label = x\n1\ta\t0\n", 1, "3 columns"),
        ("d.conllu", f"\n# label = x\n{row(1, 'a', 2)}\n{row(2, 'b', 1)}\n", 2, "0 words have the head 0 (none)"),
        ("d.conllu", f"# label = x\n{row(1, 'a', 0)}\n{row(2, 'b', 0)}\n", 1, "2 words have the head 0 (1, 2)"),
        ("d.conllu", f"# label = x\n{row(1, 'a', 0)}\n{row(2, 'b', 3)}\n{row(3, 'c', 2)}\n", 1, "2 words go round"),
        ("d.conllu", f"# label = x\n{row(1, 'a', 7)}\n", 1, "the head of word 1 is '7'"),
        ("d.conllu", f"# label = x\n{row(2, 'a', 0)}\n", 1, "number words from 1"),
        ("d.conllu", f"{row(1, 'a', 0)}\n", 1, "no label"),
        ("d.conllu", "# label = x\n", 1, "0 words have the head 0"),
    ],
)
def test_faults_name_file_and_line(tmp_path, one_line, name, text, line, words):
    with one_line(DataError, str(tmp_path / name), f"line {line}: ", words, "mend it"):
        read(tmp_path, text, name)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[MAX 2", "'[MAX' is never ended"),
        ("[MAX ]", "takes nothing"),
        ("2 ] 3", "']' ends no operator"),
        ("2 3", "there are 2 expressions"),
        ("", "there are 0 expressions"),
    ],
)
def test_faults_of_operators(one_line, text, words):
    with one_line(InputError, words):
        parse_operators(text)


def test_bad_trees_are_skipped_as_asked(tmp_path):
    with pytest.warns(UserWarning, match=r"1 bad record was skipped.*line 2"):
        found = read(tmp_path, "(2 a)\n(2\n(3 b)\n", max_bad=1)
    assert [one.classes for one in found] == [("2",), ("3",)]


@pytest.mark.parametrize(
    ("form", "text", "trees"),
    [
        ("brackets", "(2 a)\n\n( a (3 b) )\n", ["(2 a)", "( ( a) (3 b))"]),
        ("parses", "9\t( a b )\n( a b )\n", ["(9 ( a) ( b))", "( ( a) ( b))"]),
        ("operators", "[MAX 2 ]\n", ["( [MAX ( 2))"]),
        ("lists", '{"tree": ["a", "b"]}\n', ["( ( a) ( b))"]),
        ("conllu", row(1, "a", 0), ["( a)"]),
    ],
)
def test_trees_that_are_to_be_classified_need_no_label(form, text, trees):
    assert [str(found.tree) for found in parse_trees(text, "my text", form)] == trees


def test_faults_of_a_part_name_its_line(one_line):
    with one_line(DataError, "standard input, line 7: 1 bracket is never closed"):
        list(parse_trees("(2 a", "standard input", "brackets", first_line=7))
    with one_line(DataError, "my text: there is no tree"):
        list(parse_trees(" \n", "my text", "brackets"))


def test_deep_trees_are_read():
    depth = 3000
    assert len(parse_brackets("(1 " * depth + "w" + ")" * depth)) == 1
    assert len(parse_brackets("( " * depth + "w" + " w )" * depth)) == 2 * depth + 1
    depth = 800  # Python's JSON goes little deeper
    assert len(parse_nested_lists('{"tree": ' + "[" * depth + '"w"' + ', "w"]' * depth + "}")) == 2 * depth + 1


def test_lists_deeper_than_json_may_be_are_one_line(one_line):
    with one_line(InputError, "nested too deeply"):
        parse_nested_lists('{"tree": ' + "[" * 200_000 + '"w"' + "]" * 200_000 + "}")


@pytest.mark.usefixtures("_types_unchecked")
def test_an_unknown_form_is_one_line(tmp_path, one_line):
    with one_line(OptionError, "'xml'", "brackets, parses"):
        read(tmp_path, "(2 a)", form="xml")


def value_of(tree):
    """The value of an expression, from its words alone."""
    tokens, stack = [word for word in tree.words if word], []
    for token in tokens:
        if token != "]":
            stack.append(token)
            continue
        values = []
        while not str(stack[-1]).startswith("["):
            values.append(int(stack.pop()))
        operator = stack.pop()
        middle = sorted(values)
        found = {
            "[MIN": middle[0],
            "[MAX": middle[-1],
            "[MED": (middle[(len(values) - 1) // 2] + middle[len(values) // 2]) // 2,
            "[SM": sum(values) % 10,
        }
        stack.append(found[operator])
    (value,) = stack
    return str(value)


def test_drawn_expressions_have_their_value_and_are_the_same_every_time():
    trees = draw_expressions(200, np.random.default_rng(0))
    assert trees == draw_expressions(200, np.random.default_rng(0))
    assert [value_of(tree) for tree in trees] == [tree.labels[0] for tree in trees]
    assert len({tree.words for tree in trees}) > 190
    assert all(tree.parents.count(node) in (0, 2) for tree in trees[:20] for node in range(len(tree)))


def head(path, lines, folder):
    """The first lines of a file, as a file."""
    text = path.read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / path.name).write_text("".join(text[:lines]), encoding="utf-8")
    return folder / path.name


@shared_data.needs("sst_trees")
def test_trees_of_the_sentiment_treebank(tmp_path):
    path = head(shared_data.FOLDER / "sst_trees" / "dev.txt", 100, tmp_path)
    found = read_trees(path)
    assert [str(one.tree) for one in found] == path.read_text(encoding="utf-8").splitlines()
    assert all({one.tree.parents.count(node) for node in range(len(one.tree))} <= {0, 2} for one in found)


@shared_data.needs("listops")
def test_expressions_of_listops(tmp_path):
    path = head(shared_data.FOLDER / "listops" / "test_d5c.tsv", 100, tmp_path)
    parses, operators = read_trees(path), read_trees(path, "operators")
    words = [[word for word in one.tree.words if word not in (None, "]")] for one in parses]
    assert words == [list(one.tree.words) for one in operators]
