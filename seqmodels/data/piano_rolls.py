"""Piano rolls from the files in which they are passed on."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from seqmodels.errors import DataError

KEYS = 88
LOWEST = 21  # MIDI number of the lowest key, A0
# Part -> its name in a MATLAB file, and in a pickle.
_NAMES = {"train": ("traindata", "train"), "validation": ("validdata", "valid"), "test": ("testdata", "test")}
_HINT = "give a .mat or .pickle file of Boulanger-Lewandowski's piano rolls"

Roll = UInt8[np.ndarray, "_ 88"]


def read_piano_rolls(path: str | Path) -> dict[str, list[Roll]]:
    """The sequences of each part ("train", "validation", "test"): 1 where a key sounds, [T, 88], from A0 to C8.

    Sequences without any frame are left out.

    Args:
        path: a MATLAB file (``.mat``) with the variables ``traindata``, ``validdata`` and ``testdata``, each of [T, 88]
            arrays; or, with any other ending, a Python pickle: a dictionary of ``train``, ``valid`` and ``test``, each
            a list of sequences, which are lists of frames, which are lists of MIDI numbers from 21 to 108. A pickle
            that would call or import anything is refused.

    Raises:
        DataError: the file is missing, damaged, or holds something else.

    Source: Boulanger-Lewandowski, Bengio and Vincent 2012, www-etud.iro.umontreal.ca/~boulanni/icml2012.

    Example:
        >>> import pathlib, pickle, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "chord.pickle"
        >>> chords = [[[60, 64, 67], [62]]]
        >>> _ = path.write_bytes(pickle.dumps({"train": chords, "valid": chords, "test": chords}))
        >>> roll = read_piano_rolls(path)["train"][0]
        >>> roll.shape, (roll[0].nonzero()[0] + 21).tolist()
        ((2, 88), [60, 64, 67])
    """
    path = Path(path)
    matlab = path.suffix.lower() == ".mat"
    try:
        values = _load_matlab(path) if matlab else _load_pickle(path)
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file; {_HINT}") from None
    except DataError:
        raise
    except Exception as error:  # damaged files make these libraries raise nearly anything
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise DataError(f"{path}: can't be read ({reason}); {_HINT}") from None
    rolls = {}
    for part, names in _NAMES.items():
        name = names[0 if matlab else 1]
        sequences = values.get(name) if isinstance(values, dict) else None
        if sequences is None:
            raise DataError(f"{path}: has no {name!r}; {_HINT}")
        rolls[part] = [roll for roll in _rolls(sequences, matlab, f"{path}: {name}") if len(roll)]
        if not rolls[part]:
            raise DataError(f"{path}: {name} has no sequences; {_HINT}")
    return rolls


def _load_matlab(path: Path) -> Any:
    from scipy.io import loadmat

    with path.open("rb") as file:  # not by name, to which loadmat would add an ending
        return loadmat(file)


def _load_pickle(path: Path) -> Any:
    with path.open("rb") as file:
        return _PlainUnpickler(file, encoding="latin-1").load()  # the originals are of Python 2


class _PlainUnpickler(pickle.Unpickler):
    """Lists, tuples, dictionaries, strings and numbers; nothing that would be imported, so nothing that could run."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, but piano rolls are plain lists of numbers")


def _rolls(sequences: Any, matlab: bool, source: str) -> Iterator[Roll]:
    if matlab:
        cells = isinstance(sequences, np.ndarray) and sequences.dtype == object
        sequences = list(sequences.ravel()) if cells else None
    if not isinstance(sequences, list | tuple):
        raise DataError(f"{source} is no list of sequences; {_HINT}")
    for number, sequence in enumerate(sequences):
        yield (_checked if matlab else _from_notes)(sequence, f"{source}, sequence {number}")


def _checked(roll: Any, source: str) -> Roll:
    if not isinstance(roll, np.ndarray) or roll.ndim != 2 or (len(roll) and roll.shape[1] != KEYS):
        shape = list(roll.shape) if isinstance(roll, np.ndarray) else type(roll).__name__
        raise DataError(f"{source} is {shape}; each must be [frames, {KEYS}]")
    if not np.isin(roll, (0, 1)).all():
        raise DataError(f"{source} has other values than 0 and 1; write 1 where a key sounds")
    return roll.astype(np.uint8)


def _from_notes(frames: Any, source: str) -> Roll:
    if not isinstance(frames, list | tuple):
        raise DataError(f"{source} is {type(frames).__name__}; each must be a list of frames")
    roll = np.zeros((len(frames), KEYS), dtype=np.uint8)
    for number, notes in enumerate(frames):
        if not isinstance(notes, list | tuple):
            raise DataError(f"{source}, frame {number} is {type(notes).__name__}; each must be a list of MIDI numbers")
        for note in notes:
            if type(note) is not int or not LOWEST <= note < LOWEST + KEYS:
                raise DataError(
                    f"{source}, frame {number} has the note {note!r}; use MIDI numbers from {LOWEST} to "
                    f"{LOWEST + KEYS - 1}"
                )
            roll[number, note - LOWEST] = 1
    return roll
