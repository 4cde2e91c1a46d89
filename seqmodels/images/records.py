"""``FeatureRecords``: features by the name of their picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor


class FeatureRecords(Mapping[str, Tensor]):
    """A mapping from keys to tensors whose missing keys are a ``DataError``, not a ``KeyError``.

    Subclasses have the keys in a dictionary or list ``_rows`` and write ``__getitem__``.
    """

    _rows: dict[str, Any]

    def __contains__(self, key: object) -> bool:
        return key in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, key: str, default: Any = None) -> Any:
        """The tensor, or ``default`` for a missing key."""
        return self[key] if key in self else default  # noqa: SIM401 - this is what it does

    # Mapping would compare by reading everything.
    __eq__ = object.__eq__
    __hash__ = object.__hash__
