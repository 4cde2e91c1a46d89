"""``seqmodels fit``, ``validate``, ``test`` and ``generate`` as a person uses them."""

import os
import shlex
import signal
import sys
import types
from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch
import yaml

from seqmodels.cli import main
from seqmodels.training import read_checkpoint

TEXT = "how vexingly quick daft zebras jump! " * 150


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current directory, with a text in it."""
    monkeypatch.chdir(tmp_path)
    Path("my.txt").write_text(TEXT)
    return tmp_path


def fit(*options):
    small = ("--data.path", "my.txt", "--data.batch_size", "4", "--data.steps", "16", "--model.hidden_size", "8")
    return main(["fit", *small, "--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false", *options])


CHECKPOINTS = Path("runs/version_0/checkpoints")


def test_a_run_says_what_it_did_and_leaves_all_that_is_needed(folder, capsys):
    assert fit("--model.cell", "mut3") == 0
    said = capsys.readouterr().out
    assert "my.txt: 5,550 characters" in said
    assert "LanguageModel: 1 x 8 mut3" in said
    assert "val_bits_per_character" in said
    assert f"seqmodels generate {CHECKPOINTS / 'best.ckpt'}" in said
    run = Path("runs/version_0")
    assert {"config.yaml", "metrics.csv", "samples.txt", "checkpoints"} <= {path.name for path in run.iterdir()}
    assert {path.name for path in CHECKPOINTS.iterdir()} == {"best.ckpt", "last.ckpt"}
    header = (run / "metrics.csv").read_text().splitlines()[0]
    for column in ("train_loss", "grad_norm", "tokens_per_second", "learning_rate", "val_loss", "val_perplexity"):
        assert column in header


def test_its_checkpoint_writes_validates_tests_and_goes_on(folder, capsys):
    fit()
    config, last = "runs/version_0/config.yaml", str(CHECKPOINTS / "last.ckpt")
    capsys.readouterr()

    generate = ["generate", last, "--prompt", "zebras ", "--length", "20", "--seed", "1"]
    assert main(generate) == main(generate) == 0
    written = capsys.readouterr().out
    first, second = written[: len(written) // 2], written[len(written) // 2 :]
    assert first == second
    assert first.startswith("zebras ")

    for command in ("validate", "test"):
        options = ["--config", config, "--ckpt_path", last, "--trainer.enable_progress_bar", "false"]
        assert main([command, *options]) == 0
        assert "loss" in capsys.readouterr().out
    assert not Path("runs/config.yaml").exists()

    assert main(["fit", "--config", config, "--ckpt_path", last, "--trainer.max_epochs", "2"]) == 0
    again = read_checkpoint("runs/version_1/checkpoints/last.ckpt")
    assert again["global_step"] == 2 * read_checkpoint(last)["global_step"]


def test_a_checkpoint_is_tested_on_another_text_with_its_own_vocabulary(folder, capsys):
    fit()
    Path("other.txt").write_text("PACK MY BOX with five dozen liquor jugs! " * 150)
    config, best = "runs/version_0/config.yaml", str(CHECKPOINTS / "best.ckpt")
    assert main(["test", "--config", config, "--ckpt_path", best, "--data.path", "other.txt"]) == 0
    assert "test_loss" in capsys.readouterr().out


def test_a_file_that_is_of_no_run_is_named(folder, capsys):
    torch.save({"state_dict": torch.nn.Linear(2, 2).state_dict()}, "weights.ckpt")
    assert fit("--ckpt_path", "weights.ckpt") == 2
    *_, line = capsys.readouterr().err.strip().splitlines()
    assert "weights.ckpt: is no checkpoint of a run (it has no pytorch-lightning_version)" in line


def test_a_setting_that_the_optimizer_would_ignore_is_refused(folder, capsys):
    fit()
    assert fit("--ckpt_path", str(CHECKPOINTS / "last.ckpt"), "--model.learning_rate", "0.5") == 2
    *_, line = capsys.readouterr().err.strip().splitlines()
    assert "--model.learning_rate is 0.5, but the optimizer in the checkpoint goes on with 0.002; leave it out" in line


def test_the_newest_checkpoint_is_named_to_who_asks_for_the_last(folder, capsys):
    fit()
    assert fit("--ckpt_path", "last") == 2
    assert f"such as {CHECKPOINTS / 'last.ckpt'}" in capsys.readouterr().err


def test_a_checkpoint_of_another_size_is_one_line(folder, capsys):
    fit()
    assert fit("--model.hidden_size", "9", "--ckpt_path", str(CHECKPOINTS / "last.ckpt")) == 2
    *_, line = capsys.readouterr().err.strip().splitlines()
    assert "the checkpoint does not fit: its embedding.weight is [29, 8], here it is [29, 9]" in line


def test_training_without_validation_keeps_the_last_checkpoint(folder, capsys):
    options = ("--data.path", "null", "--data.train_path", "my.txt")
    assert fit(*options) == 0
    assert str(CHECKPOINTS / "last.ckpt") in capsys.readouterr().out


def test_a_cell_of_ones_own_is_used_by_its_path(folder, monkeypatch, capsys):
    Path("mycells.py").write_text(
        "import torch\nfrom seqmodels import Cell\n\n\nclass Leaky(Cell):\n"
        "    def __init__(self, input_size, hidden_size):\n        super().__init__(input_size, hidden_size)\n"
        "        self.W = torch.nn.Linear(input_size, hidden_size)\n\n"
        "    def step(self, x, h):\n        return 0.9 * h + 0.1 * torch.tanh(self.W(x))\n"
    )
    monkeypatch.syspath_prepend(str(folder))
    assert fit("--model.cell", "mycells:Leaky") == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("let it write: "))
    assert line.endswith(f"seqmodels generate {CHECKPOINTS / 'best.ckpt'} --cell mycells:Leaky")
    monkeypatch.delitem(sys.modules, "mycells")  # as in another process
    assert main([*shlex.split(line)[4:], "--length", "5"]) == 0
    recorded = torch.load(CHECKPOINTS / "best.ckpt", weights_only=True)["seqmodels"]["cell"]
    assert recorded["path"] == "mycells:Leaky"


CELL = """
import torch
from seqmodels import Cell


