"""Figures that a command writes to a folder of the user's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from seqmodels.files.writing import writing_to

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(figure: Figure, folder: Path, name: str) -> Path:
    """Writes a figure, in all its forms, to a folder that is made if it is missing; the file that one looks at.

    Raises:
        DataError: If it can't be written.
    """
    from seqmodels.figures import save

    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
        return save(figure, folder, name)[0]
