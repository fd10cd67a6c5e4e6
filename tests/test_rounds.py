"""What the console's rounds mend and forget, and what the consoles of one database agree on."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from signoff.access.retention import forget_old
from signoff.access.throttle import WINDOW, count_try, limits
from signoff.commands import launching
from signoff.commands.launching import Launcher, Start
from signoff.commands.rounds import Rounds
from signoff.core.decision import ReviewState
from signoff.core.errors import ConflictError
from signoff.core.paths import Paths
from signoff.core.record import Moment, now
from signoff.core.run import Cause, Request, Run, RunState
from signoff.gates import Desk
from signoff.gates.pointer import mend_pointer
from signoff.ledger import Ledger, read_pointer, verify
from signoff.store import Store, accounts
from signoff.workspace.stopping import RunProcess, machine
from tests.consoles import Consoled, a_console, a_workspace
from tests.ledger_cases import approve, ask, desk_at, release
from tests.test_gates_policy import frozen_today, hold

KILLED_REFUSAL = """
import os, signal, sys
from pathlib import Path
import signoff.gates.deciding as deciding
from tests.ledger_cases import desk_at
from tests.test_gates_policy import frozen_today
deciding.publish = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
deciding.decide(desk_at(Path(sys.argv[1]), frozen_today(), address=sys.argv[2] or None), "release-2", "reject",
                actor="cy", reasons="the data were wrong")
