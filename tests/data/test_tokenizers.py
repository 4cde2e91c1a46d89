"""Round trips, vocabularies and errors of the four units."""

import io
import json
from collections import Counter
from unittest import mock

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seqmodels.data import Tokenizer, build_tokenizer
from seqmodels.data import tokenizer as tokenizers
from seqmodels.data.documents import encode_text
from seqmodels.errors import CheckpointError, InputError, OptionError

UNITS = ["character", "byte", "word", "subword"]
TEXT = "the cat sat on the mat\n\nthe dog — café \U0001f600\x00\u2028 sat\tthere\n" * 5
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
TRAINED = {unit: build_tokenizer(unit, TEXT, vocabulary_size=300 if unit == "subword" else None) for unit in UNITS}


@given(ANY_TEXT)
@settings(max_examples=150)
def test_characters_read_back_exactly(text):
    tokenizer = build_tokenizer("character", text)
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert len(tokenizer) == len(set(text))
    assert len(tokenizer.encode(text)) == len(text)


@given(ANY_TEXT | st.text("at'1. \n\t\x1c\u2028", max_size=40))
@settings(max_examples=100)
@pytest.mark.parametrize("unit", UNITS)
def test_a_text_may_be_encoded_piece_by_piece(unit, text):
    tokenizer = build_tokenizer(unit, TEXT, unknown=True) if unit == "character" else TRAINED[unit]
    with mock.patch.object(tokenizers, "_AT_ONCE", 3):
        cut = list(tokenizers.pieces(text))
    assert "".join(cut) == text
    assert torch.equal(torch.cat([tokenizer.encode(piece) for piece in cut]), tokenizer.encode(text))


@pytest.mark.parametrize("unit", UNITS)
def test_vocabulary_and_tokens_do_not_depend_on_how_much_is_read_at_once(unit, monkeypatch):
    whole, expected = build_tokenizer(unit, TEXT), encode_text(build_tokenizer(unit, TEXT), TEXT).tokens
    monkeypatch.setattr(tokenizers, "_AT_ONCE", 50)
    assert build_tokenizer(unit, TEXT) == whole
    assert len(list(tokenizers.pieces(TEXT))) > 3
    assert torch.equal(encode_text(whole, TEXT).tokens, expected)


def test_an_unseen_character_is_named_with_its_position_in_the_whole_text(monkeypatch, one_line):
    monkeypatch.setattr(tokenizers, "_AT_ONCE", 4)
    with one_line(InputError, "'!'", "at position 12"):
        encode_text(build_tokenizer("character", "ab \n"), "ab ab\nab ab\n!")


@given(ANY_TEXT)
@settings(max_examples=150)
@pytest.mark.parametrize("unit", ["byte", "subword"])
def test_bytes_and_subwords_read_back_any_text_even_unseen(unit, text):
    tokenizer = TRAINED[unit]
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert int(tokenizer.characters_per_token()[ids].sum()) == len(text)


@given(ANY_TEXT)
@settings(max_examples=150)
@pytest.mark.parametrize("unit", ["byte", "word", "subword"])
def test_what_each_token_adds_is_together_the_text(unit, text):
    tokenizer = TRAINED[unit]
    ids = tokenizer.encode(text)
    assert len(tokenizer.decode_each(ids)) == len(ids)
    assert "".join(tokenizer.decode_each(ids)) == tokenizer.decode(ids)


def test_a_character_is_told_by_its_last_byte():
    text = "a “é😀”"
    in_bytes = [*"a ", "", "", "“", "", "é", "", "", "", "😀", "", "", "”"]
    assert TRAINED["byte"].decode_each(TRAINED["byte"].encode(text)) == in_bytes
    merged = build_tokenizer("subword", "é“" * 50, vocabulary_size=257)  # two of the five bytes are one token
    assert merged.decode_each(merged.encode("é“é")) == ["é", "", "", "“", "é"]
    assert TRAINED["byte"].decode_each([0x41, 0xC3, 0x41]) == ["A", "", "\ufffdA"]  # as a model may write


@given(ANY_TEXT)
@settings(max_examples=150)
def test_words_read_back_up_to_white_space(text):
    tokenizer = build_tokenizer("word", text)
    written = tokenizer.decode(tokenizer.encode(text))
    assert written.split() == text.split()
    assert written.count("\n") == text.count("\n") + text.split().count("<eos>")
    assert torch.equal(tokenizer.encode(written), tokenizer.encode(text))
    assert int(tokenizer.characters_per_token()[tokenizer.encode(text)].sum()) == len(written)


