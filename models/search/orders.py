"""What a trial is told and what it answers."""

from __future__ import annotations

from statistics import fmean
from typing import Literal

from models.search.families import Parameters
from signoff.core.record import Record


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
