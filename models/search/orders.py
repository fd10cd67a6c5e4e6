"""What a trial is told and what it answers."""

from __future__ import annotations

from statistics import fmean
from typing import Literal

from models.search.families import Parameters
from signoff.core.record import Record
from signoff.core.settings import Budget

FOLD_ROWS = 100_000
FOLD_ROWS_A_SECOND = 4_000
"""Rows of one side of a fold that a trial looks at, at most, and for each second of the budget; a larger fold is
sampled, so that the defaults of all families end early. The fit always sees all rows."""


def fold_rows(budget: Budget) -> int:
    """How many rows of one side of a fold a trial looks at."""
    return FOLD_ROWS if budget.seconds is None else min(FOLD_ROWS, max(2_000, int(budget.seconds * FOLD_ROWS_A_SECOND)))


class Order(Record):
    """One trial to be made. A trial whose first fold is worse than `cutoff` ends there."""

    number: int
    family: str
    parameters: Parameters
    cutoff: float | None = None


class Result(Record):
    """What became of a trial. `score` and `fold_scores` are in the metric's own direction."""

    number: int
    state: Literal["complete", "failed", "timeout", "memory", "pruned"]
    fold_scores: tuple[float, ...] = ()
    threshold: float | None = None
    seconds: float = 0.0
    reason: str = ""

    @property
    def score(self) -> float | None:
        """Mean over the folds of a trial that saw all of them."""
        return fmean(self.fold_scores) if self.state == "complete" else None
