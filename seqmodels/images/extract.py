"""``extract_features``: the features of many pictures, computed once and kept."""

from __future__ import annotations

import functools
import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset

from seqmodels.errors import DataError, InputError, OptionError
from seqmodels.images.backbones import Backbone
from seqmodels.images.reading import open_picture, read_image
from seqmodels.images.store import FeatureStore
from seqmodels.worker_batches import WorkerBatches, WorkerFailed


def extract_features(
    paths: Mapping[str, str | Path],
    backbone: Backbone,
    folder: str | Path,
    batch_size: int = 16,
    num_workers: int = 0,
    max_bad: int = 0,
    progress: bool = True,
    float16: bool = False,
) -> FeatureStore:
    """Compute features of pictures into a :class:`~seqmodels.images.store.FeatureStore`, and go on where one stopped.

    Pictures whose size and SHA-256 the store knows are skipped. A file that changed is computed again, and its key
    takes the new features. With the same ``paths`` and ``batch_size`` the batches are the same ones, so that a run that
    was killed and gone on with writes the same bytes as an undisturbed one.

    Several processes may call it for one folder: one computes while the rest wait, and then find the features there. A
    store that has all features is read without waiting for anybody.

    Pictures that can't be read are left out: each is one line on the standard error output and in ``bad.jsonl``, and
    is tried again the next time.

    Args:
        paths: key -> file of the picture.
        backbone: frozen; on whatever device it is.
        folder: of the store; made if it is missing.
        batch_size: pictures at a time.
        num_workers: processes that read pictures; 0: this one.
        max_bad: pictures that may be unreadable.
        progress: show a bar, if this is a terminal.
        float16: keep the features in half the space, with 3 digits.

    Raises:
        DataError: more than ``max_bad`` pictures can't be read, or the folder has features of another backbone or can't
            be written.
        OptionError: an option out of range, or a trainable backbone, whose features wouldn't stay true.

    Example:
        >>> import pathlib, tempfile
        >>> from PIL import Image
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> Image.new("RGB", (9, 9), "white").save(folder / "white.png")
        >>> backbone = Backbone("pixels", image_size=2)
        >>> store = extract_features({"white": folder / "white.png"}, backbone, folder / "features")
        >>> store["white"].tolist() == [1.0] * 12
        True
    """
    for option, value, least in (
        ("batch_size", batch_size, 1),
        ("num_workers", num_workers, 0),
        ("max_bad", max_bad, 0),
    ):
        if value < least:
            raise OptionError(f"{option} must be {least} or more, not {value}")
    if backbone.trainable:
        raise OptionError(
            "backbone is trainable, so its features will change; make it with trainable=False, or use "
            "store_features=False"
        )
    store = _open_or_create(Path(folder), backbone, "float16" if float16 else "float32")
    if _is_complete(store, paths, backbone, batch_size, num_workers, progress):
        return store
    with store.writing(wait=True), ExitStack() as stack:
        advance, say = stack.enter_context(_Display(len(paths), progress))
        bad = stack.enter_context((store.folder / "bad.jsonl").open("w", encoding="utf-8"))
        bad_count = 0
        for batch in _batches(paths, backbone, store, batch_size, num_workers):
            for key, error in batch.bad.items():
                bad_count += 1
                bad.write(json.dumps({"key": key, "path": str(paths[key]), "error": error}) + "\n")
                bad.flush()
                say(error)
                if bad_count > max_bad:
                    raise DataError(
                        f"{error} (pictures that can't be read: {bad_count}, above max_bad={max_bad}; they are listed "
                        f"in {store.folder / 'bad.jsonl'})"
                    )
            _append(store, backbone, batch)
            advance(batch.pictures)
    return store


def _open_or_create(folder: Path, backbone: Backbone, dtype: str) -> FeatureStore:
    size = backbone.feature_size
    shape = (size,) if backbone.regions is None else (backbone.regions, size)
    store = FeatureStore.open_or_create(folder, backbone.spec, shape, dtype)
    if store.dtype != dtype:
        raise DataError(f"{folder}: has features in {store.dtype}, not {dtype}; give another folder, or change float16")
    return store


def _is_complete(
    store: FeatureStore,
    paths: Mapping[str, str | Path],
    backbone: Backbone,
    batch_size: int,
    num_workers: int,
    progress: bool,
) -> bool:
    """Whether nothing is to be written: seen without the lock, which processes that only read would fight for."""
    bad = store.folder / "bad.jsonl"
    if (bad.exists() and bad.stat().st_size) or any(key not in store for key in paths):
        return False
    with _Display(len(paths), progress) as (advance, _):
        for batch in _batches(paths, backbone, store, batch_size, num_workers):
            if batch.images is not None or batch.bad:
                return False
            advance(batch.pictures)
    return True


