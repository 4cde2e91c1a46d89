"""States of layers and directions, between those that each runs with and the form in which RNN takes and gives them."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from seqmodels.cell import Cell, State
from seqmodels.errors import InputError

LayerStates = Tensor | tuple[Any, ...]  # a State of all layers at once, or where they differ in size one of each


def split_states(cells: Sequence[Sequence[Cell]], state: LayerStates, input: Tensor) -> list[tuple[Tensor, ...]]:
    """For each layer and direction its states [B, S].

    Args:
        cells: The layers and directions in groups: those of a group have one size, and their states lie together.
        state: A tensor [group, B, S] if the cell has one state, else a tuple; of several groups a tuple of these.
        input: [T, B, I], for batch and type.

    Raises:
        InputError: If the number of tensors, a shape or a type doesn't fit.

    Example:
        >>> from seqmodels.plugins.gru import GRU
        >>> cells = [GRU(3, 5), GRU(5, 5)]
        >>> [list(h.shape) for (h,) in split_states([cells], torch.zeros(2, 4, 5), torch.zeros(7, 4, 3))]
        [[4, 5], [4, 5]]
    """
    found: list[tuple[Tensor, ...]] = []
    for number, (group, each) in enumerate(zip(cells, _of_groups(cells, state), strict=True)):
        where = f" of layer {number}" if len(cells) > 1 else ""
        cell = group[0]
        states = cell.pack_state(each)
        for name, tensor, size in zip(cell.state_names, states, cell.state_sizes, strict=True):
            expected = (len(group), input.shape[1], size)
            if tensor.shape != expected:
                raise InputError(f"RNN: state {name}{where} must be {list(expected)}, not {list(tensor.shape)}")
            if tensor.dtype != input.dtype and not torch.is_autocast_enabled(input.device.type):
                given = f"state {name}{where} is {tensor.dtype}"
                raise InputError(f"RNN: {given}, input is {input.dtype}; convert one of them")
        found += zip(*(tensor.unbind(0) for tensor in states), strict=True)
    return found


def join_states(cells: Sequence[Sequence[Cell]], states: Sequence[tuple[Tensor, ...]]) -> LayerStates:
    """The inverse of :func:`split_states`, for final states and for whole histories.

    Example:
        >>> from seqmodels.plugins.gru import GRU
        >>> cells = [[GRU(3, 5)], [GRU(5, 2)]]
        >>> [list(h.shape) for h in join_states(cells, [(torch.zeros(4, 5),), (torch.zeros(4, 2),)])]
        [[1, 4, 5], [1, 4, 2]]
    """
    rest = iter(states)
    joined = []
    for group in cells:
        parts = zip(*(next(rest) for _ in group), strict=True)
        joined.append(group[0].unpack_state(tuple(torch.stack(part) for part in parts)))
    return _together(joined)


def map_states(
    cells: Sequence[Sequence[Cell]], function: Callable[[Tensor], Tensor], state: LayerStates
) -> LayerStates:
    """The same form, of what ``function`` makes of each tensor.

    Example:
        >>> from seqmodels.plugins.lstm import LSTM
        >>> h, c = map_states([[LSTM(3, 5)]], torch.sign, (torch.full((1, 2), 7.0), torch.zeros(1, 2)))
        >>> h
        tensor([[1., 1.]])
    """
    mapped = [
        group[0].unpack_state(tuple(map(function, group[0].pack_state(each))))
        for group, each in zip(cells, _of_groups(cells, state), strict=True)
    ]
    return _together(mapped)


def _together(states: Sequence[State]) -> LayerStates:
    return states[0] if len(states) == 1 else tuple(states)


def _of_groups(cells: Sequence[Sequence[Cell]], state: LayerStates) -> Sequence[State]:
    if len(cells) == 1:
        return [state]
    names = cells[0][0].state_names
    form = f"({', '.join(names)})" if len(names) > 1 else names[0]
    wanted = f"RNN: layers of a size each have a state each: give a tuple of {len(cells)}, each {form}"
    if not isinstance(state, tuple | list) or len(state) != len(cells):
        given = len(state) if isinstance(state, tuple | list) else type(state).__name__
        raise InputError(f"{wanted}, not {given}")
    for number, of_layer in enumerate(state):
        if isinstance(of_layer, Tensor) != (len(names) == 1):
            raise InputError(f"{wanted}; that of layer {number} is {type(of_layer).__name__}")
    return state