@pytest.mark.parametrize("unit", UNITS)
def test_a_description_survives_json_and_safe_checkpoints(unit):
    tokenizer = TRAINED[unit]
    file = io.BytesIO()
    torch.save(tokenizer.to_dict(), file)
    file.seek(0)
    for description in (json.loads(json.dumps(tokenizer.to_dict())), torch.load(file, weights_only=True)):
        again = Tokenizer.from_dict(description)
        assert again == tokenizer
        assert torch.equal(again.encode(TEXT), tokenizer.encode(TEXT))


@pytest.mark.parametrize("unit", UNITS)
def test_numbers_and_names_fit_together(unit):
    tokenizer = TRAINED[unit]
    ids = tokenizer.encode(TEXT)
    assert ids.dtype == torch.int64
    assert ids.min() >= 0
    assert ids.max() < len(tokenizer)
    assert len(tokenizer.tokens) == len(tokenizer) == len(tokenizer.characters_per_token())
    assert all(token.isprintable() for token in tokenizer.tokens)
    assert tokenizer.encode("").shape == (0,)
    assert tokenizer.decode([]) == ""
    assert tokenizer.decode(ids.tolist()) == tokenizer.decode(ids)
    assert tokenizer.unit == unit


@pytest.mark.parametrize("unit", UNITS)
def test_text_may_be_decoded_piece_by_piece(unit):
    tokenizer = TRAINED[unit]
    ids = tokenizer.encode("the cat sat\nthere")
    assert "".join(tokenizer.decode(ids[k : k + 1]) for k in range(len(ids))) == tokenizer.decode(ids)


@pytest.mark.parametrize("unit", UNITS)
def test_the_line_end_is_a_token_of_its_own(unit):
    tokenizer = Tokenizer.from_dict(TRAINED[unit].to_dict())
    assert tokenizer.decode([tokenizer.line_end_id]) == "\n"


@pytest.mark.parametrize("unknown", [False, True])
def test_a_vocabulary_without_line_ends_says_so(unknown):
    with pytest.raises(InputError, match="vocabulary"):
        build_tokenizer("character", "one line", unknown=unknown).line_end_id  # noqa: B018


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("outside", [-1, 10_000])
def test_a_number_outside_the_vocabulary_is_named(unit, outside):
    with pytest.raises(InputError, match=f"token {outside} at position 1 "):
        TRAINED[unit].decode([0, outside])


def test_an_unseen_character_is_named_with_its_position():
    with pytest.raises(InputError, match=r"character 'x' \(U\+0078\) at position 2 .* 4 characters"):
        build_tokenizer("character", "helo").encode("hexe")


def test_an_unseen_character_can_be_unknown():
    tokenizer = build_tokenizer("character", "helo", unknown=True)
    assert tokenizer.unknown_id == 4
    assert tokenizer.tokens == ["e", "h", "l", "o", "<unk>"]
    assert tokenizer.encode("hex\ud800").tolist() == [1, 0, 4, 4]
    assert tokenizer.decode([1, 0, 4]) == "he\ufffd"


def test_the_character_vocabulary_is_cut_by_size_and_by_count():
    cut = build_tokenizer("character", "aaabbbcd", vocabulary_size=3)
    assert cut.tokens == ["a", "b", "<unk>"]
    assert cut.encode("abc").tolist() == [0, 1, 2]
    assert build_tokenizer("character", "aaabbbcd", min_count=2) == cut
    assert build_tokenizer("character", "aaabbbcd", vocabulary_size=4).tokens == ["a", "b", "c", "d"]
    assert build_tokenizer("character", "aaabbbcd", vocabulary_size=4, unknown=True).tokens == ["a", "b", "c", "<unk>"]


def test_words_are_those_of_the_usual_reader_of_the_penn_treebank():
    text = " mr. <unk> is chairman of n.v. \n rudolph <unk> N years old \n mr. vinken is N \n"
    # Zaremba et al. (2014), reader.py
    words = text.replace("\n", "<eos>").split()
    ranked = sorted(Counter(words).items(), key=lambda pair: (-pair[1], pair[0]))
    numbers = {word: number for number, (word, _) in enumerate(ranked)}
    tokenizer = build_tokenizer("word", text)
    assert len(tokenizer) == len(numbers)
    assert tokenizer.tokens == list(numbers)
    assert tokenizer.encode(text).tolist() == [numbers[word] for word in words]


