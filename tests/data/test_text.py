"""TextData: where texts come from, how they are cut, and what a person is told when something is wrong."""

import itertools
import subprocess
import sys
from types import SimpleNamespace

import datasets
import pytest
import torch
from lightning.pytorch import LightningModule, Trainer

from seqmodels.data import TextData, build_tokenizer
from seqmodels.errors import CheckpointError, DataError, OptionError

TEXT = "the quick brown fox jumps over the lazy dog\n" * 50


@pytest.fixture
def path(tmp_path):
    (tmp_path / "text.txt").write_text(TEXT)
    return str(tmp_path / "text.txt")


def small(**options):
    return TextData(**({"batch_size": 2, "steps": 5} | options))


def one_line(error, action):
    with pytest.raises(error) as caught:
        action()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_one_file_is_cut_in_order(path):
    data = small(path=path, fractions=(0.8, 0.15, 0.05))
    parts = [data.train_tokens, data.valid_tokens, data.test_tokens]
    assert [len(part) for part in parts] == [1760, 330, 110]
    assert data.tokenizer.decode(torch.cat(parts)) == TEXT
    assert all(part.dtype == torch.int64 for part in parts)


def test_loaders_give_time_major_windows_and_full_evaluation(path):
    data = small(path=path)
    for window in data.train_dataloader():
        assert window.input.shape == window.target.shape == (5, 2)
        assert window.reset is None
    scored = sum((window.target >= 0).sum().item() for window in data.val_dataloader())
    assert scored == len(data.valid_tokens) - 1
    assert sum((window.target >= 0).sum().item() for window in data.test_dataloader()) == len(data.test_tokens) - 1


def test_a_file_for_each_part(tmp_path):
    for part, text in {"train": "abcabcabcabc", "valid": "abz", "test": "cab"}.items():
        (tmp_path / part).write_text(text)
    paths = {f"{part}_path": str(tmp_path / part) for part in ("train", "valid", "test")}
    data = small(batch_size=1, steps=3, **paths)
    assert data.tokenizer.tokens == ["a", "b", "c", "<unk>"]
    assert data.valid_tokens.tolist() == [0, 1, 3]  # a character that training lacks stops nothing
    assert data.test_tokens.tolist() == [2, 0, 1]
    alone = small(batch_size=1, steps=3, train_path=paths["train_path"])
    assert alone.val_dataloader() == alone.test_dataloader() == []
    assert "no validation text" in one_line(DataError, lambda: alone.valid_tokens)


