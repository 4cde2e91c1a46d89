"""RNN: any cell over whole sequences, in the shapes of torch.nn.LSTM."""

import copy
import inspect
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from seqmodels import engine, strangers, torch_modules
from seqmodels.cell import Cell
from seqmodels.dropout import locked_dropout, probability
from seqmodels.engine.once import warn_once
from seqmodels.errors import InputError, OptionError
from seqmodels.layer import Layer, Regularisation
from seqmodels.layer_states import LayerStates, join_states, map_states, split_states
from seqmodels.registry import get_cell

NO_OPTIONS = ("cell", "input_size", "hidden_size", "options")  # arguments of RNN beside its options


class RNN(nn.Module):
    """Any cell over whole sequences: layers, directions, dropouts, lengths and resets around it.

    Stands in for :class:`torch.nn.LSTM` and :class:`torch.nn.GRU`: the same shapes, argument names and results. T is
    time, B the batch, I ``input_size``, S the size of a state, D the number of directions.

    Args:
        cell: A registered name, ``package.module:Class``, a Cell class, or a Cell instance (copied for each layer).
        input_size: Features of the input; a Cell instance knows its own.
        hidden_size: Features of each state; a Cell instance knows its own. A list has one number a layer; the states of
            several layers are then handed in and out layer by layer.
        num_layers: Layers, each reading the output of the one below; of a list of sizes, as many as it has.
        batch_first: Input and output are [B, T, ...] instead of [T, B, ...]; states are not concerned.
        dropout: Probability of dropout on the output of every layer but the last, drawn at each step.
        bidirectional: Each layer also runs backwards; outputs are concatenated.
        backend: "reference" (the plain loop), "native" (generated code, on CPUs), "vendor" (torch's kernels, for cells
            that equal one), "cuda" (generated code, on GPUs), or "auto": the first that can.
        input_dropout: Dropout of each layer's input with one mask a sequence (Gal and Ghahramani 2016); a number, or
            one a layer.
        recurrent_dropout: Dropout of the state where it enters a matrix product, one mask a sequence (the same paper).
        zoneout: Probability that a unit keeps its old value at a step (Krueger et al. 2017); a number, or one a state.
        weight_dropout: DropConnect on the matrices that multiply the state, one mask a sequence (Merity et al. 2018).
        layer_norm: Normalise the result of every matrix product of the step before its bias (Ba et al. 2016, eq. 20).
        learn_initial_state: Learn the state before the first step, instead of zeros.
        **options: Options of the cell, such as ``forget_bias``.

    Raises:
        OptionError: If an option has no such value, or the cell has no such option.
        UnknownCell: If there is no cell of that name.

    Example:
        >>> import torch, seqmodels
        >>> rnn = seqmodels.RNN("mut1", input_size=8, hidden_size=16, num_layers=2)
        >>> output, h = rnn(torch.randn(5, 3, 8), lengths=torch.tensor([5, 2, 0]))
        >>> output.shape, h.shape
        (torch.Size([5, 3, 16]), torch.Size([2, 3, 16]))
    """

    def __init__(
        self,
        cell: str | type[Cell] | Cell,
        input_size: int | None = None,
        hidden_size: int | Sequence[int] | None = None,
        num_layers: int = 1,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        backend: str = "auto",
        *,
        input_dropout: float | Sequence[float] = 0.0,
        recurrent_dropout: float = 0.0,
        zoneout: float | Sequence[float] = 0.0,
        weight_dropout: float = 0.0,
        layer_norm: bool = False,
        learn_initial_state: bool = False,
        **options: Any,
    ) -> None:
        super().__init__()
        if not isinstance(num_layers, int) or isinstance(num_layers, bool) or num_layers < 1:
            raise OptionError(f"RNN: num_layers must be a positive integer, not {num_layers!r}")
        engine.check_backend(backend)
        engine.get_ready(backend)
        for name, value in (
            ("batch_first", batch_first),
            ("bidirectional", bidirectional),
            ("layer_norm", layer_norm),
            ("learn_initial_state", learn_initial_state),
        ):
            if not isinstance(value, bool):
                raise OptionError(f"RNN: {name} must be True or False, not {value!r}")
        sizes = None
        if not (hidden_size is None or isinstance(hidden_size, int)):
            sizes = _sizes(cell, hidden_size, num_layers)
            hidden_size, num_layers = sizes[0], len(sizes)
        self.num_layers = num_layers
        self.batch_first = batch_first
        self.dropout = probability("dropout", dropout)
        self.bidirectional = bidirectional
        self.backend = backend

        first = make_cell(cell, input_size, hidden_size, options)
        self.input_size = first.input_size
        self.hidden_size: int | tuple[int, ...] = sizes if sizes and num_layers > 1 else first.hidden_size
        self.input_dropout = _one_each("input_dropout", input_dropout, num_layers, "layer")
        regularisation = Regularisation(
            recurrent_dropout=probability("recurrent_dropout", recurrent_dropout),
            weight_dropout=probability("weight_dropout", weight_dropout),
            zoneout=_one_each("zoneout", zoneout, len(first.state_names), "state"),
            layer_norm=layer_norm,
            learn_initial_state=learn_initial_state,
        )
        directions = 2 if bidirectional else 1
        self.layers = nn.ModuleList()
        below = first.input_size
        for layer, size in enumerate(sizes or (first.hidden_size,) * num_layers):
            for direction in range(directions):
                # A given instance is a pattern to copy; a class or a name makes each cell anew, of its layer's size.
                if layer > 0 or direction > 0:
                    made = make_cell(cell, below, size, options, copied=True)
                else:
                    made = first if first is not cell else copy.deepcopy(first)
                self.layers.append(Layer(made, regularisation, backwards=direction == 1))
            below = made.output_size * directions

    @property
    def cell(self) -> Cell:
        """The cell of the first layer."""
        return self._cells[0]

    @property
    def _cells(self) -> list[Cell]:
        """Those of all layers and directions."""
        return [layer.cell for layer in self.layers]  # type: ignore[misc]  # modules of a list have no kind

    @property
    def output_size(self) -> int:
        """Features of the output: those of the last layer's cell, times the directions."""
        return self._cells[-1].output_size * (2 if self.bidirectional else 1)

    def reset_parameters(self, bound: float | None = None) -> None:
        """Draw the parameters of all cells anew from U(-bound, bound); see :meth:`Cell.reset_parameters`."""
        for cell in self._cells:
            cell.reset_parameters(bound)

    def forward(
        self,
        input: Tensor | PackedSequence,
        state: LayerStates | None = None,
        lengths: Tensor | Sequence[int] | None = None,
        reset: Bool[Tensor, "T B"] | Bool[Tensor, " T"] | None = None,
        return_states: bool = False,
    ) -> tuple:
        """Runs the sequence.

        Args:
            input: [T, B, I], [B, T, I] if ``batch_first``, [T, I] for one sequence, or a PackedSequence.
            state: Before the first step: a tensor [num_layers * D, B, S] if the cell has one state, else a tuple. Where
                ``hidden_size`` is a list of two sizes or more, a tuple of such states, [D, B, S] of each layer.
            lengths: [B] real steps of each row, 0 .. T. Outputs past them are 0; the final state is that of the last
                real step, or the initial one if there is none.
            reset: [T, B] bool ([B, T] if ``batch_first``): the state returns to its initial value before that step. The
                backward direction resets at the same borders.
            return_states: Also give every state at every step.

        Returns:
            ``(output, state)`` as :class:`torch.nn.LSTM` gives them, output of D * ``cell.output_size`` features; with
            ``return_states``, ``(output, state, states)``, where ``states`` has the form of ``state`` with each tensor
            [num_layers * D, T, B, S] ([num_layers * D, B, T, S] if ``batch_first``; of a list of sizes [D, ...]). The
            way back reads what is returned: it can't be changed in place before.

        Raises:
            InputError: If a shape, type or length doesn't fit.
        """
        if isinstance(input, PackedSequence):
            return self._forward_packed(input, state, lengths, reset, return_states)
        if not isinstance(input, Tensor):
            raise InputError(f"input must be a tensor or a PackedSequence, not {type(input).__name__}")
        if input.dim() == 2:
            return self._forward_single(input, state, lengths, reset, return_states)
        if self.batch_first and input.dim() == 3:
            input = input.transpose(0, 1)
        self._check_input(input)
        lengths = self._check_lengths(lengths, input)
        if reset is not None:
            self._check_reset(reset, self._shown(input.shape[:2]))
            reset = reset.transpose(0, 1) if self.batch_first else reset
        output, states, histories = self._run(input, self._split_state(state, input), lengths, reset, return_states)
        if self.batch_first:
            output = output.transpose(0, 1)
            histories = [tuple(sequence.transpose(0, 1) for sequence in history) for history in histories]
        final = join_states(self._groups(), states)
        return (output, final, join_states(self._groups(), histories)) if return_states else (output, final)

    def _run(
        self,
        input: Tensor,
        states: Sequence[tuple[Tensor, ...] | None],
        lengths: Tensor | None,
        reset: Tensor | None,
        every_state: bool,
    ) -> tuple[Tensor, list, list]:
        """All layers over [T, B, I]: the output, and for each layer and direction the final and all states."""
        directions = 2 if self.bidirectional else 1
        finals: list[tuple[Tensor, ...]] = []
        histories: list[Any] = []
        for index in range(self.num_layers):
            if index > 0:
                input = F.dropout(input, self.dropout, self.training)
            input = locked_dropout(input, self.input_dropout[index], self.training)
            outputs = []
            for number in range(index * directions, (index + 1) * directions):
                result = self.layers[number](input, states[number], lengths, reset, every_state, self.backend)
                outputs.append(result.output)
                finals.append(result.state)
                histories.append(result.states)
            input = torch.cat(outputs, -1) if self.bidirectional else outputs[0]
        return input, finals, histories if every_state else []

    def _forward_packed(
        self, input: PackedSequence, state: Any, lengths: Any, reset: Any, return_states: bool
    ) -> tuple:
        if lengths is not None or reset is not None:
            raise InputError("RNN: a PackedSequence has its own lengths; lengths and reset need a padded tensor")
        padded, real = pad_packed_sequence(input, batch_first=self.batch_first)
        output, *rest = self(padded, state, real.to(padded.device), None, return_states)
        # In the order of the input, which another sort need not find where lengths are equal.
        order = input.sorted_indices
        if order is not None:
            output, real = output.index_select(0 if self.batch_first else 1, order), real[order.to(real.device)]
        packed = pack_padded_sequence(output, real, self.batch_first)
        return (PackedSequence(packed.data, packed.batch_sizes, order, input.unsorted_indices), *rest)

    def _forward_single(self, input: Tensor, state: Any, lengths: Any, reset: Any, return_states: bool) -> tuple:
        """[T, I]: a batch of one, whose dimension is taken away again."""
        dim, groups = 0 if self.batch_first else 1, self._groups()
        if state is not None:
            state = map_states(groups, lambda tensor: tensor.unsqueeze(1), state)
        if reset is not None:
            self._check_reset(reset, list(input.shape[:1]))
            reset = reset.unsqueeze(dim)
        output, final, *rest = self(input.unsqueeze(dim), state, lengths, reset, return_states)
        final = map_states(groups, lambda tensor: tensor.squeeze(1), final)
        rest = [map_states(groups, lambda tensor: tensor.squeeze(dim + 1), each) for each in rest]
        return (output.squeeze(dim), final, *rest)

    def _check_input(self, input: Tensor) -> None:
        if input.dim() != 3 or input.shape[-1] != self.input_size:
            shape = ["B", "T"] if self.batch_first else ["T", "B"]
            raise InputError(
                f"RNN: input must be [{', '.join(shape)}, {self.input_size}] or [T, {self.input_size}], not "
                f"{self._shown(input.shape)}"
            )
        if input.shape[0] == 0:
            raise InputError(
                "RNN: the input has no time step (T = 0); give at least one, with lengths=0 for empty rows"
            )
        if not input.is_floating_point():
            raise InputError(f"RNN: input must be floating point, not {input.dtype}; embed or one-hot encode it first")
        weight = next(self.parameters(), None)
        if weight is not None and weight.dtype != input.dtype and not torch.is_autocast_enabled(input.device.type):
            raise InputError(f"RNN: input is {input.dtype}, weights are {weight.dtype}; convert one of them")

    def _check_lengths(self, lengths: Tensor | Sequence[int] | None, input: Tensor) -> Tensor | None:
        if lengths is None:
            return None
        steps, batch = input.shape[:2]
        if not isinstance(lengths, Tensor):
            try:
                lengths = torch.as_tensor(lengths) if len(lengths) else torch.zeros(0, dtype=torch.int64)
            except (TypeError, ValueError, RuntimeError):  # no sequence, or not of numbers
                shown = " ".join(repr(lengths).split())[:80]
                raise InputError(f"RNN: lengths must be {batch} integers, one a row, not {shown}") from None
        no_integers = lengths.is_floating_point() or lengths.is_complex() or lengths.dtype == torch.bool
        if lengths.shape != (batch,) or no_integers:
            raise InputError(
                f"RNN: lengths must be {batch} integers, one a row, not {lengths.dtype} of {list(lengths.shape)}"
            )
        # What a compiler traces has no values.
        wrong: Any = [] if torch.compiler.is_compiling() else ((lengths < 0) | (lengths > steps)).nonzero()
        if len(wrong):
            row = int(wrong[0])
            raise InputError(f"RNN: lengths[{row}] is {int(lengths[row])}; it must be 0 to T = {steps}")
        return lengths.to(input.device)

    def _check_reset(self, reset: Any, shape: list[int]) -> None:
        if not isinstance(reset, Tensor):
            raise InputError(f"RNN: reset must be bool of shape {shape}, not {type(reset).__name__}; make it a tensor")
        if reset.dtype != torch.bool or list(reset.shape) != shape:
            raise InputError(f"RNN: reset must be bool of shape {shape}, not {reset.dtype} of {list(reset.shape)}")

    def _split_state(self, state: LayerStates | None, input: Tensor) -> Sequence[tuple[Tensor, ...] | None]:
        return [None] * len(self.layers) if state is None else split_states(self._groups(), state, input)

    def _groups(self) -> list[list[Cell]]:
        """The cells of all layers and directions, those together whose states are one tensor."""
        cells = self._cells
        together = len(cells) if isinstance(self.hidden_size, int) else 2 if self.bidirectional else 1
        return [cells[first : first + together] for first in range(0, len(cells), together)]

    def _shown(self, shape: Sequence[int]) -> list[int]:
        """A [T, B, ...] shape as the caller sees it."""
        return [shape[1], shape[0], *shape[2:]] if self.batch_first and len(shape) > 1 else list(shape)

    @classmethod
    def from_torch(cls, module: nn.RNNBase, **options: Any) -> "RNN":
        """An RNN with the weights of a :class:`torch.nn.RNN`, ``LSTM`` or ``GRU``; ``options`` as in the constructor.

        Raises:
            CellError: If it is another module, or an LSTM with projections.

        Example:
            >>> import torch, seqmodels
            >>> lstm = torch.nn.LSTM(3, 5, num_layers=2)
            >>> x = torch.randn(7, 2, 3)
            >>> torch.allclose(seqmodels.RNN.from_torch(lstm)(x)[0], lstm(x)[0], atol=1e-6)
            True
        """
        name, arguments = torch_modules.describe(module)
        rnn = cls(name, **{**arguments, **options}).to(next(module.parameters()))
        torch_modules.load_weights(module, rnn._cells)
        return rnn.train(module.training)

    def to_torch(self) -> nn.RNNBase:
        """The :class:`torch.nn.RNN`, ``LSTM`` or ``GRU`` with these weights.

        Raises:
            CellError: If the cell has no twin among torch's modules.
            OptionError: If an option that changes evaluation, not training only, has no counterpart there.
        """
        if not isinstance(self.hidden_size, int):
            raise OptionError("RNN.to_torch: torch's modules have one hidden_size; an RNN of several has no such twin")
        options: Regularisation = self.layers[0].options  # type: ignore[assignment]
        for name in ("zoneout", "layer_norm", "learn_initial_state"):
            value = getattr(options, name)
            if any(value) if isinstance(value, tuple) else value:
                raise OptionError(f"RNN.to_torch: torch's modules have no {name}; use an RNN without it")
        return torch_modules.make(
            self._cells,
            num_layers=self.num_layers,
            batch_first=self.batch_first,
            dropout=self.dropout,
            bidirectional=self.bidirectional,
        ).train(self.training)

    def extra_repr(self) -> str:
        shown = [str(self.input_size), str(self.hidden_size), f"num_layers={self.num_layers}"]
        options = {name: getattr(self, name) for name in ("batch_first", "dropout", "bidirectional", "input_dropout")}
        for name, value in {**options, **vars(self.layers[0].options)}.items():
            # One number for all layers, or all states, as it may be given.
            value = value[0] if isinstance(value, tuple) and len(set(value)) == 1 else value
            shown += [f"{name}={value}"] if value else []
        shown += [f"backend={self.backend!r}"] if self.backend != "auto" else []
        return ", ".join(shown)


