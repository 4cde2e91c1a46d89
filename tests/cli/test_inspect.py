"""``seqmodels inspect``: tables, pictures and a page from a checkpoint and a text."""

import re

import pytest
import torch
from quick_fit import fit, save_untrained

from seqmodels.cli import main
from seqmodels.data import TextData, build_tokenizer
from seqmodels.inspect import error_types, read
from seqmodels.tasks import LanguageModel, SequenceTagger, load

CODE = "".join(f"def f{number % 7}(a, b):\n    return 'x' + a[{number}]  # so\n" for number in range(30))
NO_TEXT_TO_COLOUR = ["--properties", "indentation"]  # it changes too little for a unit to be drawn, which takes long


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A checkpoint of three cells each, texts, and checkpoints of words and of another task."""
    folder = tmp_path_factory.mktemp("inspect")
    torch.manual_seed(0)
    tokenizer = build_tokenizer("character", CODE)
    for cell in ("gru", "lstm", "elman"):
        save_untrained(LanguageModel(tokenizer, cell=cell, hidden_size=6), folder / f"{cell}.ckpt")
    save_untrained(
        SequenceTagger(tokenizer=build_tokenizer("word", "a b"), labels=["A", "B"], hidden_size=2),
        folder / "tagger.ckpt",
    )
    save_untrained(LanguageModel(build_tokenizer("word", CODE), cell="gru", hidden_size=2), folder / "words.ckpt")
    (folder / "code.py").write_text(CODE)
    (folder / "half.py").write_text(CODE[: len(CODE) // 2])
    (folder / "other.txt").write_text("§" * 2000)
    return folder


@pytest.fixture(autouse=True)
def there(folder, monkeypatch):
    monkeypatch.chdir(folder)


def test_a_table_a_page_and_pictures_come_of_it(capsys, folder):
    assert main(["inspect", "gru.ckpt", "--file", "code.py", "--folder", "one"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "gru (gru.ckpt): chosen on the first half of the text, scored on the second"
    found = {line.split()[0]: line.split() for line in said[2:-2] if "hardly changes" not in line}
    assert set(found) == {"python_string_or_comment", "python_bracket_depth", "line_position"}
    assert found["line_position"][1].startswith("h[")
    assert all(0 <= float(number) <= 1 for number in found["line_position"][-2:])
    assert {line.split()[0] for line in said if "hardly changes" in line} == {"indentation", "python_if"}
    assert said[-2].startswith("gru (gru.ckpt): no error types without the training text (gru.ckpt: ")
    assert said[-2].endswith("give it as --training-file")
    assert said[-1] == "page: one/index.html"
    assert (folder / "one" / "index.html").stat().st_size > 10_000
    assert {path.name for path in (folder / "one").iterdir()} == {
        *("index.html", "units_1.png", "units_1.svg", "units_1.pdf"),
        *("saturation_1.png", "saturation_1.svg", "saturation_1.pdf"),
    }
    assert re.findall(r">(\w+ of rnn\.layers\.\d)<", (folder / "one" / "saturation_1.svg").read_text()) == [
        *("r of rnn.layers.0", "z of rnn.layers.0")
    ]


def test_two_cells_stand_on_one_page(capsys, folder):
    options = ["--properties", r"regex:\w{1,2},line_position", "--names", "h,sigmoid(*),z", "--folder", "two"]
    assert main(["inspect", "gru.ckpt", "lstm.ckpt", "--file", "code.py", *options]) == 0
    said = capsys.readouterr().out
    assert (
        said.count("chosen on the first half") == said.count("\nregex:\\w{1,2} ") == said.count("\nline_position ") == 2
    )
    page = (folder / "two" / "index.html").read_text()
    assert "gru (gru.ckpt)" in page
    assert "lstm (lstm.ckpt)" in page
    assert "sigmoid(f)" in page


def test_a_cell_without_gates_has_no_picture_of_them(folder):
    options = [*NO_TEXT_TO_COLOUR, "--folder", "three"]
    assert main(["inspect", "elman.ckpt", "gru.ckpt", "--file", "code.py", *options]) == 0
    assert {path.stem for path in (folder / "three").iterdir()} == {"index", "saturation_2"}


def test_errors_are_told_apart_by_the_training_text(capsys):
    options = [*NO_TEXT_TO_COLOUR, "--training-file", "half.py", "--folder", "four"]
    assert main(["inspect", "gru.ckpt", "lstm.ckpt", "--file", "code.py", *options]) == 0
    said = capsys.readouterr().out.splitlines()
    begin = next(number for number, line in enumerate(said) if line.startswith("errors: "))
    assert said[begin + 1].split() == ["gru", "(gru.ckpt)", "lstm", "(lstm.ckpt)"]
    table = {line[:11].strip(): line[11:].split() for line in said[begin + 2 : begin + 9]}
    assert list(table) == ["n-gram", "memory", "rare word", "word", "punctuation", "boost", "errors"]
    second_half = "".join(CODE.splitlines(keepends=True)[30:])
    for place, cell in enumerate(("gru", "lstm")):
        reading = read(load(f"{cell}.ckpt"), second_half)
        expected = error_types(second_half, reading.log_probabilities.nan_to_num(0.0), CODE[: len(CODE) // 2])
        assert [table[oracle][place] for oracle in expected.shares()] == [
            f"{s:.1%}" for s in expected.shares().values()
        ]
        errors = int((reading.log_probabilities.exp() < 0.5).sum())
        assert table["errors"][3 * place : 3 * place + 3] == [f"{errors:,}", "of", f"{len(second_half):,}"]
    assert [line.partition(", which has ")[0] for line in said[begin + 9 : -1]] == [
        *("gru (gru.ckpt): trained on half.py", "lstm (lstm.ckpt): trained on half.py")
    ]


def train(path, **options):
    data = TextData(path="code.py", batch_size=2, steps=5, **options)
    fit(LanguageModel(data.tokenizer, cell="elman", hidden_size=2), data, max_steps=1).save_checkpoint(path)


def test_the_training_text_is_found_by_the_checkpoint(capsys):
    train("most.ckpt")
    assert main(["inspect", "most.ckpt", "--file", "code.py", *NO_TEXT_TO_COLOUR, "--folder", "five"]) == 0
    said = capsys.readouterr().out
    assert said.count("n-gram") == 1
    assert "elman (most.ckpt): trained on the training part of code.py, which has " in said


def test_without_a_file_it_reads_what_was_held_out_and_says_which_other_model_was_trained_on_it(capsys):
    train("part.ckpt", fractions=(0.4, 0.1, 0.5))
    train("all.ckpt", fractions=(1.0, 0.0, 0.0))
    assert main(["inspect", "part.ckpt", "all.ckpt", *NO_TEXT_TO_COLOUR, "--folder", "seven"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("reads the test part of code.py\n")
    assert "elman (part.ckpt): trained on the training part of code.py\n" in said
    all_of_it = "which has 100% of the text that it reads here"
    assert f"elman (all.ckpt): trained on the training part of code.py, {all_of_it}\n" in said


def test_a_model_of_words_has_no_error_types(capsys):
    assert main(["inspect", "words.ckpt", "--file", "code.py", "--properties", "line_position", "--folder", "six"]) == 0
    said = capsys.readouterr().out
    assert "n-gram" not in said
    assert "gru (words.ckpt): no error types, as it reads words, not characters\n" in said


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["tagger.ckpt", "--file", "code.py"], ["tagger.ckpt", "SequenceTagger", "LanguageModel"]),
        (["gru.ckpt", "--file", "none.py"], ["none.py", "no such file"]),
        (["gru.ckpt", "--file", "other.txt"], ["never seen", "§"]),
        (["gru.ckpt", "--file", "code.py", "--properties", "line_positio"], ["did you mean 'line_position'"]),
        (["gru.ckpt", "--file", "code.py", "--names", "q"], ["nothing is called 'q'"]),
        (["gru.ckpt", "--file", "code.py", "--layers", "rnn.layers.9"], ["rnn.layers.0"]),
        (["gru.ckpt", "--file", "code.py", "--characters", "10"], ["--characters is 10"]),
        (["gru.ckpt", "--file", "code.py", "--folder", "code.py"], ["code.py", "give another --folder"]),
        (["gru.ckpt"], ["--file"]),
        (["gru.ckpt", "--file", "code.py", "--training-file", "none.py"], ["none.py", "no such file"]),
        (["words.ckpt", "--file", "code.py", "--training-file", "half.py"], ["--training-file", "words.ckpt", "words"]),
        (["gru.ckpt", "words.ckpt", "--file", "code.py"], ["gru.ckpt and words.ckpt", "different tokens"]),
        (["code.py", "--file", "code.py"], ["code.py"]),
    ],
)
def test_a_mistake_is_one_line(capsys, arguments, parts):
    assert main(["inspect", *arguments]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert all(part in said for part in parts)
