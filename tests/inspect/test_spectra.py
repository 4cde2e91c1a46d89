"""Largest singular value and spectral radius without a decomposition, against those of LAPACK."""

import math

import pytest
import torch

from seqmodels.inspect.spectra import largest_singular_value, spectral_radius

N = 64


def radius_by_eigenvalues(matrix):
    return float(torch.linalg.eigvals(matrix.double()).abs().max())


def complex_pair():
    """The pair 0.9 +- 0.8i in a skewed basis, above all other eigenvalues."""
    matrix = 0.05 * torch.randn(N, N)
    matrix[:2] = 0
    matrix[:2, :2] = torch.tensor([[0.9, -2.0], [0.32, 0.9]])
    return matrix


MATRICES = {
    "normal": lambda: torch.randn(N, N) / N**0.5,
    "as initialized": lambda: torch.nn.Linear(N, N, bias=False).weight.detach(),
    "orthogonal": lambda: 1.3 * torch.nn.init.orthogonal_(torch.empty(N, N)),
    "complex pair": complex_pair,
    "imaginary pairs": lambda: torch.randn(N, N).triu(1) - torch.randn(N, N).triu(1).mT,
    "negative": lambda: -1.5 * torch.eye(N) + 0.01 * torch.randn(N, N),
    "two signs": lambda: torch.diag(torch.tensor([2.0, -2.0, 1.0])),
    "triangular": lambda: (torch.randn(N, N) / N**0.5).triu(),
    "small": lambda: 1e-12 * torch.randn(N, N),
    "large": lambda: 1e15 * torch.randn(N, N),
}


@pytest.mark.parametrize("kind", MATRICES)
def test_the_spectral_radius_is_that_of_the_eigenvalues(kind):
    for seed in range(3):
        torch.manual_seed(seed)
        matrix = MATRICES[kind]()
        assert float(spectral_radius(matrix)) == pytest.approx(radius_by_eigenvalues(matrix), rel=3e-3)


def test_eigenvectors_that_all_but_coincide_cost_some_percent():
    jordan = 0.9 * torch.eye(N) + torch.diag(torch.full((N - 1,), 0.1), 1)
    assert 0.9 <= float(spectral_radius(jordan)) < 1.0  # 1 is the largest singular value
    pair = torch.tensor([[0.9, 5.0], [0.0, 0.9]])
    assert float(spectral_radius(pair)) == pytest.approx(0.9, rel=1e-2)


def test_a_matrix_that_forgets_all_has_the_radius_zero():
    assert float(spectral_radius(torch.zeros(3, 3))) == 0
    assert float(spectral_radius(torch.randn(4, 4).triu(1))) == 0  # nilpotent


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_finite_has_no_radius(value):
    matrix = torch.randn(4, 4)
    matrix[1, 2] = value
    assert math.isnan(spectral_radius(matrix))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_finite_has_no_largest_singular_value(value):
    assert math.isnan(largest_singular_value(torch.tensor([[1.0, value], [0.0, 1.0]])))


def rotated(singular_values):
    """A matrix that has these, in no special directions."""
    size = len(singular_values)
    left, right = (torch.nn.init.orthogonal_(torch.empty(size, size)) for _ in range(2))
    return left @ torch.diag(singular_values) @ right


STRUCTURED = {
    "blocks": lambda: torch.block_diag(torch.tensor([[2.0]]), torch.full((4, 4), 0.9)),  # its longest row is no help
    "many blocks": lambda: torch.block_diag(*(torch.ones(size, size) for size in range(1, 17))),
    "rank one": lambda: torch.outer(torch.randn(N), torch.randn(N)),
    "one entry": lambda: torch.zeros(N, N).index_put_((torch.tensor(3), torch.tensor(9)), torch.tensor(0.5)),
    "diagonal": lambda: torch.diag(torch.linspace(-1, 1.1, N)),
    "two nearly equal": lambda: rotated(torch.cat([torch.tensor([1.001, 1.0]), torch.linspace(0, 0.9, N - 2)])),
    "one above the others": lambda: rotated(torch.cat([torch.tensor([1.01]), torch.ones(N - 1)])),
    "zero": lambda: torch.zeros(N, N),
    "single": lambda: torch.tensor([[-3.0]]),
    "wide": lambda: torch.randn(5, N),
    "tall": lambda: torch.randn(N, 5),
}


@pytest.mark.parametrize("kind", [*MATRICES, *STRUCTURED])
def test_the_largest_singular_value_is_that_of_lapack(kind):
    for seed in range(3):
        torch.manual_seed(seed)
        matrix = (MATRICES | STRUCTURED)[kind]()
        exact = float(torch.linalg.matrix_norm(matrix.double(), 2))
        assert 0.99 * exact <= float(largest_singular_value(matrix)) <= exact * (1 + 1e-5)


def test_measuring_is_repeatable_and_draws_no_random_numbers():
    matrix, before = torch.randn(N, N), torch.get_rng_state()
    assert largest_singular_value(matrix) == largest_singular_value(matrix)
    assert torch.equal(torch.get_rng_state(), before)
