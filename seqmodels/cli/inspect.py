"""``seqmodels inspect``: which units of a language model know what, how its gates saturate, and where it errs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqmodels.cli.arguments import CELL, ArgumentParser, names
from seqmodels.cli.inspect_tables import table_of_errors, table_of_units
from seqmodels.errors import DataError, OptionError, SeqmodelsError

if TYPE_CHECKING:
    from seqmodels.inspect import ErrorTypes, GateSaturation, Reading, UnitSearch
    from seqmodels.tasks import LanguageModel

OF_PYTHON = ["python_string_or_comment", "python_bracket_depth", "python_if", "indentation", "line_position"]
OF_C = ["c_string_or_comment", "c_bracket_depth", "c_if", "indentation", "line_position"]
OF_PROSE = ["double_quotes", "single_quotes", "round_brackets", "upper_case_word", "line_position"]
ON_THE_PAGE = 3000  # characters


def run(arguments: Sequence[str]) -> None:
    """Prints the tables, and writes the page and the pictures."""
    options = _parser().parse_args(arguments[1:])
    if options.characters < 1000:
        raise OptionError(f"--characters is {options.characters}; use 1000 or more")
    from seqmodels.inspect import text_saturation

    models = {path: _language_model(path) for path in options.checkpoint}
    if options.training_file is not None:
        _check_characters(models)
    text = _text(options.file, options.checkpoint[0])[: options.characters]
    _check_tokens(models, text)
    properties = options.properties or _usual(options.file, text)
    searches = {_title(path, model): _search(model, text, properties, options) for path, model in models.items()}
    for title, search in searches.items():
        print("\n".join(table_of_units(title, search)))
    _print_errors(models, searches, text, options.training_file)
    saturations = [text_saturation(model, text, options.layers) for model in models.values()]
    try:
        options.folder.mkdir(parents=True, exist_ok=True)
        _draw(searches, saturations, options.folder)
    except OSError as error:
        raise DataError(f"{options.folder}: can't be written ({error.strerror}); give another --folder") from None


def _language_model(path: str) -> LanguageModel:
    from seqmodels import tasks

    model = tasks.load(path)
    if not isinstance(model, tasks.LanguageModel):
        raise OptionError(f"{path}: is a {type(model).__name__}; inspect needs a LanguageModel")
    return model


def _check_characters(models: dict[str, LanguageModel]) -> None:
    for path, model in models.items():
        if (unit := model.tokenizer.unit) != "character":
            raise OptionError(f"--training-file: {path} reads {unit}s, but error types are of characters; leave it out")


def _check_tokens(models: dict[str, LanguageModel], text: str) -> None:
    """Before the search, which takes long: the models will stand side by side on the page."""
    from seqmodels.inspect.recording import tokens_of
    from seqmodels.inspect.unit_page import check_same_tokens

    tokens = {path: model.tokenizer.decode_each(tokens_of(model, text)[:, 0]) for path, model in models.items()}
    check_same_tokens({str(path): found for path, found in tokens.items()})


def _text(file: Path | None, checkpoint: str) -> str:
    """Of the file; if there is none, what the model was not trained on."""
    from seqmodels.data import read_text
    from seqmodels.inspect import held_out_text

    if file is not None:
        return read_text(file)
    try:
        text, source = held_out_text(checkpoint)
    except DataError as error:
        raise DataError(f"{error} as --file") from None
    print(f"reads {source}")
    return text


def _title(path: str, model: LanguageModel) -> str:
    return f"{model.hparams['cell']} ({path})"


def _usual(path: Path | None, text: str) -> list[str]:
    """What may be known of such a text."""
    if path is not None and path.suffix in (".c", ".h", ".cpp", ".cc", ".cu"):
        return OF_C
    is_python = (path is not None and path.suffix == ".py") or "\ndef " in text or "\n    def " in text
    return OF_PYTHON if is_python else OF_PROSE


def _search(model: LanguageModel, text: str, properties: list[str], options: Any) -> UnitSearch:
    from seqmodels.inspect import find_units

    return find_units(model, text, properties, options.names, options.layers, top=options.top, seed=options.seed)


def _print_errors(
    models: dict[str, LanguageModel], searches: dict[str, UnitSearch], text: str, file: Path | None
) -> None:
    """The table of error types of the models whose training text is there, and of each which text that is, or why none.

    The texts are large: one at a time.
    """
    found: dict[str, ErrorTypes] = {}
    notes = []
    for (path, model), (title, search) in zip(models.items(), searches.items(), strict=True):
        reads_characters = (unit := model.tokenizer.unit) == "character"
        try:
            training, source = _training_text(path, file)
            if reads_characters:
                found[title] = _errors(search.held_out, training)
            notes.append(f"{title}: trained on {source}{_read_before(text, training)}")
        except SeqmodelsError as error:
            if file is not None:
                raise
            if reads_characters:
                notes.append(f"{title}: no error types without the training text ({error}); give it as --training-file")
        if not reads_characters:
            notes.append(f"{title}: no error types, as it reads {unit}s, not characters")
    print("\n".join([*table_of_errors(found), *notes]))


def _errors(reading: Reading, training: str) -> ErrorTypes:
    """Of what was read, but its first character, of which nothing was expected."""
    from seqmodels.inspect import error_types

    return error_types("".join(reading.tokens), reading.log_probabilities.nan_to_num(0.0), training)


def _training_text(checkpoint: str, file: Path | None) -> tuple[str, str]:
    """And what it is, in words."""
    from seqmodels.data import read_text
    from seqmodels.inspect import training_text

    return training_text(checkpoint) if file is None else (read_text(file), str(file))


def _read_before(text: str, training: str) -> str:
    """What is told of a text that a model knows: its units, expectations and errors are then no test."""
    from seqmodels.inspect.trained_on import share_read_before

    share = share_read_before(text, training)
    return f", which has {share:.0%} of the text that it reads here" if share else ""


def _draw(
    searches: dict[str, UnitSearch], saturations: list[dict[str, dict[str, GateSaturation]]], folder: Path
) -> None:
    from seqmodels.figures import save
    from seqmodels.inspect.page import write_page
    from seqmodels.inspect.pictures import coloured_text, saturation
    from seqmodels.inspect.unit_page import page_of

    page = folder / "index.html"
    write_page(page_of(searches, ON_THE_PAGE), page)
    for number, (search, layers) in enumerate(zip(searches.values(), saturations, strict=True), 1):
        units = {}
        for finding in search.findings:
            best = finding.units[0]
            values = search.held_out.of(best.name, best.layer)[:, best.score.unit]
            units[f"{finding.property}: {best.name}[{best.score.unit}] of {best.layer}"] = values
        if units:
            save(coloured_text(search.held_out.tokens, units), folder, f"units_{number}")
        gates = {f"{name} of {layer}": shares for layer, gates in layers.items() for name, shares in gates.items()}
        if gates:  # some cells have none
            save(saturation(gates), folder, f"saturation_{number}")
    print(f"page: {page}")


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        "seqmodels inspect",
        description="Find the units of a language model that tell whether a text is in a quotation, a comment, a "
        "bracket, and more; colour the text by them; draw how often its gates saturate; count its errors by type.",
    )
    add = parser.add_argument
    add("checkpoint", nargs="+", help="of language models that seqmodels fit has written; two are compared")
    add("--cell", **CELL)
    add("--file", type=Path, help="a text to read (default: of the training's text what was kept for the test)")
    add("--training-file", type=Path, help="the text it was trained on (default: where the checkpoint says it was)")
    add("--characters", type=int, default=40_000, help="of the text at most (default: %(default)s)")
    add("--properties", type=names, help="with commas between; regex:PATTERN too (default: by the kind of text)")
    add("--names", type=names, help="values to look at, such as h,sigmoid(*) (default: the states)")
    add("--layers", type=names, help="such as rnn.layers.0 (default: all)")
    add("--top", type=int, default=5, help="units of each property (default: %(default)s)")
    add("--seed", type=int, default=0, help="of the untrained network to compare with (default: %(default)s)")
    add("--folder", type=Path, default=Path("inspected"), help="for the page and pictures (default: %(default)s)")
    return parser
