"""XML tags: nested as they must be, drawn as the paper says, and as predictable as the docstring says."""

import re
from collections import Counter

import numpy as np
import pytest
import torch
from quick_fit import fit_and_test

from seqmodels.data import XMLTags
from seqmodels.errors import OptionError
from seqmodels.tasks import LanguageModel


def stream(characters=60_000, **options):
    data = XMLTags(batch_size=1, steps=characters, windows=1, **options)
    (window,) = data.train_dataloader()
    assert (window.target >= 0).all()
    return data.tokenizer.decode(window.input[:, 0])


def tags_of(text):
    found = list(re.finditer("<(/?)([a-z]+)>", text))
    assert "".join(match[0] for match in found) == text[: found[-1].end()]
    return [(bool(match[1]), match[2]) for match in found]


def test_every_tag_closes_the_one_opened_last():
    open_tags = []
    for closing, name in tags_of(stream()):
        if closing:
            assert open_tags.pop() == name
        else:
            open_tags.append(name)
            assert len(open_tags) <= 50


def test_names_are_random():
    names = [name for closing, name in tags_of(stream(400_000)) if not closing]
    lengths = [len(name) for name in names]
    for length in range(2, 11):
        assert lengths.count(length) / len(lengths) == pytest.approx(1 / 9, abs=0.01)
    letters = "".join(names)
    assert all(letters.count(letter) / len(letters) == pytest.approx(1 / 26, abs=0.005) for letter in set(letters))
    assert len(set(letters)) == 26


def test_depths_are_those_of_the_papers_procedure():
    """The same procedure written as the paper tells it, a tag at a time: how often each depth is reached."""
    draw = np.random.default_rng(0)

    def procedure():
        depth, depths = 0, []
        for _ in range(50):
            if draw.random() < 0.5:
                if depth == 0:
                    return depths
                depth -= 1
            else:
                depth += 1
                depths.append(depth)
        return depths

    told = [depth for _ in range(20_000) for depth in procedure()]
    written, depth = [], 0
    for closing, _ in tags_of(stream(1_000_000)):
        depth += -1 if closing else 1
        if not closing:
            written.append(depth)
    for reached in (1, 2, 3, 5, 8):
        assert written.count(reached) / len(written) == pytest.approx(told.count(reached) / len(told), rel=0.06)
    assert max(written) > 15


def best_guesses(text):
    """The likeliest character at each place, from those before it alone."""
    open_tags, tag = [], None  # tag: what stands since the last "<"
    for character in text:
        if tag is None:
            guess = "<"
        elif tag == "":
            guess = "/" if open_tags else "a"
        elif tag[0] == "/":
            guess = (open_tags[-1] + ">")[len(tag) - 1]
        else:
            guess = ">" if len(tag) >= 2 else "a"
        yield guess
        if character == "<":
            tag = ""
        elif character == ">":
            open_tags = open_tags[:-1] if tag[0] == "/" else [*open_tags, tag]
            tag = None
        else:
            tag += character


def test_the_best_attainable_accuracy_is_that_of_the_best_guesses():
    text = stream(1_000_000)
    hits = np.mean([guess == character for guess, character in zip(best_guesses(text), text, strict=True)])
    assert hits == pytest.approx(XMLTags.best_accuracy, abs=0.0015)
    assert XMLTags.best_accuracy == pytest.approx(0.6497, abs=5e-5)


def test_guesses_from_the_third_letter_on_are_the_likeliest():
    names = [name for closing, name in tags_of(stream(400_000)) if not closing]
    for length in range(2, 11):
        following = [(name + ">")[length] for name in names if len(name) >= length]
        assert Counter(following).most_common(1)[0][0] == ">"


def test_it_says_what_it_is():
    data = XMLTags(batch_size=2, steps=5, windows=7)
    assert "29 characters" in data.describe()
    assert "7 windows of 2 x 5" in data.describe()
    assert data.tokenizer.tokens == list(data.alphabet)


def test_options_out_of_range(one_line):
    with one_line(OptionError, "steps is 0", "use"):
        XMLTags(steps=0)


def test_a_model_learns_where_tags_begin_and_end():
    torch.manual_seed(0)
    data = XMLTags(batch_size=32, eval_batch_size=32, windows=250, eval_windows=10)
    model = LanguageModel(data.tokenizer, cell="gru", hidden_size=64, learning_rate=1e-2)
    values = fit_and_test(model, data)
    assert 0.3 < values["test_accuracy"] < XMLTags.best_accuracy + 0.02  # "<" and "/" alone give 3/17
