"""A Hugging Face dataset, and its many ways to fail as errors of one line."""

import contextlib
import re
import threading
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from seqmodels.data.held_out import PARTS, split_name
from seqmodels.errors import DataError

BUILDERS = {".csv": "csv", ".json": "json", ".jsonl": "json", ".parquet": "parquet", ".txt": "text"}
_INSTEAD = "give a folder or a file"
_HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?(/[^/\\]+)?")  # owner, name, configuration
_FILE_ENDINGS = {*BUILDERS, ".conll", ".conllu", ".gz", ".npy", ".npz", ".ts", ".tsv", ".zip"}
_SECONDS_TO_PROBE = 5


def open_dataset(name: str, instead: str = _INSTEAD) -> Mapping[str, Any]:
    """The tables of a dataset by the names of its splits.

    Args:
        name: ``owner/name``, ``owner/name/configuration`` or ``name/configuration`` on the hub, a folder that
            ``load_dataset`` or ``load_from_disk`` reads, or a local file (csv, json, jsonl, parquet, txt).
        instead: What else can be done where the hub is out of reach, for the message.

    Raises:
        DataError: The dataset can't be found, reached or read.

    Example:
        >>> import tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "lines.jsonl"
        >>> _ = path.write_text('{"line": "to be"}\\n{"line": "or not to be"}\\n')
        >>> open_dataset(str(path))["train"]["line"][1]
        'or not to be'
    """
    try:
        return _load(name, instead)
    except DataError:
        raise
    except Exception as error:  # whatever the library, its parsers and the network raise, StopIteration among them
        raise _explained(name, error, instead) from None


def splits_of(dataset: Mapping[str, Any], name: str) -> dict[str, tuple[str, Any]]:
    """The splits that there are of training, validation and test: what the dataset calls each, and its table.

    Raises:
        DataError: There is none to train on.
    """
    named = {part: next((split for split in dataset if split_name(split) == part), None) for part in PARTS}
    if named["train"] is None:
        raise DataError(f"{name}: there is no split 'train' among {', '.join(dataset)}; use a dataset that has one")
    return {part: (split, dataset[split]) for part, split in named.items() if split is not None}


def rows_of(table: Any, source: str) -> Iterator[Any]:
    """The rows of a table one by one; ``source`` names it in errors.

    Raises:
        DataError: The file is damaged further on.
    """
    try:
        yield from table
    except Exception as error:  # damaged files make the library raise nearly anything
        raise _explained(source, error, _INSTEAD) from None


def _load(name: str, instead: str) -> Any:
    import datasets

    path = Path(name)
    if path.is_file():
        if path.suffix not in BUILDERS:
            raise DataError(f"{name}: a dataset file ends in {', '.join(BUILDERS)}; convert it, or {instead}")
        return datasets.load_dataset(BUILDERS[path.suffix], data_files=str(path))
    if (path / "state.json").is_file():
        return {"train": datasets.load_from_disk(name)}
    if (path / "dataset_dict.json").is_file():
        return datasets.load_from_disk(name)
    if path.is_dir():
        return datasets.load_dataset(name)
    _refuse_path(name)
    with _offline_if_unreachable():
        return _load_from_hub(name)


def _load_from_hub(name: str) -> Any:
    import datasets

    head, _, configuration = name.rpartition("/")
    if not head:
        return datasets.load_dataset(name)
    if "/" in head:
        return datasets.load_dataset(head, configuration)
    try:  # owner/name, or a name of the hub's early days and a configuration
        return datasets.load_dataset(name)
    except datasets.exceptions.DatasetNotFoundError:
        return datasets.load_dataset(head, configuration)


def _refuse_path(name: str) -> None:
    """What isn't here, but looks like a path, or much like something that is here, is mistyped.

    Raises:
        DataError: It is.
    """
    path = Path(name)
    similar = _similar_path(path)
    is_path = name.startswith(("/", ".", "~")) or path.suffix in _FILE_ENDINGS or not _HUB_NAME.fullmatch(name)
    if similar or is_path:
        hint = f"did you mean {similar!r}?" if similar else f"check the name and the path (now in {Path.cwd()})"
        raise DataError(f"{name}: no such file or folder; {hint}")


def _similar_path(path: Path) -> str | None:
    """What is named nearly so in the same folder."""
    with contextlib.suppress(OSError):
        names = [entry.name for entry in path.parent.iterdir()]
        return next((str(path.parent / name) for name in get_close_matches(path.name, names, n=1, cutoff=0.8)), None)
    return None


@contextlib.contextmanager
def _offline_if_unreachable() -> Iterator[None]:
    """The libraries try for half a minute before they look into their cache; offline they look there at once."""
    import datasets
    from huggingface_hub import constants

    before = datasets.config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE
    if not any(before) and not _hub_answers():
        datasets.config.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        datasets.config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE = before


def _hub_answers() -> bool:
    """Whether the hub says anything within a few seconds."""
    from huggingface_hub import constants
    from huggingface_hub.utils import get_session

    answers: list[Any] = []

    def probe() -> None:
        with contextlib.suppress(Exception):  # whatever the network and the libraries of the session raise
            answers.append(get_session().head(constants.ENDPOINT, timeout=_SECONDS_TO_PROBE))

    # In a thread, as looking up a name can take longer than any timeout given.
    thread = threading.Thread(target=probe, daemon=True)
    thread.start()
    thread.join(_SECONDS_TO_PROBE)
    return bool(answers)


def _explained(source: str, error: BaseException, instead: str) -> DataError:
    causes = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) and cause not in causes:
        causes.append(cause)
    if any(isinstance(cause, ConnectionError) for cause in causes):
        here = "" if Path(source).exists() else "is no file or folder here, and "
        return DataError(f"{source}: {here}the Hugging Face hub can't be reached; connect to it, or {instead}")
    if any(type(cause).__name__ in ("StopIteration", "SchemaInferenceError") for cause in causes):
        return DataError(f"{source}: the dataset has an empty file; remove it or fill it")
    first, last = (" ".join(str(cause).split()) for cause in (error, causes[-1]))
    reason = first if last in first else f"{first}: {last}"
    kind = type(causes[-1]).__name__
    return DataError(f"{source}: no dataset can be read there ({kind}: {reason[:300]}); check the name and its files")
