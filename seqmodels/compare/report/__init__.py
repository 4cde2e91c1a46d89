"""The report of a study: tables, figures, one page, and files for other programs."""

from __future__ import annotations

from pathlib import Path

from seqmodels.compare.report.summary import Row, StudyResults, summarize

__all__ = ["Row", "StudyResults", "summarize", "write_report"]


def write_report(study: StudyResults, folder: Path) -> None:
    """Write all that can be said of a study so far, over what an earlier call wrote.

    Args:
        study: May lack results of some or all cells.
        folder: Gets ``index.html``, which needs no other file; ``table.md``; ``results.csv``, ``curves.csv``,
            ``summary.csv``; ``results.json``, which ``StudyResults.from_dict`` reads back; and ``figures/`` with every
            figure as PNG, SVG and PDF. Each file is whole whenever the process ends, and the same for the same study.

    Raises:
        OSError: If the folder can't be written; :meth:`StoredStudy.write_report` makes one line of it.

    Example:
        >>> from seqmodels.compare import get_problem
        >>> study = StudyResults("Two cells", (get_problem("xml"),), cells=("lstm", "gru"), baseline="lstm")
        >>> write_report(study, Path("report"))
        >>> Path("report/table.md").exists()
        True
    """
    from seqmodels.compare.report.export import export, write_text
    from seqmodels.compare.report.figures import pictures
    from seqmodels.compare.report.page import to_html
    from seqmodels.compare.report.table import to_markdown
    from seqmodels.figures import save

    drawn = pictures(study)
    export(study, folder)
    write_text(folder / "table.md", to_markdown(study))
    write_text(folder / "index.html", to_html(study, drawn))
    for picture in drawn:
        save(picture.figure, folder / "figures", picture.name)
