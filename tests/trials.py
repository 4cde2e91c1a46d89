"""Trials for tests."""

from seqmodels.compare import Result, Settings, Trial


def trial(cell: str = "lstm", phase: str = "final", problem: str = "xml", **settings) -> Trial:
    """A trial of a tiny model; its number of parameters is not looked at."""
    return Trial(problem, cell, phase, 0, 1, 6, 0, Settings(**settings))


def numbers(result: Result) -> tuple:
    """All of a result but the time it took."""
    history = [(point.step, point.tokens, point.value, point.train_loss) for point in result.history]
    return result.trial.key, result.status, history, result.value, repr(result.test)
