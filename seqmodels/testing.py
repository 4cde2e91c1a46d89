"""The conformance suite for cells: what RNN and its backends take for granted of a step.

:data:`CHECKS`, at the end, lists the properties. A check's name is its property; its docstring says how to keep it.
"""

import copy
import io
import pickle
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck
from torch.autograd.gradcheck import GradcheckError

from seqmodels import engine, strangers
from seqmodels.cell import Cell
from seqmodels.errors import CellError, OptionError, SeqmodelsError
from seqmodels.rnn import RNN

T, B = 5, 3  # time steps and rows of most checks
LENGTHS = torch.tensor([T, 2, 0])
LONG = 500  # time steps over which a state stays finite
TOLERANCE = 1e-12  # in float64


def check_cell(
    cell: str | type[Cell] | Cell,
    *,
    input_size: int = 3,
    hidden_size: int = 5,
    seed: int = 0,
    quick: bool = False,
    **options: Any,
) -> None:
    """Checks that a cell keeps the contract of :class:`seqmodels.Cell`; the built-in cells pass it too.

    Takes a second or so, on the CPU, in evaluation mode; changes neither the cell nor the random state.

    Args:
        cell: A name, ``package.module:Class``, a Cell class, or an instance, which keeps its own sizes.
        input_size: Features of the input, for a name or a class.
        hidden_size: Features of the states, for a name or a class.
        seed: Seed of the parameters, inputs and states that are tried.
        quick: Look at its modules, and the step alone, within a few milliseconds: shapes, purity, rows that mix.
        **options: Options of the cell, for a name or a class.

    Raises:
        CellError: At the first property that doesn't hold: one line with its name, numbers, and what to do.
        UnknownCell: If there is no cell of that name.
        OptionError: If the cell has no such option.

    Example:
        >>> import seqmodels
        >>> from seqmodels.testing import check_cell
        >>> check_cell("lstm", forget_bias=2.0)
        >>> class Mixing(seqmodels.Cell):
        ...     def step(self, x, h):
        ...         return h - h.mean(0) + x
        >>> check_cell(Mixing, input_size=5)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        seqmodels.errors.CellError: check_cell(Mixing): rows don't mix: h of row 0 alone differs by ...
    """
    if not isinstance(cell, Cell):
        options = {"input_size": input_size, "hidden_size": hidden_size, **options}
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would also change the generators of GPUs
        try:
            subject = Subject(cell, options)
        except CellError as error:
            if isinstance(cell, Cell):
                raise
            raise CellError(f"check_cell: {error}; {_tried_with(**options)}") from error
        for check in QUICK if quick else CHECKS:
            try:
                check(subject)
            except Exception as error:  # whatever a step raises is what is wrong with it
                name = f"check_cell({type(subject.cell).__name__}): {property_of(check)}"
                if isinstance(error, Violation | SeqmodelsError):
                    raise CellError(f"{name}: {' '.join(str(error).split())}; {check.__doc__}") from error
                tried = _tried_with(subject.cell.input_size, subject.cell.hidden_size)
                raise CellError(f"{name}: {strangers.reason(error, type(subject.cell))}; {tried}") from error


def _tried_with(input_size: int, hidden_size: int, **options: Any) -> str:
    return f"tried with input_size={input_size}, hidden_size={hidden_size}: give others if the cell needs them"


def property_of(check: Callable) -> str:
    """What a check checks, in words."""
    return check.__name__.replace("_", " ").replace(" dont ", " don't ")


class Violation(Exception):
    """A property doesn't hold; says by how much."""


class Subject:
    """The cell under test, in float64 and evaluation mode on the CPU, and what it is tried on."""

    def __init__(self, source: str | type[Cell] | Cell, options: dict[str, Any]) -> None:
        self.source = source
        self.anew = partial(self.rnn, source, **options)  # an RNN whose cells are made anew, unless given
        self.cell = self.anew().cell

    @staticmethod
    def rnn(cell: str | type[Cell] | Cell, **options: Any) -> RNN:
        return RNN(cell, **options).to("cpu", torch.float64).eval()

    def input(self, *shape: int) -> Tensor:
        """Random input [*shape, input_size]."""
        return torch.randn(*shape, self.cell.input_size, dtype=torch.float64)

    def state(self, *shape: int) -> tuple[Tensor, ...]:
        """Random states, each [*shape, size]."""
        return tuple(torch.randn(*shape, size, dtype=torch.float64) for size in self.cell.state_sizes)

    def named(self, states: Sequence[Tensor]) -> dict[str, Tensor]:
        return dict(zip(self.cell.state_names, states, strict=True))


