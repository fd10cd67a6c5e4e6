"""How a stage tells what it is doing, without knowing who listens."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Listeners: a terminal, a Prefect artifact, a log, nobody."""

    def step(self, message: str, done: float | None = None) -> None:
        """Say what happens now; `done` is the share of the stage, 0 to 1, where it is known."""


class Silent:
    """Listens to nothing."""

    def step(self, message: str, done: float | None = None) -> None:
        return None
