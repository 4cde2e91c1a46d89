"""The wheel and the sdist hold the library, all of it and nothing else."""

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from packaging.requirements import Requirement

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
# Folder of the repository -> folder of the wheel.
FOLDERS = {"seqmodels": "seqmodels", "tasks": "seqmodels/tasks", "plugins": "seqmodels/plugins"}


def library_files() -> dict[str, Path]:
    """Path in the wheel -> file of the repository, for every file of the library."""
    files = {}
    for folder, target in FOLDERS.items():
        for parent, _, names in os.walk(ROOT / folder):  # which doesn't follow seqmodels/tasks and seqmodels/plugins
            inside = Path(parent).relative_to(ROOT / folder)
            if "__pycache__" not in inside.parts:
                files.update({(target / inside / name).as_posix(): Path(parent, name) for name in names})
    return files


def build(source: Path, target: Path, *options: str) -> Path:
    """Runs `python -m build` on a folder; returns the wheel."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(target), *options, str(source)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = target.glob("*.whl")
    return wheel


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """`direct`: contents of the wheel of the tree; `by_sdist`: of the wheel of its sdist; `installed`: it, unpacked."""
    folder = tmp_path_factory.mktemp("package")
    left_out = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__", "runs", "wandb")
    shutil.copytree(ROOT, folder / "tree", symlinks=True, ignore=left_out)
    by_sdist = build(folder / "tree", folder / "by_sdist")
    (sdist,) = (folder / "by_sdist").glob("*.tar.gz")
    wheel = build(folder / "tree", folder / "direct", "--wheel")
    shutil.unpack_archive(wheel, folder / "installed", "zip")
    shutil.unpack_archive(sdist, folder / "unpacked")
    (info,) = (folder / "installed").glob("*.dist-info")
    return SimpleNamespace(
        direct=contents(wheel),
        by_sdist=contents(by_sdist),
        installed=folder / "installed",
        sdist=next((folder / "unpacked").iterdir()),
        distribution=importlib.metadata.Distribution.at(info),
    )


def in_python(code: str, folder: Path, path: Path | None = None) -> str:
    """What a fresh interpreter prints, started in a folder, with one more folder to import from."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_holds_every_file_of_the_library_unchanged(built: SimpleNamespace) -> None:
    expected = {name: path.read_bytes() for name, path in library_files().items()}
    assert "seqmodels/py.typed" in expected
    found = {name: data for name, data in built.direct.items() if ".dist-info/" not in name}
    assert sorted(found) == sorted(expected)
    assert [name for name in found if found[name] != expected[name]] == []


def test_the_sdist_gives_the_same_wheel(built: SimpleNamespace) -> None:
    def files(wheel: dict[str, bytes]) -> dict[str, bytes]:
        return {name: data for name, data in wheel.items() if not name.endswith("/RECORD")}

    assert files(built.by_sdist) == files(built.direct)


def test_the_sdist_brings_tests_examples_and_documentation(built: SimpleNamespace) -> None:
    for name in ("README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "tests/test_package.py"):
        assert (built.sdist / name).read_bytes() == (ROOT / name).read_bytes()
    for folder in ("tests", "examples", "benchmarks", "docs"):
        wanted = [
            path for path in (ROOT / folder).rglob("*") if path.is_file() and path.suffix in (".py", ".yaml", ".md")
        ]
        assert [path for path in wanted if not (built.sdist / path.relative_to(ROOT)).is_file()] == []


def test_the_list_of_packages_is_that_of_the_folders() -> None:
    folders = {Path(name).parent for name in library_files() if name.endswith(".py")}
    assert sorted(PROJECT["tool"]["setuptools"]["packages"]) == sorted(".".join(folder.parts) for folder in folders)
    without_init = [folder for folder in folders if (folder / "__init__.py").as_posix() not in library_files()]
    assert without_init == []


def test_metadata_name_the_version_the_licence_and_the_command(built: SimpleNamespace) -> None:
    assert built.distribution.version == PROJECT["project"]["version"]
    assert built.distribution.metadata["License-Expression"] == "Apache-2.0"
    assert built.distribution.read_text("licenses/LICENSE") == (ROOT / "LICENSE").read_text(encoding="utf-8")
    (script,) = built.distribution.entry_points.select(group="console_scripts")
    assert (script.name, script.value) == ("seqmodels", "seqmodels.cli:main")
    assert built.distribution.metadata["Requires-Python"] == ">=3.10"
    assert built.distribution.read_text("top_level.txt").split() == ["seqmodels"]


def test_the_installed_version_and_the_changelog_are_of_this_tree() -> None:
    assert importlib.metadata.version("seqmodels") == PROJECT["project"]["version"]
    assert f"## [{PROJECT['project']['version']}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_metadata_ask_for_the_core_dependencies_and_a_safe_lightning(built: SimpleNamespace) -> None:
    requirements = [Requirement(line) for line in built.distribution.requires]
    core = {requirement.name: requirement for requirement in requirements if requirement.marker is None}
    assert {"torch", "lightning", "torchvision", "datasets", "torchmetrics", "wandb"} <= set(core)
    for version in ("2.6.0", "2.6.2", "2.6.3", "2.6.5"):  # code from checkpoints is executed, or malicious
        assert version not in core["lightning"].specifier
    assert "2.6.6" in core["lightning"].specifier
    assert {"test", "dev"} <= set(built.distribution.metadata.get_all("Provides-Extra"))


MODULES = """
import importlib, json, os, pkgutil, sys
import seqmodels
def below(package):
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        yield module.name
        if module.ispkg:
            yield from below(importlib.import_module(module.name))
names = sorted(below(seqmodels))
for name in names:
    importlib.import_module(name)
files = [getattr(module, "__file__", None) or "" for module in list(sys.modules.values())]
ours = [file for file in map(os.path.realpath, filter(os.path.isabs, files)) if file.startswith({root!r})]
print(json.dumps({{"names": names, "twice": sorted({{file for file in ours if ours.count(file) > 1}}),
                   "ours": len(ours), "from": os.path.realpath(seqmodels.__file__)}}))
"""


def test_the_root_and_the_wheel_give_the_same_modules_each_once(built: SimpleNamespace, tmp_path: Path) -> None:
    """Through the links seqmodels/tasks and seqmodels/plugins here, by setuptools' mapping there."""
    root = json.loads(in_python(MODULES.format(root=str(ROOT.resolve())), ROOT))
    wheel = json.loads(in_python(MODULES.format(root=str(built.installed.resolve())), tmp_path, built.installed))
    assert Path(root["from"]) == ROOT.resolve() / "seqmodels/__init__.py"
    assert Path(wheel["from"]) == built.installed.resolve() / "seqmodels/__init__.py"
    assert root["names"] == wheel["names"]
    assert {"seqmodels.tasks.language_model", "seqmodels.plugins.lstm"} <= set(root["names"])
    assert root["twice"] == wheel["twice"] == []
    assert root["ours"] == wheel["ours"] == len(root["names"]) + 1


def test_nothing_called_tasks_or_plugins_is_installed(built: SimpleNamespace, tmp_path: Path) -> None:
    code = "import importlib.util; print([importlib.util.find_spec(name) for name in ('tasks', 'plugins', 'tests')])"
    assert in_python(code, tmp_path, built.installed).strip() == "[None, None, None]"
