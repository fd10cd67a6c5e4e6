"""What comes of an alert: its retrain, the review of that, the refusal, the question after it; told by every door."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from signoff.commands.settling import settle
from signoff.commands.status import show_status, status_of
from signoff.commands.summary import print_window
from signoff.core.decision import Review, ReviewState
from signoff.core.monitoring import Alert, WindowRequest
from signoff.core.paths import Paths
from signoff.core.record import now
from signoff.core.run import Cause, Request, Run, RunState, Steering
from signoff.core.settings import Gates
from signoff.gates import Desk, alerts_now, decide, settle_alerts
from tasks.passage import Ending, passage
from tasks.watching import Watched, watch
from tests.consoles import a_console
from tests.ledger_cases import AUTO, approve, ask, caller, candidate, desk_at
from tests.monitored import make_workspace

RAISED = Cause(kind="alert", actor="schedule", reference="a1", note="it drifts")
MARCH_ENDS = datetime(2024, 3, 31, tzinfo=UTC)


def alarmed(root: Path, database: str | None = None) -> Desk:
    """A desk with an alert dated by its window, which may end after now."""
    desk = desk_at(root, address=database)
    ends = datetime(2030, 1, 1, tzinfo=UTC)
    desk.store.add_alert(Alert(id="a1", project="demo", opened=ends, finding="it drifts", checks=(), model="m"))
    return desk


def retrained(desk: Desk, name: str, state: RunState, cause: Cause = RAISED, **more: str | None) -> Run:
    """A run with its end, as a flow leaves it."""
    run = Run(id=f"run-{name}", flow="retrain", cause=cause, state=RunState.RUNNING, started=now())
    desk.store.start_run(run)
    if state is RunState.RUNNING:
        return run
    review = None
    if state is RunState.WAITING:
        review = ask(desk, name, run=run.id, cause=cause).review
    digest = candidate(name).digest
    return desk.store.finish_run(
        run.id, state, message=str(more.get("message", "")), candidate=digest, review=review.id if review else None
    )


def stands(desk: Desk) -> tuple[str, str]:
    settle_alerts(desk)
    alert = desk.store.alert("a1")
    return alert.state, alert.came


def test_a_refused_retrain_leaves_its_alert_open_and_says_by_whom_and_why(database: str | None, tmp_path: Path) -> None:
    desk = alarmed(tmp_path, database)
    assert stands(desk) == ("open", "")
    run = retrained(desk, "a", RunState.RUNNING)
    assert stands(desk) == ("retraining", f"the run {run.id} is on its way")
    review = ask(desk, "a", run=run.id, cause=RAISED).review
    assert review is not None
    desk.store.finish_run(run.id, RunState.WAITING, review=review.id, candidate=review.digest)
    assert stands(desk) == ("retraining", "its retrain made demo/a, which waits at release-1")
    settle(desk, decide(desk, "release-1", "reject", actor="bo", reasons="worse in autumn"))
    assert stands(desk) == ("open", "release-1 was rejected by bo: worse in autumn")
    assert desk.store.alert("a1").answered == "release-1"
    assert desk.store.run(run.id).state is RunState.REJECTED


def test_an_approved_retrain_closes_its_alert_only_when_another_model_serves(tmp_path: Path) -> None:
    desk = alarmed(tmp_path)
    retrained(desk, "a", RunState.WAITING)
    approve(desk)
    state, came = stands(desk)
    assert (state, came) == ("retraining", "release-1 was approved by bo: it is good; what follows has not ended yet")
    desk.store.add_candidate(candidate("a"), tag="demo/c1", run="run-a")
    retrained(desk, "b", RunState.RELEASED, message="demo/v2 serves")
    assert stands(desk) == ("closed", "demo/v2 serves")


def test_a_retrain_that_gave_the_same_model_answers_nothing_and_is_not_repeated(tmp_path: Path) -> None:
    desk = alarmed(tmp_path)
    desk.store.update_alert(desk.store.alert("a1").model_copy(update={"model": "model-a"}))
    desk.store.add_candidate(candidate("a"), tag="demo/c1", run="run-a")
    retrained(desk, "a", RunState.RELEASED, message="demo/v2 serves")
    assert stands(desk) == ("open", "demo/v2 serves, which is the same model")
    assert desk.store.alert("a1").answered == "run-a"


def test_an_alert_follows_the_run_that_a_request_for_changes_started(tmp_path: Path) -> None:
    desk = alarmed(tmp_path)
    retrained(desk, "a", RunState.WAITING)
    less = Steering(exclude_features=("x",))
    ruling = decide(desk, "release-1", "request-changes", actor="bo", reasons="less", changes=less)
    assert stands(desk)[1].startswith("release-1 was answered by a request for changes by bo: less")
    wish = Cause(kind="request", actor="bo", reference=ruling.entry.hash, note="less")
    retrained(desk, "b", RunState.WAITING, wish)
    assert stands(desk) == ("retraining", "its retrain made demo/b, which waits at release-2")
    retrained(desk, "c", RunState.WAITING, Cause(actor="eve"))
    assert desk.store.review("release-2").state is ReviewState.SUPERSEDED
    assert stands(desk) == ("retraining", "its retrain made demo/c, which waits at release-3")
    decide(desk, "release-3", "reject", actor="bo", reasons="no")
    assert stands(desk) == ("open", "release-3 was rejected by bo: no")


def test_a_failed_retrain_leaves_its_alert_to_the_next_window(tmp_path: Path) -> None:
    desk = alarmed(tmp_path)
    retrained(desk, "a", RunState.FAILED, message="the disk is full")
    state, came = stands(desk)
    assert state == "open"
    assert came.startswith("the run run-a ended as failed: the disk is full")
    assert desk.store.alert("a1").answered is None


@pytest.mark.parametrize(
    ("verdict", "state"), [("acknowledge", "acknowledged"), ("reject", "closed"), ("approve", "retraining")]
)
def test_the_answer_at_the_alert_gate_is_told(tmp_path: Path, verdict: str, state: str) -> None:
    desk = alarmed(tmp_path)
    ask(desk, "window", gate="alert", cause=RAISED)
    assert stands(desk) == ("open", "alert-1 asks what to do")
    decide(desk, "alert-1", verdict, actor="bo", reasons="we know")  # type: ignore[arg-type]
    found, came = stands(desk)
    assert found == state
    assert "by bo: we know" in came
    assert desk.store.alert("a1").review == "alert-1"


def looked_at(folder: Path) -> tuple[Path, str]:
    """A workspace whose March is an alert that starts a retrain; with its project's name."""
    context = make_workspace(folder, retrain_on_alert=True)
    (folder / "dvc.yaml").write_text("stages: {}\n")
    return folder, context.project.project


