"""Batches of pairs: tokens, lengths and masks, vocabularies of training text alone, parts, and a training run."""

import gzip

import lightning.pytorch as pl
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from seqmodels.data import Tokenizer
from seqmodels.data.bucketed import BucketedLoader
from seqmodels.data.pair_data import PairBatch, PairData
from seqmodels.data.streams import NOT_SCORED
from seqmodels.errors import DataError, OptionError

ROWS = [("ein Hund.", "a dog."), ("Zwei Katzen schlafen.", "Two cats sleep."), ("ein Haus", "a house")]


def write(path, rows=ROWS):
    path.write_text("".join(f"{source}\t{target}\n" for source, target in rows), encoding="utf-8")
    return str(path)


@pytest.fixture
def files(tmp_path):
    valid = write(tmp_path / "valid.tsv", [("eine Kuh", "a cow")])
    return {"source": write(tmp_path / "train.tsv"), "valid_source": valid}


def additions(**options):
    return PairData("addition", **{"unit": "character", "examples": 1000, "batch_size": 8, **options})


@pytest.mark.parametrize("unit", ["subword", "word", "character"])
@pytest.mark.parametrize("reverse_source", [False, True])
def test_a_batch_is_what_it_says(files, unit, reverse_source):
    data = PairData(**files, unit=unit, min_count=1, reverse_source=reverse_source, batch_size=3)
    batch = next(iter(data.train_dataloader()))
    assert isinstance(batch, PairBatch)
    assert set(zip(batch.sources, batch.references, strict=True)) == set(ROWS)
    for number, (source, target) in enumerate(zip(batch.sources, batch.references, strict=True)):
        length = int(batch.source_lengths[number])
        assert data.source_tokenizer.decode(batch.source[:length, number]) == f"{source}\n"
        assert batch.source[length - 1, number] == data.source_tokenizer.line_end_id
        assert not batch.source[length:, number].any()
        steps = int((batch.target[:, number] != NOT_SCORED).sum())
        assert data.tokenizer.decode(batch.input[:steps, number]) == f"\n{target}"
        assert data.tokenizer.decode(batch.target[:steps, number]) == f"{target}\n"
        assert not batch.input[steps:, number].any()
        assert (batch.target[steps:, number] == NOT_SCORED).all()
    assert batch.source.shape[0] == batch.source_lengths.max()
    assert {tensor.dtype for tensor in batch[:4]} == {torch.int64}


def test_a_reversed_source_is_the_source_backwards(files):
    forward, backward = (PairData(**files, min_count=1, reverse_source=which) for which in (False, True))
    one, other = (next(iter(data.val_dataloader())).source[:, 0] for data in (forward, backward))
    assert other.tolist() == [*reversed(one[:-1].tolist()), int(one[-1])]


def test_vocabularies_are_of_the_training_text_alone(files):
    data = PairData(**files, unit="word", min_count=1)
    assert data.source_tokenizer.unknown_in("Zwei Katzen schlafen.") is None
    assert data.source_tokenizer.unknown_in("eine Kuh") == "eine"
    batch = next(iter(data.val_dataloader()))
    assert (batch.source == data.source_tokenizer.unknown_id).sum() == 2
    assert batch.sources == ("eine Kuh",)
    assert batch.references == ("a cow",)
    assert data.tokenizer.unknown_in("Hund") == "Hund"


def test_a_shared_vocabulary_has_both_sides(files):
    data = PairData(**files, unit="word", min_count=1, shared_vocabulary=True)
    assert data.source_tokenizer == data.tokenizer
    assert data.tokenizer.unknown_in("Zwei dog") is None
    backward = PairData(**files, unit="word", min_count=1, shared_vocabulary=True, reverse_source=True)
    assert backward.source_tokenizer.tokens == backward.tokenizer.tokens == data.tokenizer.tokens


def test_units_and_sizes_of_the_two_sides(files):
    data = PairData(**files, unit="word", source_unit="character", min_count=1, vocabulary_size=6)
    assert data.source_tokenizer.unit == "character"
    assert len(data.source_tokenizer) == len(data.tokenizer) == 6


def test_lower_case_is_for_tokens_and_not_for_references(files):
    data = PairData(**files, unit="word", min_count=1, lowercase=True)
    assert data.tokenizer.unknown_in("TWO Cats") is None
    assert data.tokenizer.decode(data.tokenizer.encode("Two cats sleep.\n")) == "two cats sleep.\n"
    assert "Two cats sleep." in next(iter(data.train_dataloader())).references