# The checks. Each takes the properties before its own for granted.


def modules_are_registered(subject: Subject) -> None:
    """let torch find every module"""
    if (hidden := strangers.unregistered(subject.cell)) is not None:
        raise Violation(hidden)


def states_are_as_declared(subject: Subject) -> None:
    """name each state in state_names, size it in state_sizes, and let step return them in that order"""
    cell, names = subject.cell, subject.cell.state_names
    if not isinstance(names, tuple) or not names or len(set(names)) < len(names):
        raise Violation(f"state_names is {names!r}, not a tuple of distinct names")
    if len(cell.state_sizes) != len(names):
        raise Violation(f"state_sizes has {len(cell.state_sizes)} entries, state_names {len(names)}")
    state = subject.state(B)
    new = cell.next_state(subject.input(B), state)
    if len(new) != len(names):
        raise Violation(f"step returned {len(new)} states, state_names has {len(names)}")
    for name, after, before in zip(names, new, state, strict=True):
        _require_form(name, after, before.shape)
    _require_form("output", cell.output(*state), (B, cell.output_size))


def values_are_finite(subject: Subject) -> None:
    """keep from 0 / 0, and from the root or logarithm of what may be negative"""
    _require_finite(subject.rnn(subject.cell, backend="reference"), subject.input(T, B), subject.state(1, B))


def one_row_is_enough(subject: Subject) -> None:
    """keep the batch dimension when it is 1: no squeeze(), no statistics of the batch"""
    state = subject.state(1)
    new = subject.cell.next_state(subject.input(1), state)
    for name, after, before in zip(subject.cell.state_names, new, state, strict=True):
        _require_form(name, after, before.shape)


def step_is_pure(subject: Subject) -> None:
    """compute the next state from x, the state and the parameters alone, and change none of them in place"""
    cell, x, state = subject.cell, subject.input(B), subject.state(B)
    given = {"x": x, **{f"the old {name}": s for name, s in subject.named(state).items()}, **cell.state_dict()}
    as_given, generator = copy.deepcopy(given), torch.get_rng_state()
    with torch.no_grad():
        first = cell.next_state(x, state)
        cell.next_state(-x, [2 * s for s in state])
        second = cell.next_state(x, state)
    if not torch.equal(generator, torch.get_rng_state()):
        raise Violation("step draws random numbers in evaluation mode")
    _require_equal(given, as_given, "after the step", exact=True)
    _require_equal(subject.named(second), subject.named(first), "the second time", exact=True)


def rows_dont_mix(subject: Subject) -> None:
    """treat every row of x and of the state by itself: nothing is taken over dimension 0"""
    x, state = subject.input(B), subject.state(B)
    together = subject.named(subject.cell.next_state(x, state))
    for row in range(B):
        part = slice(row, row + 1)
        alone = subject.named(subject.cell.next_state(x[part], [s[part] for s in state]))
        _require_equal(alone, {name: s[part] for name, s in together.items()}, f"of row {row} alone")
    order = torch.arange(B).roll(1)
    permuted = subject.named(subject.cell.next_state(x[order], [s[order] for s in state]))
    _require_equal(permuted, {name: s[order] for name, s in together.items()}, "of rows in another order")


def rows_dont_mix_in_training(subject: Subject) -> None:
    """treat every row of x and of the state by itself in training, too: no normalisation over the batch"""
    cell, x, state = subject.anew().cell.train(), subject.input(B), subject.state(B)
    found = []
    for factor in (1.0, 2.0):  # of all rows but the first
        others = torch.ones(B, 1, dtype=torch.float64).index_fill(0, torch.arange(1, B), factor)
        torch.default_generator.manual_seed(0)  # the same random numbers, as of dropout
        new = cell.next_state(others * x, [others * s for s in state])
        found.append(subject.named([s[:1] for s in new]))
    cell.eval()
    _require_equal(found[0], found[1], "of row 0 where other rows change")


