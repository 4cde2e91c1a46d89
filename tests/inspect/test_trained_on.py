"""The training text is found by what the checkpoint says of its data."""

import pytest
from quick_fit import fit, save_untrained

from seqmodels.data import TextData, build_tokenizer
from seqmodels.errors import CheckpointError, DataError
from seqmodels.inspect import held_out_text, training_text
from seqmodels.inspect.trained_on import share_read_before
from seqmodels.tasks import LanguageModel

TEXT = "abcdefghij" * 40


def checkpoint_of(folder, **options):
    data = TextData(batch_size=2, steps=5, **options)
    trainer = fit(LanguageModel(data.tokenizer, cell="elman", hidden_size=2), data, max_steps=1)
    trainer.save_checkpoint(folder / "model.ckpt")
    return folder / "model.ckpt"


def test_one_file_is_cut_as_it_was_for_training(tmp_path):
    (tmp_path / "all.txt").write_text(TEXT)
    options = {"path": str(tmp_path / "all.txt"), "fractions": (0.5, 0.25, 0.25), "max_characters": 300}
    found = training_text(checkpoint_of(tmp_path, **options))
    assert found.text == TEXT[:150]
    assert found.source == f"the training part of {tmp_path}/all.txt"
    assert held_out_text(tmp_path / "model.ckpt") == (TEXT[225:300], f"the test part of {tmp_path}/all.txt")


def test_a_file_of_its_own_is_the_training_text(tmp_path):
    (tmp_path / "train.txt").write_text(TEXT)
    found = training_text(checkpoint_of(tmp_path, train_path=str(tmp_path / "train.txt")))
    assert found == (TEXT, str(tmp_path / "train.txt"))


def test_of_a_text_that_was_all_trained_on_nothing_is_held_out(tmp_path, one_line):
    (tmp_path / "train.txt").write_text(TEXT)
    checkpoint = checkpoint_of(tmp_path, train_path=str(tmp_path / "train.txt"))
    with one_line(DataError, "model.ckpt", "train.txt", "give a text"):
        held_out_text(checkpoint)


def test_a_text_that_is_gone_is_told(tmp_path, one_line):
    (tmp_path / "all.txt").write_text(TEXT)
    checkpoint = checkpoint_of(tmp_path, path=str(tmp_path / "all.txt"))
    (tmp_path / "all.txt").unlink()
    with one_line(DataError, "all.txt", "no such file"):
        training_text(checkpoint)


def test_a_checkpoint_without_data_is_told(tmp_path, one_line):
    save_untrained(LanguageModel(build_tokenizer("character", TEXT), hidden_size=2), tmp_path / "bare.ckpt")
    with one_line(DataError, "bare.ckpt", "give a text"):
        training_text(tmp_path / "bare.ckpt")
    with pytest.raises(CheckpointError, match=r"none\.ckpt"):
        training_text(tmp_path / "none.ckpt")


def test_what_was_read_before_is_found_wherever_it_stands():
    training = "".join(f"line {number}\n" for number in range(1000))
    new = "".join(f"row {number}\n" for number in range(300))
    assert share_read_before(training[37:2037], training) == 1.0
    assert share_read_before(new, training) == 0.0
    assert share_read_before(new[:2000] + training[137:2137], training) == pytest.approx(0.5, abs=0.13)
    assert share_read_before(training[5:25], training) == 1.0
