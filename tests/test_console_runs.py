"""Runs in the console: a real run followed by its events and stopped by a button; what may go wrong with a log."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from signoff.console.home import Home
from signoff.console.run_events import MOST_OF_ONE, Slots
from signoff.console.run_view import view_of
from signoff.core.account import EVERYWHERE, Scope
from signoff.core.decision import ReviewState
from signoff.core.errors import ConflictError, NotFoundError, ServiceError
from signoff.core.paths import Paths
from signoff.core.record import now
from signoff.core.run import Cause, Run, RunState
from signoff.core.run_log import LogLine, SearchPlan, TrialNews, read_run_log, run_log_path
from signoff.core.settings_file import load_project
from signoff.store import open_store
from signoff.workspace.stopping import stop_run
from tasks.run_log import KEPT_RUNS, RunLog, run_log
from tests.chain import small_workspace, with_settings
from tests.consoles import Consoled, Notebook, a_console, served_console
from tests.waiting import eventually

BEGIN = {"flow": "retrain", "cause": {"kind": "hand", "actor": "zoe", "note": "a <b>bold</b> note"}}


def a_run(identity: str = "20260101-000000-aaaa", **more: Any) -> Run:
    facts = {"flow": "retrain", "cause": Cause(actor="zoe"), "state": RunState.RUNNING, "started": now()}
    return Run(id=identity, **(facts | more))


def trial(number: int, score: float, best: float) -> LogLine:
    news = TrialNews(
        number=number, family="linear", state="complete", score=score, best=best, seconds=1, spent=number + 1
    )
    return LogLine(at=now(), kind="trial", stage="search", trial=news)


def told(console: Consoled, run: Run, *, end: RunState | None = None, project: str = "demo") -> Path:
    """A run of that project in the store, with a log that its own writer wrote."""
    paths = console.desk(project).paths
    console.desk(project).store.start_run(run)
    with run_log(paths, run) as log:
        log.begin_stage("ingest")
        log.step("reading", 0.5)
        log.end_stage("ingest", "done", 1.25, "900 rows")
        log.begin_stage("search")
        log.search(SearchPlan(metric="roc_auc", greater_is_better=True, trials=4))
        log.trial(TrialNews(number=0, family="<i>", state="complete", score=0.6, best=0.6, seconds=1, spent=1))
        log.trial(TrialNews(number=1, family="linear", state="failed", best=0.6, seconds=2, spent=3, reason="<script>"))
        if end is not None:
            log.end(console.desk(project).store.finish_run(run.id, end, message="review release-1 waits"))
    return run_log_path(paths.runs, run.id)


def events_of(text: str) -> list[tuple[str, str, dict[str, Any]]]:
    """(id, event, data) of each event."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and not line.startswith(":"))
        if "event" in fields:
            found.append((fields["id"], fields["event"], json.loads(fields["data"])))
    return found


def test_a_run_shows_stages_trials_and_log_escaped(tmp_path: Path, database: str | None) -> None:
    console = a_console(tmp_path, database)
    console.person("ana", "operator")
    told(console, a_run(), end=RunState.WAITING)
    text = console.browser("ana").get("/runs/20260101-000000-aaaa").text
    assert "900 rows" in text
    assert "&lt;script&gt;" in text
    assert "<script>" not in text.replace("<script src=", "")
    assert 'href="/reviews/demo:release-1"' in text
    assert "Run again" in text
    assert "Stop the run" not in text


def test_its_json_twin_says_the_same(tmp_path: Path, database: str | None) -> None:
    console = a_console(tmp_path, database)
    console.person("ana", "viewer")
    told(console, a_run())
    answer = console.browser("ana").get("/api/v1/runs/20260101-000000-aaaa").json()
    assert [stage["state"] for stage in answer["view"]["stages"][:2]] == ["done", "started"]
    search = answer["view"]["search"]
    assert (search["total"], search["failed"], search["best"]["score"]) == (2, 1, 0.6)
    assert not answer["may_run"]
    assert not answer["here"]


def test_events_resume_after_the_last_one_that_was_seen(tmp_path: Path, database: str | None) -> None:
    console = a_console(tmp_path, database)
    console.person("ana", "viewer")
    told(console, a_run(), end=RunState.DONE)
    browser, path = console.browser("ana"), "/api/v1/runs/20260101-000000-aaaa/events"
    whole = events_of(browser.get(path).text)
    kinds = ["begin", "stage", "step", "stage", "stage", "search", "trial", "trial", "stage", "end", "over"]
    assert [kind for _, kind, _ in whole] == kinds
    rest = events_of(browser.get(path, headers={"Last-Event-ID": whole[3][0]}).text)
    assert rest == whole[4:]
    between = str(int(whole[3][0]) - 2)
    assert events_of(browser.get(path, headers={"Last-Event-ID": between}).text) == whole
    assert events_of(browser.get(path, headers={"Last-Event-ID": "x'--"}).text) == whole


