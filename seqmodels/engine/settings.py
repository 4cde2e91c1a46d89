"""What a step may ask of its modules beside tensors: a program holds as long as none of it changes."""

import enum
import functools
import types
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

_PLAIN = (
    *(bool, int, float, complex, str, bytes, range, enum.Enum, types.NoneType, type, torch.dtype, torch.device),
    *(types.FunctionType, types.BuiltinFunctionType, types.MethodType, functools.partial),
)
_HOLDERS = (list, tuple, dict, set, frozenset)
_OF_MODULES = frozenset(vars(nn.Module())) - {"training"}  # nn.Module's own: parameters, hooks and so on

LARGEST = 1000  # entries that are compared at every call
DEEPEST = 4  # objects within each other that are looked into


def plain_settings(module: nn.Module) -> tuple:
    """A module's type, what it and its class hold beside tensors and modules, and the same of its children."""
    own: list[Any] = [type(module), *_of_classes(type(module))]
    for key, value in vars(module).items():  # at every call: what most of them are is left out first
        if key in _OF_MODULES:
            continue
        own.append((key, value if isinstance(value, _PLAIN) else _frozen(value)))
    own += [(key, plain_settings(child)) for key, child in module._modules.items() if child is not None]
    return tuple(own)


def _of_classes(module: type) -> Iterator[tuple[str, Any]]:
    """Plain attributes and methods of a stranger's classes, which may be given anew."""
    for each in module.__mro__:
        if not each.__module__.startswith(("torch.", "seqmodels.", "builtins")):
            for key, value in vars(each).items():
                if not key.startswith("__") and isinstance(value, (*_PLAIN, *_HOLDERS)):
                    yield key, _frozen(value)


def _frozen(value: Any, depth: int = 0) -> Any:
    """The same as something that can't change and has a hash; of a tensor or a module, its type."""
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, _HOLDERS) and len(value) > LARGEST:
        return type(value), id(value), len(value)
    if isinstance(value, Tensor | nn.Module | types.ModuleType) or depth > DEEPEST:
        return type(value)
    if isinstance(value, dict):
        return dict, tuple((_frozen(key, depth + 1), _frozen(each, depth + 1)) for key, each in value.items())
    if isinstance(value, _HOLDERS):
        items = [_frozen(item, depth + 1) for item in value]
        return type(value), frozenset(items) if isinstance(value, set | frozenset) else tuple(items)
    if type(value).__module__ == "numpy" and hasattr(value, "tobytes"):
        return type(value), str(value.dtype), value.shape, value.tobytes() if value.size <= LARGEST else id(value)
    return type(value), _frozen(_attributes(value), depth + 1)


def _attributes(value: Any) -> dict[str, Any]:
    """Of any object, however its class keeps them."""
    slots = [name for each in type(value).__mro__ for name in getattr(each, "__slots__", ())]
    return getattr(value, "__dict__", {}) | {name: getattr(value, name, None) for name in slots}
