"""--seconds and --trials: the budget of a search as a person writes it."""

from __future__ import annotations

from pydantic import ValidationError

from signoff.core.errors import UsageError
from signoff.core.settings import Budget


def budget_of(seconds: float | None, trials: int | None, memory_mb: int | None = None) -> Budget | None:
    """What `--seconds N` or `--trials N` asks of a search; None when neither was given.

    Args:
        seconds: wall-clock seconds.
        trials: number of trials.
        memory_mb: of one trial, which neither option changes.

    Raises:
        UsageError: both were given, or a number that is no budget.
    """
    if seconds is None and trials is None:
        return None
    if seconds is not None and trials is not None:
        raise UsageError("give either --seconds or --trials")
    try:
        return Budget(seconds=seconds, trials=trials, memory_mb=memory_mb)
    except ValidationError as error:
        name, got = ("--seconds", seconds) if trials is None else ("--trials", trials)
        raise UsageError(f"{name} is no budget", got=str(got), allowed=error.errors()[0]["msg"]) from error
