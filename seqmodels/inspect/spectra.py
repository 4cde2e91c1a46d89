"""How much a matrix stretches, at most and in the long run, without a decomposition: quick enough while training."""

import torch
from jaxtyping import Float
from torch import Tensor

START_VECTORS, ROUNDS = 8, 6
SQUARINGS = 8


@torch.no_grad()
def largest_singular_value(weight: Float[Tensor, "N M"]) -> Float[Tensor, ""]:
    """By how much the matrix A stretches a vector at most; where its largest singular values crowd, a little too small.

    It is what A stretches at most within the space that a few vectors, always the same, and what A and its transpose
    make of them span. Where A has few different singular values this is exact, whatever its structure; for random
    matrices of 1024 x 1024 it is within 2 %.

    Source: Musco and Musco 2015, "Randomized block Krylov methods for stronger and faster approximate singular value
    decomposition", algorithm 2.

    Example:
        >>> round(float(largest_singular_value(torch.tensor([[0.0, 2.0], [1.0, 0.0]]))), 5)
        2.0
    """
    matrix, norm = _unit(weight)
    start = torch.randn(weight.shape[1], START_VECTORS, generator=torch.Generator().manual_seed(0))
    blocks = [matrix @ start.to(matrix)]
    for _ in range(ROUNDS):
        blocks.append(matrix @ (matrix.t() @ blocks[-1]))
    basis, _ = torch.linalg.qr(torch.cat(blocks, 1))
    within = basis.t() @ matrix
    return norm * spectral_radius(within @ within.t()).sqrt()


@torch.no_grad()
def spectral_radius(weight: Float[Tensor, "N N"]) -> Float[Tensor, ""]:
    """The largest absolute eigenvalue, real or one of a complex pair: growth per step in the long run.

    By squaring the matrix A eight times: ``(|A^256| / |A^128|) ** (1 / 128)`` in the Frobenius norm, which takes
    several times less time than all eigenvalues. What a rotation or a skewed basis adds to a norm is raised to 1 / 128,
    so that the result is exact for multiples of orthogonal matrices, and within 0.3 % of the largest of
    :func:`torch.linalg.eigvals` for random ones. Where many eigenvectors all but coincide it is some percent too large;
    but there rounding alone moves the eigenvalues.

    Source: Gelfand 1941: the spectral radius is the limit of ``|A^n| ** (1 / n)``; the ratio of two powers gets there
    sooner, as the constant in front cancels.

    Example:
        >>> quarter_turn = torch.tensor([[0.0, -0.5], [0.5, 0.0]])  # its eigenvalues are 0.5i and -0.5i
        >>> round(float(spectral_radius(quarter_turn)), 6)
        0.5
    """
    power, norm = _unit(weight)
    log_norm = growth = norm.log()
    for _ in range(SQUARINGS):
        power, norm = _unit(power @ power)
        growth = log_norm + norm.log()  # of the square, beyond that of what was squared
        log_norm = log_norm + growth
    return (growth / 2 ** (SQUARINGS - 1)).exp()


def _unit(values: Float[Tensor, "*K"]) -> tuple[Float[Tensor, "*K"], Float[Tensor, ""]]:
    """A vector or matrix divided by its norm, 0 if it is 0; and that norm."""
    norm = values.norm()
    return values / norm.clamp_min(torch.finfo(values.dtype).tiny), norm
