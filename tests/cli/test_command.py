"""``seqmodels``: its subcommands, and how mistakes end."""

import importlib
import importlib.metadata
import os
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest
from patience import PATIENCE

from seqmodels import cli
from seqmodels.errors import CellError

COMMAND = str(Path(sysconfig.get_path("scripts"), "seqmodels"))


@pytest.mark.parametrize("arguments", [[], ["-h"], ["--help"]])
def test_help_names_every_command(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    for name, (_, description) in cli.COMMANDS.items():
        assert [line.split(maxsplit=1) for line in lines].count([name, description]) == 1


def test_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"seqmodels {importlib.metadata.version('seqmodels')}\n"


def test_every_command_has_its_module() -> None:
    assert [
        name for name, (module, _) in cli.COMMANDS.items() if not callable(importlib.import_module(module).run)
    ] == []


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_every_command_explains_its_options(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main([command, "--help"])
    assert not end.value.code
    assert (
        f"usage: seqmodels [options] {command}" in (shown := capsys.readouterr().out) or f"seqmodels {command}" in shown
    )


@pytest.mark.parametrize(
    ("command", "hint"),
    [("generte", "did you mean 'generate'? "), ("dance", ""), ("--cells", "did you mean 'cells'? ")],
)
def test_an_unknown_command_is_one_line_with_a_suggestion(
    command: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([command]) == 2
    known = ", ".join(cli.COMMANDS)
    assert capsys.readouterr() == ("", f"seqmodels: error: no command {command!r}; {hint}known: {known}\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cells", "--sizes"], "unrecognized arguments: --sizes"),
        (["cells", "--hidden-size", "big"], "argument --hidden-size: invalid int value: 'big'"),
        (["generate"], "the following arguments are required: checkpoint"),
    ],
)
def test_a_wrong_option_is_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == 2
    assert capsys.readouterr() == ("", f"seqmodels: error: {message} (see seqmodels {arguments[0]} --help)\n")


def test_a_mistake_within_a_command_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(arguments: list[str]) -> None:
        raise CellError(f"what {arguments} asks for can't be")

    monkeypatch.setattr("seqmodels.cli.cells.run", run)
    assert cli.main(["cells", "x"]) == 2
    assert capsys.readouterr() == ("", "seqmodels: error: what ['cells', 'x'] asks for can't be\n")


def test_our_own_bugs_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqmodels.cli.cells.run", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cli.main(["cells"])


def test_the_installed_command_ends_with_the_exit_code() -> None:
    done = subprocess.run([COMMAND, "fitt"], capture_output=True, text=True, timeout=PATIENCE)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("seqmodels: error: no command 'fitt'; did you mean 'fit'?")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(("argument", "unbuffered"), [("--help", ""), ("--help", "1"), ("cells", "")])
def test_a_reader_that_has_seen_enough_is_no_mistake(argument: str, unbuffered: str) -> None:
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    reading, writing = os.pipe()
    os.close(reading)
    try:
        command = [COMMAND, argument]
        done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, env=environment, timeout=PATIENCE)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["classify", "--help"], ["fitt"]])
def test_a_quick_answer_waits_for_no_library(arguments: list[str]) -> None:
    code = "import sys, seqmodels.cli as cli\ntry: cli.main(sys.argv[1:])\nexcept SystemExit: pass\n"
    command = [sys.executable, "-c", code + "print('torch' in sys.modules)", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert done.stdout.splitlines()[-1] == "False"


@pytest.mark.parametrize("command", ["cells", "fit"])  # one imports its libraries late, one at once
def test_ctrl_c_during_imports_is_silent(command: str, tmp_path: Path) -> None:
    """A library that is long in coming, and turns the exception into another one."""
    (tmp_path / "lightning.py").write_text("print('here', flush=True)\nimport time\ntime.sleep(30)\n")
    swallows = "try: import lightning\nexcept BaseException: raise ImportError\n"
    (tmp_path / "rich.py").write_text(swallows)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    with subprocess.Popen(
        [COMMAND, command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=PATIENCE) == ("", "")
    assert process.returncode == 130


def test_a_module_of_the_current_folder_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(filter(os.path.isabs, sys.path)))  # as the installed command has it
    (tmp_path / "leaky_cells.py").write_text(
        "from seqmodels import Cell\n\n\nclass Leaky(Cell):\n    def step(self, x, h):\n        return 0.9 * h\n"
    )
    assert cli.main(["explain", "leaky_cells:Leaky"]) == 0
    assert "Leaky" in capsys.readouterr().out
