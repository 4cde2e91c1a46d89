"""What the page shows of models, without a browser: bars, tags, heat maps, names; and what can't be shown."""

import json
import re
import socket
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch
from PIL import Image

from seqmodels.data import build_tokenizer
from seqmodels.data.pairs.sentence_tokenizer import sentence_tokenizer
from seqmodels.demo import build_page, open_page
from seqmodels.demo.ask import answered
from seqmodels.demo.bars import bars
from seqmodels.demo.caption import where_words_looked
from seqmodels.demo.classify import classified
from seqmodels.demo.heat_map import heat_map
from seqmodels.demo.models import load_models, names_of
from seqmodels.demo.results import hint, titled
from seqmodels.demo.tag import coloured, tag_lines, tagged_text
from seqmodels.demo.translate import shown
from seqmodels.demo.units import MOST_CHARACTERS, page_of
from seqmodels.demo.unseen import unseen
from seqmodels.errors import CheckpointError, InputError, OptionError
from seqmodels.tasks import Captioner, LanguageModel, SequenceTagger, Translation

GRID = {"feature_size": 64, "regions": 4, "pixels": True, "backbone": {
    "name": "small_cnn", "layer": "grid", "weights": "random", "image_size": 16, "feature_size": 64, "trainable": 1,
    "seed": 0,
}}  # fmt: skip
EVIL = "<script>alert('&')</script>"


def test_the_text_of_others_is_only_text():
    made = [
        bars([(EVIL, 0.5)]),
        heat_map(torch.ones(1, 1), [EVIL], [EVIL]),
        coloured([(EVIL, "X")], ["X"]),
        shown([Translation(EVIL, -1.0, -1.0)]),
        titled(EVIL, "", ""),
        titled("", EVIL, ""),
        hint(EVIL),
    ]
    for page in made:
        assert EVIL in "".join(ElementTree.fromstring(page).itertext())
        assert "<script" not in page


def test_a_heat_map_has_a_square_for_each_pair():
    weights = torch.tensor([[0.25, 0.75, 0.0], [0.5, 0.25, 0.25]])
    squares = ElementTree.fromstring(heat_map(weights, ["t0", "t1"], ["s0", "s1", "s2"])).findall(".//rect")
    assert [square.get("style") for square in squares] == [f"--weight:{w:.3f}" for w in weights.flatten().tolist()]
    assert [square.find("title").text.partition(":")[0] for square in squares][3:5] == ["t1 ← s0", "t1 ← s1"]
    places = {(square.get("x"), square.get("y")) for square in squares}
    assert (len(places), len({x for x, _ in places}), len({y for _, y in places})) == (6, 3, 2)


def test_what_cannot_be_seen_has_a_sign():
    assert "⏎ ← ␣: 1.00" in heat_map(torch.ones(1, 1), [r"\n"], [" "])


def test_a_tag_has_one_colour():
    page = ElementTree.fromstring(coloured([("a", "X"), ("b", "Y"), ("c", "X")], ["X", "Y"]))
    first, second, third = (span.get("style") for span in page.findall("span"))
    assert first == third != second


def test_each_line_is_tagged_by_itself(models):
    model = models["tags"]
    found = tag_lines(model, "a lovely film\n\n a dull film \n")
    assert found == "".join(coloured(model.tag(line), model.labels) for line in ("a lovely film", "a dull film"))


def test_a_text_without_words_has_no_tags(models, one_line):
    with one_line(InputError, "the text is empty"):
        tag_lines(models["tags"], " \n ")


