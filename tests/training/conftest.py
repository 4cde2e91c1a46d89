"""A whole checkpoint in a file."""

import pytest
from small_checkpoints import sample_checkpoint

from seqmodels.training.checkpoint import SafeCheckpointIO


@pytest.fixture
def good_file(tmp_path):
    path = tmp_path / "good.ckpt"
    SafeCheckpointIO().save_checkpoint(sample_checkpoint(), path)
    return path