def test_events_of_a_run_that_was_killed_end_too(tmp_path: Path, database: str | None) -> None:
    console = a_console(tmp_path, database)
    console.person("ana", "viewer")
    told(console, a_run())
    kinds = [
        kind for _, kind, _ in events_of(console.browser("ana").get("/api/v1/runs/20260101-000000-aaaa/events").text)
    ]
    assert kinds[-2:] == ["trial", "over"]


def test_one_account_cannot_hold_all_streams() -> None:
    slots = Slots()
    keys = [slots.take("ana") for _ in range(MOST_OF_ONE)]
    with pytest.raises(ServiceError, match="too many pages follow runs"):
        slots.take("ana")
    slots.take("ben")
    slots.free(keys[0])
    slots.take("ana")
    assert slots.count() == MOST_OF_ONE + 1


def test_a_viewer_sees_and_starts_nothing(tmp_path: Path, database: str | None) -> None:
    console = a_console(tmp_path, database, ("demo", "other"))
    console.person("ana", "operator", project="demo")
    told(console, a_run(), end=RunState.DONE)
    told(console, a_run("20260101-000001-bbbb"), end=RunState.DONE, project="other")
    browser = console.browser("ana")
    listed = browser.get("/api/v1/runs").json()
    assert [one["project"] for one in listed["runs"]] == ["demo"]
    assert browser.get("/runs/20260101-000001-bbbb").status_code == 404
    assert browser.get("/runs?project=other").status_code == 404
    assert browser.post("/runs/start", {"project": "other"}).status_code == 404
    assert browser.post("/runs/other:20260101-000001-bbbb/again", {}).status_code == 404
    assert console.starter.asked == []
    console.person("eve", "viewer")
    assert console.browser("eve").post("/runs/start", {"project": "demo"}).status_code == 403
    assert console.starter.asked == []


def test_start_and_again_go_to_the_starter_with_their_cause(tmp_path: Path, database: str | None) -> None:
    console = a_console(tmp_path, database)
    console.person("ana", "operator")
    told(console, a_run(), end=RunState.DONE)
    browser = console.browser("ana")
    assert (
        browser.post("/runs/start", {"project": "demo", "note": "new data", "as_of": "2024-01-02"}).status_code == 303
    )
    assert browser.post("/runs/20260101-000000-aaaa/again", {"note": ""}).status_code == 303
    assert console.starter.asked == [("start", "demo", "ana")] * 2
    for odd in ("yesterday", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"):
        refused = browser.post("/runs/start", {"project": "demo", "as_of": odd})
        assert refused.status_code == 422, odd
        assert "the clock is not a date" in refused.text.lower()
    header = console.bearer("ana", "run", project=EVERYWHERE)
    answer = browser.client.post("/api/v1/runs", json={"project": "demo"}, headers=header)
    assert (answer.status_code, answer.json()) == (202, {"said": "a retrain was started"})
    read_only = console.bearer("ana", Scope.READ.value)
    assert browser.client.post("/api/v1/runs", json={"project": "demo"}, headers=read_only).status_code == 403


def test_the_list_says_that_a_run_is_on_its_way_until_it_has_a_row(tmp_path: Path, database: str | None) -> None:
    console = a_console(tmp_path, database)
    console.person("ana", "operator")
    browser = console.browser("ana")
    led = browser.post("/runs/start", {"project": "demo"}).headers["location"]
    assert "data-starting" in browser.client.get(led).text
    assert browser.client.get("/api/v1" + led).json()["starting"]
    console.desk("demo").store.start_run(a_run(started=now()))
    assert "data-starting" not in browser.client.get(led).text
    long_ago = f"/api/v1/runs?project=demo&since={int(now().timestamp()) - 3600}"
    assert not browser.client.get(long_ago).json()["starting"]


def test_a_run_whose_question_was_answered_waits_no_longer_on_the_screen(tmp_path: Path) -> None:
    console = a_console(tmp_path)
    console.person("ana", "viewer")
    store = console.desk("demo").store
    review = console.review()
    store.start_run(a_run())
    store.finish_run("20260101-000000-aaaa", RunState.WAITING, review=review.id)
    browser = console.browser("ana")
    assert browser.client.get("/api/v1/runs").json()["runs"][0]["answered"] is None
    assert ">waiting</span>" in browser.client.get("/runs").text
    store.close_review(review.id, ReviewState.SUPERSEDED)
    assert browser.client.get("/api/v1/runs").json()["runs"][0]["answered"] == "superseded"
    page = browser.client.get("/runs").text
    assert ">waiting</span>" not in page
    assert f'waited at <a href="/reviews/demo:{review.id}">' in page


def test_a_log_is_read_in_whole_lines_and_from_any_place(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    line = LogLine(at=now(), kind="step", stage="fit", text="ä").model_dump_json().encode() + b"\n"
    path.write_bytes(line + b"torn{\n" + line + line[:10])
    part = read_run_log(path)
    assert [one.text for _, one in part.lines] == ["ä", "ä"]
    assert part.next == 2 * len(line) + 6
    assert read_run_log(path, len(line)).lines == part.lines[1:]
    assert read_run_log(path, 3).lines == part.lines
    assert read_run_log(path, 10**9).lines == part.lines
    assert read_run_log(tmp_path / "none.jsonl", 7).lines == ()


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "a..b", "x" * 200])
def test_a_run_id_leads_nowhere_else(tmp_path: Path, name: str) -> None:
    with pytest.raises(NotFoundError, match="there is no run"):
        run_log_path(tmp_path, name)