class Mixing(Cell):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.W = torch.nn.Linear(input_size, hidden_size)

    def step(self, x, h):
        return torch.tanh(self.W(x) + h - h.mean(0))


class Misspelt(Mixing):
    def step(self, x, h):
        return torch.tanh(self.V(x) + h)
"""


def test_a_cell_of_ones_own_is_looked_at_before_it_is_trained(folder, monkeypatch, capsys):
    Path("odd_cells.py").write_text(CELL)
    monkeypatch.syspath_prepend(folder)
    assert fit("--model.cell", "odd_cells:Misspelt") == 2
    *_, line = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("seqmodels: error: Misspelt: step fails: AttributeError: ")
    assert "odd_cells.py:17)" in line
    with pytest.warns(UserWarning, match="plain loop"):
        assert fit("--model.cell", "odd_cells:Mixing") == 0
    assert "warning: check_cell(Mixing): rows don't mix: " in capsys.readouterr().err


@pytest.mark.parametrize("order", [1, -1])
def test_options_of_a_yaml_file_are_overridden_by_the_command_line(folder, order):
    Path("my.yaml").write_text(
        "model:\n  class_path: seqmodels.tasks.LanguageModel\n  init_args: {cell: gru, num_layers: 2}\n"
    )
    given = [("--config", "my.yaml"), ("--model.cell", "elman")][::order]
    assert fit(*given[0], *given[1]) == 0
    arguments = read_checkpoint(CHECKPOINTS / "last.ckpt")["hyper_parameters"]
    assert arguments["cell"] == "elman"
    assert (arguments["num_layers"], arguments["hidden_size"]) == (2, 8)


@pytest.mark.parametrize("named", [["--data", "CaptionData"], ["--data=CaptionData"], ["--config", "captions.yaml"]])
def test_another_class_keeps_its_own_defaults(folder, capsys, named):
    Path("captions.yaml").write_text("data:\n  class_path: seqmodels.data.CaptionData\n")
    with pytest.raises(SystemExit) as done:
        main(["fit", *named, "--model", "Captioner", "--print_config"])
    assert not done.value.code
    data = yaml.safe_load(capsys.readouterr().out)["data"]
    assert data["class_path"] == "seqmodels.data.CaptionData"
    assert data["init_args"]["fractions"] == [0.8, 0.1, 0.1]  # TextData's are others


MISTAKES = {
    "cell": (["--model.cell", "lsmt"], "did you mean 'lstm'"),
    "option": (["--model.hiden_size", "3"], "did you mean 'hidden_size'"),
    "type": (["--model.hidden_size", "big"], "--model.hidden_size must be int"),
    "choice": (["--data.unit", "letter"], "'character', 'byte', 'word', 'subword'"),
    "argument": (["--modle.cell", "gru"], "no option '--modle.cell'"),
    "config": (["--config", "no.yaml"], "no.yaml"),
    "cell's option": (["--model.rnn_options.zoneot", "0.1"], "did you mean 'zoneout'"),
    "probability": (["--model.dropout", "2.0"], "dropout must be a probability"),
    "checkpoint": (["--ckpt_path", "no.ckpt"], "no.ckpt: there is no such file"),
    "checkpoint by a word": (["--ckpt_path", "last"], "--ckpt_path last: a new run has no checkpoint yet; give a file"),
    "data class": (["--data", "TextDta"], "there is no class 'TextDta'; did you mean TextData?"),
    "model class": (["--model", "nowhere.Mine"], "use Captioner, "),
    "module": (["--model.cell", "nowhere.cells:Mine"], "can't import nowhere.cells:Mine"),
    "class": (["--model.cell", "torch.nn:Linear"], "no subclass of seqmodels.Cell"),
    "trainer": (["--trainer.val_check_interval", "100000"], "val_check_interval"),
    "no steps": (["--trainer.val_check_interval", "0"], "--trainer.val_check_interval is 0; use 1 or more steps"),
    "no epochs": (["--trainer.check_val_every_n_epoch", "0"], "check_val_every_n_epoch is 0; use 1 or more"),
    "no batches": (["--trainer.accumulate_grad_batches", "0"], "accumulate_grad_batches is 0; use 1 or more"),
    "clipping": (["--trainer.gradient_clip_val", "-1"], "--trainer.gradient_clip_val is -1; use 0 or more"),
    "logging": (["--trainer.log_every_n_steps", "-5"], "--trainer.log_every_n_steps is -5; use 0 or more"),
    "batch size": (["--data.batch_size", "0"], "batch_size is 0; use 1 or more"),
    "size": (["--model.hidden_size", "-3"], "hidden_size is -3; use 1 or more"),
    "learning rate": (["--model.learning_rate", "-1"], "learning_rate is -1.0; use 0 or more"),
    "optimizer": (["--model.optimizer_options", "{foo: 1}"], "optimizer_options: adam can't take {'foo': 1} ("),
    "folder": (["--trainer.default_root_dir", "my.txt"], "my.txt: can't be written (Not a directory)"),
    "numbers": (["--data.fractions", "[0.5, 0.4]"], "--data.fractions: Expected a tuple with 3 elements"),
    "results": (["--results", "out.json"], "--results is an option of validate and test, not of fit"),
    "other data": (["--model", "Captioner"], "Captioner reads CaptionData, not TextData; give --data CaptionData"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_and_exit_code_2(folder, capsys, mistake):
    options, message = MISTAKES[mistake]
    assert fit(*options) == 2
    *_, line = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("seqmodels: error: ")
    assert message in line
    assert not Path("runs").exists()


@pytest.mark.parametrize("callback", ["EarlyStopping", "ModelCheckpoint"])
def test_a_metric_that_is_not_logged_is_one_line_with_those_that_are(folder, capsys, callback):
    assert fit("--trainer.callbacks", callback, "--trainer.callbacks.monitor", "val_los") == 2
    *_, line = capsys.readouterr().err.strip().splitlines()
    assert line.startswith(f"seqmodels: error: --trainer.callbacks: {callback} has monitor 'val_los', which is not")
    assert "did you mean 'val_loss'? use train_loss, " in line
    assert "val_bits_per_character" in line


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--wandb=mine", "--wandb is an option of fit, not of test; leave it out"),
        ("--sample_length=9", "--sample_length is an option of fit"),
        ("--results=out.json", "--results: a LanguageModel writes no result file"),
    ],
)
def test_an_option_without_effect_is_refused_before_anything_runs(folder, capsys, option, message):
    fit()
    capsys.readouterr()
    options = ["--config", "runs/version_0/config.yaml", "--ckpt_path", str(CHECKPOINTS / "best.ckpt")]
    assert main(["test", *options, option]) == 2
    said, error = capsys.readouterr()
    assert "test_loss" not in said
    assert message in error.strip().splitlines()[-1]


@pytest.mark.parametrize("command", ["validate", "test"])
def test_what_evaluates_needs_a_checkpoint(folder, capsys, command):
    assert main([command, "--data.path", "my.txt"]) == 2
    assert capsys.readouterr().err.strip().endswith(f"--ckpt_path is missing: give the checkpoint to {command}")


def test_a_checkpoint_of_another_task_is_named(folder, capsys):
    fit()
    file, data = str(CHECKPOINTS / "last.ckpt"), ("--data", "LabelledTextData", "--data.source", "unicode")
    assert main(["fit", "--model", "SequenceClassifier", *data, "--ckpt_path", file]) == 2
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert line.endswith(
        f"{file}: is a LanguageModel, not a SequenceClassifier; give --model LanguageModel and its data"
    )


class Told(pl.Callback):
    """Ctrl-C after the first batch."""

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if trainer.global_step == 1:
            os.kill(os.getpid(), signal.SIGINT)


def test_who_is_stopped_is_told_how_to_go_on(folder, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "told", types.SimpleNamespace(Told=Told))
    with pytest.raises(SystemExit) as left:
        fit("--trainer.callbacks", "told.Told")
    assert left.value.code == 130
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert line == f"go on: seqmodels fit --config runs/version_0/config.yaml --ckpt_path {CHECKPOINTS / 'last.ckpt'}"
    assert main(shlex.split(line)[3:]) == 0


def test_ctrl_c_while_nothing_runs_yet_is_one_line(capsys, monkeypatch):
    monkeypatch.setattr("seqmodels.cli._run", lambda arguments: signal.raise_signal(signal.SIGINT))
    assert main(["fit"]) == 130
    assert capsys.readouterr().err == "seqmodels: stopped by Ctrl-C\n"


BAD_TEXTS = {
    "empty": (b"", "hi.txt: the file holds no text"),
    "one short line": (b"hi\n", "hi.txt"),
    "not UTF-8": (b"fine\nna\xefve " * 100, "hi.txt, line 2"),
    "lone surrogate": (b"ab\xed\xa0\x80" * 100, "hi.txt, line 1"),
}


@pytest.mark.parametrize("text", BAD_TEXTS)
def test_a_bad_text_is_named_with_its_place(folder, capsys, text):
    content, message = BAD_TEXTS[text]
    Path("hi.txt").write_bytes(content)
    assert fit("--data.path", "hi.txt") == 2
    *_, line = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("seqmodels: error: ")
    assert message in line


ODD_TEXTS = {
    "byte order mark": b"\xef\xbb\xbf" + TEXT.encode(),
    "CRLF": TEXT.replace("! ", "!\r\n").encode(),
    "NUL": TEXT.replace("! ", "!\0").encode(),
    "line separator": TEXT.replace("! ", "!\u2028").encode(),
    "10 MB line": b"x" * 10_000_000,
}


@pytest.mark.parametrize("text", ODD_TEXTS)
def test_an_odd_text_trains(folder, text):
    Path("odd.txt").write_bytes(ODD_TEXTS[text])
    assert fit("--data.path", "odd.txt", "--data.max_characters", "3000") == 0


@pytest.mark.parametrize("damage", ["empty", "half", "garbage", "bit", "folder"])
def test_a_damaged_checkpoint_is_named(folder, capsys, damage):
    fit()
    file = CHECKPOINTS / "last.ckpt"
    content = bytearray(file.read_bytes())
    if damage == "folder":
        file = CHECKPOINTS
    elif damage == "bit":
        weight = read_checkpoint(file)["state_dict"]["decoder.weight"].numpy().tobytes()
        content[bytes(content).index(weight) + 100] ^= 1
        file.write_bytes(content)
    else:
        file.write_bytes({"empty": b"", "half": content[: len(content) // 2], "garbage": b"\x00\xff" * 500}[damage])
    capsys.readouterr()
    for command in (["generate", str(file)], ["fit", "--data.path", "my.txt", "--ckpt_path", str(file)]):
        assert main(command) == 2
        *_, line = capsys.readouterr().err.strip().splitlines()
        assert line.startswith("seqmodels: error: ")
        assert str(file) in line


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--prompt", "€"], "€"),
        (["--temperature", "-1"], "temperature must be 0 or more"),
        (["--top-k", "0"], "top_k must be 1 or more"),
        (["--length", "many"], "invalid int value"),
        (["--lenght", "5"], "unrecognized arguments"),
        (["--beam", "5", "--temperature", "0.8"], "give either temperature or beam_size"),
        (["--beam", "5", "--min-p", "0.05"], "give either min_p or beam_size"),
        (["--min-length", "5"], "min_length needs an end token"),
        (["--groups", "2"], "groups is an option of beam search; give beam_size, too"),
    ],
)
def test_a_wrong_request_to_write_is_one_line(folder, capsys, options, message):
    fit()
    capsys.readouterr()
    assert main(["generate", str(CHECKPOINTS / "best.ckpt"), *options]) == 2
    error = capsys.readouterr().err.strip()
    assert "\n" not in error
    assert message in error
