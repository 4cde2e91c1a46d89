"""Names of cells.

Three doors lead to a cell, and each works wherever a name does: a class registered with :func:`register_cell`, the
entry-point group ``seqmodels.cells`` of an installed distribution, and ``package.module:Class``. The built-in cells are
the files of :mod:`seqmodels.plugins` and of its folder ``literature``, registered with the decorator as anyone's are:
the file's name is the cell's.
"""

import functools
import importlib
import importlib.metadata
import importlib.util
import json
import pkgutil
import sys
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from seqmodels.cell import Cell
from seqmodels.errors import CellError, OptionError, UnknownCell
from seqmodels.restoring import is_restoring

ENTRY_POINT_GROUP = "seqmodels.cells"
LITERATURE = "seqmodels.plugins.literature"

CellClass = TypeVar("CellClass", bound=type[Cell])

_registered: dict[str, type[Cell]] = {}


def register_cell(name: str) -> Callable[[CellClass], CellClass]:
    """Class decorator: makes a cell known by ``name`` in this process.

    A cell of an installed package is found by name in every process through an entry point instead::

        [project.entry-points."seqmodels.cells"]
        mgu = "mypkg.cells:MinimalGatedUnit"

    Raises:
        CellError: If the name is taken by another class, or isn't made of letters, digits, ``_`` and ``-``.

    Example:
        >>> import seqmodels
        >>> @seqmodels.register_cell("leaky")
        ... class Leaky(seqmodels.Cell):
        ...     def step(self, x, h):
        ...         return 0.9 * h + 0.1 * x
        >>> seqmodels.get_cell("leaky") is Leaky
        True
    """
    if not isinstance(name, str):
        raise CellError(f'register_cell takes a name, not {name!r}; write @register_cell("...")')

    def register(cell: CellClass) -> CellClass:
        if not isinstance(cell, type) or not issubclass(cell, Cell):
            raise CellError(f"register_cell({name!r}): {cell!r} is no subclass of seqmodels.Cell")
        if not name or not name.replace("_", "").replace("-", "").isalnum():
            raise CellError(f"register_cell({name!r}): a name is made of letters, digits, '_' and '-'")
        known = _registered.get(name)
        if known is None and name in builtin_names() and not cell.__module__.startswith("seqmodels.plugins."):
            known = get_cell(name)
        # The same class again is a module that was reloaded, or run once as __main__.
        if known is not None and (known.__qualname__ != cell.__qualname__ or known.__module__ != cell.__module__):
            raise CellError(f"register_cell({name!r}): the name belongs to {path_of(known)}; choose another")
        _registered[name] = cell
        return cell

    return register


def builtin_names() -> list[str]:
    """Names of the cells that come with seqmodels, read from the files of its plugins folder; imports none."""
    return sorted([*_files_of("seqmodels.plugins"), *_files_of(LITERATURE)])


def literature_names() -> list[str]:
    """Names of the built-in cells that are known by name, but are compared only where they are named.

    Example:
        >>> from seqmodels import registry
        >>> "janet" in registry.literature_names(), "lstm" in registry.literature_names()
        (True, False)
    """
    return _files_of(LITERATURE)


def _files_of(package: str) -> list[str]:
    """Public modules of a package, without importing them."""
    found = importlib.util.find_spec(package)
    assert found is not None
    files = pkgutil.iter_modules(found.submodule_search_locations)
    return sorted(file.name for file in files if file.name[0] != "_" and not file.ispkg)


def cells() -> list[str]:
    """All names that :func:`get_cell` takes: built-in, installed and registered. Imports no cell.

    Example:
        >>> import seqmodels
        >>> [name for name in seqmodels.cells() if name.startswith("mut")]
        ['mut1', 'mut2', 'mut3']
    """
    return sorted({*builtin_names(), *_registered, *(entry.name for entry in _entry_points())})


def get_cell(name: str) -> type[Cell]:
    """The cell of that name, or the class at ``package.module:Class``.

    While a model is made from a checkpoint, only the modules of built-in and installed cells are imported.

    Raises:
        UnknownCell: If there is no such cell, if it can't or mustn't be imported, or if two packages give that name.
        CellError: If what stands there is no :class:`Cell`.

    Example:
        >>> import seqmodels
        >>> seqmodels.get_cell("lstm") is seqmodels.get_cell("seqmodels.plugins.lstm:LSTM")
        True
    """
    if name in _registered:
        return _registered[name]
    for package in ("seqmodels.plugins", LITERATURE):
        if name in _files_of(package):
            importlib.import_module(f"{package}.{name}")
            return _registered[name]
    if ":" in name:
        if is_restoring() and not _is_here(name):
            raise UnknownCell(
                f"the checkpoint's cell is {name}, and a checkpoint imports installed cells only: if you trust it, "
                f"import {name.partition(':')[0]} before, or on the command line add --cell {name}"
            )
        return _import_cell(name, name)
    entries = {entry.value: entry for entry in _entry_points() if entry.name == name}
    if len(entries) > 1:
        paths = " or ".join(sorted(entries))
        raise UnknownCell(f"cell {name!r} comes from several packages; say which: {paths}")
    for path in entries:
        return _import_cell(path, name)
    similar = get_close_matches(name, cells(), n=1)
    hint = f"did you mean {similar[0]!r}? " if similar else ""
    literature = literature_names()
    others = ", ".join(known for known in cells() if known not in literature)
    more = f"{len(literature)} of the literature (seqmodels cells lists them)"
    raise UnknownCell(f"no cell named {name!r}; {hint}known: {others}, {more}, or package.module:Class")