"""


@pytest.fixture
def console(tmp_path: Path, database: str | None) -> Iterator[Consoled]:
    made = a_console(tmp_path, database)
    yield made
    made.home.close()


def noted(store: Store, monkeypatch: pytest.MonkeyPatch, moment: Moment, what: str) -> None:
    with monkeypatch.context() as then:
        then.setattr(accounts, "now", lambda: moment)
        store.note_access("ada", what)


def test_the_access_log_is_kept_for_its_days_and_the_ledger_for_ever(
    console: Consoled, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, moment = console.home.accounts, now()
    console.review("a")
    approve(console.desk(), "release-1")
    for days, what in ((500, "long ago"), (399, "lately"), (0, "today")):
        noted(store, monkeypatch, moment - timedelta(days=days), what)
    old = moment - WINDOW - timedelta(minutes=1)
    for when in (old, moment):
        count_try(store, "ada", "192.0.2.1", when)
    before = store.access_log()
    launcher = Launcher(console.desk)
    rounds = Rounds(console.home, launcher)
    assert rounds.once() == ()
    kept = store.access_log()
    assert [note.what for note in kept if note.actor == "ada"] == ["today", "lately"]
    assert (kept[0].actor, kept[0].result) == ("retention", "1 notes removed")
    assert len(kept) == len(before)
    about = limits("ada", "192.0.2.1")[0].about
    assert len(store.attempts_since(about, moment - timedelta(days=30))) == 1
    assert len(console.desk().ledger.entries()) == 1
    assert store.reviews(state=ReviewState.APPROVED)
    noted(store, monkeypatch, moment - timedelta(days=500), "long ago")
    rounds.once()
    assert len(store.access_log()) == len(kept) + 1, "a few times a day are enough"
    assert forget_old(store, 0, moment) == 0, "0 keeps all"
    assert forget_old(store, 400, moment) == 1
    assert forget_old(store, 400, moment) == 0
    assert len([note for note in store.access_log() if note.actor == "retention"]) == 2, "nothing gone is no note"


@pytest.mark.parametrize("released", [True, False])
def test_a_refusal_that_a_kill_cut_off_is_noticed_and_mended(
    released: bool, tmp_path: Path, database: str | None
) -> None:
    desk = desk_at(tmp_path, address=database)
    ask(desk)
    champion = approve(desk) if released else None
    if champion is not None:
        release(desk, champion)
    desk = desk_at(tmp_path, frozen_today(), address=database)
    ask(desk, "b")
    hold(desk, "b")
    approval = approve(desk, "release-2")
    assert read_pointer(desk.paths.release_decision) == approval.entry
    assert not mend_pointer(desk)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_REFUSAL, str(tmp_path), database or ""], timeout=120, check=False,
        cwd=Path(__file__).parent.parent,
    )  # fmt: skip
    assert killed.returncode == -9
    assert read_pointer(desk.paths.release_decision) == approval.entry
    assert "was taken back by entry" in str(verify(desk.paths, desk.store))
    assert mend_pointer(desk)
    assert not mend_pointer(desk)
    assert read_pointer(desk.paths.release_decision) == (champion.entry if champion is not None else None)
    assert verify(desk.paths, desk.store) == []


class Waiting(Launcher):
    """A launcher whose processes wait for ever instead of running a flow."""

    def _spawn(self, paths: Paths, order: dict[str, Any]) -> int:
        process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
        self._running.append((paths.root, process))
        return process.pid


def test_the_consoles_of_one_database_start_one_run_at_a_time(console: Consoled, tmp_path: Path) -> None:
    here = Waiting(console.home.desk)
    other = Waiting(lambda name: Desk(console.desk().project, *_elsewhere(console, tmp_path)))
    cause = Cause(actor="ada")
    try:
        assert here.start("demo", cause, Request()) == "a retrain was started"
        with pytest.raises(ConflictError, match="started here has not ended"):
            here.start("demo", cause, Request())
        with pytest.raises(ConflictError, match="started by another console has not ended"):
            other.start("demo", cause, Request())
        here.end_all()
        assert other.start("demo", cause, Request()) == "a retrain was started"
        with pytest.raises(ConflictError, match="started by another console has not ended"):
            here.start("demo", cause, Request())
    finally:
        here.end_all()
        other.end_all()


def _elsewhere(console: Consoled, tmp_path: Path) -> tuple[Paths, Store, Ledger]:
    """The same project in a second workspace that shares the database."""
    paths = Paths(a_workspace(tmp_path / "second", "demo"))
    store = Store(console.home.accounts.database, "demo", lambda: "second")
    return paths, store, console.desk().ledger


def test_a_start_on_another_machine_counts_by_its_rows(console: Consoled) -> None:
    desk = console.desk()
    moment = now() - timedelta(seconds=5)
    start = Start(machine="another 0", pid=os.getpid(), began="1", moment=moment)
    goes_on = launching._goes_on
    assert goes_on(desk, start, machine()), "it was started lately, and no run of it is seen yet"
    late = start.model_copy(update={"moment": moment - timedelta(seconds=launching.ELSEWHERE_SECONDS)})
    assert not goes_on(desk, late, machine())
    run = Run(id="r1", flow="retrain", cause=Cause(actor="ada"), state=RunState.RUNNING, started=now())
    desk.store.start_run(run)
    assert goes_on(desk, late, machine())
    desk.store.finish_run("r1", RunState.DONE)
    assert not goes_on(desk, start, machine())
    gone = start.model_copy(update={"machine": machine()})
    assert not goes_on(desk, gone, machine()), "the number of the process is another's by now"
    assert launching._read_start("{}") is None


def test_stopping_says_where_a_run_can_be_stopped(console: Consoled, tmp_path: Path) -> None:
    console.person("ana", "operator")
    desk, browser = console.desk(), console.browser("ana")
    run = Run(id="20260101-000000-aaaa", flow="retrain", cause=Cause(actor="x"), state=RunState.RUNNING, started=now())
    desk.store.start_run(run)
    path = f"/runs/{run.id}/stop"
    gone = browser.post(path)
    assert (gone.status_code, "the next run notes what became of it" in gone.text) == (409, True)
    place = desk.paths.runs / f"{run.id}.process"
    place.parent.mkdir(parents=True, exist_ok=True)
    other = RunProcess(pid=4711, host=f"not-{socket.gethostname()}", boot="b", started="1")
    place.write_text(other.model_dump_json())
    far = browser.post(path)
    assert (far.status_code, f"on {other.host}: open the console" in far.text, "4711" in far.text) == (409, True, True)
    elsewhere = Store(console.home.accounts.database, "demo", lambda: "second workspace")
    second = run.model_copy(update={"id": "20260101-000001-bbbb"})
    elsewhere.start_run(second)
    there = browser.post(f"/runs/{second.id}/stop")
    assert (there.status_code, "goes on in another workspace of demo" in there.text) == (409, True)
    assert "stop it in the console of that workspace" in there.text
