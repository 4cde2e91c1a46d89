"""How figures look, and files of them that are the same whenever they are written.

Colours are those of Okabe & Ito (2008), which the colour-blind tell apart.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqmodels.files.atomic_file import write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#1b1b1f"  # the page replaces it by the colour of its own text
FAINT = "#c9c9d1"  # and this by that of its lines
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#B8A800")  # yellow darkened: on white
LINES = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (4, 1.2, 1, 1.2)))  # for more than there are colours
_RC = {
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.5,
    "grid.alpha": 0.6,
    "text.color": INK,
    "text.parse_math": False,  # a $ in a name is a $
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.major.pad": 5,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "axes.formatter.useoffset": False,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
    "savefig.dpi": 200,
    "svg.fonttype": "none",  # text stays text
    "pdf.fonttype": 42,
    "svg.hashsalt": "seqmodels",
}


@contextlib.contextmanager
def styled() -> Iterator[None]:
    """Figures made and saved within look as they should, and settings outside stay as they are."""
    import matplotlib

    # Defaults first: a matplotlibrc of the user's must not reach into a report. The backend stays the user's.
    defaults = {name: value for name, value in matplotlib.rcParamsDefault.items() if name != "backend"}
    settings: dict[Any, Any] = {**defaults, **_RC}
    with matplotlib.rc_context(settings):
        yield


def panels(count: int, *, width: float = 3.6, height: float = 2.9, columns: int = 3) -> tuple[Figure, list[Axes]]:
    """A figure with so many panels, in rows of at most ``columns``."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    across = min(max(count, 1), columns)
    down = -(-max(count, 1) // across)
    # one panel alone would be too small for its legend
    room = ConstrainedLayoutEngine(w_pad=0.07, h_pad=0.05, wspace=0.04, hspace=0.04)
    figure = Figure(figsize=(max(width * across, 5.2), height * down + 0.5), layout=room)
    grid = figure.subplots(down, across, squeeze=False)
    axes = list(grid.flat)
    for spare in axes[count:]:
        spare.set_axis_off()
    return figure, axes[:count]


def save(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Write the figure as PNG (200 dpi), SVG and PDF, without dates, each whole or not at all."""
    files = []
    dates: dict[str, dict[str, Any]] = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
    for kind, metadata in dates.items():
        path = folder / f"{name}.{kind}"
        with write_atomically(path) as file:
            file.write(_drawn(figure, kind, metadata, transparent=False))
        files.append(path)
    return files


def to_svg(figure: Figure) -> str:
    """The figure as SVG on no background, for a page."""
    return _drawn(figure, "svg", {"Date": None}, transparent=True).decode("utf-8")


def _drawn(figure: Figure, kind: str, metadata: dict[str, Any], *, transparent: bool) -> bytes:
    file = io.BytesIO()
    with styled(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # a name of a cell in a script the font lacks
        figure.savefig(file, format=kind, metadata=metadata, transparent=transparent)
    return file.getvalue()
