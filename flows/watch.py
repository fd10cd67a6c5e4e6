"""Look at a window of traffic; an alert may start a retrain whose cause names it."""

from __future__ import annotations

from pathlib import Path

from prefect import flow

from flows.asked import cause_of_run
from flows.ending import state_of
from flows.retrain import UNCHANGED, stages
from signoff.core.monitoring import WindowRequest
from signoff.core.run import Cause, RunState
from tasks import coats
from tasks.passage import Ending, passage
from tasks.watching import Watched

LAST_WINDOW = WindowRequest()


@flow(name="watch", flow_run_name="watch {cause.kind}", persist_result=False)
def watch(
    workspace: Path, cause: Cause, window: WindowRequest = LAST_WINDOW, wait_seconds: float = 0, proof: str = ""
) -> object:
    """Monitor; where the policy says so, go through the retrain flow with the alert as its cause."""
    asked = cause_of_run(workspace, "watch", cause, UNCHANGED, proof)
    with passage(workspace, "watch", asked, UNCHANGED, wait_seconds) as run:
        watched = coats.monitor(run, window)
        ending = run.end(RunState.DONE, watched.message, watched=watched.facts())
    return state_of(_retrain(workspace, watched, ending, wait_seconds))


def _retrain(workspace: Path, watched: Watched, ending: Ending, wait_seconds: float) -> Ending:
    if watched.retrain is None or watched.alert is None:
        return ending
    with passage(workspace, "retrain", watched.retrain, watched.request, wait_seconds) as run:
        after = stages(run)
        alert = run.store.alert(watched.alert.id)
    return after.model_copy(update={"watched": {**(ending.watched or {}), "alerts": [alert.as_json()]}})