ANSWERS = {
    "answers": lambda model, text, picture: answered("a model", model, Image.open(picture), text),
    "classes": lambda model, text, picture: classified("a model", model, text),
    "trees": lambda model, text, picture: classified("a model", model, "( {} ( {} {} ) )".format(*text.split())),
    "tags": lambda model, text, picture: tagged_text("a model", model, text),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_answers_say_which_words_the_model_has_never_seen(models, picture, name):
    known = "What color is" if name == "answers" else "A lovely film"
    assert "never seen" not in ANSWERS[name](models[name], known, picture)
    page = ElementTree.fromstring(ANSWERS[name](models[name], f"{known.split()[0]} Wug <i>", picture))
    assert "; it has never seen 'wug', '<" in page.find("small").text


def test_unknown_words_are_told_as_they_are_read():
    words = sentence_tokenizer("word", "a dog.\n", lowercase=True)
    assert unseen(words, "A dog.") == ""
    assert unseen(words, "A wug, a dog wug blick.") == "; it has never seen 'wug', 'blick'"
    assert unseen(build_tokenizer("character", "ab", unknown=True), "abcdac") == "; it has never seen 'c', 'd'"
    assert unseen(build_tokenizer("byte", "a"), "é") == ""
    many = unseen(words, " ".join(f"w{number}" for number in range(13)))
    assert many.endswith("'w8', 'w9' and 3 more")


def test_units_of_several_models_are_on_one_page(models):
    page = page_of({name: models[name] for name in ("letters", "letters_lstm")}, "the fox")
    data = json.loads(re.search(r'<script type="application/json" id="read">(.*?)</script>', page, re.DOTALL)[1])
    assert data["tokens"] == list("the fox")
    names = {model["name"]: {one["name"] for one in model["quantities"]} for model in data["models"]}
    assert list(names) == ["letters", "letters_lstm"]
    assert {"h", "c", "sigmoid(f)"} <= names["letters_lstm"]
    assert "W_x" not in names["letters_lstm"]  # before an activation function


@pytest.mark.parametrize(
    ("text", "part"), [("", "empty"), ("é", "'é'"), ("a" * (MOST_CHARACTERS + 1), f"{MOST_CHARACTERS} at most")]
)
def test_texts_without_units_are_one_line(models, one_line, text, part):
    with one_line(InputError, part):
        page_of({"letters": models["letters"]}, text)


def test_units_need_a_model_and_the_same_tokens(models, one_line):
    with one_line(InputError, "choose one"):
        page_of({}, "a")
    words = LanguageModel(build_tokenizer("word", "a film\n"), cell="gru", hidden_size=4)
    with one_line(InputError, "letters and words", "different tokens"):
        page_of({"letters": models["letters"], "words": words}, "a film")


def test_names_are_as_short_as_they_can_be():
    runs = [Path(f"/runs/version_{k}/checkpoints/best.ckpt") for k in (0, 1)]
    assert names_of(runs) == ["version_0/best", "version_1/best"]
    assert names_of([Path("/a/lstm.ckpt"), Path("/a/gru.ckpt")]) == ["lstm", "gru"]
    alike = [Path("/a/checkpoints/x.ckpt"), Path("/a/x.ckpt")]
    assert names_of(alike) == [str(path) for path in alike]


def test_checkpoints_that_cannot_be_shown_are_one_line(folder, one_line, tmp_path):
    path = folder / "letters.ckpt"
    with one_line(OptionError, "letters.ckpt", "twice"):
        load_models([path, folder / ".." / folder.name / "letters.ckpt"])
    (tmp_path / "no.ckpt").write_text("text")
    for wrong in (tmp_path / "no.ckpt", tmp_path / "missing.ckpt"):
        with one_line(CheckpointError, wrong.name):
            load_models([path, wrong])


def test_models_without_a_tab_are_one_line(one_line):
    pytest.importorskip("gradio", reason="gradio is not installed (pip install 'seqmodels[demo]')")
    with one_line(OptionError, "no model"):
        build_page({})
    with one_line(OptionError, "frames: is a SequenceTagger of series"):
        build_page({"frames": SequenceTagger(num_classes=2, input_size=3, cell="gru", hidden_size=4)})


def test_where_no_page_can_be_served_is_one_line(models, free_port, one_line):
    pytest.importorskip("gradio", reason="gradio is not installed (pip install 'seqmodels[demo]')")
    page, port = build_page({"letters": models["letters"]}), free_port()
    with socket.create_server(("127.0.0.1", port)), one_line(OptionError, f"--port {port} is taken", str(port + 1)):
        open_page(page, port=port)
    with one_line(OptionError, "--port is 70000"):
        open_page(page, port=70000)
    with one_line(OptionError, "--host 192.0.2.1"):
        open_page(page, host="192.0.2.1", port=port)


def test_the_words_of_a_caption_stand_over_where_they_looked(models, picture):
    words = build_tokenizer("word", f"{EVIL.split()[0]} dog\n")
    small = {"cell": "gru", "hidden_size": 8, "embedding_size": 8, "attention_size": 8}
    model = Captioner(words, GRID, conditioning="attention", **small)
    found = where_words_looked(model, Image.open(picture).convert("RGB"), 2)
    (best,) = model.caption(picture, 2, n_best=1, attention=True)
    ElementTree.fromstring(found[found.index("<svg") : found.index("</svg>") + 6])
    assert found.count("<image") == 1 + len(best.tokens)
    assert "<script>" not in found
    assert where_words_looked(models["captions"], Image.open(picture), 2) == ""
