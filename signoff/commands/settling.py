"""What a decision settles at once, whoever took it: the alert, the run that waited, the decision's file in git."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from signoff.core.decision import ReviewState
from signoff.core.errors import NotFoundError, WorkspaceBusyError
from signoff.core.paths import Paths
from signoff.core.run import RunState

if TYPE_CHECKING:
    from signoff.gates import Desk, Ruling


def settle(desk: Desk, ruling: Ruling) -> None:
    """The alert has its answer and the run that asked waits no longer; nothing else would tell so."""
    from signoff.gates import settle_alerts

    review = ruling.review
    if review.state is ReviewState.REJECTED and _waits(desk, review.run):
        desk.store.finish_run(review.run, RunState.REJECTED, message=f"{review.id} was rejected")
    settle_alerts(desk)


def settle_left(desk: Desk) -> None:
    """Settle what a kill between a decision and `settle` left: runs that wait for no answer, alerts that have one."""
    from signoff.gates import settle_alerts

    waiting = {run.id for run in desk.store.runs(state=RunState.WAITING)}
    for review in desk.store.reviews(state=ReviewState.REJECTED) if waiting else ():
        if review.run in waiting:
            desk.store.finish_run(review.run, RunState.REJECTED, message=f"{review.id} was rejected")
    settle_alerts(desk)


def _waits(desk: Desk, run: str) -> bool:
    try:
        return desk.store.run(run).state is RunState.WAITING
    except NotFoundError:
        # A clone has the review's decisions and not its run.
        return False


def commit_decision(root: Path, ruling: Ruling) -> bool:
    """The decision is signed and on disk; git takes it now, or with the run that holds the workspace (False)."""
    from signoff.workspace.git import Git
    from signoff.workspace.lock import workspace_lock

    decision = ruling.entry.decision()
    try:
        with workspace_lock(Paths(root).state, "a decision", decision.actor):
            Git(root).commit(
                f"Decision {ruling.entry.sequence}: {decision.verdict} {decision.review} by {decision.actor}",
                ["decisions"],
            )
    except WorkspaceBusyError:
        return False
    return True