def test_trained_vocabularies_take_the_place_of_ones_own(files, tmp_path):
    trained = PairData(**files, unit="word", min_count=1, reverse_source=True)
    other = PairData(write(tmp_path / "other.tsv", [("a b c", "d e")] * 9), valid_source=files["valid_source"])
    assert len(next(iter(other.val_dataloader())).source) > 3
    other.tokenizer = Tokenizer.from_dict(trained.tokenizer.to_dict())
    other.source_tokenizer = Tokenizer.from_dict(trained.source_tokenizer.to_dict())
    for one, two in zip(next(iter(other.val_dataloader())), next(iter(trained.val_dataloader())), strict=True):
        assert torch.equal(one, two) if isinstance(one, torch.Tensor) else one == two


def test_long_pairs_are_left_out_of_training_alone_and_counted(files, tmp_path):
    files["valid_source"] = write(tmp_path / "long.tsv", [("ein " * 20, "a " * 20)])
    data = PairData(**files, unit="word", min_count=1, max_length=3)
    assert data.sizes() == "2 train, 1 validation, 1 test"
    assert data.left_out == 1
    assert "2 train, 1 validation, 1 test pairs (1 of more than 3 tokens left out)" in data.describe()
    assert "\n" not in data.describe()


def test_no_short_pair_is_one_line(files, one_line):
    with one_line(DataError, "train.tsv: no training pair has 1 tokens or fewer; raise max_length"):
        PairData(**files, unit="word", max_length=1).train_dataloader()


def sources(data):
    return {part: {pair.source for pair in pairs} for part, pairs in data.records.items()}


def test_parts_are_cut_by_a_hash_that_no_other_option_moves():
    found, again = sources(additions()), sources(additions(seed=7, reverse_source=True, unit="subword"))
    assert found == again
    assert 700 < len(found["train"]) < 900
    assert 60 < len(found["validation"]) < 140
    assert not found["train"] & (found["validation"] | found["test"])
    assert not found["validation"] & found["test"]


@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("name", ["file", "addition"])
def test_pairs_of_one_source_are_in_one_part_whichever_way(tmp_path, name, swap):
    rows = [(f"source {number // 2}", f"target {number % 100}") for number in range(500)]
    file = write(tmp_path / "pairs.tsv", rows)
    found = sources(additions(swap=swap) if name == "addition" else PairData(file, swap=swap))
    assert all(found.values())
    assert not found["train"] & (found["validation"] | found["test"])
    assert not found["validation"] & found["test"]


def test_a_file_of_its_own_takes_the_place_of_its_fraction(tmp_path):
    rows = [(f"source {number}", f"target {number}") for number in range(200)]
    train, other = write(tmp_path / "train.tsv", rows), write(tmp_path / "other.tsv", [("x", "y")])
    found = sources(PairData(train, valid_source=other))
    assert [len(found[part]) for part in ("train", "validation", "test")] == [200, 1, 1]
    found = sources(PairData(train, test_source=other, fractions=(0.5, 0.25, 0.25)))
    assert found["test"] == {"x"}
    assert 45 < len(found["validation"]) < 90  # a third: 0.25 / (0.5 + 0.25)
    assert len(found["train"]) + len(found["validation"]) == 200
    found = sources(PairData(train, valid_source=other, test_source=train))
    assert [len(found[part]) for part in ("train", "validation", "test")] == [200, 1, 200]


def test_the_splits_of_a_dataset_are_kept(tmp_path):
    datasets = pytest.importorskip("datasets")

    def table(name, count):
        return datasets.Dataset.from_list([{"de": f"{name} {number}", "en": "x"} for number in range(count)])

    parts = {"train": table("a", 50), "validation": table("b", 3), "test": table("c", 2)}
    datasets.DatasetDict(parts).save_to_disk(str(tmp_path / "all"))
    datasets.DatasetDict({"train": parts["train"], "test": parts["test"]}).save_to_disk(str(tmp_path / "two"))
    found = sources(PairData(str(tmp_path / "all")))
    assert [len(found[part]) for part in ("train", "validation", "test")] == [50, 3, 2]
    found = sources(PairData(str(tmp_path / "two")))
    assert len(found["train"] | found["validation"]) == 50
    assert found["validation"]
    assert found["test"] == {"c 0", "c 1"}


