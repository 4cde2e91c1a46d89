"""Tiny models of every task, untrained, in checkpoints; the page over them, in a browser."""

import socket
from pathlib import Path

import pictures
import pytest
import torch
from quick_fit import save_untrained

from seqmodels import tasks
from seqmodels.data import CaptionData, QuestionData, build_tokenizer

LETTERS = build_tokenizer("character", "abcdefghijklmnopqrstuvwxyz <>&.\n")
WORDS = build_tokenizer("word", "a lovely dull film\n")


def make_models(folder: Path) -> dict[str, tasks.Task]:
    torch.manual_seed(0)
    small = {"cell": "gru", "hidden_size": 8}
    pictured = pictures.captioned(folder / "captioned")
    captions = CaptionData(
        str(pictured), images=str(pictured), backbone="pixels", image_size=8, folder=str(folder / "features")
    )
    asked = folder / "asked"
    questions, annotations = map(str, pictures.asked(asked))
    asking = QuestionData(
        "vqa", questions, annotations, str(asked), valid_questions=questions, valid_annotations=annotations,
        image_size=32,
    )  # fmt: skip
    return {
        "letters": tasks.LanguageModel(LETTERS, **small),
        "letters_lstm": tasks.LanguageModel(LETTERS, cell="lstm", hidden_size=6),
        "names": tasks.ConditionalGenerator(LETTERS, ["Czech", "Irish"], embedding_size=4, **small),
        "captions": tasks.Captioner(captions.tokenizer, captions.image, embedding_size=8, **small),
        "answers": tasks.VisualQuestionAnswerer(asking.tokenizer, asking.answers, asking.image, common_size=8, **small),
        "translations": tasks.Translator(LETTERS, embedding_size=4, max_length=8, **small),
        "classes": tasks.SequenceClassifier(tokenizer=WORDS, labels=["<good>", "bad"], **small),
        "trees": tasks.TreeClassifier(WORDS, ["minus", "plus"], hidden_size=4, embedding_size=4),
        "tags": tasks.SequenceTagger(tokenizer=WORDS, labels=["DET", "ADJ", "NOUN"], **small),
    }


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Pictures, and a checkpoint for each model."""
    folder = tmp_path_factory.mktemp("demo")
    for name, model in make_models(folder).items():
        save_untrained(model, folder / f"{name}.ckpt")
    return folder


@pytest.fixture(scope="session")
def models(folder):
    from seqmodels.demo import load_models

    return load_models(sorted(folder.glob("*.ckpt")))


@pytest.fixture(scope="session")
def picture(folder):
    return next((folder / "captioned").glob("*.png"))


@pytest.fixture(scope="session")
def free_port():
    """A function that gives a port that nobody uses."""

    def find() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]

    return find


@pytest.fixture(scope="module")
def asked():
    """Where this process has connected to, and whose addresses it has looked up."""
    found = []
    with pytest.MonkeyPatch.context() as patch:
        connect, look_up = socket.socket.connect, socket.getaddrinfo

        def recording_connect(self, address):
            found.append(address[0] if isinstance(address, tuple) else address)
            return connect(self, address)

        def recording_look_up(host, *others, **options):
            found.append(host)
            return look_up(host, *others, **options)

        patch.setattr(socket.socket, "connect", recording_connect)
        patch.setattr(socket, "getaddrinfo", recording_look_up)
        yield found


@pytest.fixture(scope="module")
def address(models, asked, free_port):
    pytest.importorskip("gradio", reason="gradio is not installed (pip install 'seqmodels[demo]')")
    from seqmodels.demo import build_page, open_page

    page = build_page(models)
    yield open_page(page, port=free_port())
    page.close(verbose=False)


@pytest.fixture(scope="module")
def open_at(browser, address):
    """Opens the page at a width; what scripts have complained of, and what was asked of another place."""
    trouble = []

    def open_it(width, **options):
        page = browser.new_page(viewport={"width": width, "height": 900}, **options)
        page.set_default_timeout(120_000)
        page.on("console", lambda message: message.type == "error" and trouble.append(message.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("request", lambda asked: asked.url.startswith((address, "data:", "blob:")) or trouble.append(asked.url))
        page.goto(address)
        page.get_by_role("tab", name="Write", exact=True).wait_for()
        return page

    return open_it, trouble


@pytest.fixture(scope="module")
def desktop(open_at):
    return open_at[0](1280)


@pytest.fixture
def page(desktop, open_at):
    """The page as one class has it open all the time; fails at the end if a script failed or asked another place."""
    yield desktop
    assert open_at[1] == []
