"""What the console is handed from outside: it starts no flow itself."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from signoff.core.decision import Finding
from signoff.core.run import Cause, Request, Steering
from signoff.gates import Ruling


class Judge(Protocol):
    """Holds everything that was signed against everything that is there: also tags and the bytes that serve."""

    def __call__(self, root: Path) -> list[Finding]:
        """What is wrong with a workspace, as `signoff verify` tells it.

        Raises:
            SignoffError: it could not be looked at.
        """


class Starter(Protocol):
    """Starts what follows from a decision or a request, outside the request that asked for it."""

    def start(self, project: str, cause: Cause, request: Request) -> str:
        """Start a retrain; a sentence that says what was started and where it can be followed.

        Raises:
            SignoffError: it could not be started.
        """

    def follow(self, project: str, ruling: Ruling) -> str:
        """Start what a decision asks for; a sentence, empty when nothing follows.

        Raises:
            SignoffError: it could not be started. The decision stands; the next sweep tries again.
        """

    def stop(self, project: str, run_id: str, actor: str = "") -> None:
        """Ask a run to end as Ctrl-C would; its row then names who asked.

        Raises:
            SignoffError: it does not run here.
        """

    def check(self, project: str, changes: Steering) -> None:
        """Refuse wishes that the next run could not fulfil, before they are signed.

        Raises:
            SignoffError: a column that the data has not, or nothing is left to be tried.
        """