def test_a_dataset_with_splits_keeps_them_and_one_without_validation_lends_some(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    for name, parts in {"all": ("train", "validation", "test"), "two": ("train", "test"), "one": ("train",)}.items():
        (tmp_path / name).mkdir()
        for part in parts:
            (tmp_path / name / f"{part}.txt").write_text(f"{part} of this text\n" * 100)
    whole = small(name=str(tmp_path / "all"))
    whole.prepare_data()
    assert whole.tokenizer.decode(whole.valid_tokens[:10]) == "\ufffda\ufffdi\ufffdation"
    assert whole.tokenizer.decode(whole.test_tokens[:12]) == "test of this"
    assert len(whole.train_tokens) == 100 * len("train of this text\n")
    two, one = small(name=str(tmp_path / "two")), small(name=str(tmp_path / "one"))
    assert [len(two.train_tokens), len(two.valid_tokens), len(two.test_tokens)] == [1800, 100, 1800]
    assert [len(one.train_tokens), len(one.valid_tokens), len(one.test_tokens)] == [1710, 95, 95]


def test_the_vocabulary_is_of_the_training_part_alone(tmp_path):
    (tmp_path / "text.txt").write_text("a b " * 100 + "rare " * 10)
    data = small(path=str(tmp_path / "text.txt"), unit="word", fractions=(0.5, 0.25, 0.25))
    assert sorted(data.tokenizer.tokens) == ["<eos>", "<unk>", "a", "b"]
    assert (data.test_tokens == data.tokenizer.unknown_id).any()


@pytest.mark.parametrize("unit", ["character", "byte", "word", "subword"])
def test_documents_reset_the_state_after_their_separator(tmp_path, unit):
    text = "one two\n\nthree four five\n\nsix\n\n" * 20
    (tmp_path / "text.txt").write_text(text)
    data = TextData(
        path=str(tmp_path / "text.txt"),
        unit=unit,
        document_separator="\n\n",
        batch_size=1,
        steps=4,
        vocabulary_size=None,
    )
    windows = list(data.train_dataloader())
    inputs = torch.cat([window.input for window in windows]).flatten()
    resets = torch.cat([window.reset for window in windows]).flatten().nonzero().flatten().tolist()
    starts = ["one", "three", "six"]
    pieces = [data.tokenizer.decode(inputs[a:b]) for a, b in itertools.pairwise(resets)]
    assert len(pieces) > 40
    for k, piece in enumerate(pieces):
        assert piece.startswith(starts[k % 3])
        assert piece.rstrip(" ").endswith("\n")


def test_every_rank_has_its_own_part(path):
    def of_rank(rank):
        data = small(path=path)
        data.trainer = SimpleNamespace(global_rank=rank, world_size=2)
        return torch.cat([window.input for window in data.train_dataloader()]).T

    both = torch.cat([of_rank(0), of_rank(1)])
    alone = torch.cat([window.input for window in small(path=path, batch_size=4).train_dataloader()]).T
    assert torch.equal(both, alone)


def test_evaluation_streams_are_no_shorter_than_a_window_unless_asked(path):
    assert TextData(path=path, batch_size=8, steps=50).val_dataloader().batch_size == 2
    assert TextData(path=path, batch_size=8, steps=50, eval_batch_size=7).val_dataloader().batch_size == 7
    assert TextData(path=path, batch_size=2, steps=5).val_dataloader().batch_size == 2
    assert TextData(path=path, batch_size=2, steps=900).val_dataloader().batch_size == 1


def test_only_the_beginning_of_a_text_may_be_used(path):
    data = small(path=path, max_characters=1000)
    assert len(data.train_tokens) + len(data.valid_tokens) + len(data.test_tokens) == 1000
    assert data.describe() == (
        f"{path}: 1,000 characters, 1,000 tokens (29 characters in the vocabulary), 900 train, 50 validation, 50 test"
    )


def test_texts_are_read_once_and_only_when_needed(path, monkeypatch):
    data = small(path=path)
    reads = []
    read = type(data.sources).read
    monkeypatch.setattr(type(data.sources), "read", lambda *arguments: reads.append(1) or read(*arguments))
    assert not reads
    data.train_dataloader(), data.val_dataloader(), data.describe()
    assert reads == [1]


def test_random_windows_differ_between_epochs_and_fill_them(path):
    loader = TextData(path=path, batch_size=2, steps=30, random_steps=True).train_dataloader()
    first, second = ([len(window.input) for window in loader] for _ in range(2))
    assert first != second
    assert sum(first) == sum(second) == (1980 - 1) // 2


def test_a_checkpoint_brings_its_vocabulary(path, tmp_path):
    (tmp_path / "other.txt").write_text("zebra " * 100)
    saved = small(path=path).state_dict()
    data = small(path=str(tmp_path / "other.txt"))
    assert data.tokenizer != small(path=path).tokenizer
    data.load_state_dict(saved)
    assert data.tokenizer == small(path=path).tokenizer
    assert data.tokenizer.decode(data.train_tokens[:6]) == "zebra "
    assert "use --data.unit character" in one_line(
        CheckpointError, lambda: small(path=path, unit="byte").load_state_dict(saved)
    )
    assert "cannot be read" in one_line(CheckpointError, lambda: data.load_state_dict({}))


def test_the_tokenizer_of_a_trained_model_can_be_set(path):
    data = small(path=path)
    before = data.train_tokens
    data.tokenizer = build_tokenizer("character", "the quick", unknown=True)
    assert data.tokenizer.decode(data.train_tokens[:9]) == "the quick"
    assert not torch.equal(before, data.train_tokens)


class Counter(LightningModule):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.steps = 0

    def training_step(self, window):
        assert window._fields == ("input", "target", "reset")  # still a Window after the move to the device
        self.steps += 1
        return self.weight * 1.0

    def validation_step(self, window):
        raise AssertionError("there is nothing to validate on")

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


@pytest.mark.filterwarnings("ignore")
def test_lightning_trains_without_validation_text_and_reads_the_checkpoint_safely(path, tmp_path):
    data, module = small(train_path=path, valid_path=None), Counter()
    options = {"accelerator": "cpu", "logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = Trainer(max_steps=3, enable_checkpointing=False, **options)
    trainer.fit(module, data)
    assert module.steps == 3
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    checkpoint = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert checkpoint["TextData"] == data.state_dict()
    again = TextData.load_from_checkpoint(tmp_path / "last.ckpt", weights_only=True)
    assert again.batch_size == 2
    assert again.tokenizer == data.tokenizer


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"name": "shakespeare", "path": "a"}, "name and path are given"),
        ({"path": "a", "train_path": "b"}, "path and train_path are given"),
        ({"name": "x", "train_path": "b"}, "name and train_path are given"),
        ({"valid_path": "a"}, "valid_path is given without train_path"),
        ({"path": "a", "test_path": "b"}, "test_path is given without train_path"),
        ({"fractions": (0.5, 0.1, 0.1)}, "sum to 1"),
        ({"fractions": (1.5, -0.5, 0.0)}, "sum to 1"),
        ({"fractions": (0.0, 0.5, 0.5)}, "the first above 0"),
        ({"fractions": (float("nan"), 0.5, 0.5)}, "sum to 1"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"steps": -1}, "steps is -1"),
        ({"eval_batch_size": 0}, "eval_batch_size is 0"),
        ({"vocabulary_size": 0}, "vocabulary_size is 0"),
        ({"max_characters": 0}, "max_characters is 0"),
        ({"min_count": 0}, "min_count is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"document_separator": ""}, "document_separator is empty"),
    ],
)
def test_options_that_cannot_be_used_are_refused_at_once(options, problem):
    assert problem in one_line(OptionError, lambda: TextData(**options))


