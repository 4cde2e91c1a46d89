"""Checkpoints that are whole or absent, checked when read, and never run code.

`SafeCheckpointIO` is a Lightning plugin (``Trainer(plugins=[SafeCheckpointIO()])``); `read_checkpoint` reads one file.
"""

import contextlib
import os
import re
import shutil
import tempfile
import urllib.error
import urllib.request
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO

from seqmodels.errors import CheckpointError
from seqmodels.files.atomic_file import write_atomically
from seqmodels.training.digest import DIGEST_KEY, check_storable, digest, first_difference

_FIX = "use another copy or an earlier checkpoint"
_SECONDS_TO_CONNECT = 60


class SafeCheckpointIO(TorchCheckpointIO):
    """Write and read the checkpoints of a Lightning ``Trainer`` safely.

    - A file appears whole or not at all: kill the process or fill the disk at any moment, and the previous checkpoint
      is intact. Temporary files of killed processes are removed at the next save.
    - Every checkpoint carries the sha256 of each tensor in it (weights, optimizer, carried state) and of all else;
      reading refuses a file of whose content one bit has changed (it has padding, too, that nothing depends on). Only
      of an object whose class you have allowed (``torch.serialization.add_safe_globals``) the class alone is checked.
    - Saving refuses what could not be read back safely, naming it; reading never runs code, whatever the file holds.

    Remote targets (``s3://...``) are written by fsspec, in its own way, with the same digests.

    >>> from lightning.pytorch import Trainer
    >>> trainer = Trainer(plugins=[SafeCheckpointIO()], logger=False, enable_checkpointing=False)
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike[str], storage_options: Any | None = None
    ) -> None:
        """Write ``checkpoint`` to ``path``; raise `CheckpointError` if that can't be done, leaving the old file."""
        check_storable(checkpoint, str(path))
        checkpoint = {**checkpoint, DIGEST_KEY: digest(checkpoint)}
        if _is_remote(path):
            super().save_checkpoint(checkpoint, str(path), storage_options)
            return
        try:
            with write_atomically(_local(path)) as file:
                torch.save(checkpoint, file)
        except Exception as error:
            if not (cause := _os_error(error)):
                raise
            raise CheckpointError(
                f"{path}: can't write the checkpoint ({cause.strerror}): free space there or choose another folder;"
                " what was there before is intact"
            ) from error

    def load_checkpoint(
        self, path: str | os.PathLike[str], map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read ``path`` by `read_checkpoint`. ``weights_only`` is ignored: it is always on."""
        return read_checkpoint(path, "cpu" if map_location is None else map_location)


def read_checkpoint(path: str | os.PathLike[str], map_location: Any = "cpu") -> dict[str, Any]:
    """Read a checkpoint from a file or URL without ever running code, and check it against its digests.

    Args:
        path: a file, or an ``http(s)://`` or other fsspec address, which is downloaded first.
        map_location: where tensors go, as in `torch.load`.

    Returns:
        The checkpoint. Files of other programs carry no digest; of those the checksums in the file are checked.

    Raises:
        CheckpointError: the file is missing, damaged, or holds more than tensors and plain values.

    >>> read_checkpoint("nowhere.ckpt")
    Traceback (most recent call last):
    seqmodels.errors.CheckpointError: nowhere.ckpt: there is no such file: check the path
    """
    with _local_copy(path) as file:
        return _read(file, str(path), map_location)


def _read(file: Path, name: str, map_location: Any) -> dict[str, Any]:
    if not file.exists():
        raise CheckpointError(f"{name}: there is no such file: check the path")
    if file.is_dir():
        raise CheckpointError(f"{name}: is a folder: name a checkpoint file in it")
    try:
        # weights_only must be given: an environment variable overrides its default, and only that. Opened here, as a
        # name that ends in .safetensors would take another way.
        with open(file, "rb") as stream, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            checkpoint = torch.load(stream, map_location=map_location, weights_only=True)
    except PermissionError as error:
        raise CheckpointError(f"{name}: may not be read: change its permissions or choose another file") from error
    except Exception as error:
        raise CheckpointError(f"{name}: {_why(error)}") from error
    if not isinstance(checkpoint, dict):
        raise CheckpointError(f"{name}: holds a {type(checkpoint).__name__}, not a checkpoint: name another file")
    for key, value in checkpoint.items():
        _refuse_odd_tensors(name, key, value)
    if DIGEST_KEY in checkpoint:
        damaged = first_difference(checkpoint, checkpoint.pop(DIGEST_KEY))
    else:
        damaged = _first_bad_record(file)
    if damaged:
        raise CheckpointError(f"{name}: damaged, {damaged} is not what was saved: {_FIX}")
    return checkpoint


def _refuse_odd_tensors(name: str, key: Any, value: Any) -> None:
    """Indices of a sparse tensor are not checked when it is read; wrong ones reach foreign memory when it is used."""
    values = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    if isinstance(value, torch.Tensor) and (value.layout != torch.strided or value.is_nested or value.is_meta):
        kind = "tensor without data" if value.is_meta else "nested tensor" if value.is_nested else "sparse tensor"
        raise CheckpointError(f"{name}: holds a {kind} at {key}: save it dense")
    for item in values:
        _refuse_odd_tensors(name, key, item)


def _why(error: Exception) -> str:
    text = " ".join(str(error).split())
    if found := re.search(
        r"GLOBAL (\S+) was not an allowed|whose module (\S+) is blocked|Unsupported class (\S+)", text
    ):
        what = next(group for group in found.groups() if group)
        return (
            f"holds {what}, which could run code, so it is not read: save it again with tensors and plain values only"
        )
    if "weights_only" in text and "TorchScript" in text:
        return "is a TorchScript program, not a checkpoint: name another file"
    return f"damaged or not a checkpoint ({type(error).__name__}): {_FIX}"


def _first_bad_record(file: Path) -> str | None:
    """torch doesn't look at the checksums that it writes into its archives."""
    if not zipfile.is_zipfile(file):
        return None  # the format before torch 1.6 has none
    try:
        with zipfile.ZipFile(file) as archive:
            record = archive.testzip()
    except Exception as error:
        return f"the archive ({type(error).__name__})"
    return f"record {record}" if record else None


@contextlib.contextmanager
def _local_copy(path: Any) -> Iterator[Path]:
    """The file itself, or a download of it that is removed afterwards."""
    if not _is_remote(path):
        yield _local(path)
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "download.ckpt")
        try:
            with _open_remote(str(path)) as source, open(copy, "wb") as target:
                shutil.copyfileobj(source, target)
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise CheckpointError(f"{path}: can't be downloaded ({reason}): check the address") from error
        yield copy


def _open_remote(url: str) -> Any:
    if url.lower().startswith(("http://", "https://")):
        return urllib.request.urlopen(url, timeout=_SECONDS_TO_CONNECT)
    return fsspec.open(url, "rb")


def _is_remote(path: Any) -> bool:
    return "://" in str(path) and not str(path).startswith("file://")


def _local(path: Any) -> Path:
    return Path(str(path).removeprefix("file://")).expanduser()


def _os_error(error: BaseException | None) -> OSError | None:
    """The reason of the file system; torch's zip writer hides it behind a complaint of its own."""
    while error is not None and not isinstance(error, OSError):
        error = error.__context__
    return error
