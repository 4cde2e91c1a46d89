"""What a checkpoint holds, leaf by leaf: plain enough to be read back safely? still what was written?"""

import hashlib
import io
from collections import Counter, OrderedDict
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from seqmodels.errors import CheckpointError

DIGEST_KEY = "seqmodels_sha256"

_PLAIN = (type(None), bool, int, float, complex, str, bytes, bytearray, torch.Size, torch.dtype, torch.device)
_MAPPINGS = (dict, OrderedDict, Counter)
_SEQUENCES = (list, tuple)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield ``(path, leaf)`` for all that ``value`` holds; a container yields itself before its content.

    >>> [path for path, _ in leaves({"optimizer": [{"lr": 0.1}]})]
    ['', 'optimizer', 'optimizer[0]', "optimizer[0]['lr']"]
    """
    yield path, value
    # Exact types only: a subclass is pickled as a class of its own.
    if type(value) in _MAPPINGS:
        for key, item in value.items():
            yield from leaves(item, f"{path}[{key!r}]" if path else str(key))
    elif type(value) in _SEQUENCES:
        for index, item in enumerate(value):
            yield from leaves(item, f"{path}[{index}]")


def check_storable(value: Any, file: str) -> None:
    """Raise `CheckpointError` if ``value`` holds something that ``torch.load(weights_only=True)`` would refuse.

    Torch writes such things without a word and refuses them when the checkpoint is needed.

    Args:
        value: what is to be saved, such as a whole checkpoint or a model's hyper-parameters.
        file: the name to put into the message.

    >>> from pathlib import Path
    >>> check_storable({"hyper_parameters": {"folder": Path("data")}}, "last.ckpt")
    Traceback (most recent call last):
    seqmodels.errors.CheckpointError: last.ckpt: can't save hyper_parameters['folder'], a PosixPath: store str(value)
    """
    for path, leaf in leaves(value):
        if isinstance(leaf, Tensor):
            if leaf.layout != torch.strided or leaf.is_quantized or leaf.is_nested or leaf.is_meta:
                raise CheckpointError(f"{file}: can't save {path}, a tensor that is not dense: store value.to_dense()")
        elif type(leaf) in (*_MAPPINGS, set):
            for key in leaf:
                if type(key) not in (*_PLAIN, tuple) and not _survives(key):
                    raise _refusal(file, f"a key of {path or 'the checkpoint'}", key)
        elif type(leaf) not in (*_PLAIN, *_SEQUENCES) and not _survives(leaf):
            raise _refusal(file, path, leaf)


def digest(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """The sha256 of every tensor by its path, and one of everything else (structure, numbers, texts).

    Of an object whose class the user has allowed, it has the name of the class only: it may be pickled otherwise each
    time.

    >>> a, b = (digest({"w": torch.zeros(2), "epoch": epoch}) for epoch in (1, 2))
    >>> a["tensors"] == b["tensors"], a["rest"] == b["rest"]
    (True, False)
    """
    tensors: dict[str, str] = {}
    rest = hashlib.sha256()
    for path, leaf in leaves(checkpoint):
        if isinstance(leaf, Tensor):
            tensors[path] = _tensor_sha256(leaf)
            rest.update(f"{path} tensor\n".encode("utf-8", "surrogatepass"))
        else:
            rest.update(f"{path} {_describe(leaf)}\n".encode("utf-8", "surrogatepass"))
    return {"tensors": tensors, "rest": rest.hexdigest()}


def first_difference(checkpoint: dict[str, Any], expected: Any) -> str | None:
    """Name the first thing in ``checkpoint`` that is not what ``expected`` (see `digest`) says; None if all is well."""
    if not (isinstance(expected, dict) and isinstance(expected.get("tensors"), dict)):
        return "the record of digests"
    found = digest(checkpoint)
    for path, sha256 in expected["tensors"].items():
        if found["tensors"].get(path) != sha256:
            return f"tensor {path}"
    if found["rest"] != expected.get("rest") or len(found["tensors"]) != len(expected["tensors"]):
        return "a value that is not a tensor"
    return None


def _describe(leaf: Any) -> str:
    name = type(leaf).__name__
    if type(leaf) in _PLAIN:
        return f"{name} {leaf!r}"
    if type(leaf) is set:
        return f"{name} {sorted(map(repr, leaf))}"
    return f"{name} {len(leaf)}" if type(leaf) in (*_MAPPINGS, *_SEQUENCES) else name


def _tensor_sha256(tensor: Tensor) -> str:
    result = hashlib.sha256(f"{tensor.dtype} {tuple(tensor.shape)} ".encode())
    values = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous()
    result.update(values.reshape(-1).view(torch.uint8).numpy().data)
    return result.hexdigest()


def _survives(value: Any) -> bool:
    """Whether torch itself reads ``value`` back: users may have allowed classes of their own."""
    buffer = io.BytesIO()
    try:
        torch.save(value, buffer)
        buffer.seek(0)
        torch.load(buffer, weights_only=True)
    except Exception:
        return False
    return True


def _refusal(file: str, where: str, value: Any) -> CheckpointError:
    kind = type(value)
    if kind.__module__.partition(".")[0] == "numpy":
        fix = "torch.from_numpy(value)" if kind.__name__ == "ndarray" else "value.item()"
    elif kind.__name__ == "Namespace":
        fix = "vars(value)"
    elif kind.__module__.partition(".")[0] == "pathlib":
        fix = "str(value)"
    else:
        fix = "plain values instead (numbers, texts, lists, dicts, tensors)"
    return CheckpointError(f"{file}: can't save {where}, a {kind.__name__}: store {fix}")