class _Batch(NamedTuple):
    """What a worker made of some pictures; ``images`` is None if the store has them all."""

    pictures: int
    keys: list[str]
    sizes: list[int]
    digests: list[str]
    images: Tensor | None
    bad: dict[str, str]


class _Pictures(Dataset):
    """Batches of pictures, read and preprocessed, but for those that the store knows."""

    def __init__(
        self,
        items: list[tuple[str, str | Path]],
        known: Mapping[str, tuple[int, str]],
        preprocess: Callable[[Any], Tensor],
        batch_size: int,
    ) -> None:
        self.items, self.known, self.preprocess, self.batch_size = items, known, preprocess, batch_size

    def __len__(self) -> int:
        return -(-len(self.items) // self.batch_size)

    def __getitem__(self, number: int) -> _Batch:
        items = self.items[number * self.batch_size : (number + 1) * self.batch_size]
        files: dict[str, tuple[int, str]] = {}
        bad: dict[str, str] = {}
        for key, path in items:
            try:
                files[key] = _size_and_digest(path)
            except DataError as error:
                bad[key] = str(error)
        images = []
        if any(self.known.get(key) != found for key, found in files.items()):
            for key, path in items:
                if key in files:
                    try:
                        images.append(self.preprocess(read_image(path)))
                    except DataError as error:
                        bad[key] = str(error)
                        del files[key]
        sizes, digests = [size for size, _ in files.values()], [digest for _, digest in files.values()]
        return _Batch(len(items), list(files), sizes, digests, torch.stack(images) if images else None, bad)


def _batches(
    paths: Mapping[str, str | Path], backbone: Backbone, store: FeatureStore, batch_size: int, num_workers: int
) -> Iterator[_Batch]:
    known = {key: (entry.size, entry.digest) for key in store if (entry := store.entry(key)) is not None}
    pictures = _Pictures(list(paths.items()), known, backbone.preprocessing, batch_size)
    if num_workers == 0:
        return (pictures[number] for number in range(len(pictures)))
    options: dict[str, Any] = {
        "num_workers": num_workers,
        "worker_init_fn": functools.partial(_let_go, store),
        "generator": torch.Generator().manual_seed(0),  # the workers' seeds would be drawn from the global one
    }
    return _from_workers(pictures, WorkerBatches(pictures, batch_size=None, **options))


def _from_workers(pictures: _Pictures, batches: WorkerBatches) -> Iterator[_Batch]:
    for number in range(len(pictures)):
        try:
            batch = next(batches)
        except WorkerFailed as error:
            files = [path for _, path in pictures.items[number * pictures.batch_size :][: pictures.batch_size]]
            raise DataError(
                f"{error} while reading {files[0]} to {files[-1]}, or pictures after them; use fewer workers if memory "
                f"ran out, or num_workers=0 to see the cause"
            ) from None
        yield batch


def _let_go(store: FeatureStore, _: int) -> None:
    """A worker outlives a killed parent by some seconds; it mustn't hold the lock as long."""
    store._lock.let_go()


def _append(store: FeatureStore, backbone: Backbone, batch: _Batch) -> None:
    if batch.images is None:
        return
    device = next((weights.device for weights in backbone.parameters()), torch.device("cpu"))
    features = backbone(batch.images.to(device))
    new = [
        number
        for number, key in enumerate(batch.keys)
        if (entry := store.entry(key)) is None or entry[1:] != (batch.sizes[number], batch.digests[number])
    ]
    keys = [batch.keys[number] for number in new]
    digests = [batch.digests[number] for number in new]
    sizes = [batch.sizes[number] for number in new]
    try:
        store.append(keys, digests, sizes, features[new])
    except InputError as error:
        raise DataError(f"{store.folder}: {error}") from None


def _size_and_digest(path: str | Path) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    with open_picture(path) as file:
        while block := file.read(1 << 20):
            digest.update(block)
            size += len(block)
    return size, digest.hexdigest()


class _Display:
    """A progress bar on terminals; elsewhere only the lines about bad pictures."""

    def __init__(self, count: int, wanted: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self.console = Console(stderr=True)
        columns = (TextColumn("pictures"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self.bar = Progress(*columns, console=self.console, disable=not (wanted and self.console.is_terminal))
        self.count = count

    def __enter__(self) -> tuple[Callable[[int], None], Callable[[str], None]]:
        self.bar.start()
        task = self.bar.add_task("", total=self.count)
        return functools.partial(self.bar.advance, task), self._say

    def _say(self, line: str) -> None:
        if self.bar.disable:
            print(line, file=sys.stderr, flush=True)
        else:  # above the bar
            self.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def __exit__(self, *_: object) -> None:
        self.bar.stop()