def split_options(cell: str) -> tuple[str, dict[str, Any]]:
    """A cell's name or path, and the options behind it, as comparisons have them: of the cell, or of RNN.

    A value is read as JSON (``0.5``, ``true``, ``null``); what is none is a text (``relu``).

    Raises:
        OptionError: If what stands behind the name isn't ``option=value``, or an option is there twice.

    Example:
        >>> from seqmodels.registry import split_options
        >>> split_options("lstm:forget_bias=0:layer_norm=true")
        ('lstm', {'forget_bias': 0, 'layer_norm': True})
        >>> split_options("mypkg.cells:MyCell:kind=relu")
        ('mypkg.cells:MyCell', {'kind': 'relu'})
    """
    parts = cell.split(":")
    first = next((at for at, part in enumerate(parts) if "=" in part), len(parts))
    options: dict[str, Any] = {}
    for part in parts[first:]:
        name, _, value = part.partition("=")
        if not (first and name.isidentifier() and value) or "/" in value:
            raise OptionError(f"cell {cell!r}: {part!r} is no option; write them as in lstm:forget_bias=0:zoneout=0.1")
        if name in options:
            raise OptionError(f"cell {cell!r}: {name} is there twice; give it once")
        options[name] = _value(value)
    return ":".join(parts[:first]), options


def _value(text: str) -> Any:
    words = {"True": True, "False": False, "None": None}  # as Python has them

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is no JSON")

    try:
        return json.loads(text, parse_constant=refuse)
    except ValueError:
        return words.get(text, text)


def path_of(cls: type) -> str:
    """``package.module:Class``, by which :func:`get_cell` finds the class again."""
    return f"{cls.__module__}:{cls.__qualname__}"


def name_of(cell: type[Cell]) -> str:
    """The name under which a class is registered or installed, else its path."""
    for name, known in _registered.items():
        if known is cell:
            return name
    return path_of(cell)


def distribution_of(cell: type[Cell]) -> tuple[str, str] | None:
    """Name and version of the installed distribution that a cell comes from; None for a script's or notebook's."""
    package = cell.__module__.partition(".")[0]
    names = _distributions(tuple(sys.path)).get(package, [])
    return (names[0], importlib.metadata.version(names[0])) if names else None


@functools.lru_cache(maxsize=4)
def _distributions(path: tuple[str, ...]) -> Mapping[str, list[str]]:
    """Names of the distributions of each package; reading them takes a third of a second."""
    return importlib.metadata.packages_distributions()


def is_installed(path: str) -> bool:
    """Whether the class at this path is a built-in cell, or one that an installed distribution names as a cell."""
    entries = importlib.metadata.entry_points(group=ENTRY_POINT_GROUP)
    return path.startswith("seqmodels.plugins.") or any(entry.value == path for entry in entries)


def hidden_entry_points() -> list[tuple[str, str]]:
    """Name and path of installed cells that ask for a built-in's name: they are reached by their path only."""
    builtin = builtin_names()
    entries = importlib.metadata.entry_points(group=ENTRY_POINT_GROUP)
    return [(entry.name, entry.value) for entry in entries if entry.name in builtin]


def _entry_points() -> list[importlib.metadata.EntryPoint]:
    """Installed cells, but for those that ask for a built-in's name."""
    builtin = builtin_names()
    return [entry for entry in importlib.metadata.entry_points(group=ENTRY_POINT_GROUP) if entry.name not in builtin]


def _is_here(path: str) -> bool:
    """Whether importing the class runs no code but that of this process, or of what was installed as a cell."""
    return path.partition(":")[0] in sys.modules or is_installed(path)


def _import_cell(path: str, name: str) -> type[Cell]:
    module, _, attribute = path.partition(":")
    try:
        found = importlib.import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except Exception as error:  # whatever a stranger's module raises at import
        reason = " ".join(str(error).split())
        raise UnknownCell(f"cell {name!r}: can't import {path}: {type(error).__name__}: {reason}") from error
    if not isinstance(found, type) or not issubclass(found, Cell):
        raise CellError(f"cell {name!r}: {path} is no subclass of seqmodels.Cell")
    return found
