"""What others say is theirs to choose."""

import optuna
import pytest

from seqmodels.compare import Space
from seqmodels.compare.halving import survivors
from seqmodels.compare.quiet import quiet_optuna


@pytest.fixture(autouse=True)
def loud():
    """Optuna says all it can."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.DEBUG)
    yield
    optuna.logging.set_verbosity(before)


def test_optuna_is_quiet_and_as_loud_as_before_afterwards() -> None:
    with quiet_optuna():
        assert optuna.logging.get_verbosity() == optuna.logging.ERROR
    assert optuna.logging.get_verbosity() == optuna.logging.DEBUG


def test_a_search_leaves_optuna_as_loud_as_it_was() -> None:
    Space().sample(2, seed=0)
    assert survivors([[0.5], [0.9], [0.1]], "max", 2) == [(0, 1), (1, 1)]
    assert optuna.logging.get_verbosity() == optuna.logging.DEBUG
