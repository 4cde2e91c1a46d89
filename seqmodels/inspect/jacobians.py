"""What one step does to a small change of the state: Jacobians of the step, and the matrices they are made of."""

from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from seqmodels import engine
from seqmodels.cell import Cell
from seqmodels.engine import LayerPass, LayerResult, within_lengths
from seqmodels.engine.products import Call, ProductMode
from seqmodels.errors import InputError
from seqmodels.inspect.layers import join_runs, layers_of


class LayerJacobians(NamedTuple):
    """d(state after step t) / d(state before it) of one layer; a state is all of the cell's, one after the other."""

    place: str
    """The layer in the model, such as ``rnn.layers.0``."""
    states: tuple[str, ...]
    """Their names, in the order in which they stand."""
    jacobians: Tensor
    """[T, B, S, S], S the features of all states: [t, b, i, j] is the derivative of feature i by feature j."""

    def singular_values(self) -> Tensor:
        """[T, B, S], falling: by how much a step stretches a change of the state, at most and at least."""
        return torch.linalg.svdvals(self.jacobians)

    def over(self, first: int, last: int) -> Tensor:
        """d(state after step ``last``) / d(state after step ``first``) [B, S, S]: the product of the steps between.

        Raises:
            InputError: Unless 0 <= first <= last < T.

        Example:
            >>> import torch
            >>> from seqmodels import RNN
            >>> (layer,) = step_jacobians(RNN("elman", 2, 3), torch.randn(5, 1, 2))
            >>> J = layer.jacobians
            >>> torch.allclose(layer.over(1, 3), J[3] @ J[2])
            True
        """
        steps, batch, size, _ = self.jacobians.shape
        if not 0 <= first <= last < steps:
            raise InputError(f"over({first}, {last}): {self.place} ran steps 0 to {steps - 1}; give two, earlier first")
        product = torch.eye(size).to(self.jacobians).expand(batch, size, size)
        for jacobian in self.jacobians[first + 1 : last + 1]:
            product = jacobian @ product
        return product


def step_jacobians(model: nn.Module, *input: Any, **options: Any) -> list[LayerJacobians]:
    """The Jacobian of every step of every layer.

    All steps of a layer are one batch of T * B rows, since a step works row by row, and each feature of the state takes
    one backward pass of it: S passes, whatever T. The result has T * B * S * S numbers; give few rows.

    A step is what the layer does: before a reset it is 0 to the state, past a row's length the identity. Masks of
    dropout are those of the run, but zoneout draws anew for training: call ``model.eval()`` for neither.

    Args:
        model: An RNN, or any module that has some, such as a task.
        input: Arguments of the model.
        options: Further arguments of the model.

    Returns:
        For each layer, in the order in which they ran; steps are in the order of the run, which for a backwards layer
        begins at the end. A layer that runs several times has its steps one after the other.

    Raises:
        InputError: If the model runs no RNN, or ran one several times with batches of different sizes.

    Source: Pascanu, Mikolov and Bengio 2013, section 2: the factors dh_t / dh_{t-1} of the long-term components.

    Example:
        >>> import torch
        >>> from seqmodels import RNN
        >>> first, second = step_jacobians(RNN("lstm", 2, 3, num_layers=2), torch.randn(5, 4, 2))
        >>> first.states, first.jacobians.shape, first.singular_values().shape
        (('h', 'c'), torch.Size([5, 4, 6, 6]), torch.Size([5, 4, 6]))
    """
    layers = layers_of(model)
    found: dict[str, list[LayerJacobians]] = {}

    def look(layer: LayerPass, backend: str) -> LayerResult:
        if id(layer.cell) not in layers:
            return engine.run(layer, backend)
        result = engine.run(replace(layer, every_state=True), "reference")
        assert result.states is not None
        place = layers[id(layer.cell)][0]
        jacobians = _jacobians(layer, result.states)
        found.setdefault(place, []).append(LayerJacobians(place, layer.cell.state_names, jacobians))
        return result if layer.every_state else result._replace(states=None)

    with torch.no_grad(), engine.intercept(look):
        model(*input, **options)
    if not found:
        raise InputError(f"{type(model).__name__} ran no RNN, so there is no step to differentiate")
    return [_joined(calls) for calls in found.values()]


