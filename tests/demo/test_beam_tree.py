import re
from xml.etree import ElementTree

import pytest
import torch

from seqmodels.decoding import diverse_beam_search
from seqmodels.demo.beam_picture import draw_tree
from seqmodels.demo.beam_tree import grow_tree
from seqmodels.demo.caption import search

WORDS = ["the", "a", "<dog>", "end"]


@pytest.fixture(params=[(4, 1), (4, 2), (1, 1), (6, 3)], ids=lambda pair: f"{pair[0]} beams, {pair[1]} groups")
def searched(request):
    """Hypotheses and nodes of a search with a Markov chain."""
    beam_size, groups = request.param
    likely = torch.rand(4, 4).softmax(-1).log()
    trace = []
    (found,) = diverse_beam_search(
        lambda tokens, state: (likely[tokens], state), None, torch.tensor([0]), beam_size=beam_size, groups=groups,
        max_length=5, diversity=0.7, end=3, trace=trace.append,
    )  # fmt: skip
    return found, grow_tree(trace, found, WORDS), likely


def path_to(node):
    return [] if node.parent is None else [*path_to(node.parent), node.word]


def test_each_hypothesis_has_its_leaf_with_its_words_and_log_probability(searched):
    found, nodes, _ = searched
    ranked = {node.rank: node for node in nodes if node.rank is not None}
    assert sorted(ranked) == list(range(1, len(found) + 1))
    for place, one in enumerate(found, 1):
        words = [WORDS[token] for token in one.tokens] + ["end"] * one.ended
        assert path_to(ranked[place]) == words
        assert ranked[place].log_probability == pytest.approx(one.log_probability, abs=1e-5)
        assert ranked[place].group == one.group
        assert not ranked[place].children


def test_log_probabilities_add_up_along_the_edges(searched):
    _, nodes, likely = searched
    for node in nodes[1:]:
        last = WORDS.index(node.parent.word) if node.parent.word else 0
        own = node.log_probability - node.parent.log_probability
        assert own == pytest.approx(float(likely[last, WORDS.index(node.word)]), abs=1e-5)
        assert node.step == node.parent.step + 1


def test_leaves_have_rows_of_their_own_and_branches_do_not_cross(searched):
    _, nodes, _ = searched
    leaves = [node.row for node in nodes if not node.children]
    assert sorted(leaves) == list(range(len(leaves)))
    for step in range(1, 6):
        here = sorted((node for node in nodes if node.step == step), key=lambda node: node.row)
        rows = [node.parent.row for node in here]
        assert rows == sorted(rows)


def test_a_node_is_worth_its_best_hypothesis(searched):
    _, nodes, _ = searched
    assert nodes[0].best == 1
    for node in nodes:
        below = [child.best for child in node.children if child.best is not None]
        assert node.best == (node.rank if not node.children else min(below, default=None))


def test_the_picture_has_each_node_once_and_is_well_formed(searched):
    found, nodes, _ = searched
    picture = ElementTree.fromstring(draw_tree(nodes))
    branches = picture.findall(".//g")
    assert len(branches) == len(nodes) - 1
    assert len(picture.findall(".//circle[@class='ring']")) == len(found)
    best = [branch for branch in branches if branch.get("class").startswith("best ")]
    assert len(best) == len(found[0].tokens) + found[0].ended
    assert {branch.find("text").text for branch in branches} <= set(WORDS)


def test_steps_are_drawn_one_by_one(searched):
    _, nodes, _ = searched
    for steps in (1, 3):
        drawn = draw_tree(nodes, steps)
        assert drawn.count("<path") == sum(1 <= node.step <= steps for node in nodes)
        assert "animation-delay" not in drawn
    delays = [float(delay) for delay in re.findall(r"animation-delay:([\d.]+)s", draw_tree(nodes))]
    assert len(set(delays)) == max(node.step for node in nodes)


@pytest.mark.parametrize(("groups", "diversity"), [(1, 0.0), (2, 0.5)])
def test_captions_are_those_of_the_captioner(models, picture, groups, diversity):
    from PIL import Image

    model = models["captions"]
    nodes, captions = search(model, Image.open(picture), 4, groups, diversity)
    expected = model.caption(picture, beam_size=4, groups=groups, diversity=diversity)
    assert [text for text, _ in captions] == [one.text for one in expected]
    assert [value for _, value in captions] == pytest.approx([one.log_probability for one in expected], abs=1e-5)
    assert max(node.rank or 0 for node in nodes) == len(expected)
