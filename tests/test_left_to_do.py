"""What a kill left is settled and taken up, by the console's rounds and by `signoff run` alone; one start at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from signoff.commands.launching import Launcher
from signoff.commands.settling import settle_left
from signoff.core.errors import ConflictError
from signoff.core.monitoring import Alert
from signoff.core.paths import Paths
from signoff.core.record import now
from signoff.core.run import Cause, Request, Run, RunState, Steering, load_run_settings
from signoff.core.settings_file import load_project
from signoff.gates import Desk, decide, open_desk, pending_steps
from signoff.workspace.lock import workspace_lock
from tests.chain import WHOLE, signoff, small_workspace
from tests.ledger_cases import ask, desk_at


def waits(desk: Desk, name: str) -> None:
    started = now()
    desk.store.start_run(
        Run(id=name, flow="retrain", cause=Cause(actor="ada"), state=RunState.WAITING, started=started)
    )


def test_a_kill_between_a_decision_and_its_settling_is_settled_later(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    for name in ("a", "b"):
        waits(desk, f"run-{name}")
        ask(desk, name)
        if name == "a":
            decide(desk, "release-1", "reject", actor="bo", reasons="no")
    alert = Alert(id="a1", project="demo", opened=now(), finding="it drifts", checks=(), model="m")
    desk.store.add_alert(alert)
    ask(desk, "x", gate="alert", cause=Cause(kind="alert", actor="schedule", reference="a1"))
    decide(desk, "alert-1", "acknowledge", actor="bo", reasons="seen")
    settle_left(desk)
    assert (desk.store.run("run-a").state, desk.store.run("run-a").message) == (
        RunState.REJECTED,
        "release-1 was rejected",
    )
    assert desk.store.run("run-b").state is RunState.WAITING
    assert desk.store.alert("a1").state == "acknowledged"


def test_of_one_project_one_run_is_started_at_a_time(tmp_path: Path) -> None:
    root = small_workspace(tmp_path)
    desk = open_desk(load_project(root), Paths(root))
    launcher = Launcher(lambda name: desk)
    cause = Cause(actor="ada")
    with workspace_lock(desk.paths.state, "a run", "test"):
        assert launcher.start("trips", cause, Request()) == "a retrain was started"
        for _ in range(3):
            with pytest.raises(ConflictError, match="a run of trips that was started here has not ended") as refused:
                launcher.start("trips", cause, Request())
        assert refused.value.http_status == 409
        launcher.end_all()
        assert launcher.start("trips", cause, Request()) == "a retrain was started"
        launcher.end_all()


@pytest.mark.slow
@pytest.mark.skipif(not WHOLE, reason="pending steps are tested without a run; make test-slow plays one")
def test_signoff_run_takes_up_a_request_that_nobody_carried_out(tmp_path: Path) -> None:
    root = small_workspace(tmp_path, trials=2, families=("baseline", "linear"))
    desk = open_desk(load_project(root), Paths(root))
    waits(desk, "killed")
    ask(desk, run="killed")
    changes = Steering(exclude_features=("noise",))
    asked = decide(desk, "release-1", "request-changes", actor="bo", reasons="less", changes=changes)
    waits(desk, "rejected")
    ask(desk, "b", run="rejected")
    decide(desk, "release-2", "reject", actor="bo", reasons="no")
    assert len(pending_steps(desk)) == 1
    signoff("run", "--as", "eve", "--note", "monday", root=root, code=None)
    run = desk.store.runs()[0]
    wanted = ("request", "eve", asked.entry.hash, "for bo: less; monday")
    assert (run.cause.kind, run.cause.actor, run.cause.reference, run.cause.note) == wanted, run.message
    assert load_run_settings(desk.paths.run).steering == changes
    assert desk.store.run("rejected").state is RunState.REJECTED
    assert pending_steps(desk) == ()
    (review,) = [one for one in desk.store.reviews(gate="release") if one.run == run.id]
    assert {"bo", "ada", "eve"} <= set(review.started_by)
