"""What a step may ask of its modules beside tensors: a program holds as long as none of it changes."""

import argparse
import array
import collections
import dataclasses
import dis
import enum
import functools
import types
from typing import Any

import torch
from torch import Tensor, nn

_PLAIN = (
    *(bool, int, float, complex, str, bytes, range, enum.Enum, types.NoneType, type, torch.dtype, torch.device),
    *(types.FunctionType, types.BuiltinFunctionType, types.MethodType, functools.partial),
)
_HOLDERS = (list, tuple, dict, set, frozenset, collections.deque, array.array)
_NAMESPACES = (types.SimpleNamespace, argparse.Namespace)
_OF_MODULES = frozenset(vars(nn.Module())) - {"training"}  # nn.Module's own: parameters, hooks and so on

LARGEST = 1000  # entries that are compared at every call
DEEPEST = 4  # objects within each other that are looked into


def plain_settings(module: nn.Module) -> tuple:
    """A module's type, what it and its class hold beside tensors and modules, and the same of its children."""
    kind: Any = type(module)
    package, strangers = _origin(kind)
    own: list[Any] = [kind]
    for each in strangers:
        own += [(key, _frozen(value, package)) for key, value in vars(each).items() if _is_setting(key, value)]
    for key, value in vars(module).items():  # at every call: what most of them are is left out first
        if key in _OF_MODULES:
            continue
        own.append((key, value if isinstance(value, _PLAIN) else _frozen(value, package)))
    own += [(key, plain_settings(child)) for key, child in module._modules.items() if child is not None]
    return tuple(own)


def may_change_unseen(module: nn.Module) -> bool:
    """Whether a step may make numbers of what :func:`plain_settings` don't see.

    That is a tensor that is no buffer, or what can change among the globals of the step.
    """
    for each in module.modules():
        if any(isinstance(value, Tensor) for value in vars(each).values()):
            return True
        for name in ("step", "forward"):
            function = getattr(type(each), name, None)
            if not isinstance(function, types.FunctionType):
                continue
            read = {line.argval for line in dis.get_instructions(function) if line.opname == "LOAD_GLOBAL"}
            named = [function.__globals__.get(name) for name in read]
            if any(isinstance(value, Tensor | list | dict | set | collections.deque | array.array) for value in named):
                return True
            if any(_package(type(value)) == "numpy" for value in named):
                return True
    return False


@functools.lru_cache(maxsize=1024)
def _origin(kind: type) -> tuple[str, list[type]]:
    """The package of a class, and those that it is made of whose attributes and methods may be given anew."""
    return _package(kind), [each for each in kind.__mro__ if _package(each) not in ("torch", "seqmodels", "builtins")]


def _is_setting(key: str, value: Any) -> bool:
    return not key.startswith("__") and isinstance(value, (*_PLAIN, *_HOLDERS))


def _package(kind: type) -> str:
    return kind.__module__.partition(".")[0]


def _frozen(value: Any, package: str, depth: int = 0) -> Any:
    """The same as something that can't change and has a hash; of what is of another package, its type.

    Looked into are plain values, what holds them, numpy's arrays, and objects that hold settings: namespaces, data
    classes, and those of the package that the module is of. A logger, say, changes as it is used.
    """
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, _HOLDERS) and len(value) > LARGEST:
        return type(value), id(value), len(value)
    if isinstance(value, Tensor | nn.Module | types.ModuleType) or depth > DEEPEST:
        return type(value)
    if isinstance(value, dict):
        items = [(_frozen(key, package, depth + 1), _frozen(each, package, depth + 1)) for key, each in value.items()]
        return dict, tuple(items)
    if isinstance(value, _HOLDERS):
        items = [_frozen(item, package, depth + 1) for item in value]
        return type(value), frozenset(items) if isinstance(value, set | frozenset) else tuple(items)
    if _package(type(value)) == "numpy" and hasattr(value, "tobytes"):
        return type(value), str(value.dtype), value.shape, value.tobytes() if value.size <= LARGEST else id(value)
    if isinstance(value, _NAMESPACES) or dataclasses.is_dataclass(value) or _package(type(value)) == package:
        return type(value), _frozen(_attributes(value), package, depth + 1)
    return type(value)


def _attributes(value: Any) -> dict[str, Any]:
    """Of any object, however its class keeps them."""
    slots = [name for each in type(value).__mro__ for name in getattr(each, "__slots__", ())]
    return getattr(value, "__dict__", {}) | {name: getattr(value, name, None) for name in slots}