def gradients_are_right(subject: Subject) -> None:
    """use differentiable operations, and give every autograd.Function the derivative of its value"""
    _differentiate(subject, gradcheck)


def second_gradients_are_right(subject: Subject) -> None:
    """let every autograd.Function compute its backward pass with differentiable operations"""
    _differentiate(subject, partial(gradgradcheck, fast_mode=True))


def sequence_repeats_the_step(subject: Subject) -> None:
    """do the same at every time: no counter, and no choice between products that x or the state makes"""
    cell, x, state = subject.cell, subject.input(T, B), subject.state(1, B)
    leaves = _leaves(subject, x, state, cell)
    x, *initial = list(leaves.values())[: 1 + len(state)]
    outputs, new = [], tuple(s[0] for s in initial)
    for now in x:
        new = cell.next_state(now, new)
        outputs.append(cell.output(*new))
    by_hand = {"output": torch.stack(outputs), **subject.named([s[None] for s in new])}
    found = _run(subject, subject.rnn(cell, backend="reference"), x, state)
    _require_equal(found, {**by_hand, **_gradients(by_hand, leaves)}, "over a sequence")


def backends_agree(subject: Subject) -> None:
    """make torch_twin and torch_weights tell of the very cell that step computes"""
    x, state = subject.input(T, B), subject.state(1, B)
    for lengths in (None, LENGTHS):
        plain = _run(subject, subject.rnn(subject.cell, backend="reference"), x, state, lengths=lengths)
        for backend in engine.BACKENDS:
            try:
                found = _run(subject, subject.rnn(subject.cell, backend=backend), x, state, lengths=lengths)
            except OptionError:  # this backend doesn't take the cell
                continue
            _require_equal(found, plain, f"with backend {backend!r}")