def _jacobians(layer: LayerPass, states: tuple[Tensor, ...]) -> Tensor:
    """[T, B, S, S]."""
    before = [torch.cat([first[None], sequence[:-1]]) for first, sequence in zip(layer.state, states, strict=True)]
    joined = torch.cat(before, -1).flatten(0, 1).requires_grad_()
    with torch.enable_grad():
        rows = _as_rows(layer, joined.split(list(layer.cell.state_sizes), -1))
        features = torch.cat(engine.run(rows, "reference").state, -1).sum(0)
        by_feature = [
            torch.autograd.grad(feature, joined, retain_graph=True, materialize_grads=True)[0] for feature in features
        ]
    return torch.stack(by_feature, 1).unflatten(0, layer.input.shape[:2])


def _as_rows(layer: LayerPass, before: tuple[Tensor, ...]) -> LayerPass:
    """All steps as one step of T * B rows."""
    steps = len(layer.input)
    real = None if layer.lengths is None else within_lengths(layer.lengths, steps)
    return replace(
        layer,
        input=layer.input.flatten(0, 1)[None],
        state=before,
        lengths=None if real is None else real.flatten().long(),
        reset=None if layer.reset is None else layer.reset.flatten()[None],
        initial=tuple(tensor.repeat(steps, 1) for tensor in layer.initial),
        operand_masks={index: mask.repeat(steps, 1) for index, mask in layer.operand_masks.items()},
        every_state=False,
    )


def _joined(calls: list[LayerJacobians]) -> LayerJacobians:
    return calls[0]._replace(jacobians=join_runs(calls[0].place, [call.jacobians for call in calls]))


class RecurrentMatrix(NamedTuple):
    """A matrix by which a step multiplies the state, or what was computed from it."""

    name: str
    """Of the parameter it belongs to, such as ``W_h.weight``, or ``product 2`` if it is computed."""
    block: int
    """Where gates stand one below the other in one matrix, which of them: 0, 1, ..."""
    weight: Tensor
    """[rows, columns]; columns of the input are left out."""

    def largest_singular_value(self) -> float:
        """By how much it stretches a vector at most."""
        return float(torch.linalg.matrix_norm(self.weight, 2))

    def spectral_radius(self) -> float:
        """The largest absolute eigenvalue: its growth per step in the long run; NaN if it is not square."""
        rows, columns = self.weight.shape
        return float(torch.linalg.eigvals(self.weight).abs().max()) if rows == columns else float("nan")


@torch.no_grad()
def recurrent_matrices(cell: Cell) -> list[RecurrentMatrix]:
    """The matrices of a cell's step that multiply its state, as :func:`seqmodels.engine.find_products` finds them.

    A matrix of several gates is cut into its square blocks, in the order in which they stand.

    Example:
        >>> from seqmodels.plugins.gru import GRU
        >>> [(name, block, list(weight.shape)) for name, block, weight in recurrent_matrices(GRU(2, 3))]
        [('W_h.weight', 0, [3, 3]), ('W_h.weight', 1, [3, 3]), ('W_hh.weight', 0, [3, 3])]
    """
    names = {parameter.untyped_storage().data_ptr(): name for name, parameter in cell.named_parameters()}
    weights = _weights(cell)
    found = []
    for product in engine.find_products(cell):
        if product.is_recurrent:
            weight = weights[product.index]
            name = names.get(weight.untyped_storage().data_ptr(), f"product {product.index}")
            blocks = _square_blocks(weight.detach()[:, product.state_columns.to(weight.device)])
            found += [RecurrentMatrix(name, number, block) for number, block in enumerate(blocks)]
    return found


def _square_blocks(weight: Tensor) -> tuple[Tensor, ...]:
    rows, columns = weight.shape
    return weight.split(columns) if rows % columns == 0 else (weight,)


def _weights(cell: Cell) -> dict[int, Tensor]:
    """Product -> its matrix [rows, columns]."""
    like = next(cell.parameters(), torch.empty(0))
    with torch.random.fork_rng(devices=[]), _Weights() as products:
        cell.next_state(like.new_zeros(1, cell.input_size), [like.new_zeros(1, size) for size in cell.state_sizes])
    return products.weights


class _Weights(ProductMode):
    """Notes the matrix of every product."""

    def __init__(self) -> None:
        super().__init__()
        self.begin()
        self.weights: dict[int, Tensor] = {}

    def product(self, index: int, call: Call) -> Tensor:
        self.weights[index] = call.weight
        return super().product(index, call)
