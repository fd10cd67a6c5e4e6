"""What a decision asked for is found again: after many other runs, after a drill, a long freeze, a polite end."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from signoff.core.decision import ReviewState
from signoff.core.drill import Drill, DrillKind
from signoff.core.paths import Paths
from signoff.core.policy_freeze import Freeze
from signoff.core.record import now
from signoff.core.run import Cause, Run, RunState, Steering
from signoff.core.settings import GatePolicy
from signoff.core.settings_file import load_project
from signoff.gates import Desk, decide, open_desk, pending_steps
from tests.chain import small_workspace
from tests.ledger_cases import approve, ask, candidate, desk_at

LESS = Steering(exclude_features=("x",))
"""Sent to itself in the middle of a run, as the end of `signoff up` does with all its runs."""
INTERRUPTED = """
import os, signal, sys
from pathlib import Path
from signoff.core.run import Cause, Request
from signoff.core.files import write_text
from signoff.workspace.stopping import _stop_file
from tasks.passage import passage

root, by = Path(sys.argv[1]), sys.argv[2]
with passage(root, "release", Cause(kind="hand", actor="ada", note=by), Request()) as run:
    if by:
        write_text(_stop_file(run.paths, run.run.id), by)
    try:
        os.kill(os.getpid(), signal.SIGINT)
        signal.pause()
    except KeyboardInterrupt as end:
        # What waits for workers that got the signal too meets their end first.
        raise RuntimeError("a worker broke") from end
"""


def ran(desk: Desk, flow: str, cause: Cause, state: RunState, name: str, digest: str | None = None) -> None:
    desk.store.start_run(
        Run(id=name, flow=flow, cause=cause, state=state, started=now(), ended=now(), candidate=digest)
    )


def hold(desk: Desk) -> None:
    desk.paths.candidate.parent.mkdir(parents=True, exist_ok=True)
    desk.paths.candidate.write_text(candidate().model_dump_json())


def test_changes_that_were_carried_out_are_not_started_again_after_many_windows(
    database: str | None, tmp_path: Path
) -> None:
    desk = desk_at(tmp_path, address=database)
    ask(desk)
    decide(desk, "release-1", "request-changes", actor="bo", reasons="less", changes=LESS)
    (step,) = pending_steps(desk)
    ran(desk, "retrain", step.cause, RunState.WAITING, "answered")
    with desk.store.transaction():
        for number in range(510):
            ran(desk, "watch", Cause(kind="schedule", actor="schedule"), RunState.DONE, f"watch-{number:04d}")
    assert pending_steps(desk) == ()
    assert [run.id for run in desk.store.runs(flows=("retrain", "release"))] == ["answered"]


def test_a_drill_answers_nothing_that_a_data_gate_asked_for(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    ask(desk, gate="data")
    approve(desk, "data-1")
    (step,) = pending_steps(desk)
    desk.store.add_drill(
        Drill(
            project="demo",
            review="release-9",
            kind=DrillKind.STALE_DATA,
            seed=1,
            digest="bad",
            model_digest="worse",
            salt="0" * 64,
            seal="",
            actor="ada",
            opened=now(),
            shown="x",
            sentence="x",
        )
    )
    ran(desk, "retrain", Cause(actor="ada"), RunState.WAITING, "drill", "bad")
    assert pending_steps(desk) == (step,)
    ran(desk, "retrain", Cause(actor="ada"), RunState.WAITING, "later", "good")
    assert pending_steps(desk) == ()


def test_an_approval_in_a_freeze_of_months_is_followed_at_its_end(database: str | None, tmp_path: Path) -> None:
    today = datetime.now(UTC).date()
    freeze = Freeze(dates=(f"{today}..{today + timedelta(days=89)}",))
    desk = desk_at(tmp_path, GatePolicy(freeze=(freeze,)), address=database)
    ask(desk)
    hold(desk)
    assert approve(desk).review.state is ReviewState.APPROVED
    end = datetime(today.year, today.month, today.day, tzinfo=UTC) + timedelta(days=90)
    assert pending_steps(desk, end - timedelta(seconds=1)) == ()
    assert [step.flow for step in pending_steps(desk, end)] == ["release"]
    assert [step.flow for step in pending_steps(desk, end + timedelta(days=59))] == ["release"]
    assert pending_steps(desk, end + timedelta(days=61)) == (), "what nobody took for so long wants a person"


@pytest.mark.parametrize(("by", "state"), [("", RunState.INTERRUPTED), ("bo", RunState.FAILED)])
def test_a_release_whose_process_was_told_to_end_is_taken_up_again(by: str, state: RunState, tmp_path: Path) -> None:
    root = small_workspace(tmp_path)
    desk = open_desk(load_project(root), Paths(root))
    ask(desk, cause=Cause(actor="ada", note=by))
    hold(desk)
    approve(desk)
    assert [step.flow for step in pending_steps(desk)] == ["release"]
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, str(root), by],
        check=False,
        cwd=Path(__file__).parent.parent,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "a worker broke" in done.stderr
    (run,) = desk.store.runs()
    assert (run.state, run.message) == (state, f"stopped by {by}" if by else "the process was told to end")
    assert len(pending_steps(desk)) == (0 if by else 1)
