"""Words of captions; the expected ones are what Stanford's tokenizer says."""

import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqmodels.errors import InputError
from seqmodels.metrics import tokenize_caption


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A man riding a wave on top of a surfboard.", "a man riding a wave on top of a surfboard"),
        ("Don't touch the man's cat, isn't it?", "do n't touch the man 's cat is n't it"),
        ("can't've she'd've we're they'll I'm", "ca n't 've she 'd 've we 're they 'll i 'm"),
        ("cannot gonna wanna 'tis", "can not gon na wan na 't is"),
        ("it\u2019s a kid\u2019s \u201ctoy\u201d", "it 's a kid 's toy"),
        ("dogs' toys at 5 o'clock, ma'am", "dogs toys at 5 o'clock ma'am"),
        ("rock'n'roll y'all O'Hare's", "rock 'n' roll y' all o'hare 's"),
        ("two-way street; a 5-yr-old mother-in-law's", "two-way street a 5-yr-old mother-in-law 's"),
        ("non-stop stop- -start -- dash—dash", "non-stop stop start dash dash"),
        ("It's \"nice\" ``here'' 'there'", "it 's nice here there"),
        ("(really) [x] {y}", "-lrb- really -rrb- -lsb- x -rsb- -lcb- y -rcb-"),
        ("at 3:30 p.m. and $5.00, 50% off 1,000 people", "at 3:30 p.m. and $ 5.00 50 % off 1,000 people"),
        ("10:00am 5lb 5.5lb 1st '80s 1990's 1/2 24/7", "10:00 am 5lb 5.5 lb 1st '80s 1990 's 1/2 24/7"),
        ("people... people.. end. . .", "people people end"),
        ("St. Louis, Mr. Smith, Main Ave. vs. W. Centre St.", "st. louis mr. smith main ave. vs. w. centre st."),
        ("in the U.S. at no. 5, no. Yes", "in the u.s. at no. 5 no yes"),
        ("a letter T. A man sees the letter K.", "a letter t a man sees the letter k"),
        ("the ground.A person", "the ground.a person"),
        ("AT&T R&B c&d AT&amp;T &quot;x&quot;", "at&t r&b c & d at&t x"),
        ("and/or w/ a/b/c", "and/or w / a/b/c"),
        ("wow!! what?? ok?! no!", "wow !! what ?? ok ?! no"),
        ("£5 €4 5¢ ½", "# 5 $ 4 5 cents 1/2"),
        ("http://a.com/b foo@bar.com @home #1 #tag", "http://a.com/b foo@bar.com @home # 1 #tag"),
        ("  tab\tline\nend  ", "tab line end"),
        ("...", ""),
        ("", ""),
    ],
)
def test_words_are_those_of_the_original(text, words):
    assert tokenize_caption(text) == words.split()


@given(st.text(max_size=40) | st.text("aB.'-/&,1 \"(n't)!", max_size=20))
def test_any_text_gives_words_without_spaces_or_plain_punctuation(text):
    for token in tokenize_caption(text):
        assert token.split() == [token]
        assert token not in {".", ",", "'", "''", "``", "`", "?", "!", ":", ";", "-", "--", "..."}


@given(st.text("abcdefghijklmnopqrstuvwxyz", min_size=9, max_size=12), st.integers(1, 5))
def test_plain_words_are_split_at_spaces(word, count):
    assert tokenize_caption(" ".join([word] * count)) == [word] * count


@pytest.mark.usefixtures("_types_unchecked")
def test_what_is_no_text_is_refused(one_line):
    with one_line(InputError, "a caption is NoneType", "give a string"):
        tokenize_caption(None)


@pytest.mark.skipif(not shutil.which("java") or not find_spec("pycocoevalcap"), reason="needs Java and pycocoevalcap")
def test_coco_captions_are_tokenized_as_by_the_original(coco_captions, tmp_path):
    from pycocoevalcap.tokenizer.ptbtokenizer import PUNCTUATIONS

    folder = Path(find_spec("pycocoevalcap").submodule_search_locations[0]) / "tokenizer"
    captions = [caption for those in coco_captions.values() for caption in those]
    path = tmp_path / "captions.txt"
    path.write_text("\n".join(captions), encoding="utf-8")
    command = ["java", "-cp", str(next(folder.glob("stanford-corenlp-*.jar"))), "edu.stanford.nlp.process.PTBTokenizer"]
    run = subprocess.run([*command, "-preserveLines", "-lowerCase", str(path)], capture_output=True, check=True)
    for caption, line in zip(captions, run.stdout.decode().splitlines(), strict=True):
        assert tokenize_caption(caption) == [word for word in line.split() if word not in PUNCTUATIONS]