def rows_end_at_their_length(subject: Subject) -> None:
    """let step and output depend on nothing but x and the state"""
    x, state = subject.input(T, B), subject.state(2, B)
    rnn = subject.rnn(subject.cell, bidirectional=True)
    output, final = _forward(rnn, x, state, lengths=LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        found = {"output": output[:length, row], **subject.named([s[:, row] for s in final])}
        alone = {"output": output[:0, row], **subject.named([s[:, row] for s in state])}
        if length:
            part = slice(row, row + 1)
            alone_output, alone_final = _forward(rnn, x[:length, part], [s[:, part] for s in state])
            alone = {"output": alone_output[:, 0], **subject.named([s[:, 0] for s in alone_final])}
        _require_equal(found, alone, f"of a row of length {length}")
        _require_equal({"output": output[length:, row]}, {"output": torch.zeros(T - length, 1)}, "past the end")


def padding_is_irrelevant(subject: Subject) -> None:
    """let step and output depend on nothing but x and the state"""
    x, state = subject.input(T, B), subject.state(2, B)
    real = engine.within_lengths(LENGTHS, T)[..., None]
    rnn = subject.rnn(subject.cell, bidirectional=True)
    zeros, nans = (_run(subject, rnn, torch.where(real, x, v), state, lengths=LENGTHS) for v in (0.0, torch.nan))
    _require_equal(nans, zeros, "with NaN for padding")


def resets_start_anew(subject: Subject) -> None:
    """let step depend on nothing but x and the state, so that zero_state is a start"""
    x, state = subject.input(T, 1), subject.state(2, 1)
    reset = torch.zeros(T, 1, dtype=torch.bool)
    reset[2] = True
    rnn = subject.rnn(subject.cell, bidirectional=True)
    zero = subject.cell.zero_state(x[0])
    # The forward direction carries the given state into the first part, the backward direction into the last.
    first = _forward(rnn, x[:2], [torch.stack([s[0], z]) for s, z in zip(state, zero, strict=True)])
    last = _forward(rnn, x[2:], [torch.stack([z, s[1]]) for s, z in zip(state, zero, strict=True)])
    apart = [torch.stack([f[0], b[1]]) for f, b in zip(last[1], first[1], strict=True)]
    output, final = _forward(rnn, x, state, reset=reset)
    expected = {"output": torch.cat([first[0], last[0]]), **subject.named(apart)}
    _require_equal({"output": output, **subject.named(final)}, expected, "after a reset")


def state_carries_on(subject: Subject) -> None:
    """keep all that step needs from the past in the state"""
    x, state = subject.input(T, B), subject.state(1, B)
    rnn = subject.rnn(subject.cell)
    output, final = _forward(rnn, x, state)
    first_output, carried = _forward(rnn, x[:2], state)
    last_output, carried = _forward(rnn, x[2:], carried)
    found = {"output": torch.cat([first_output, last_output]), **subject.named(carried)}
    _require_equal(found, {"output": output, **subject.named(final)}, "in two parts with carried state")


def backwards_is_a_mirror(subject: Subject) -> None:
    """let step depend on nothing but x and the state"""
    x, size = subject.input(T, B), subject.cell.output_size
    both, _ = subject.rnn(subject.cell, bidirectional=True)(x)
    mirrored, _ = subject.rnn(subject.cell)(x.flip(0))
    _require_equal({"output": both[..., size:]}, {"output": mirrored.flip(0)}, "backwards")


def layers_stack(subject: Subject) -> None:
    """let the constructor take any sizes, and output_size be the size of output"""
    if isinstance(subject.source, Cell) and subject.cell.output_size != subject.cell.input_size:
        return  # an instance keeps its sizes, so a second layer can't read the first
    x = subject.input(T, B)
    rnn = subject.anew(num_layers=2)
    lower, upper = (subject.rnn(layer.cell) for layer in rnn.layers)  # type: ignore[arg-type]
    _require_equal({"output": rnn(x)[0]}, {"output": upper(lower(x)[0])[0]}, "of two layers")


def state_dict_restores(subject: Subject) -> None:
    """register every tensor of the cell as a parameter or buffer"""
    x, rnn, other = subject.input(T, B), subject.anew(), subject.anew()
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.uniform_(-1, 1)
    file = io.BytesIO()
    torch.save(rnn.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    _require_equal({"output": other(x)[0]}, {"output": rnn(x)[0]}, "after saving and loading", exact=True)


def copies_are_equal_and_apart(subject: Subject) -> None:
    """keep attributes that can be copied and pickled, and parameters that belong to one cell"""
    cell, x, state = subject.cell, subject.input(B), subject.state(B)
    copies = {"after deepcopy": copy.deepcopy(cell)}
    if strangers.is_importable(type(cell)):  # pickle finds a class by its name
        copies["after pickle"] = pickle.loads(pickle.dumps(cell))
    mine = {p.data_ptr() for p in cell.parameters() if p.numel()}
    for when, other in copies.items():
        new, expected = other.next_state(x, state), cell.next_state(x, state)
        _require_equal(subject.named(new), subject.named(expected), when, exact=True)
        if any(p.data_ptr() in mine for p in other.parameters()):
            raise Violation(f"parameters are shared with the original {when}")


def float32_stays_finite(subject: Subject) -> None:
    """bound the state, by a squashing function or gates, and start from parameters that don't enlarge it"""
    _require_finite(subject.rnn(subject.cell).float().requires_grad_(False), subject.input(LONG, B).float(), None)


def _forward(
    rnn: RNN, x: Tensor, state: Sequence[Tensor] | None, **arguments: Any
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """RNN with its states as a tuple, whatever their number."""
    output, final = rnn(x, None if state is None else tuple(state), **arguments)
    return output, rnn.cell.pack_state(final)


def _run(subject: Subject, rnn: RNN, x: Tensor, state: Sequence[Tensor], **arguments: Any) -> dict[str, Tensor]:
    """Output, final states, and the gradients of a fixed sum of them."""
    leaves = _leaves(subject, x, state, rnn if rnn.bidirectional else rnn.cell)
    x, *initial = list(leaves.values())[: 1 + len(state)]
    output, final = _forward(rnn, x, initial, **arguments)
    values = {"output": output, **subject.named(final)}
    return {**values, **_gradients(values, leaves)}


def _leaves(subject: Subject, x: Tensor, state: Sequence[Tensor], module: nn.Module) -> dict[str, Tensor]:
    """What gradients are taken of: copies of x and the old state, and the parameters."""
    inputs = {"x": x, **{f"the old {name}": s for name, s in subject.named(state).items()}}
    parameters = {name: p for name, p in module.named_parameters() if p.requires_grad}
    return {**{name: t.detach().clone().requires_grad_() for name, t in inputs.items()}, **parameters}


def _gradients(values: dict[str, Tensor], leaves: dict[str, Tensor]) -> dict[str, Tensor]:
    # Weights that all differ, so that errors don't cancel in the sum.
    parts = [(value * torch.arange(value.numel()).cos().view_as(value)).sum() for value in values.values()]
    gradients = torch.autograd.grad(
        torch.stack(parts).sum(), list(leaves.values()), allow_unused=True, materialize_grads=True
    )
    return {f"the gradient of {name}": g for name, g in zip(leaves, gradients, strict=True)}


def _differentiate(subject: Subject, check: Callable) -> None:
    """Runs gradcheck or gradgradcheck on the step, with respect to x, the state and the parameters."""
    cell, count = subject.cell, len(subject.cell.state_names)
    leaves = _leaves(subject, subject.input(1), subject.state(1), cell)  # one row tells, as rows don't mix

    def step(x: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:  # the parameters in rest are the cell's own
        return cell.next_state(x, rest[:count])

    if not any(new.requires_grad for new in step(*leaves.values())):
        raise Violation("no state that step returns has a gradient")
    try:
        check(step, tuple(leaves.values()))
    except GradcheckError as error:
        reason = str(error).strip().splitlines()[0].rstrip(",")
        names = dict(enumerate(leaves))
        reason = re.sub(r"input (\d+)", lambda found: names.get(int(found[1]), "an incoming gradient"), reason)
        raise Violation(reason) from error


def _require_form(name: str, tensor: Tensor, shape: Sequence[int]) -> None:
    if tuple(tensor.shape) != tuple(shape):
        raise Violation(f"{name} has shape {list(tensor.shape)}, not {list(shape)}")
    if tensor.dtype != torch.float64:
        raise Violation(f"{name} is {tensor.dtype} for float64 input; make constants like x")


def _require_equal(found: dict[str, Tensor], expected: dict[str, Tensor], when: str, exact: bool = False) -> None:
    """Raises a Violation where named tensors differ, by more than rounding unless exact."""
    for name, tensor in expected.items():
        if not tensor.numel():
            continue
        difference = (found[name] - tensor).abs().max().item()
        allowed = 0.0 if exact else TOLERANCE * max(1.0, tensor.abs().max().item())
        if not difference <= allowed:  # NaN is a difference
            raise Violation(f"{name} {when} differs by {difference:.3g} (allowed: {allowed:.0e})")


def _require_finite(rnn: RNN, x: Tensor, state: Sequence[Tensor] | None) -> None:
    """Raises a Violation that names what is NaN or infinite first, and the step; or what is of another type."""
    output, _, states = rnn(x, None if state is None else tuple(state), return_states=True)
    steps = {name: s[0] for name, s in zip(rnn.cell.state_names, rnn.cell.pack_state(states), strict=True)}
    steps["output"] = output
    if wrong := next((name for name, values in steps.items() if values.dtype != x.dtype), None):
        raise Violation(f"{wrong} is {steps[wrong].dtype} for {str(x.dtype)[6:]} input; make constants like x")
    for number, values in enumerate(zip(*steps.values(), strict=True), 1):
        if wrong := next((name for name, value in zip(steps, values, strict=True) if not value.isfinite().all()), None):
            kind = "NaN" if steps[wrong][number - 1].isnan().any() else "infinite"
            raise Violation(f"{wrong} is {kind} after step {number} of standard normal input")


QUICK: tuple[Callable[[Subject], None], ...] = (
    modules_are_registered,
    states_are_as_declared,
    values_are_finite,
    one_row_is_enough,
    step_is_pure,
    rows_dont_mix,
)
CHECKS: tuple[Callable[[Subject], None], ...] = (
    *QUICK,
    rows_dont_mix_in_training,
    gradients_are_right,
    second_gradients_are_right,
    sequence_repeats_the_step,
    backends_agree,
    rows_end_at_their_length,
    padding_is_irrelevant,
    resets_start_anew,
    state_carries_on,
    backwards_is_a_mirror,
    layers_stack,
    state_dict_restores,
    copies_are_equal_and_apart,
    float32_stays_finite,
)
