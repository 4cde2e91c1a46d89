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


def test_the_largest_singular_value_is_at_most_a_little_too_small():
    for shape in [(N, N), (N, 5), (5, N)]:
        matrix = torch.randn(shape)
        exact = float(torch.linalg.matrix_norm(matrix, 2))
        assert 0.98 * exact < float(largest_singular_value(matrix)) <= exact * (1 + 1e-5)
