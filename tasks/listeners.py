"""Who hears what a stage says: set once by the process that runs the flow, asked by every coat."""

from __future__ import annotations

from signoff.core.progress import Progress, tell_search, tell_trial
from signoff.core.run_log import SearchPlan, TrialNews


class Listeners:
    """Passes every step on to all of `targets`."""

    def __init__(self, *targets: Progress) -> None:
        self.targets = targets

    def step(self, message: str, done: float | None = None) -> None:
        """Tell everybody."""
        for target in self.targets:
            target.step(message, done)

    def search(self, plan: SearchPlan) -> None:
        """Tell those who want to know that a search begins."""
        for target in self.targets:
            tell_search(target, plan)

    def trial(self, news: TrialNews) -> None:
        """Tell those who want to know of a trial."""
        for target in self.targets:
            tell_trial(target, news)


_present: list[Progress] = []


def listen(target: Progress) -> None:
    """Let `target` hear every stage that this process runs from now on."""
    _present.append(target)


def leave(target: Progress) -> None:
    """Let `target` hear no more."""
    if target in _present:
        _present.remove(target)


def present() -> tuple[Progress, ...]:
    """Everybody who listens now."""
    return tuple(_present)
