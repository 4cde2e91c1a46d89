"""The files that ``--config`` names, and what can be wrong with them."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seqmodels.cli.mistakes import explain
from seqmodels.errors import OptionError, SeqmodelsError


def config_files(arguments: Sequence[str]) -> list[str]:
    """The files that a command line names, in order.

    Example:
        >>> config_files(["fit", "--config", "a.yaml", "--config=b.yaml", "--model.cell", "gru"])
        ['a.yaml', 'b.yaml']
    """
    found = []
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=True):
        if _option(argument) in ("--config", "-c"):
            found.append(argument.partition("=")[2] if "=" in argument else following)
    return [path for path in found if "{" not in path and ": " not in path]  # else it is what a file would hold


def configs_first(arguments: Sequence[str]) -> list[str]:
    """The same command line with its files before all else: what stands beside them wins, wherever it stands.

    Example:
        >>> configs_first(["fit", "--model.cell", "gru", "--config", "a.yaml", "--config=b.yaml"])
        ['fit', '--config', 'a.yaml', '--config=b.yaml', '--model.cell', 'gru']
    """
    command, *rest = arguments
    files: list[str] = []
    others: list[str] = []
    while rest:
        argument = rest.pop(0)
        if argument in ("--config", "-c") and rest:
            files += [argument, rest.pop(0)]
        else:
            (files if argument.startswith(("--config=", "-c=")) else others).append(argument)
    return [command, *files, *others]


def with_options_of_run(arguments: Sequence[str]) -> list[str]:
    """A command line of ``test`` or ``validate`` without files, with the file of the run that a checkpoint lies in.

    Example:
        >>> with_options_of_run(["test", "--ckpt_path", "elsewhere/best.ckpt"])
        ['test', '--ckpt_path', 'elsewhere/best.ckpt']
    """
    command, *rest = arguments
    if command not in ("test", "validate") or any(_option(argument) in ("--config", "-c") for argument in rest):
        return [command, *rest]
    for argument, following in zip(rest, [*rest[1:], ""], strict=True):
        if _option(argument) == "--ckpt_path":
            path = argument.partition("=")[2] or following
            config = Path(path).parent.parent / "config.yaml"
            if os.path.isfile(config):
                print(f"options: {config}, and what is given beside it")
                return [command, "--config", str(config), *rest]
    return [command, *rest]


def _option(argument: str) -> str:
    return argument.partition("=")[0]


def explain_parsing(error: Exception, parser: Any, arguments: Sequence[str]) -> SeqmodelsError:
    """The user's mistake behind an error of the parser; names the file if it is in one.

    Raises:
        DataError: If a file can't be read.
        OptionError: If one is no YAML.
    """
    files = config_files(arguments)
    for file in files:
        check_config(file)
    mistake = explain(error, arguments[0])
    guilty = next((file for file in reversed(files) if _fails_alone(file, error, parser, arguments[0])), None)
    return mistake if guilty is None else type(mistake)(f"{guilty}: {mistake}")


def check_config(path: str) -> None:
    """Whether a file is a mapping in YAML.

    Raises:
        DataError: If it can't be read.
        OptionError: If it isn't; names the line.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "my.yaml"
        >>> _ = path.write_text("trainer:\\n  max_epochs: [1\\n")
        >>> check_config(str(path))  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        seqmodels.errors.OptionError: ...my.yaml, line 3: is no YAML (while parsing a flow sequence from line 2: ...
    """
    import yaml

    from seqmodels.data.text_file import read_text

    text = read_text(path)
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise OptionError(_not_yaml(path, text, error)) from None
    if not isinstance(content, dict):
        found = "nothing" if content is None else f"a {type(content).__name__}"
        raise OptionError(f"{path}: holds {found}, not options; write them as in: trainer: {{max_epochs: 3}}")


def _not_yaml(path: str, text: str, error: Any) -> str:
    problem, mark = getattr(error, "problem", None), getattr(error, "problem_mark", None)
    if mark is None:  # a character that YAML doesn't allow
        line = text.count("\n", 0, getattr(error, "position", 0) or 0) + 1
        return f"{path}, line {line}: is no YAML ({getattr(error, 'reason', error)}); mend it there"
    start = error.context_mark
    where = f" from line {start.line + 1}" if start is not None and start.line != mark.line else ""
    context = f"{error.context}{where}: " if error.context else ""
    return f"{path}, line {mark.line + 1}: is no YAML ({context}{problem}); mend it there"


def _fails_alone(file: str, error: Exception, parser: Any, command: str) -> bool:
    """Whether the same is wrong without the rest of the command line."""
    try:
        parser.parse_args([command, "--config", os.fspath(file)])
    except Exception as alone:  # as many kinds as parsing raises
        return str(alone) == str(error)
    return False
