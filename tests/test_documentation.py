"""What the documentation says happens: docstring examples, the README's code, every command line, every link."""

import ast
import doctest
import importlib
import inspect
import itertools
import os
import pkgutil
import re
import shlex
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import seqmodels
from seqmodels import cli
from seqmodels.cli.arguments import ArgumentParser

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
# Public names whose docstrings must show them at work, beside all of `import seqmodels`.
WITH_EXAMPLE = [
    "data.TextData",
    "decoding.sample",
    "tasks.LanguageModel",
    "testing.check_cell",
    "training.TruncatedBPTT",
]


def modules_below(folder: str, package: str) -> Iterator[str]:
    """Names of a package and all modules in it, found without importing any."""
    yield package
    for module in pkgutil.iter_modules([folder]):
        if module.ispkg:
            yield from modules_below(os.path.join(folder, module.name), f"{package}.{module.name}")
        elif module.name != "__main__":
            yield f"{package}.{module.name}"


MODULES = list(modules_below(seqmodels.__path__[0], "seqmodels"))


# --- docstrings ---------------------------------------------------------------------------------------------------


class Finder(doctest.DocTestFinder):
    """Also finds functions that jaxtyping has wrapped, which seem to come from another module."""

    def _from_module(self, module: Any, object: Any) -> bool:
        return super()._from_module(module, inspect.unwrap(object) if callable(object) else object)  # type: ignore[misc]


def examples_in(module: types.ModuleType) -> int:
    """Number of examples in the docstrings of a module's source."""
    tree = ast.parse(inspect.getsource(module))
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    texts = [ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, documented)]
    return sum(len(doctest.DocTestParser().get_examples(text)) for text in texts)


