"""``seqmodels translate`` as a person uses it: texts, files and pipes, scores, mistakes."""

import io
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import torch
from quick_fit import save_untrained

from seqmodels.cli import translate
from seqmodels.data import build_tokenizer
from seqmodels.errors import DataError, InputError, OptionError
from seqmodels.tasks import LanguageModel, load
from seqmodels.tasks.translator import Translator

LETTERS = build_tokenizer("character", "abcdefg\n")
TEXTS = ["bad", "", "cabbage", "  ", "deed"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    torch.manual_seed(0)
    model = Translator(LETTERS, cell="gru", hidden_size=8, embedding_size=8, max_length=6)
    return save_untrained(model, tmp_path_factory.mktemp("translator") / "model.ckpt")


@pytest.fixture
def run(checkpoint, capsys):
    """The lines that the command prints, and those on standard error."""

    def of(*options, model=checkpoint):
        translate.run(["translate", model, *options])
        said = capsys.readouterr()
        return said.out.splitlines(), said.err.splitlines()

    return of


def pipe(monkeypatch, data):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_texts_files_and_pipes_give_a_line_each(run, checkpoint, tmp_path, monkeypatch):
    texts = [text for text in TEXTS if text.strip()]
    found = [best.text for (best, *_) in load(checkpoint).translate(texts)]
    assert run("--text", *texts) == (found, [])
    expected = [found[texts.index(text)] if text.strip() else "" for text in TEXTS]
    file = tmp_path / "texts.txt"
    file.write_text("\n".join(TEXTS) + "\n")
    assert run("--file", str(file), "--batch-size", "2") == (expected, [])
    for options in ((), ("--file", "-")):
        pipe(monkeypatch, file.read_bytes())
        assert run("--batch-size", "2", *options) == (expected, [])


def test_where_tokens_looked_is_drawn_beside(run, checkpoint, tmp_path):
    found, said = run("--text", "bad", "deed", "--attention", str(tmp_path / "looked"))
    assert found == run("--text", "bad", "deed")[0]
    assert said == [f"attention: {tmp_path}/looked/line_{number}.png" for number in (1, 2)]
    assert (tmp_path / "looked" / "line_2.png").read_bytes().startswith(b"\x89PNG")


def test_a_person_who_types_gets_an_answer_to_each_line(run, monkeypatch, checkpoint):
    pipe(monkeypatch, b"bad\ndeed\n")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    sizes = []
    ask = Translator.translate
    monkeypatch.setattr(
        Translator, "translate", lambda self, texts, **options: sizes.append(len(texts)) or ask(self, texts, **options)
    )
    assert len(run()[0]) == 2
    assert sizes == [1, 1]


def test_several_translations_have_their_lines_number_and_scores(run, checkpoint):
    options = ("--n-best", "2", "--scores", "--length-penalty", "0", "--groups", "2", "--beam", "4", "--diversity", "1")
    lines, _ = run("--text", "bad", "deed", *options)
    numbers, scores, texts = zip(*(line.split("\t") for line in lines), strict=True)
    found = load(checkpoint).translate(
        ["bad", "deed"], beam_size=4, n_best=2, length_penalty=0.0, groups=2, diversity=1.0
    )
    assert numbers == ("1", "1", "2", "2")
    assert texts == tuple(one.text for each in found for one in each)
    flat = [one.log_probability for each in found for one in each]
    assert [float(score) for score in scores] == pytest.approx(flat, abs=1e-3)


def test_references_give_scores_beside_the_translations(run, tmp_path):
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS) + "\n")
    texts = ("--file", str(tmp_path / "texts.txt"))
    written, _ = run(*texts)
    references = tmp_path / "references.txt"
    references.write_text("".join(f"{line}\n" for line in written))
    lines, said = run(*texts, "--reference", str(references))
    assert lines == written
    assert [line.split(" ")[0] for line in said] == ["BLEU", "chrF"]
    assert "chrF 100.00  nrefs:1" in said[1]
    assert "version:" in said[0]


def test_the_command_works_in_a_pipe(checkpoint, tmp_path):
    command = [Path(sysconfig.get_path("scripts"), "seqmodels"), "translate", checkpoint]
    done = subprocess.run(command, input=b"bad\n\ndeed\n", capture_output=True, timeout=120)
    (bad,), (deed,) = load(checkpoint).translate(["bad", "deed"])
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode() == f"{bad.text}\n\n{deed.text}\n"


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        (OptionError, ("--text", "a", "--batch-size", "0"), ("--batch-size",)),
        (OptionError, ("--text", "a", "--n-best", "9"), ("n_best",)),
        (OptionError, ("--text", "a", "--file", "b"), ("--file", "not allowed with")),
        (InputError, ("--text", "xyz"), ("'x'",)),
        (InputError, ("--text", ""), ("--text: the text is empty; write something in it",)),
        (InputError, ("--text", "bad", " "), ("text 2 of --text: the text is empty",)),
        (DataError, ("--file", "missing.txt"), ("missing.txt",)),
        (DataError, ("--text", "a", "--reference", "missing.txt"), ("missing.txt",)),
    ],
)
def test_mistakes_are_one_line(run, one_line, kind, options, words):
    with one_line(kind, *words):
        run(*options)


def test_references_must_be_as_many_as_the_texts(run, one_line, tmp_path):
    (tmp_path / "references.txt").write_text("a\nb\n")
    with one_line(DataError, "2 lines", "1 are", "references.txt"):
        run("--text", "a", "--reference", str(tmp_path / "references.txt"))


def test_a_pipe_must_be_utf8(run, one_line, monkeypatch):
    pipe(monkeypatch, b"bad\nb\xe4d\n")
    with one_line(DataError, "standard input, line 2", "UTF-8"):
        run("--batch-size", "1")


def test_other_models_are_refused(run, one_line, tmp_path):
    path = save_untrained(LanguageModel(LETTERS, cell="gru", hidden_size=4), tmp_path / "other.ckpt")
    with one_line(OptionError, "LanguageModel", "needs a Translator"):
        run("--text", "a", model=path)
