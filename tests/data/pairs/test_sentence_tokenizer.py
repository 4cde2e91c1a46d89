"""Plain sentences to tokens and back: words apart from punctuation, lower case, reversed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqmodels.data import Tokenizer, build_tokenizer
from seqmodels.data.pairs import SentenceTokenizer
from seqmodels.data.pairs.sentence_tokenizer import join_words, sentence_tokenizer, split_words

TEXT = "The dog barks.\nA cat, too!\nthe dog sleeps\n"


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("Hello, world!", "Hello , world !"),
        ("It's 3.14, isn't it?", "It's 3.14 , isn't it ?"),
        ('He said: "Go (now)."', 'He said : " Go ( now ) . "'),
        ("„Wessen Hund?“ — „Meiner…“", "„ Wessen Hund ? “ — „ Meiner … “"),
        ("«Oui», dit-il", "« Oui » , dit-il"),
        ("¿Qué? $5 und 10%", "¿ Qué ? $ 5 und 10 %"),
        ("the dogs' e-mail, zwei- oder dreimal", "the dogs' e-mail , zwei- oder dreimal"),
        ("I_JUMP I_TURN_LEFT", "I_JUMP I_TURN_LEFT"),
        ("नमस्ते दुनिया।", "नमस्ते दुनिया ।"),
        ("\U0001f44d\U0001f3fd good", "\U0001f44d\U0001f3fd good"),
    ],
)
def test_words_are_taken_apart_as_documented(sentence, words):
    assert split_words(sentence) == words
    assert join_words(words) == sentence.replace("दुनिया।", "दुनिया ।")  # the danda isn't known to follow a word


def test_lines_stay_lines():
    assert split_words("a.\n\n b!\n") == "a .\n\nb !\n"
    assert join_words("a . \n\nb ! \n") == "a.\n\nb!\n"


@given(st.text())
@settings(max_examples=50)
def test_splitting_moves_no_character_but_white_space(text):
    def bare(text):
        return ["".join(line.split()) for line in text.split("\n")]

    assert bare(join_words(split_words(text))) == bare(split_words(text)) == bare(text)
    assert split_words(split_words(text)) == split_words(text)


def test_words_of_the_vocabularies_own_marks_are_no_marks():
    tokenizer = sentence_tokenizer("word", "a <eos> <unk> b\n")
    assert tokenizer.encode("<eos>\n").tolist().count(tokenizer.line_end_id) == 1


@pytest.mark.parametrize("unit", ["word", "character", "subword"])
@pytest.mark.parametrize("lowercase", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_sentences_of_the_vocabulary_come_back(unit, lowercase, reverse):
    tokenizer = sentence_tokenizer(unit, TEXT, lowercase=lowercase)
    tokenizer = SentenceTokenizer(tokenizer, reverse=True) if reverse else tokenizer
    assert tokenizer.decode(tokenizer.encode(TEXT)) == (TEXT.lower() if lowercase else TEXT)
    assert tokenizer.encode(TEXT)[-1] == tokenizer.line_end_id
    assert len(tokenizer.encode("")) == 0
    assert tokenizer.decode([]) == ""


def test_subwords_as_they_are_need_nothing_around_them():
    assert sentence_tokenizer("subword", TEXT) == build_tokenizer("subword", TEXT)
    assert sentence_tokenizer("character", TEXT) == build_tokenizer("character", TEXT, unknown=True)


@pytest.mark.parametrize("unit", ["word", "character", "subword"])
def test_reversal_keeps_line_ends_in_place(unit):
    forward = sentence_tokenizer(unit, TEXT)
    backward = SentenceTokenizer(forward, reverse=True)
    end = forward.line_end_id
    expected = []
    for line in TEXT.splitlines():
        expected += [*reversed(forward.encode(line).tolist()), end]
    assert backward.encode(TEXT).tolist() == expected
    assert backward.encode(TEXT.removesuffix("\n")).tolist() == expected[:-1]
    assert backward.line_end_id == end


def test_what_is_outside_the_vocabulary_is_found():
    tokenizer = sentence_tokenizer("word", TEXT, lowercase=True)
    assert tokenizer.unknown_in("THE DOG!") is None
    assert tokenizer.unknown_in("The cow!") == "cow"
    assert tokenizer.unknown_id in tokenizer.encode("The cow!")
    assert tokenizer.characters_per_token() is None
    lower = sentence_tokenizer("character", TEXT, lowercase=True)
    assert lower.characters_per_token().sum() == len(lower)
    assert set(lower.tokens) == {*set(TEXT.lower()) - {"\n"}, "\\n", "<unk>"}


def test_a_checkpoint_keeps_all_of_it():
    tokenizer = SentenceTokenizer(sentence_tokenizer("word", TEXT, lowercase=True), reverse=True)
    again = Tokenizer.from_dict(tokenizer.to_dict())
    assert again == tokenizer
    assert again.encode("A DOG!\n").tolist() == tokenizer.encode("A DOG!\n").tolist()
    assert build_tokenizer("sentence", "a dog.\n").encode("dog.\n").tolist() == [3, 0, 1]