def test_steps_are_bounded_and_old_logs_go(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    paths.runs.mkdir(parents=True)
    for number in range(KEPT_RUNS + 5):
        (paths.runs / f"20250101-{number:06d}-aaaa.jsonl").write_text("")
    with run_log(paths, a_run()) as log:
        log.begin_stage("search")
        for number in range(5000):
            log.step(f"step {number}")
        log.step("x" * 10_000)
    assert len(list(paths.runs.glob("*.jsonl"))) == KEPT_RUNS
    assert not (paths.runs / "20250101-000005-aaaa.jsonl").exists()
    assert run_log_path(paths.runs, a_run().id).stat().st_size < 5000


def test_a_log_that_cannot_be_written_does_not_end_the_run(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file where the folder should be")
    log = RunLog(tmp_path / "runs" / "r.jsonl")
    log.open()
    log.begin_stage("fit")
    log.end_stage("fit", "done", 1.0, "fitted")
    log.close()
    assert (tmp_path / "runs").read_text() == "a file where the folder should be"


def test_what_is_left_of_the_budget() -> None:
    plan = LogLine(
        at=now(), kind="search", stage="search", search=SearchPlan(metric="rmse", greater_is_better=False, trials=10)
    )
    lines = [
        LogLine(at=now(), kind="stage", stage="search", state="started"),
        plan,
        trial(0, 5, 5),
        trial(1, 4, 4),
        trial(2, 6, 4),
    ]
    view = view_of(lines, "retrain", running=True, moment=now()).search
    assert view is not None
    assert view.best is not None
    assert view.curve is not None
    assert (view.best.number, view.share, view.curve.last) == (1, 0.3, 4)
    assert view.left_seconds is not None
    ended = view_of(
        [*lines, LogLine(at=now(), kind="stage", stage="search", state="done", seconds=3)],
        "retrain",
        running=True,
        moment=now(),
    )
    assert ended.search is not None
    assert ended.search.left_seconds is None


def test_nothing_is_stopped_that_does_not_run(tmp_path: Path, database: str | None) -> None:
    console = a_console(tmp_path, database)
    console.person("ana", "operator")
    told(console, a_run())
    with pytest.raises(ConflictError, match="does not run any more"):
        stop_run(console.desk().paths, a_run().id, "ana")
    assert console.browser("ana").post("/runs/20260101-000000-aaaa/stop").status_code == 409


@pytest.mark.slow
@pytest.mark.timeout(420)
def test_a_real_run_is_followed_and_stopped(tmp_path: Path) -> None:
    root = with_settings(small_workspace(tmp_path), {"search": {"budget": {"seconds": 150}}})
    home = Home(Paths(root), load_project(root), Notebook())
    console = Consoled(home, home.starter)  # type: ignore[arg-type]
    console.person("ana", "operator")
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.start", root], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdin is not None
    try:
        process.stdin.write(json.dumps(BEGIN))
        process.stdin.close()
        store = open_store(home.project, home.paths)
        run = eventually(lambda: next(iter(store.runs(limit=1, state=RunState.RUNNING)), None))
        header = console.bearer("ana", "run")
        with served_console(console) as address, httpx.Client(base_url=address, headers=header, timeout=120) as client:
            kinds = []
            for kind in streamed(client, f"/api/v1/runs/{run.id}/events"):
                kinds.append(kind)
                if kind == "trial" and kinds.count("trial") == 1:
                    page = client.get(f"/api/v1/runs/{run.id}").json()
                    assert page["here"]
                    assert page["view"]["search"]["left_seconds"] > 0
                    answer = client.post(f"/api/v1/runs/{run.id}/stop")
                    assert answer.status_code == 202, answer.text
            assert kinds[0] == "begin"
            assert kinds[-2:] == ["end", "over"]
        assert process.wait(60) == 130
        ended = store.run(run.id)
        assert (ended.state, ended.message) == (RunState.FAILED, "stopped by ana")
        assert ended.cause.note == "a <b>bold</b> note"
        assert [note.what for note in home.accounts.access_log() if note.where.endswith(run.id)] == ["run stopped"]
    finally:
        if process.poll() is None:
            process.kill()


def streamed(client: httpx.Client, path: str) -> Iterator[str]:
    """The kinds of events as they come."""
    with client.stream("GET", path) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            if line.startswith("event: "):
                yield line.removeprefix("event: ")
