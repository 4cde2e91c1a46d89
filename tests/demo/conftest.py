"""Tiny models of every task, untrained, in checkpoints; the page over them."""

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