def test_a_separator_that_never_occurs_is_refused(path):
    assert "does not occur in the training part of" in one_line(
        OptionError, lambda: small(path=path, document_separator="\\n").tokenizer
    )


def test_a_text_shorter_than_a_window_names_the_options(path):
    text = one_line(DataError, lambda: TextData(path=path, batch_size=64, steps=64).train_dataloader())
    assert "training part of" in text
    assert (
        "1980 tokens, fewer than the 4097 that 64 streams of 64 steps need; use a smaller batch_size or steps" in text
    )


def test_a_part_that_gets_nothing_is_named(tmp_path):
    (tmp_path / "tiny").write_text("abc")
    text = one_line(DataError, lambda: TextData(path=str(tmp_path / "tiny")).tokenizer)
    assert text.startswith("the validation part of ")
    assert "is empty" in text


@pytest.mark.parametrize("option", ["path", "train_path"])
def test_a_missing_file_is_named(option):
    assert "no such file" in one_line(DataError, lambda: TextData(**{option: "missing.txt"}).tokenizer)


def test_importing_the_package_imports_nothing_heavy():
    code = (
        "import seqmodels.data, sys; from seqmodels.data import build_tokenizer; build_tokenizer('word', 'a');"
        "print(sorted({'lightning', 'datasets', 'tokenizers', 'wandb'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_it_can_be_printed_without_reading_anything():
    assert str(TextData(path="nowhere.txt")) == "TextData(nowhere.txt)"
