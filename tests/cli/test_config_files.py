"""What is wrong in a file of ``--config`` names the file."""

from pathlib import Path

import pytest

from seqmodels.cli import main
from seqmodels.cli.config_files import with_options_of_run

CONFIGS = {
    "syntax": ("model:\n  init_args: {cell: gru\ndata:\n", "my.yaml, line 3: is no YAML (while parsing a flow mapping"),
    "tab": ("model:\n\tcell: gru\n", "my.yaml, line 2: is no YAML"),
    "not UTF-8": (b"model:\n  cell: caf\xe9\n", "my.yaml, line 2: byte"),
    "character": ("a: b\nc: \x07\n", "my.yaml, line 2: is no YAML"),
    "text": ("gru\n", "my.yaml: holds a str, not options"),
    "empty": ("# later\n", "my.yaml: holds nothing"),
    "option": ("model:\n  init_args: {cel: gru}\n", "my.yaml: LanguageModel has no option 'cel'; did you mean 'cell'"),
    "key": ("modle: LanguageModel\n", "my.yaml: no option 'modle'"),
    "type": ("trainer: {max_epochs: many}\n", "my.yaml: --trainer.max_epochs must be int"),
    "class": ("data: {class_path: TextDta}\n", "my.yaml: --data: there is no class 'TextDta'"),
}


@pytest.mark.parametrize("config", CONFIGS)
def test_what_is_wrong_in_a_file_names_it(tmp_path, monkeypatch, capsys, config):
    content, message = CONFIGS[config]
    monkeypatch.chdir(tmp_path)
    Path("fine.yaml").write_text("trainer: {max_epochs: 1}\n")
    Path("my.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())
    assert main(["fit", "--config", "my.yaml", "--config=fine.yaml"]) == 2
    line = capsys.readouterr().err.strip()
    assert line.startswith(f"seqmodels: error: {message}")
    assert "\n" not in line


def test_what_is_wrong_on_the_command_line_names_no_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("fine.yaml").write_text("trainer: {max_epochs: 1}\n")
    assert main(["fit", "--config", "fine.yaml", "--model.hidden_size", "big"]) == 2
    assert capsys.readouterr().err.startswith("seqmodels: error: --model.hidden_size must be int")


def test_a_checkpoint_is_tested_with_the_options_of_its_run_and_what_is_given_beside_them(tmp_path, capsys):
    folder = tmp_path / "version_0"
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "config.yaml").write_text("data: {class_path: TextDta}\n")
    checkpoint = str(folder / "checkpoints/best.ckpt")
    for given in (["--ckpt_path", checkpoint], [f"--ckpt_path={checkpoint}"]):
        found = with_options_of_run(["test", *given, "--data.steps", "7"])
        assert found == ["test", "--config", str(folder / "config.yaml"), *given, "--data.steps", "7"]
    assert main(["validate", "--ckpt_path", checkpoint]) == 2
    said = capsys.readouterr()
    assert f"options: {folder / 'config.yaml'}" in said.out
    assert "config.yaml: --data: there is no class 'TextDta'" in said.err


@pytest.mark.parametrize(
    "arguments",
    [["fit", "--ckpt_path"], ["test", "--config", "my.yaml", "--ckpt_path"], ["test", "-c=my.yaml", "--ckpt_path"]],
)
def test_who_trains_or_names_files_says_all_options(tmp_path, arguments):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "config.yaml").touch()
    arguments = [*arguments, str(tmp_path / "checkpoints/best.ckpt")]
    assert with_options_of_run(arguments) == arguments
    assert with_options_of_run([*arguments[:1], *arguments[-2:], *arguments[1:-2]])[1] == "--ckpt_path"
