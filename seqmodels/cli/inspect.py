"""``seqmodels inspect``: which units of a language model know what, as a table, pictures and a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqmodels.cli.arguments import ArgumentParser, names
from seqmodels.errors import DataError, OptionError

if TYPE_CHECKING:
    from seqmodels.inspect import UnitSearch
    from seqmodels.tasks import LanguageModel

OF_PYTHON = ["python_string_or_comment", "python_bracket_depth", "python_if", "indentation", "line_position"]
OF_C = ["c_string_or_comment", "c_bracket_depth", "c_if", "indentation", "line_position"]
OF_PROSE = ["double_quotes", "single_quotes", "round_brackets", "upper_case_word", "line_position"]
ON_THE_PAGE = 3000  # characters


def run(arguments: Sequence[str]) -> None:
    """Prints the table, and writes the page and the pictures."""
    options = _parser().parse_args(arguments[1:])
    if options.characters < 1000:
        raise OptionError(f"--characters is {options.characters}; use 1000 or more")
    from seqmodels.data import read_text

    models = {path: _language_model(path) for path in options.checkpoint}
    text = read_text(options.file)[: options.characters]
    properties = options.properties or _usual(options.file, text)
    searches = {_title(path, model): _search(model, text, properties, options) for path, model in models.items()}
    for title, search in searches.items():
        print("\n".join(_table(title, search)))
    try:
        options.folder.mkdir(parents=True, exist_ok=True)
        _write(searches, options.folder)
    except OSError as error:
        raise DataError(f"{options.folder}: can't be written ({error.strerror}); give another --folder") from None


def _language_model(path: Path) -> LanguageModel:
    from seqmodels import tasks

    model = tasks.load(path)
    if not isinstance(model, tasks.LanguageModel):
        raise OptionError(f"{path}: is a {type(model).__name__}; inspect needs a LanguageModel")
    return model


def _title(path: Path, model: LanguageModel) -> str:
    return f"{model.hparams['cell']} ({path})"


def _usual(path: Path, text: str) -> list[str]:
    """What may be known of such a text."""
    if path.suffix in (".c", ".h", ".cpp", ".cc", ".cu"):
        return OF_C
    return OF_PYTHON if path.suffix == ".py" or "\ndef " in text or "\n    def " in text else OF_PROSE


def _search(model: LanguageModel, text: str, properties: list[str], options: Any) -> UnitSearch:
    from seqmodels.inspect import find_units

    return find_units(model, text, properties, options.names, options.layers, top=options.top, seed=options.seed)


def _table(title: str, search: UnitSearch) -> list[str]:
    """A line for each property: its best unit, and what the best of an untrained network does."""
    lines = [f"{title}: chosen on the first half of the text, scored on the second"]
    lines.append(f"{'property':28} {'best unit':34} {'AUC':>6} {'untrained':>10}")
    for finding in search.findings:
        best = finding.units[0]
        unit = f"{best.name}[{best.score.unit}] of {best.layer}"
        lines.append(f"{finding.property:28} {unit:34} {best.score.auc:6.3f} {finding.untrained[0].score.auc:10.3f}")
    lines += [f"{name:28} hardly changes all over one half of the text" for name in search.left_out]
    return lines


def _write(searches: dict[str, UnitSearch], folder: Path) -> None:
    from seqmodels.figures import save
    from seqmodels.inspect.page import write_page
    from seqmodels.inspect.pictures import coloured_text
    from seqmodels.inspect.unit_page import page_of

    page = folder / "index.html"
    write_page(page_of(searches, ON_THE_PAGE), page)
    for number, search in enumerate(searches.values(), 1):
        units = {}
        for finding in search.findings:
            best = finding.units[0]
            values = search.held_out.of(best.name, best.layer)[:, best.score.unit]
            units[f"{finding.property}: {best.name}[{best.score.unit}] of {best.layer}"] = values
        if units:
            save(coloured_text(search.held_out.tokens, units), folder, f"units_{number}")
    print(f"page: {page}")


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        "seqmodels inspect",
        description="Find the units of a language model that tell whether a text is in a quotation, a comment, a "
        "bracket, and more; colour the text by them.",
    )
    add = parser.add_argument
    add("checkpoint", type=Path, nargs="+", help="of language models that seqmodels fit has written; two are compared")
    add("--file", type=Path, required=True, help="a text to read, best one that the model was not trained on")
    add("--characters", type=int, default=40_000, help="of the text at most (default: %(default)s)")
    add("--properties", type=names, help="with commas between; regex:PATTERN too (default: by the kind of text)")
    add("--names", type=names, help="values to look at, such as h,sigmoid(*) (default: the states)")
    add("--layers", type=names, help="such as rnn.layers.0 (default: all)")
    add("--top", type=int, default=5, help="units of each property (default: %(default)s)")
    add("--seed", type=int, default=0, help="of the untrained network to compare with (default: %(default)s)")
    add("--folder", type=Path, default=Path("inspected"), help="for the page and pictures (default: %(default)s)")
    return parser
