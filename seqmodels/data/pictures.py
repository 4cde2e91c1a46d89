"""``Pictures``: what a data module gives of the pictures of its records, features or pixels."""

import hashlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seqmodels.errors import DataError, OptionError

_SMALL = 96 * 96  # pixels; pictures no larger stay in memory once read,
_MOST_KEPT = 2**30  # bytes of them


class Pictures:
    """Pictures by key: features from a store, features made elsewhere, or pixels for a backbone in the model.

    Args:
        sources: Key -> image file, or a function that gives the picture.
        backbone: A name that ``seqmodels.images.Backbone`` takes, such as "vgg16".
        layer: Where it is cut; its usual place if not given.
        image_size: Of its pictures, in pixels; its usual size if not given.
        features: A file or folder of features made elsewhere, instead of a backbone.
        store_features: Compute the backbone's features once and keep them; otherwise batches hold pixels.
        folder: Where stores are kept, each in a folder of its own, named after the backbone and the pictures.
        max_bad: How many pictures may be unreadable; their records are left out.
        num_workers: Processes that read pictures while a store is made; 0: this one.
    """

    def __init__(
        self,
        sources: Mapping[str, str | Callable[[], Any]],
        backbone: str,
        layer: str | None,
        image_size: int | None,
        features: str | None,
        store_features: bool,
        folder: str,
        max_bad: int,
        *,
        num_workers: int = 0,
    ) -> None:
        self._sources, self._folder, self._max_bad = dict(sources), folder, max_bad
        self._num_workers = num_workers
        self._features, self._store_features = features, store_features
        self._backbone_options: dict[str, Any] = {"name": backbone, "layer": layer, "image_size": image_size}
        self._backbone: Any = None
        self._read: Any = None
        self._pixels: dict[str, Tensor] = {}
        self._kept = 0

    def stacked(self, pictures: Sequence[Tensor], keys: Sequence[str]) -> Tensor:
        """Pictures of a batch as one tensor; ``keys`` are those of their records.

        Raises:
            DataError: If features made elsewhere have other numbers of regions.
        """
        for picture, key in zip(pictures, keys, strict=True):
            if picture.shape != pictures[0].shape:
                raise DataError(
                    f"{self._features}: the features of {key!r} are {list(picture.shape)}, those of {keys[0]!r} "
                    f"{list(pictures[0].shape)}; give every picture as many regions"
                )
        return torch.stack([*pictures])

    @property
    def image(self) -> dict[str, Any]:
        """What a model must know of them: see ``seqmodels.tasks.image_input.ImageInput``."""
        if self._features is not None:
            shape = tuple(self._reader[next(iter(self._sources))].shape)
            return {
                "feature_size": shape[-1],
                "regions": shape[0] if len(shape) == 2 else None,
                "backbone": None,
                "pixels": False,
            }
        backbone = self.backbone
        return {
            "feature_size": backbone.feature_size,
            "regions": backbone.regions,
            "backbone": dict(backbone.spec),
            "pixels": not self._store_features,
        }

    @property
    def backbone(self) -> Any:
        """The network that makes the features."""
        if self._backbone is None:
            from seqmodels.images import Backbone

            self._backbone = Backbone(**self._backbone_options)
        return self._backbone

    def prepare(self) -> None:
        """Compute what isn't stored yet."""
        if self._features is not None or self._store_features:
            _ = self._reader

    def __contains__(self, key: str) -> bool:
        return key in self._reader if self._features is not None or self._store_features else self._is_sound(key)

    def __getitem__(self, key: str) -> Tensor:
        if self._features is not None or self._store_features:
            return self._reader[key].float()
        if key in self._pixels:
            return self._pixels[key]
        pixels: Tensor = self.backbone.preprocess(self._open(key))
        if pixels[0].numel() <= _SMALL and self._kept + pixels.nbytes <= _MOST_KEPT:
            self._pixels[key] = pixels
            self._kept += pixels.nbytes
        return pixels

    def _is_sound(self, key: str) -> bool:
        return key in self._sources and key not in self._bad

    @cached_property
    def _bad(self) -> set[str]:
        """Found by reading all pictures once, if some may be bad; otherwise one is an error where it is read."""
        bad: set[str] = set()
        for key in self._sources if self._max_bad else ():
            try:
                self._open(key)
            except DataError as error:
                bad.add(key)
                print(error, file=sys.stderr)
                if len(bad) > self._max_bad:
                    raise DataError(f"{error} (the {len(bad)}th, above max_bad={self._max_bad})") from None
        return bad

    def _open(self, key: str) -> Any:
        from seqmodels.images import read_image

        source = self._sources[key]
        return source() if callable(source) else read_image(source)

    @property
    def _reader(self) -> Any:
        if self._read is None:
            self._read = self._given() if self._features is not None else self._stored()
        return self._read

    def _given(self) -> Any:
        from seqmodels.images import read_features

        assert self._features is not None
        read = read_features(self._features)
        missing = [key for key in self._sources if key not in read]
        if len(missing) > self._max_bad:
            raise DataError(
                f"{self._features}: has no features of {missing[0]!r} and {len(missing) - 1} more; add them, or allow "
                f"that many to be left out with max_bad"
            )
        return read

    def _stored(self) -> Any:
        from seqmodels.images import extract_features

        if inner := next((key for key, source in self._sources.items() if callable(source)), None):
            raise OptionError(
                f"picture {inner!r} is no file, so its features can't be stored; name the folder of the files as "
                "images, or use store_features=False"
            )
        paths = {key: str(source) for key, source in self._sources.items()}
        folder, workers = self._store_folder(), self._num_workers
        return extract_features(paths, self.backbone, folder, num_workers=workers, max_bad=self._max_bad)

    def _store_folder(self) -> Path:
        """One for each backbone and set of image folders, so that two data sets don't meet in one store."""
        folders = sorted({str(Path(str(source)).parent.resolve()) for source in self._sources.values()})
        described = json.dumps([self.backbone.spec, folders], sort_keys=True)
        return Path(
            self._folder, f"{self._backbone_options['name']}-{hashlib.sha256(described.encode()).hexdigest()[:12]}"
        )
