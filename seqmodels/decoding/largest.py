"""The k largest of a row, ties included in a fixed order."""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def largest(values: Float[Tensor, "N C"], k: int) -> tuple[Float[Tensor, "N k"], Int[Tensor, "N k"]]:
    """The k largest of each row and their columns, in descending order; of equal ones the first column comes first.

    ``torch.topk`` takes any of equal ones, and another on another device; here rows with ties are taken again. The
    order of columns at -inf is left open.

    Example:
        >>> import torch
        >>> largest(torch.tensor([[1.0, 3.0, 1.0, 1.0]]), 3)
        (tensor([[3., 1., 1.]]), tensor([[1, 0, 2]]))
    """
    # One more than asked for shows whether the last has an equal outside.
    found, columns = values.topk(min(k + 1, values.shape[1]))
    tied = ((found[:, 1:] == found[:, :-1]) & (found[:, 1:] > -torch.inf)).any(1)
    found, columns = found[:, :k], columns[:, :k]
    if not tied.any():
        return found, columns
    rows = values[tied]
    least = found[tied, -1:]
    above, equal = rows > least, rows == least
    taken = above | (equal & (equal.cumsum(1) <= k - above.sum(1, keepdim=True)))
    first_columns = taken.nonzero()[:, 1].view(len(rows), k)
    ordered, order = rows.gather(1, first_columns).sort(dim=1, descending=True, stable=True)
    found, columns = found.clone(), columns.clone()
    found[tied] = ordered
    columns[tied] = first_columns.gather(1, order)
    return found, columns
