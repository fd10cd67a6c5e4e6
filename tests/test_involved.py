"""Whom four eyes remember: past drills, pages of other runs, new digests of one model, alerts and kills."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from signoff.core.decision import GateName
from signoff.core.drill import Drill
from signoff.core.errors import RefusedError
from signoff.core.record import now
from signoff.core.run import Cause, Request, Run, RunSettings, RunState, load_run_settings, save_run_settings
from signoff.core.settings import GatePolicy
from signoff.gates import Desk
from signoff.gates.involved import PAGE, involved_in
from tasks.passage import passage
from tests.consoles import a_workspace
from tests.ledger_cases import CHECKS, approve, ask, candidate, desk_at

TIMER = Cause(kind="schedule", actor="schedule")
CLOCK = datetime(2024, 1, 1, tzinfo=UTC)
FOUR_EYES = GatePolicy(checks=CHECKS, four_eyes=True)


def ran(desk: Desk, name: str, cause: Cause, state: RunState, hours_ago: float, **more: object) -> None:
    started = now() - timedelta(hours=hours_ago)
    facts = {"id": name, "flow": "retrain", "cause": cause, "state": state, "started": started}
    desk.store.start_run(Run.model_validate(facts | more))


def behind(desk: Desk, cause: Cause = TIMER, gate: GateName = "release") -> tuple[str, ...]:
    return involved_in(desk, gate, "0" * 64, "now", cause)


def test_a_drill_and_a_held_data_gate_do_not_hide_who_left_a_run_unfinished(tmp_path: Path) -> None:
    desk = desk_at(tmp_path, FOUR_EYES)
    ran(desk, "killed", Cause(actor="ada"), RunState.INTERRUPTED, 5)
    ran(desk, "held", TIMER, RunState.WAITING, 4)
    facts = {"kind": "leaked-column", "seed": 1, "digest": "d" * 64, "model_digest": "m", "salt": "0" * 64}
    told = {"seal": "1" * 64, "actor": "bo", "opened": now(), "shown": "x", "sentence": "y"}
    desk.store.add_drill(Drill.model_validate(facts | told | {"project": "demo", "review": "release-9"}))
    ran(desk, "drill", Cause(actor="bo"), RunState.WAITING, 3, candidate="d" * 64)
    assert behind(desk) == ("ada",)
    ran(desk, "whole", TIMER, RunState.WAITING, 2, candidate="c" * 64)
    assert behind(desk) == (), "a run that went through every stage has answered for them"


def test_whoever_started_the_run_that_waits_for_its_data_is_behind_what_another_makes_of_it(
    tmp_path: Path,
) -> None:
    desk = desk_at(tmp_path, FOUR_EYES)
    ran(desk, "held", Cause(actor="ada"), RunState.WAITING, 3)
    assert behind(desk) == ("ada",)
    ran(desk, "whole", TIMER, RunState.WAITING, 2, candidate="c" * 64)
    assert behind(desk) == ()


def test_no_number_of_later_runs_hides_anybody(tmp_path: Path) -> None:
    desk = desk_at(tmp_path, FOUR_EYES)
    save_run_settings(desk.paths.run, RunSettings(as_of=CLOCK))
    ran(desk, "clock", Cause(actor="kim"), RunState.DONE, 99, as_of=CLOCK, candidate="c" * 64)
    ran(desk, "killed", Cause(actor="ada"), RunState.FAILED, 98, as_of=CLOCK)
    for number in range(PAGE + 3):
        ran(desk, f"w{number}", TIMER, RunState.DONE, 50 - number / 100, as_of=CLOCK, flow="watch")
    assert behind(desk) == ("ada", "kim")


def test_whoever_made_a_model_is_behind_it_under_every_digest(tmp_path: Path) -> None:
    desk = desk_at(tmp_path, FOUR_EYES)
    made = candidate("a")
    again = made.model_copy(update={"environment_sha256": "new"})
    refit = made.model_copy(update={"environment_sha256": "newer", "model_digest": "other", "model_sha256": "o"})
    other = candidate("b")
    for number, one in enumerate((made, again, refit, other)):
        desk.store.add_candidate(one, tag=f"demo/c{number + 1}", run=f"r{number}")
    ask(desk, digest=made.digest)
    for one in (again, refit):
        review = ask(desk, digest=one.digest, cause=TIMER).review
        assert review is not None
        with pytest.raises(RefusedError, match="four eyes: ada"):
            approve(desk, review.id, "ada")
    stranger = ask(desk, digest=other.digest, cause=TIMER).review
    assert stranger is not None
    assert stranger.involved == ()


def test_whoever_approved_an_alert_started_its_retrain(tmp_path: Path) -> None:
    desk = desk_at(tmp_path, FOUR_EYES)
    raised = Cause(kind="alert", actor="schedule", reference="a1")
    ask(desk, "window", gate="alert", cause=raised)
    approve(desk, "alert-1", "ada")
    review = ask(desk, cause=raised).review
    assert review is not None
    assert review.involved == ("ada",)
    with pytest.raises(RefusedError, match="four eyes: ada"):
        approve(desk, review.id, "ada")
    assert behind(desk, Cause(kind="alert", actor="schedule", reference="a2")) == ()
    assert behind(desk, raised, "alert") == (), "at the alert's own gate it is only asked again"
    ran(desk, "killed", raised, RunState.INTERRUPTED, 1)
    assert behind(desk) == ("ada",)


def test_a_person_behind_an_alert_owns_its_clock_and_its_unfinished_run(tmp_path: Path) -> None:
    desk = desk_at(tmp_path, FOUR_EYES)
    save_run_settings(desk.paths.run, RunSettings(as_of=CLOCK))
    watched = Cause(kind="alert", actor="ada", reference="a1")
    ran(desk, "clock", watched, RunState.DONE, 5, as_of=CLOCK, candidate="c" * 64)
    assert behind(desk) == ("ada",)
    ran(desk, "killed at once", Cause(actor="lou"), RunState.INTERRUPTED, 4, as_of=CLOCK + timedelta(days=1))
    assert behind(desk) == ("ada", "lou"), "it wrote no clock, and hides nobody who did"


def test_no_clock_is_written_before_the_row_of_its_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = a_workspace(tmp_path / "w", "demo")
    (root / "dvc.yaml").write_text("stages: {}\n", encoding="utf-8")
    settings = root / "run.yaml"

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("tasks.passage.Store.start_run", killed)
        with pytest.raises(KeyboardInterrupt), passage(root, "retrain", Cause(actor="ada"), Request(as_of=CLOCK)):
            raise AssertionError("it has no row")
    assert load_run_settings(settings).as_of is None
    with passage(root, "retrain", Cause(actor="ada"), Request(as_of=CLOCK)) as run:
        assert load_run_settings(settings).as_of == run.run.as_of == CLOCK
        run.end(RunState.DONE, "looked")