def watched(root: Path, actor: str = "ada") -> Watched:
    with passage(root, "watch", Cause(actor=actor), Request()) as run:
        found = watch(run, WindowRequest(as_of=MARCH_ENDS, html=False))
        run.end(RunState.DONE, found.message)
    return found


def test_the_same_window_again_says_why_it_starts_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, project = looked_at(tmp_path)
    first = watched(root)
    assert first.alert is not None
    assert first.retrain is not None
    assert first.why == ""
    with passage(root, "retrain", first.retrain, Request()) as run:
        assert run.store.alert(first.alert.id).state == "retraining"
        during = run.store.alert(first.alert.id)
        asked = ask(run.desk, "new", run=run.run.id, cause=first.retrain, subject=f"{project}/c2").review
        assert asked is not None
        run.end(RunState.WAITING, "it waits", review=asked.id, digest=asked.digest)
    assert "is on its way" in during.came
    second = watched(root)
    assert (second.fresh, second.retrain) == (False, None)
    assert second.why == f"its retrain made {project}/c2, which waits at release-1"
    assert f"alert {first.alert.id} stands already, retraining" in second.message

    desk = run.desk
    settle(desk, decide(desk, "release-1", "reject", actor="bo", reasons="worse in autumn"))
    status = status_of(root)
    assert status["alerts"][0]["came"] == "release-1 was rejected by bo: worse in autumn"
    assert status["alerts"][0]["state"] == "open"

    third = watched(root)
    assert third.retrain is None, "a person has refused what the alert led to"
    assert third.alert is not None
    assert third.alert.review == "alert-1"
    assert third.why == (
        "release-1 was rejected by bo: worse in autumn; alert-1 asks what to do; an alert starts one retrain by itself"
    )
    assert [one.id for one in watched_questions(desk)] == ["alert-1"]
    capsys.readouterr()
    print_window(root, Ending(run="r", state=RunState.DONE, message=third.message, watched=third.facts()))
    out = capsys.readouterr().out
    assert f"ALERT {third.alert.id}, which stands already, open: " in out
    assert f"no retrain starts: {third.why}" in out
    assert out.rstrip().endswith(f"next: signoff review show alert-1 --workspace {root}")
    assert watched(root).why == third.why
    assert [one.id for one in watched_questions(desk)] == ["alert-1"]
    settle(desk, decide(desk, "alert-1", "acknowledge", actor="bo", reasons="a strike"))
    assert watched(root).why == "alert-1 was acknowledged by bo: a strike"
    capsys.readouterr()
    show_status(root, as_json=False)
    assert "acknowledged" in capsys.readouterr().out


