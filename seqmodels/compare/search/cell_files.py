"""The files of a search's cells: what they are called, and how a worker imports them."""

from __future__ import annotations

import hashlib
import sys
import types
from pathlib import Path


def cell_file(folder: Path, number: int) -> Path:
    """Where the cell of an architecture is."""
    return folder / f"candidate_{number:04d}.py"


def class_name(number: int) -> str:
    """The name of its class there."""
    return f"Candidate{number:04d}"


def import_cell(folder: Path, number: int) -> str:
    """The path by which this process finds the cell, once it is imported here.

    Every search has its ``candidate_0001``; hence the module is named by what is in the file, too.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = cell_file(folder, 1).write_text("class Candidate0001: pass")
        >>> import_cell(folder, 1)
        'candidate_0001_8eba45a6:Candidate0001'
    """
    file = cell_file(folder, number)
    text = file.read_bytes()
    name = f"{file.stem}_{hashlib.sha256(text).hexdigest()[:8]}"
    if name not in sys.modules:
        module = types.ModuleType(name)
        module.__file__ = str(file)
        exec(compile(text, file, "exec"), module.__dict__)
        sys.modules[name] = module
    return f"{name}:{class_name(number)}"
