"""Look at a window of traffic; an alert may start a retrain whose cause names it."""

from __future__ import annotations

from pathlib import Path

from prefect import flow

from flows.ending import state_of
from flows.retrain import stages
from signoff.core.monitoring import WindowRequest
from signoff.core.run import Cause, Request, RunState
from tasks import coats
from tasks.passage import passage

UNCHANGED = Request()
LAST_WINDOW = WindowRequest()


@flow(name="watch", flow_run_name="watch {cause.kind}", persist_result=False)
def watch(
    workspace: Path,
    cause: Cause,
    window: WindowRequest = LAST_WINDOW,
    wait_seconds: float = 0,
) -> object:
    """Monitor; where the policy says so, go through the retrain flow with the alert as its cause."""
    with passage(workspace, "watch", cause, UNCHANGED, wait_seconds) as run:
        watched = coats.monitor(run, window)
        ending = run.end(RunState.DONE, watched.message, window=watched.window, alerts=watched.alerts)
    if watched.retrain is None:
        return state_of(ending)
    with passage(workspace, "retrain", watched.retrain, watched.request, wait_seconds) as run:
        return state_of(stages(run).after(ending))