def test_parallel_files_and_bad_records(tmp_path, one_line):
    for name, content in (("train.de.gz", b"ein Hund\n\nein Haus\n"), ("train.en.gz", b"a dog\na cat\na house\n")):
        (tmp_path / name).write_bytes(gzip.compress(content))
    files = [str(tmp_path / "train.de.gz"), str(tmp_path / "train.en.gz")] * 2
    with one_line(DataError, "train.en.gz, line 2: the first text is empty"):
        PairData(*files).train_dataloader()
    data = PairData(*files, max_bad=1, min_count=1)
    with pytest.warns(UserWarning, match="1 bad record was skipped"):
        assert data.sizes() == "2 train, 2 validation, 2 test"
    assert data.title == f"{files[0]} and {files[1]}"


def test_training_batches_are_of_similar_length_and_resume():
    data = additions(digits=9)
    batches = list(data.train_dataloader())
    assert isinstance(data.train_dataloader(), BucketedLoader)
    assert sum(len(batch.sources) for batch in batches) == len(data.records["train"])
    stopped = data.train_dataloader()
    remaining = iter(stopped)
    for _ in range(10):
        next(remaining)
    again = data.train_dataloader()
    again.load_state_dict(stopped.state_dict())
    assert [batch.sources for batch in again] == [batch.sources for batch in batches[10:]]

    def steps(batches):
        return sum(batch.source.numel() + batch.input.numel() for batch in batches)

    assert steps(batches) < 0.85 * steps(additions(digits=9, bucket=False).train_dataloader())


def test_validation_is_in_the_order_of_the_file():
    data = additions(eval_batch_size=7)
    read = [source for batch in data.val_dataloader() for source in batch.sources]
    assert read == [pair.source for pair in data.records["validation"]]


def test_emoji_are_translated_by_default():
    pytest.importorskip("emoji", reason="needs emoji: pip install 'seqmodels[emoji]'")
    data = PairData()
    assert len(data.records["train"]) > 2500
    batch = next(iter(data.val_dataloader()))
    assert len(batch.sources) == 64


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"batch_size": 0}, ("batch_size is 0",)),
        ({"max_length": 0}, ("max_length is 0",)),
        ({"vocabulary_size": 0}, ("vocabulary_size is 0",)),
        ({"min_count": 0}, ("min_count is 0",)),
        ({"fractions": (0.5, 0.5, 0.5)}, ("fractions is (0.5, 0.5, 0.5)",)),
        ({"valid_target": "x"}, ("valid_target is given without valid_source",)),
        ({"shared_vocabulary": True, "source_unit": "word"}, ("shared_vocabulary needs one unit", "'word'")),
    ],
)
def test_options_out_of_range_are_one_line(one_line, options, parts):
    with one_line(OptionError, *parts):
        PairData(**options)


def test_a_part_without_pairs_is_one_line(files, one_line):
    with one_line(DataError, "train.tsv: has no pairs for validation"):
        PairData(files["source"], fractions=(1, 0, 0)).val_dataloader()


class Reader(pl.LightningModule):
    """The target from its own past and the source's mean: enough to see that Lightning takes the loaders."""

    def __init__(self, data):
        super().__init__()
        self.source = nn.Embedding(len(data.source_tokenizer), 32)
        self.target = nn.Embedding(len(data.tokenizer), 32)
        self.output = nn.Linear(32, len(data.tokenizer))
        self.losses, self.seen = [], []

    def training_step(self, batch, batch_idx):
        hidden = self.target(batch.input) + self.source(batch.source).mean(0)
        loss = cross_entropy(self.output(hidden).flatten(0, 1), batch.target.flatten(), ignore_index=NOT_SCORED)
        self.losses.append(loss.item())
        self.seen += batch.sources
        return loss

    def validation_step(self, batch, batch_idx):
        assert batch.input.shape == batch.target.shape

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), 0.02)


def test_lightning_trains_on_it(tmp_path):
    data = additions()
    model = Reader(data)
    trainer = pl.Trainer(
        max_epochs=2,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        default_root_dir=tmp_path,
    )
    trainer.fit(model, datamodule=data)
    epoch = len(data.records["train"])
    assert sorted(model.seen[:epoch]) == sorted(model.seen[epoch:]) == sorted(sources(data)["train"])
    assert model.seen[:epoch] != model.seen[epoch:]
    assert sum(model.losses[-10:]) < 0.9 * sum(model.losses[:10])