def test_the_word_vocabulary_keeps_the_most_frequent():
    tokenizer = build_tokenizer("word", "a a a b b c\n", vocabulary_size=4)
    assert tokenizer.tokens == ["a", "b", "<eos>", "<unk>"]
    assert tokenizer.decode(tokenizer.encode("a c b\n")) == "a <unk> b \n"
    assert len(build_tokenizer("word", "a a a b b c\n", min_count=2)) == 4


def test_subwords_are_learned_from_the_training_text_alone_and_never_span_lines():
    tokenizer = build_tokenizer("subword", "banana\n" * 50, vocabulary_size=270)
    assert "banana" in tokenizer.tokens
    assert all("\\n" not in token for token in tokenizer.tokens if token != "\\n")
    assert tokenizer == build_tokenizer("subword", "banana\n" * 50, vocabulary_size=270)
    assert len(tokenizer.encode("banana\nbanana")) == 3
    assert len(tokenizer.encode("split\u2028here")) == len("split\u2028here".encode())


@pytest.mark.parametrize("text", ["ab" * 5000, "\u4e2d\u6587\u5b57" * 3000])
def test_subwords_of_a_text_without_spaces_are_bounded(text):
    """Else learning them takes time quadratic in its length."""
    tokenizer = build_tokenizer("subword", text, vocabulary_size=400)
    assert tokenizer.characters_per_token().max() <= 128
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_subwords_that_were_saved_without_a_bound_read_as_they_did():
    """Of checkpoints whose tokenizer has no other pre-tokenizer than that of bytes."""
    model = json.loads(TRAINED["subword"].to_dict()["model"])
    model["pre_tokenizer"] = model["pre_tokenizer"]["pretokenizers"][0]
    before = Tokenizer.from_dict({"unit": "subword", "model": json.dumps(model)})
    assert torch.equal(before.encode(TEXT), TRAINED["subword"].encode(TEXT))
    assert "Split" not in before.to_dict()["model"]


def test_bytes_written_by_a_model_need_not_be_utf8():
    assert TRAINED["byte"].decode([0xC3, 0x28]) == "\ufffd("


@pytest.mark.parametrize("unit", ["byte", "subword"])
def test_a_lone_surrogate_is_named(unit):
    with pytest.raises(InputError, match="position 2 is a lone surrogate"):
        TRAINED[unit].encode("ab\ud800")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"unit": "letter"}, "unit 'letter' is unknown; use one of character, byte, word, subword"),
        ({"unit": "word", "min_count": 0}, "min_count is 0"),
        ({"unit": "word", "vocabulary_size": 0}, "vocabulary_size is 0"),
        ({"unit": "word", "vocabulary_size": 2}, "use 3 or more"),
        ({"unit": "byte", "vocabulary_size": 100}, "always 256 bytes"),
        ({"unit": "subword", "vocabulary_size": 100}, "subwords need 256"),
        ({"unit": "character", "min_count": 99}, "no character is left"),
    ],
)
def test_options_that_cannot_be_used(options, problem):
    with pytest.raises(OptionError, match=problem):
        build_tokenizer(text="some text", **options)


def test_an_empty_training_text_is_refused():
    with pytest.raises(InputError, match="empty"):
        build_tokenizer("character", "")


@pytest.mark.parametrize(
    "description",
    [
        {},
        {"unit": "letter"},
        {"unit": "character"},
        {"unit": "word", "words": ["a", "b"]},
        {"unit": "word", "words": ["<unk>", "<eos>", "a", "a"]},
        {"unit": "subword", "model": "{"},
        {"unit": "subword", "model": '{"model": {"type": "BPE"}}'},
        {"unit": "character", "characters": "aa", "unknown": 0},
        {"unit": "character", "characters": None, "unknown": 0},
    ],
)
def test_a_damaged_description_is_a_checkpoint_error_of_one_line(description):
    with pytest.raises(CheckpointError) as caught:
        Tokenizer.from_dict(description)
    assert "\n" not in str(caught.value)