def watched_questions(desk: Desk) -> list[Review]:
    return list(desk.store.reviews(gate="alert"))


def test_where_no_person_is_asked_a_refused_retrain_is_not_started_again(tmp_path: Path) -> None:
    root, _ = looked_at(tmp_path)
    first = watched(root)
    assert first.alert is not None
    assert first.retrain is not None
    with passage(root, "retrain", first.retrain, Request()) as run:
        asked = ask(run.desk, "new", run=run.run.id, cause=first.retrain).review
        assert asked is not None
        run.end(RunState.WAITING, "it waits", review=asked.id, digest=asked.digest)
    settle(run.desk, decide(run.desk, "release-1", "reject", actor="bo", reasons="no"))
    gates = Gates(alert=AUTO.model_copy(update={"checks": ()}))
    settings = Paths(root).settings
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text + json.dumps({"gates": gates.as_json()})[1:-1].replace('"gates"', "gates") + "\n")
    again = watched(root)
    assert again.retrain is None
    assert again.why == "release-1 was rejected by bo: no; an alert starts one retrain by itself"
    assert alerts_now(run.desk)[0].state == "open"


def test_status_after_a_refusal_says_what_who_why_and_what_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, _ = looked_at(tmp_path)
    with passage(root, "retrain", Cause(actor="ada"), Request()) as run:
        asked = ask(run.desk, "new", run=run.run.id, subject="toy/c2").review
        assert asked is not None
        run.end(RunState.WAITING, "it waits", review=asked.id, digest=asked.digest)
    settle(run.desk, decide(run.desk, "release-1", "reject", actor="bo", reasons="worse in autumn"))
    shown = status_of(root)["run"]
    assert (shown["state"], shown["review"], shown["subject"]) == ("rejected", "release-1", "toy/c2")
    assert shown["message"] == "release-1 was rejected by bo: worse in autumn"
    show_status(root, as_json=False)
    out = capsys.readouterr().out
    assert "toy/c2: release-1 was rejected by bo: worse in autumn" in out
    assert "next: change signoff.yaml or features.yaml, then signoff run" in out


def test_the_console_tells_what_came_of_an_alert_and_where_to_answer(tmp_path: Path) -> None:
    console = a_console(tmp_path)
    console.person("ana", "reviewer")
    console.person("root", "admin")
    desk, browser = console.desk(), console.browser("ana")
    desk.store.add_alert(
        Alert(id="a1", project="demo", opened=now(), finding="it drifts", checks=(), model="m", came="<b>so far</b>")
    )
    page = browser.get("/alerts/demo/a1").text
    assert "&lt;b&gt;so far&lt;/b&gt;" in page
    retrained(desk, "a", RunState.WAITING)
    assert stands(desk)[0] == "retraining"
    page = browser.get("/alerts/demo/a1").text
    assert "Its retrain made demo/a, which waits at release-1" in page
    assert 'class="button" href="/reviews/demo%3Arelease-1"' in page
    decide(desk, "release-1", "reject", actor="ana", caller=caller("ana", "reviewer"), reasons="worse in autumn")
    settle_alerts(desk)
    page = browser.get("/alerts/demo/a1").text
    assert "Release-1 was rejected by ana: worse in autumn" in page
    assert "an alert starts one by itself" in page
    assert "worse in autumn" in browser.get("/alerts").text
    asked = ask(desk, "again", gate="alert", cause=RAISED, digest=desk.store.alert("a1").question).review
    assert asked is not None
    assert 'class="button" href="/reviews/demo%3Aalert-1"' in browser.get("/alerts/demo/a1").text
    found = browser.get("/reviews/demo:alert-1").text
    assert 'href="/alerts/demo/a1"' in found