@pytest.mark.usefixtures("own_registry")
@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples_run(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for test in Finder().find(module, name):
        runner.run(test)
    assert runner.failures == 0
    assert runner.tries == examples_in(module), "an example was not found, or is skipped"


def public_objects() -> dict[str, Any]:
    """Full name -> class or function, of every name in the `__all__` of a public module."""
    found = {}
    for name in MODULES:
        if "._" not in name:
            module = importlib.import_module(name)
            for public in getattr(module, "__all__", []):
                thing = getattr(module, public)  # `__all__` names nothing that isn't there
                if inspect.isclass(thing) or inspect.isroutine(thing):
                    found[f"{name}.{public}"] = thing
    return found


def test_public_names_have_docstrings() -> None:
    undocumented = [name for name, thing in public_objects().items() if not (thing.__doc__ or "").strip()]
    assert undocumented == []


def test_the_main_names_have_examples() -> None:
    found = public_objects()
    main = [*(f"seqmodels.{name}" for name in seqmodels.__all__), *(f"seqmodels.{name}" for name in WITH_EXAMPLE)]
    found["seqmodels.testing.check_cell"] = importlib.import_module("seqmodels.testing").check_cell
    assert [name for name in main if ">>> " not in found[name].__doc__] == []


# --- pages --------------------------------------------------------------------------------------------------------


def blocks(page: Path, *languages: str) -> Iterator[tuple[int, str]]:
    """Line number and text of each fenced block in one of the languages."""
    text = page.read_text(encoding="utf-8")
    for block in re.finditer(r"^```(\w*)[^\n]*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        if block[1] in languages:
            yield text.count("\n", 0, block.start(2)), block[2]


def without_blocks(page: Path) -> str:
    """The text of a page but for its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


@pytest.mark.usefixtures("own_registry")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_code_of_a_page_runs_in_order(page: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    module = types.ModuleType("page")  # a real module, since classes of the page are pickled and looked up by path
    monkeypatch.setitem(sys.modules, "page", module)
    for line, text in blocks(page, "python", "pycon"):
        if ">>> " in text:
            examples = doctest.DocTestParser().get_doctest(text, module.__dict__, page.name, str(page), line)
            runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
            assert runner.run(examples, clear_globs=False).failed == 0
        else:
            exec(compile("\n" * line + text, str(page), "exec"), module.__dict__)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_within_the_repository_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!\w+:|#)([^)#\s]+)", without_blocks(page))
    paths = [page.parent / link for link in links]
    # An empty folder is here, but in nobody else's checkout.
    assert [str(path) for path in paths if not path.is_file() and not (path.is_dir() and any(path.iterdir()))] == []


def headings(page: Path) -> set[str]:
    """The names under which GitHub finds the headings of a page."""
    titles = re.findall(r"^#+ (.+)$", without_blocks(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_to_headings_lead_to_some(page: Path) -> None:
    links = re.findall(r"\]\((?!\w+:)([^)#\s]*)#([^)\s]+)\)", without_blocks(page))
    there = {path: headings(page.parent / path if path else page) for path, _ in links}
    assert [f"{path}#{heading}" for path, heading in links if heading not in there[path]] == []


# --- command lines ------------------------------------------------------------------------------------------------


def commands_in(text: str) -> Iterator[list[str]]:
    """Arguments of each `seqmodels ...` in lines of shell."""
    for line in text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line.removeprefix("$ "), posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        command: list[str] = []
        for word in [*lexer, ";"]:
            if set(word) <= set("&|;<>()"):
                if command[:1] == ["seqmodels"]:
                    yield command[1:]
                command = []
            else:
                command.append(word)


SHELL = re.compile(r"^ {4,}((?:\$ )?seqmodels (?:.*\\\n)*.*)", re.MULTILINE)  # indented, as code is


def command_lines() -> Iterator[Any]:
    """Every command line of the README, the documentation, and the comments on top of the examples."""
    texts = {}
    for page in PAGES:
        texts.update({f"{page.name}:{line}": text for line, text in blocks(page, "bash", "sh", "shell", "console")})
        texts[page.name] = "\n".join(SHELL.findall(page.read_text(encoding="utf-8")))
    for example in EXAMPLES:
        comments = re.sub(r"^#", "  ", example.read_text(encoding="utf-8"), flags=re.MULTILINE)
        texts[example.name] = "\n".join(SHELL.findall(comments))
        texts[f"{example.name} alone"] = f"seqmodels fit --config {example.relative_to(ROOT)}"
    for place, text in texts.items():
        for number, command in enumerate(commands_in(text)):
            yield pytest.param(command, id=f"{place}-{number}")


def without_made_up_files(arguments: list[str]) -> list[str]:
    """The arguments but for configurations and cells that a reader would have; configurations in examples/ are here."""
    kept = list(arguments)
    for option, path in itertools.pairwise(arguments):
        if option in ("--config", "--cell") and not path.startswith("examples/"):
            at = kept.index(path)
            del kept[at - 1 : at + 1]
    return kept


class Parsed(BaseException):
    """A command line is understood; what follows would need its files, and time."""


@pytest.fixture
def parse_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command stops once its arguments are parsed and checked."""
    from seqmodels.cli.training import TrainingCLI

    def stop(*_: Any) -> None:
        raise Parsed

    def parse_and_stop(parser: ArgumentParser, *arguments: Any) -> None:
        super(ArgumentParser, parser).parse_args(*arguments)
        raise Parsed

    monkeypatch.setattr(TrainingCLI, "before_instantiate_classes", stop)
    monkeypatch.setattr(ArgumentParser, "parse_args", parse_and_stop)
    monkeypatch.chdir(ROOT)


def understood(arguments: list[str]) -> bool:
    try:
        return cli.main(arguments) == 0
    except Parsed:
        return True
    except SystemExit as end:  # --help
        return not end.code


@pytest.mark.usefixtures("parse_only")
@pytest.mark.parametrize("arguments", list(command_lines()))
def test_command_lines_of_the_documentation_parse(arguments: list[str]) -> None:
    assert understood(without_made_up_files(arguments))


@pytest.mark.usefixtures("parse_only")
@pytest.mark.parametrize(
    "line",
    [
        "fit --model.cel lstm",
        "fit --trainer.max_epochs many",
        "cells --all",
        "generate",
        "fits",
        "fit --config no.yaml",
    ],
)
def test_wrong_command_lines_do_not_parse(line: str) -> None:
    """So that the test above can fail."""
    assert not understood(line.split())
