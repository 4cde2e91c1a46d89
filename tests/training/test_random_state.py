import random

import numpy as np
import pytest
import torch

from seqmodels.errors import CheckpointError
from seqmodels.training.random_state import gather_from_ranks, get_random_state, set_random_state


def draw():
    draws = [random.random(), random.gauss(0, 1), np.random.rand(), np.random.randn(), torch.rand(3).tolist()]
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else []
    return draws + [torch.rand(3, device=f"cuda:{device}").tolist() for device in devices]


def test_all_generators_return_to_a_state_that_went_through_a_safe_file(tmp_path):
    draw()  # leaves half of a pair of normal numbers in Python's and numpy's generators
    torch.save(get_random_state(), tmp_path / "state")
    expected = draw()
    draw()
    set_random_state(torch.load(tmp_path / "state", weights_only=True))
    assert draw() == expected


@pytest.mark.parametrize("state", [{}, {"python": 3}, {**get_random_state(), "torch": torch.zeros(3)}])
def test_another_state_is_refused(state):
    with pytest.raises(CheckpointError, match="resume from another checkpoint"):
        set_random_state(state)


def test_one_process_gathers_its_own_value():
    value = {"h": torch.ones(2)}
    (gathered,) = gather_from_ranks(value)
    assert gathered is value
