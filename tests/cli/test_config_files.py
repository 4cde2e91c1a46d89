"""What is wrong in a file of ``--config`` names the file."""

from pathlib import Path

import pytest

from seqmodels.cli import main

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
