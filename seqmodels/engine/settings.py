"""What a step may ask of its modules beside tensors: a program holds as long as none of it changes."""

import functools
import types
from typing import Any

from torch import nn

_PLAIN = (
    *(bool, int, float, str, types.NoneType, type),
    *(types.FunctionType, types.BuiltinFunctionType, types.MethodType, functools.partial),
)
_HOLDERS = (list, tuple, dict, set, frozenset)
_OF_MODULES = frozenset(vars(nn.Module())) - {"training"}  # nn.Module's own: parameters, hooks and so on

LARGEST = 64  # entries that are compared at every call


def plain_settings(module: nn.Module) -> tuple:
    """A module's type, its attributes that are plain values or functions, or hold such, and its children's."""
    own: list[Any] = [type(module)]
    for key, value in vars(module).items():  # at every call: what most of them are is left out first
        if key in _OF_MODULES:
            continue
        if isinstance(value, _PLAIN):
            own.append((key, value))
        elif isinstance(value, _HOLDERS):
            own.append((key, _frozen(value)))
    own += [(key, plain_settings(child)) for key, child in module._modules.items() if child is not None]
    return tuple(own)


def _frozen(value: Any) -> Any:
    """The same as something that can't change and has a hash; of what is no plain value, its type."""
    if isinstance(value, _HOLDERS) and len(value) > LARGEST:
        return type(value), id(value), len(value)
    if isinstance(value, dict):
        return dict, tuple((_frozen(key), _frozen(each)) for key, each in value.items())
    if isinstance(value, _HOLDERS):
        each = [_frozen(item) for item in value]
        return type(value), frozenset(each) if isinstance(value, set | frozenset) else tuple(each)
    return value if isinstance(value, _PLAIN) else type(value)
