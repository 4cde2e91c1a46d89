"""``seqmodels classify``, ``tag`` and ``generate --label``, from training to answers."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest

from seqmodels.cli import main
from seqmodels.cli.tree_parts import shown_parts
from seqmodels.data.tree_files import parse_brackets
from seqmodels.tasks import load

SMALL = ("--model.cell", "gru", "--model.hidden_size", "16", "--model.learning_rate", "0.03", "--data.batch_size", "8")
QUIET = ("--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false")
BEST = "runs/version_0/checkpoints/best.ckpt"

QUESTIONS = [f"person who {verb} {name} ?" for verb in ("was", "saw", "met") for name in ("rome", "galileo", "atoms")]
QUESTIONS += [f"thing what {verb} {name} ?" for verb in ("was", "saw", "met") for name in ("rome", "galileo", "atoms")]
TAGGED = "the\tDET\ndog\tNOUN\nbarks\tVERB\n\na\tDET\ncat\tNOUN\nsleeps\tVERB\n\n"


def fit(model, data, *options, epochs="8"):
    classes = ("--model", f"seqmodels.tasks.{model}", "--data", f"seqmodels.data.{data}")
    return main(["fit", *classes, *SMALL, *QUIET, "--trainer.max_epochs", epochs, *options])


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    """A folder with a trained classifier of questions, its data, and what it said."""
    folder = tmp_path_factory.mktemp("classifier")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        Path("questions.txt").write_text("\n".join(QUESTIONS))
        said = patch_output(patch)
        files = ("--data.source", "questions.txt", "--data.valid_source", "questions.txt")
        assert fit("SequenceClassifier", "LabelledTextData", *files, "--model.pooling", "max") == 0
    return folder, said.getvalue()


def patch_output(patch):
    said = io.StringIO()
    patch.setattr(sys, "stdout", said)
    return said


def pipe(monkeypatch, data):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


@pytest.fixture
def folder(classifier, monkeypatch):
    monkeypatch.chdir(classifier[0])


@pytest.mark.usefixtures("folder")
def test_a_text_gets_its_classes_with_probabilities(capsys):
    assert main(["classify", BEST, "--text", "Who met Rome?"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [label for _, label in lines] == ["person", "thing"]
    assert sum(float(share.rstrip("%")) for share, _ in lines) == pytest.approx(100, abs=0.02)
    assert main(["classify", BEST, "--text", "Who met Rome?", "--top", "1"]) == 0
    assert capsys.readouterr().out.count("\n") == 1


@pytest.mark.usefixtures("folder")
def test_each_line_of_a_file_or_pipe_gets_a_line(capsys, monkeypatch):
    Path("texts.txt").write_text("what met rome ?\n\nwho saw atoms ?\n")
    assert main(["classify", BEST, "--file", "texts.txt"]) == 0
    from_file = capsys.readouterr().out
    assert [line.split()[-1:] for line in from_file.splitlines()] == [["thing"], [], ["person"]]
    for options in ((), ("--file", "-")):
        pipe(monkeypatch, Path("texts.txt").read_bytes())
        assert main(["classify", BEST, *options]) == 0
        assert capsys.readouterr().out == from_file


def labels_of(output):
    """The likeliest class of each line; None for an empty one."""
    return [line.split()[-1] if line else None for line in output.splitlines()]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("between", [[], ["--text"]])
def test_several_texts_get_a_line_each(capsys, between):
    assert main(["classify", BEST, "--text", "what met rome ?", *between, "who saw atoms ?"]) == 0
    assert labels_of(capsys.readouterr().out) == ["thing", "person"]


TEXTS = {
    "lines.txt": "what met rome ?\nwho saw atoms ?\n",
    "classes.txt": "person what met rome ?\n\nthing  who saw atoms ?\n",
    "tabs.txt": "person\twhat met rome ?\nthing\twho saw atoms ?\n",
    "fasttext.txt": "__label__x what met rome ?\n__label__y who saw atoms ?\n",
    "table.csv": 'text,label\n"what met rome ?",person\nwho saw atoms ?,thing\n',
    "table.tsv": "label\ttext\nperson\twhat met rome ?\nthing\twho saw atoms ?\n",
    "objects.jsonl": '{"text": "what met rome ?", "label": 3}\n{"text": "who saw atoms ?"}\n',
    "list.json": '[{"text": "what met rome ?"}, {"text": "who saw atoms ?"}]',
}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", TEXTS)
def test_texts_are_read_in_every_form_without_their_classes(name, capsys):
    Path(name).write_text(TEXTS[name])
    assert main(["classify", BEST, "--file", name]) == 0
    assert [label for label in labels_of(capsys.readouterr().out) if label] == ["thing", "person"]


@pytest.mark.usefixtures("folder")
def test_another_column_is_read_if_asked_for(capsys):
    Path("q.csv").write_text("q,text\nwho saw atoms ?,what met rome ?\n")
    assert main(["classify", BEST, "--file", "q.csv", "--text-column", "q"]) == 0
    assert labels_of(capsys.readouterr().out) == ["person"]


def conllu(*words):
    """A sentence, given its words and their heads."""
    rows = [[str(number), word, *"____", str(head), *"___"] for number, (word, head) in enumerate(words, 1)]
    return "\n".join("\t".join(row) for row in rows) + "\n\n"


TREES = {  # two trees each
    "sst.txt": "(3 (2 2) (1 3))\n\n( 4 ( 5 6 ) )\n",
    "wsj.mrg": "\n( (S\n    (NP (DT 2) (NN 3))\n  ))\n(S (NP 4) (VP 5))\n",
    "parses.tsv": "9\t( ( [MAX 2 ) ] )\n( ( [MIN 2 ) ] )\n",
    "lists.jsonl": '{"tree": [["2", "3"], "4"], "label": 4}\n{"tree": ["2", "3"]}\n',
    "sentences.conllu": conllu(("2", 2), ("3", 0)) + "# label = x\n" + conllu(("4", 0)),
    "operators.txt": "4\t[MAX 2 [MIN 4 7 ] ]\n[MAX 2 9 ]\n",
}


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    """A folder with a classifier of trees."""
    folder = tmp_path_factory.mktemp("trees")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch_output(patch)
        options = ("--data.expressions", "100", "--model.embedding_size", "8", "--model.cell", "tree_lstm")
        assert fit("TreeClassifier", "TreeData", *options, epochs="1") == 0
    for name, text in TREES.items():
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize("name", TREES)
def test_trees_are_read_in_every_form_with_labels_or_without(name, trees, monkeypatch, capsys):
    monkeypatch.chdir(trees)
    form = ["--form", "operators"] if name == "operators.txt" else []
    assert main(["classify", BEST, "--file", name, *form]) == 0
    from_file = capsys.readouterr().out
    assert len(list(filter(None, labels_of(from_file)))) == 2
    if name not in ("wsj.mrg", "sst.txt"):  # what is piped in has a tree a line
        form = {"parses.tsv": "parses", "lists.jsonl": "lists", "sentences.conllu": "conllu"}.get(name, "operators")
        pipe(monkeypatch, TREES[name].encode())
        assert main(["classify", BEST, "--form", form]) == 0
        assert capsys.readouterr().out == from_file


@pytest.mark.parametrize("form", ["brackets", "parses", "lists", "operators"])
def test_a_blank_line_between_trees_keeps_its_place(form, trees, monkeypatch, capsys):
    monkeypatch.chdir(trees)
    tree = {"lists": '{"tree": ["2", "3"]}', "operators": "[MAX 2 9 ]"}.get(form, "( 2 3 )")
    Path("blank.txt").write_text(f"{tree}\n\n  \n{tree}\n")
    for options in (("--file", "blank.txt"), ("--file", "-")):
        pipe(monkeypatch, Path("blank.txt").read_bytes())
        assert main(["classify", BEST, *options, "--form", form]) == 0
        assert [label is None for label in labels_of(capsys.readouterr().out)] == [False, True, True, False]


def test_all_parts_of_a_tree_get_a_class(trees, monkeypatch, capsys):
    monkeypatch.chdir(trees)
    text = "( 2 ( 3 4 ) )"
    tree = parse_brackets(text)
    model = load(BEST)
    classes = model.classify_parts(tree)
    assert main(["classify", BEST, "--text", text, "--top", "3"]) == 0
    whole, parts = capsys.readouterr().out.split("\n\n")
    assert len(whole.splitlines()) == 3
    assert parts.splitlines() == shown_parts(tree, classes)
    assert [line.split()[2:] for line in parts.splitlines()] == [["2", "3", "4"], ["2"], ["3", "4"], ["3"], ["4"]]
    assert main(["classify", BEST, "--text", text, text]) == 0
    label, probability = classes[0]
    line = f"{probability:7.2%}  {label}\t{tree.labelled([name for name, _ in classes])}\n"
    assert capsys.readouterr().out == 2 * line


def test_trees_on_the_command_line_and_in_a_pipe_have_a_line_each(trees, monkeypatch, capsys):
    monkeypatch.chdir(trees)
    assert main(["classify", BEST, "--text", "[MAX 2 9 ]", "[MIN 4 7 ]", "--form", "operators"]) == 0
    assert len(labels_of(capsys.readouterr().out)) == 2
    pipe(monkeypatch, b"(3 (2 2) (1 3))\n\n( 2 3 )\n")
    assert main(["classify", BEST]) == 0
    assert [label is None for label in labels_of(capsys.readouterr().out)] == [False, True, False]


@pytest.mark.parametrize(
    ("arguments", "content", "part"),
    [
        (["--file", "bad.txt"], "(3 (2 2) (1 3))\n(3 (2 2)\n", "bad.txt, line 2: 1 bracket is never closed"),
        (["--file", "bad.conllu"], conllu(("2", 0)) + conllu(("2", 7)), "bad.conllu, line 3: the head of word 1"),
        (["--file", "bad.jsonl"], '{"tree": ["2", []]}\n', "bad.jsonl, line 1: an empty list"),
        (["--file", "bad.txt"], "\n\n", "bad.txt: there is no tree"),
        (["--file", "bad.txt", "--form", "xml"], "(3 2)", "use one of brackets, parses"),
        (["--text", "(3 2)", "(3 2"], "", "text 2 of --text, line 1: 1 bracket"),
        (["--text", "", "--form", "operators"], "", "--text: the text is empty"),
        (["--series", "bad.npy"], "", "--series is for a model of series; this is a TreeClassifier"),
        (["--file", "sst.txt", "--text-column", "q"], "", "--text-column is for a model of texts; this is a Tree"),
    ],
)
def test_faults_of_trees_are_one_line_with_their_place(trees, monkeypatch, capsys, arguments, content, part):
    monkeypatch.chdir(trees)
    if content:
        Path(arguments[1]).write_text(content)
    assert main(["classify", BEST, *arguments]) == 2
    error = capsys.readouterr().err
    assert part in error
    assert error.count("\n") == 1


@pytest.mark.usefixtures("folder")
def test_a_test_leaves_a_report_with_the_names_of_the_checkpoint(capsys):
    Path("other.txt").write_text("thing what met Zorro?\n")  # its own classes would be others
    options = ["--config", "runs/version_0/config.yaml", "--ckpt_path", BEST, "--data.test_source", "other.txt"]
    assert main(["test", *options, "--results", "report"]) == 0
    assert "results: report" in capsys.readouterr().out
    assert {path.name for path in Path("report").iterdir()} == {"report.md", "confusion.png", "predictions.tsv"}
    true, named, _, text = Path("report/predictions.tsv").read_text().splitlines()[1].split("\t")
    assert (true, named, text) == ("thing", "thing", "what met Zorro?")


def test_after_training_it_says_how_to_go_on(classifier):
    assert f"seqmodels classify {BEST}" in classifier[1]


def test_series_are_read_from_files(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    draw = np.random.default_rng(0)
    lines = [
        ":".join(",".join(f"{x:.3f}" for x in draw.normal(50 * k, 1, 4)) for _ in range(2)) + f":{name}"
        for k, name in enumerate(("low", "high"))
        for _ in range(8)
    ]
    Path("two.ts").write_text("@classLabel true low high\n@data\n" + "\n".join(lines) + "\n")
    files = ("--data.source", "two.ts", "--data.valid_source", "two.ts")
    assert fit("SequenceClassifier", "SeriesData", *files) == 0
    np.save("high.npy", np.full((3, 2), 50.0))
    capsys.readouterr()
    assert main(["classify", BEST, "--series", "high.npy", "two.ts"]) == 0
    labels = [line.split()[-1] for line in capsys.readouterr().out.splitlines()]
    assert labels == ["high"] + ["low"] * 8 + ["high"] * 8
    np.savez("bad.npz", 3)
    Path("bad.npy").write_text("no array")
    Path("bad.ts").write_text("@classLabel true low high\n@data\n1,?,3:4,5,6:low\n")
    for name, part in (
        ("bad.npy", "can't be read as .npy"),
        ("missing.npy", "no such file"),
        ("bad.ts", "line 3: step 2 of dimension 1 is missing; mend it, or leave it out\n"),
    ):
        assert main(["classify", BEST, "--series", name]) == 2
        assert part in capsys.readouterr().err


def test_a_tagger_prints_words_and_tags(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("tagged.conll").write_text(TAGGED * 8)
    files = ("--data.source", "tagged.conll", "--data.valid_source", "tagged.conll", "--data.min_count", "1")
    assert fit("SequenceTagger", "TaggedTextData", *files) == 0
    assert f"seqmodels tag {BEST}" in capsys.readouterr().out
    assert main(["tag", BEST, "--text", "a dog sleeps"]) == 0
    assert capsys.readouterr().out == "a\tDET\ndog\tNOUN\nsleeps\tVERB\n\n"
    assert main(["tag", BEST, "--text", "a dog", "the", "--text", "cat"]) == 0
    assert capsys.readouterr().out == "a\tDET\ndog\tNOUN\n\nthe\tDET\n\ncat\tNOUN\n\n"
    Path("texts.txt").write_bytes(b"the cat\n\na dog\n")
    for options in ((), ("--file", "-"), ("--file", "texts.txt")):
        pipe(monkeypatch, b"the cat\n\na dog\n")
        assert main(["tag", BEST, *options]) == 0
        assert capsys.readouterr().out == "the\tDET\ncat\tNOUN\n\n\na\tDET\ndog\tNOUN\n\n"
    for arguments, part in (
        (["classify", BEST, "--text", "a"], "is a SequenceTagger; classify needs"),
        (["tag", BEST, "--text", "a", ""], "text 2 of --text: the text is empty"),
    ):
        assert main(arguments) == 2
        said = capsys.readouterr()
        assert part in said.err
        assert said.out == ""


def test_a_tagger_of_series_prints_steps_and_tags(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    y = np.random.default_rng(0).integers(2, size=(16, 4))
    np.savez("frames.npz", X=10.0 * y[:, :, None], y=y)
    files = ("--data.source", "frames.npz", "--data.valid_source", "frames.npz")
    assert fit("SequenceTagger", "SeriesData", *files) == 0
    assert f"seqmodels tag {BEST} --series my.npy" in capsys.readouterr().out
    np.save("my.npy", np.array([[10.0], [0.0], [10.0]]))
    assert main(["tag", BEST, "--series", "my.npy", "frames.npz"]) == 0
    mine, *others = capsys.readouterr().out.removesuffix("\n\n").split("\n\n")
    assert mine == "0\t1\n1\t0\n2\t1"
    assert [[int(line.split("\t")[1]) for line in other.splitlines()] for other in others] == y.tolist()
    np.save("wide.npy", np.zeros((3, 2)))
    for arguments, part in (
        (["--series", "wide.npy"], "wide.npy: SequenceTagger: the series has the shape [3, 2]; give [T, 1]"),
        (["--text", "a dog"], f"{BEST}: is a tagger of series; give --series"),
    ):
        assert main(["tag", BEST, *arguments]) == 2
        assert part in capsys.readouterr().err


def test_a_generator_writes_names_of_a_class(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("names").mkdir()
    for label, name in (("Irish", "o'neill"), ("Korean", "kim")):
        Path("names", f"{label}.txt").write_text(f"{name}\n" * 40)
    options = ("--data.source", "names", "--data.valid_source", "names", "--data.unit", "character")
    assert fit("ConditionalGenerator", "LabelledTextData", *options, epochs="6") == 0
    assert f"seqmodels generate {BEST}" in capsys.readouterr().out
    assert main(["generate", BEST, "--label", "Korean", "--count", "2", "--temperature", "0.1"]) == 0
    assert capsys.readouterr().out == "kim\nkim\n"
    for arguments, part in (
        ([], "--label is missing; give one of Irish, Korean"),
        (["--label", "Dutch"], "no class 'Dutch'"),
        (["--label", "Irish", "--prompt", "o"], "--prompt is for a LanguageModel"),
    ):
        assert main(["generate", BEST, *arguments]) == 2
        assert part in capsys.readouterr().err


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["classify", BEST, "--text", " "], "the text is empty"),
        (["classify", BEST, "--text", "who", "--top", "0"], "top is 0"),
        (["classify", BEST, "--text", "who", "--file", "texts.txt"], "not allowed with argument --text"),
        (["classify", BEST, "--file", "missing.txt"], "missing.txt: no such file"),
        (["classify", BEST, "--text", "who", " "], "text 2 of --text: the text is empty"),
        (["classify", BEST, "--text", "who", "--form", "lists"], "--form is for a TreeClassifier"),
        (["classify", BEST, "--text", "who", "--text-column", "q"], "--text-column is of the table in --file"),
        (["tag", BEST, "--text", "who"], "is a SequenceClassifier; tag needs a SequenceTagger"),
        (["generate", BEST], "is a SequenceClassifier; generate needs"),
    ],
)
def test_mistakes_are_one_line(arguments, part, capsys):
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert part in error
    assert error.count("\n") == 1


@pytest.mark.usefixtures("folder")
def test_what_is_not_utf_8_names_its_line(capsys, monkeypatch):
    pipe(monkeypatch, b"who saw rome ?\ncaf\xe9\n")
    assert main(["classify", BEST]) == 2
    assert "standard input, line 2" in capsys.readouterr().err
