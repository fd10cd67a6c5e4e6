"""How a stage tells what it is doing, without knowing who listens."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from signoff.core.run_log import SearchPlan, TrialNews


class Progress(Protocol):
    """Listeners: a terminal, a Prefect artifact, a log, nobody."""

    def step(self, message: str, done: float | None = None) -> None:
        """Say what happens now; `done` is the share of the stage, 0 to 1, where it is known."""


class Silent:
    """Listens to nothing."""

    def step(self, message: str, done: float | None = None) -> None:
        return None


@runtime_checkable
class SearchProgress(Protocol):
    """Listeners that also want to know of each trial."""

    def search(self, plan: SearchPlan) -> None:
        """A search begins."""

    def trial(self, news: TrialNews) -> None:
        """A trial has ended."""


def tell_search(progress: Progress, plan: SearchPlan) -> None:
    """Tell whoever wants to know that a search begins."""
    if isinstance(progress, SearchProgress):
        progress.search(plan)


def tell_trial(progress: Progress, news: TrialNews) -> None:
    """Tell whoever wants to know of a trial."""
    if isinstance(progress, SearchProgress):
        progress.trial(news)
