"""Which trials of a search go on: successive halving, decided in the order of the trials.

Asynchronous successive halving (Li et al. 2020, "A system for massively parallel hyperparameter tuning") lets a trial
go on past a rung if it is among the best 1/eta of those that have reached it. In which order they reach it depends on
the machine, so that two runs of one study would choose differently. Here a trial is judged by those before it only, in
the order of their numbers, with Optuna's pruner: whatever runs where and when, the same trials go on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from seqmodels.compare.quiet import quiet_optuna

ETA = 3


def rung_shares(trials: int) -> list[float]:
    """The shares of a full trial at which a search of so many trials is judged, and 1, its end.

    Example:
        >>> rung_shares(1), rung_shares(3), [round(share, 2) for share in rung_shares(9)]
        ([1.0], [0.3333333333333333, 1.0], [0.11, 0.33, 1.0])
    """
    rungs = min(2, int(math.log(trials, ETA) + 1e-9)) if trials > 1 else 0
    return [ETA**-rung for rung in range(rungs, 0, -1)] + [1.0]


def survivors(values: Sequence[Sequence[float]], direction: Literal["max", "min"], rungs: int) -> list[tuple[int, int]]:
    """The trials that may train to a rung they haven't reached, as (trial, rung).

    Args:
        values: For each trial its metric at each rung that it has reached, in order; NaN where it failed.
        direction: Of the metric.
        rungs: How many there are, with the end.

    Example:
        >>> survivors([[0.5], [0.9], [0.1], [0.95]], "max", rungs=2)  # 2 isn't better than those before it
        [(0, 1), (1, 1), (3, 1)]
        >>> survivors([[0.5, 0.6], [], [0.9]], "max", rungs=2)  # 2 waits for 1 to reach the first rung
        [(1, 0)]
    """
    import optuna

    pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=ETA)
    with quiet_optuna():
        study = optuna.create_study(direction="maximize" if direction == "max" else "minimize", pruner=pruner)
    trials = [study.ask() for _ in values]
    going = list(range(len(values)))
    ready = []
    for rung in range(rungs):
        passed = []
        judged = True
        for number in going:
            if len(values[number]) <= rung:
                ready.append((number, rung))
                judged = False  # those after it wait for its value
            elif judged and rung < rungs - 1:
                trials[number].report(values[number][rung], ETA**rung)
                if not trials[number].should_prune():
                    passed.append(number)
        going = passed
    return ready
