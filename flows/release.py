"""Package and switch the candidate that a decision has approved."""

from __future__ import annotations

from pathlib import Path

from prefect import flow

from flows.asked import cause_of_run
from flows.ending import state_of
from flows.retrain import release_steps
from signoff.core.run import Cause, Request
from tasks import coats
from tasks.passage import passage


@flow(name="release", flow_run_name="release {cause.kind}", persist_result=False)
def release(workspace: Path, cause: Cause, wait_seconds: float = 600, proof: str = "") -> object:
    """Go on behind the release gate; without an approval it ends there."""
    asked = cause_of_run(workspace, "release", cause, Request(), proof)
    with passage(workspace, "release", asked, Request(), wait_seconds) as run:
        return state_of(release_steps(run, coats.recorded_candidate(run)))
