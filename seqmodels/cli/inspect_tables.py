"""What ``seqmodels inspect`` prints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seqmodels.inspect import ErrorTypes, UnitSearch


def table_of_units(title: str, search: UnitSearch) -> list[str]:
    """A line for each property: its best unit, and what the best of an untrained network does."""
    lines = [f"{title}: chosen on the first half of the text, scored on the second"]
    lines.append(f"{'property':28} {'best unit':34} {'AUC':>6} {'untrained':>10}")
    for finding in search.findings:
        best = finding.units[0]
        unit = f"{best.name}[{best.score.unit}] of {best.layer}"
        lines.append(f"{finding.property:28} {unit:34} {best.score.auc:6.3f} {finding.untrained[0].score.auc:10.3f}")
    lines += [f"{name:28} hardly changes all over one half of the text" for name in search.left_out]
    return lines


def table_of_errors(found: Mapping[str, ErrorTypes]) -> list[str]:
    """A line for each oracle: the share of the errors that it takes away, of each model; no lines for no models."""
    if not found:
        return []
    shares = {title: errors.shares() for title, errors in found.items()}
    oracles = next(iter(shares.values()))
    return [
        "errors: characters of the second half with a probability below 0.5, by the oracle that takes them away",
        _row("", found, found),
        *(_row(oracle, found, (f"{of_model[oracle]:.1%}" for of_model in shares.values())) for oracle in oracles),
        _row("errors", found, (f"{(errors.of >= 0).sum():,} of {len(errors.of):,}" for errors in found.values())),
    ]


def _row(name: str, titles: Iterable[str], values: Iterable[str]) -> str:
    columns = [f"{value:>{max(len(title), 18)}}" for title, value in zip(titles, values, strict=True)]
    return "  ".join([f"{name:11}", *columns])
