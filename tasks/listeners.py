"""Who hears what a stage says: set once by the process that runs the flow, asked by every coat."""

from __future__ import annotations

from signoff.core.progress import Progress


class Listeners:
    """Passes every step on to all of `targets`."""

    def __init__(self, *targets: Progress) -> None:
        self.targets = targets

    def step(self, message: str, done: float | None = None) -> None:
        """Tell everybody."""
        for target in self.targets:
            target.step(message, done)


_present: list[Progress] = []


def listen(target: Progress) -> None:
    """Let `target` hear every stage that this process runs from now on."""
    _present.append(target)


def present() -> tuple[Progress, ...]:
    """Everybody who listens now."""
    return tuple(_present)
