"""What becomes of a cell's step before it runs over a sequence."""

from typing import Any

import torch

from seqmodels.cell import Cell
from seqmodels.engine import LayerPass
from seqmodels.engine.explain import explain as explain_layer
from seqmodels.engine.explanation import Explanation
from seqmodels.errors import OptionError
from seqmodels.layer import Layer
from seqmodels.registry import name_of
from seqmodels.rnn import RNN
from seqmodels.strangers import try_step


def explain(
    cell: str | type[Cell] | Cell,
    input_size: int | None = None,
    hidden_size: int | None = None,
    *,
    source: bool = False,
    training: bool = True,
    **options: Any,
) -> Explanation:
    """Explains what the engine makes of a cell's step, and which backend runs it here.

    What is computed before the loop and what stays in it, what is kept for the way back, what it all costs; or why the
    step can't be compiled. May take the time of a compilation.

    Args:
        cell: A registered name, ``package.module:Class``, a Cell class, or an instance, which keeps its own sizes.
        input_size: Features of the input; 256 unless the cell is an instance.
        hidden_size: Features of each state; 256 unless the cell is an instance.
        source: Also give the generated C of the cell's functions.
        training: Also explain the way back.
        **options: Options of the cell, and those of :class:`RNN` that change the step, such as ``layer_norm``.

    Raises:
        UnknownCell: If there is no cell of that name.
        OptionError: If there is no such option.
        CellError: If the step can't run at all.

    Example:
        >>> import seqmodels
        >>> found = seqmodels.explain("elman", input_size=3, hidden_size=5)
        >>> [f"{line.name} = {line.text}" for line in found.equations]
        ["h' = tanh(W_xh x + W_hh h + W_xh.bias)"]
        >>> found.multiply_adds == 3 * 5 + 5 * 5
        True
        >>> print(found)
        elman: 3 inputs, 5 units...
    """
    if not isinstance(cell, Cell):
        input_size, hidden_size = (256 if size is None else size for size in (input_size, hidden_size))
        if not isinstance(hidden_size, int):
            raise OptionError(f"explain: hidden_size is {hidden_size!r}; give one number, as the step is of one layer")
    rnn = RNN(cell, input_size, hidden_size, **options).train(training)
    if len(rnn.layers) > 1:
        raise OptionError("explain: num_layers and bidirectional repeat the same step; leave them out")
    made = rnn.cell
    try_step(made)
    title = f"{name_of(type(made))}: {made.input_size} inputs, {made.hidden_size} units"
    return explain_layer(_pass(rnn.layers[0]), title, training, source)  # type: ignore[arg-type]


def _pass(layer: Layer) -> LayerPass:
    """A layer over two steps of one row: a single step would be the cell's own."""
    cell, options = layer.cell, layer.options
    x = next((p.detach() for p in cell.parameters()), torch.empty(0)).new_zeros(2, 1, cell.input_size)
    masked = [product for product in layer.products if product.is_recurrent and layer.training]
    with torch.no_grad():
        state = layer.initial_state(x[0])
    return LayerPass(
        cell,
        x,
        state,
        initial=state,
        zoneout=options.zoneout,
        training=layer.training,
        operand_masks={p.index: x.new_ones(1, len(p.state_columns)) for p in masked if options.recurrent_dropout},
        weight_masks={p.index: x.new_ones(p.rows, len(p.state_columns)) for p in masked if options.weight_dropout},
        norms=layer.step_modules.norms,
    )