def make_cell(
    cell: str | type[Cell] | Cell,
    input_size: int | None,
    hidden_size: int | None,
    options: dict[str, Any],
    copied: bool = False,
) -> Cell:
    """A cell of these sizes; an instance must have them already."""
    if isinstance(cell, Cell):
        if options:
            raise OptionError(f"RNN: {', '.join(options)}: options belong to the constructor of the given cell")
        for name, size in (("input_size", input_size), ("hidden_size", hidden_size)):
            if size is not None and size != getattr(cell, name):
                kind = type(cell).__name__
                raise OptionError(
                    f"RNN: {name} {size} is needed, but the given {kind} has {getattr(cell, name)}; give the class "
                    f"{kind} instead of an instance"
                )
        return copy.deepcopy(cell) if copied else _looked_at(cell)
    cell_class = get_cell(cell) if isinstance(cell, str) else cell
    if not (inspect.isclass(cell_class) and issubclass(cell_class, Cell)):
        raise OptionError(f"RNN: cell must be a name, a Cell class or a Cell, not {cell_class!r}")
    if input_size is None or hidden_size is None:
        raise OptionError("RNN: input_size and hidden_size are needed unless cell is an instance")
    accepted = inspect.signature(cell_class).parameters
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in accepted.values()):
        unknown = [name for name in options if name not in accepted]
        if unknown:
            own = [name for name in accepted if name not in ("input_size", "hidden_size")]
            theirs = [name for name in inspect.signature(RNN).parameters if name not in NO_OPTIONS]
            similar = get_close_matches(unknown[0], [*own, *theirs], n=1, cutoff=0.7)
            hint = (
                f"did you mean {similar[0]!r}?" if similar else f"{cell_class.__name__} has: {', '.join(own) or 'none'}"
            )
            if unknown[0] in theirs:  # of a network over trees, which is no RNN
                hint = "it is one of RNN, along sequences"
                raise OptionError(f"{cell_class.__name__} has no option {unknown[0]!r}; {hint}")
            raise OptionError(f"neither RNN nor {cell_class.__name__} has an option {unknown[0]!r}; {hint}")
    return _looked_at(strangers.make(cell_class, input_size, hidden_size, options))


