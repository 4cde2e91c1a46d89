"""``SequentialDigits``: pictures of handwritten digits, read pixel by pixel."""

import itertools
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

from seqmodels.data.held_out import PARTS
from seqmodels.data.records import RecordData
from seqmodels.data.sequences import SequenceBatch
from seqmodels.errors import DataError, OptionError

_ORDER = 0  # seed of the two fixed permutations: of the scans of scikit-learn, and of pixels


class SequentialDigits(RecordData):
    """One pixel a step, row by row; after the last, the digit is to be named.

    Input [T, B, 1]: brightness in [0, 1]. Target [B]: the digit. The splits are fixed:

    - ``source="digits"``: the 1,797 scans of 8 x 8 pixels that come with scikit-learn (T = 64), in one fixed random
      order, since they lie there by writer: 1,258 for training, 269 for validation, 270 for test.
    - ``source="mnist"``: MNIST, 28 x 28 pixels (T = 784), by torchvision: of its 60,000 training pictures the last
      twelfth (5,000) for validation, its 10,000 test pictures for test.

    Args:
        source: "digits" or "mnist".
        root: folder of MNIST, as torchvision has it (``root/MNIST/raw``); it downloads what is missing there.
        permuted: read the pixels in one fixed random order, the same for every picture and seed.
        batch_size: B, the pictures of each process.
        eval_batch_size: those in validation and test; None: ``batch_size``.
        seed: of the order of the training pictures.

    Attributes:
        input_size: 1.
        num_classes: 10.

    Raises:
        OptionError: an option out of range, or scikit-learn is not installed.
        DataError: while reading: MNIST can't be downloaded, or its files are damaged.

    Source: Le, Jaitly and Hinton 2015; the scans: Alpaydin and Kaynak 1998, UCI; MNIST: LeCun et al. 1998.

    Example:
        >>> from seqmodels.data import SequentialDigits
        >>> data = SequentialDigits(batch_size=32)
        >>> data.input_size, data.num_classes
        (1, 10)
    """

    input_size: ClassVar[int] = 1
    num_classes: ClassVar[int] = 10

    def __init__(
        self,
        source: Literal["digits", "mnist"] = "digits",
        root: str = "data",
        permuted: bool = False,
        batch_size: int = 64,
        eval_batch_size: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(batch_size, eval_batch_size, seed)
        if source not in ("digits", "mnist"):
            raise OptionError(f"source {source!r} is unknown; use 'digits' or 'mnist'")
        self.source, self.root, self.permuted = source, root, permuted
        self.save_hyperparameters(logger=False)

    def prepare_data(self) -> None:
        """Download MNIST, once a machine."""
        _ = self.parts

    def read_parts(self) -> dict[str, "_Pictures"]:
        """Those of the source."""
        parts = _read_mnist(self.root) if self.source == "mnist" else _read_scans()
        if self.permuted:
            order = np.random.default_rng(_ORDER).permutation(parts[0].pixels.shape[1])
            parts = [part._replace(pixels=part.pixels[:, order]) for part in parts]
        return {
            name: _Pictures(part, f"the {name} part of {self.source}") for name, part in zip(PARTS, parts, strict=True)
        }

    def collate(self, records: list[tuple[Tensor, Tensor]]) -> SequenceBatch:
        """Pictures [T] and digits -> input [T, B, 1], target [B]."""
        pictures, digits = zip(*records, strict=True)
        return SequenceBatch(torch.stack(pictures, 1)[..., None], torch.stack(digits))

    def describe(self) -> str:
        """One line: the pictures and how many of them there are."""
        order = "in a fixed random order" if self.permuted else "row by row"
        pixels = self.parts["train"].pixels.shape[1]
        return f"SequentialDigits: {self.source}, {pixels} pixels {order}, {self.sizes()}"


class _Part(NamedTuple):
    pixels: UInt8[Tensor, "N T"]
    digits: Int64[Tensor, " N"]
    brightest: int


class _Pictures:
    """What ``ResumableLoader`` reads: picture [T] in [0, 1] and digit."""

    def __init__(self, part: _Part, name: str) -> None:
        self.pixels, self.digits, self.name = part.pixels, part.digits, name
        self._brightest = part.brightest

    def __len__(self) -> int:
        return len(self.digits)

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor]:
        return self.pixels[number] / self._brightest, self.digits[number]


def _read_scans() -> list[_Part]:
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise OptionError(
            "source 'digits' needs scikit-learn: pip install 'seqmodels[digits]', or use source 'mnist'"
        ) from None
    scans = load_digits()
    order = np.random.default_rng(_ORDER).permutation(len(scans.target))
    pixels = torch.from_numpy(scans.data[order].astype(np.uint8))
    digits = torch.from_numpy(scans.target[order].astype(np.int64))
    return _cut(_Part(pixels, digits, brightest=16), round(0.7 * len(order)), round(0.85 * len(order)))


def _read_mnist(root: str) -> list[_Part]:
    from torchvision.datasets import MNIST

    parts = []
    for training in (True, False):
        try:
            mnist = MNIST(root, train=training, download=True)
            parts.append(_Part(mnist.data.flatten(1), mnist.targets, brightest=255))
        except Exception as error:  # of the network, the disk or the file's bytes
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            raise DataError(
                f"{Path(root, 'MNIST', 'raw')}: MNIST can't be downloaded or read ({reason[:300]}); put its files "
                "there, or remove damaged ones"
            ) from None
    training_part, test = parts
    count = len(training_part.digits)
    return [*_cut(training_part, count - count // 12), test]


def _cut(part: _Part, *ends: int) -> list[_Part]:
    bounds = [0, *ends, len(part.digits)]
    return [
        _Part(part.pixels[begin:end], part.digits[begin:end], part.brightest)
        for begin, end in itertools.pairwise(bounds)
    ]
