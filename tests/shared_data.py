"""Real data that is not in the repository, for tests that only run where it is."""

import os
from pathlib import Path

import pytest

FOLDER = Path(os.environ.get("SEQMODELS_SHARED_DATA") or Path(__file__).parents[2] / "shared" / "data")


def needs(name: str) -> pytest.MarkDecorator:
    """Skips a test where a folder is missing."""
    return pytest.mark.skipif(not (FOLDER / name).is_dir(), reason=f"needs {name}; set SEQMODELS_SHARED_DATA")