def _looked_at(cell: Cell) -> Cell:
    if (hidden := strangers.unregistered(cell)) is not None:  # no mistake if it belongs to another module
        warn_once(hidden)
    return cell


def _sizes(cell: str | type[Cell] | Cell, sizes: Any, num_layers: int) -> tuple[int, ...]:
    """Of each layer, from a list."""
    if isinstance(sizes, str) or not isinstance(sizes, Sequence) or not sizes:
        raise OptionError(f"RNN: hidden_size must be a positive integer, or a list of one a layer, not {sizes!r}")
    if isinstance(cell, Cell):
        kind = type(cell).__name__
        raise OptionError(f"RNN: for layers of the sizes {list(sizes)}, give the class {kind} instead of an instance")
    if num_layers not in (1, len(sizes)):
        raise OptionError(f"RNN: hidden_size has {len(sizes)} sizes, but num_layers is {num_layers}; leave it out")
    return tuple(sizes)


def _one_each(name: str, value: float | Sequence[float], count: int, of: str) -> tuple[float, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):  # a text is a wrong number, and not several
        value = (value,) * count
    if len(value) != count:
        raise OptionError(f"RNN: {name} needs one number, or {count}: one a {of}; {len(value)} were given")
    return tuple(probability(name, each) for each in value)
