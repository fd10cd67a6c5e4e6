"""The store's contract: the same tests against SQLite and PostgreSQL."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from signoff.core.candidate import Candidate, Code
from signoff.core.decision import FIRST, Entry, Review, ReviewState
from signoff.core.errors import (
    ConflictError,
    IntegrityError,
    NotFoundError,
    ServiceError,
    SettingsError,
    WorkspaceBusyError,
    WorkspaceError,
)
from signoff.core.monitoring import Alert
from signoff.core.paths import Paths
from signoff.core.record import now
from signoff.core.run import Cause, Run, RunState
from signoff.core.settings import GatePolicy
from signoff.store import NEW, Store, open_store
from signoff.store import database as database_module
from signoff.store.places import known_places
from tests.ledger_cases import project_at

ADA = Cause(actor="ada")


@pytest.fixture
def store(database: str | None, tmp_path: Path) -> Iterator[Store]:
    opened = open_store(project_at(database), Paths(tmp_path))
    yield opened
    opened.close()


def a_run(run_id: str = "r1", state: RunState = RunState.RUNNING) -> Run:
    return Run(id=run_id, flow="retrain", cause=ADA, state=state, started=now())


def a_review(digest: str = "d" * 64) -> Review:
    return Review(
        id=NEW,
        project="demo",
        gate="release",
        digest=digest,
        evidence_sha256="e" * 64,
        run="r1",
        cause=ADA,
        policy=GatePolicy(),
        opened=now(),
        subject="demo/c1",
    )


def unsigned(sequence: int, previous: str, about: str = "release-1") -> Entry:
    entry = Entry(
        sequence=sequence,
        kind="decision",
        body={"review": about, "n": sequence},
        previous=previous,
        key="k",
        hash="",
        signature="00",
    )
    return entry.model_copy(update={"hash": entry.expected_hash()})


def test_a_run_is_started_and_finished_once(store: Store) -> None:
    run = store.start_run(a_run())
    with pytest.raises(ConflictError, match="a run r1 exists already"):
        store.start_run(run)
    done = store.finish_run("r1", RunState.WAITING, candidate="c" * 64, message="release-1")
    assert store.run("r1") == done
    assert done.ended is not None
    assert store.runs(state=RunState.WAITING) == (done,)
    with pytest.raises(NotFoundError, match="there is no run r2"):
        store.finish_run("r2", RunState.DONE)


def test_a_killed_run_is_marked_interrupted_but_only_in_its_own_workspace(
    database: str | None, store: Store, tmp_path: Path
) -> None:
    shared = database or f"sqlite:///{tmp_path / '.signoff' / 'signoff.db'}"
    other = open_store(project_at(shared), Paths(tmp_path / "other"))
    store.start_run(a_run("mine"))
    other.start_run(a_run("theirs"))
    assert [run.id for run in store.interrupt_running_runs()] == ["mine"]
    assert store.run("mine").state is RunState.INTERRUPTED
    assert other.run("theirs").state is RunState.RUNNING
    assert store.interrupt_running_runs() == ()
    other.close()


def test_a_review_is_opened_once_a_digest_until_it_is_superseded(store: Store) -> None:
    first = store.open_review(a_review())
    assert first.id == "release-1"
    assert store.open_review(a_review()) == first
    assert store.open_review(a_review("f" * 64)).id == "release-2"
    store.close_review("release-1", ReviewState.SUPERSEDED, note="release-2")
    again = store.open_review(a_review())
    assert again.id == "release-3"
    assert [review.id for review in store.reviews(state=ReviewState.OPEN)] == ["release-2", "release-3"]
    assert store.standing_review("release", "d" * 64) == again


def test_a_review_is_closed_by_one_only(store: Store) -> None:
    store.open_review(a_review())
    closed = store.close_review("release-1", ReviewState.APPROVED)
    assert store.review("release-1") == closed
    with pytest.raises(ConflictError, match="release-1 is no longer open; got: approved"):
        store.close_review("release-1", ReviewState.REJECTED)
    with pytest.raises(NotFoundError, match="did you mean 'release-1'"):
        store.close_review("relase-1", ReviewState.REJECTED)


def test_review_numbers_go_on_after_those_that_the_ledger_names(store: Store) -> None:
    store.append(lambda sequence, previous: unsigned(sequence, previous, "release-7"))
    assert store.open_review(a_review()).id == "release-8"


def test_a_transaction_is_whole_or_nothing(store: Store) -> None:
    def fail_half_way() -> None:
        with store.transaction():
            store.open_review(a_review())
            store.append(unsigned)
            raise RuntimeError("killed here")

    with pytest.raises(RuntimeError, match="killed here"):
        fail_half_way()
    assert store.reviews() == ()
    assert store.ledger_length() == 0
    assert not store.ledger_was_used()


def test_entries_come_back_in_order_and_by_what_they_are_about(store: Store) -> None:
    for about in ("release-1", "data-1", "release-1"):
        store.append(lambda sequence, previous, about=about: unsigned(sequence, previous, about))  # type: ignore[misc]
    entries = store.entries()
    assert [entry.sequence for entry in entries] == [1, 2, 3]
    assert [entry.previous for entry in entries] == [FIRST, entries[0].hash, entries[1].hash]
    assert store.entries(about="release-1") == (entries[0], entries[2])
    assert store.ledger_length() == 3
    assert store.ledger_was_used()


def test_an_entry_that_is_not_the_next_is_refused(store: Store) -> None:
    store.append(unsigned)
    with pytest.raises(IntegrityError, match="not the next of the chain"):
        store.append(lambda sequence, previous: unsigned(1, FIRST))
    assert store.ledger_length() == 1


CHANGES = (
    "UPDATE signoff_ledger SET record = '{}'",
    "DELETE FROM signoff_ledger",
    "INSERT INTO signoff_ledger SELECT project, sequence, kind, about, '{}' FROM signoff_ledger",
    "INSERT INTO signoff_ledger VALUES ('demo', 9, 'decision', 'x', '{}')",
)
BACKEND_CHANGES = {
    "sqlite": "INSERT OR REPLACE INTO signoff_ledger VALUES ('demo', 1, 'decision', 'x', '{}')",
    "postgresql": "TRUNCATE signoff_ledger",
}


@pytest.mark.parametrize("number", range(len(CHANGES) + 1))
def test_the_ledger_table_refuses_every_change(store: Store, number: int) -> None:
    statement = (*CHANGES, BACKEND_CHANGES[store.database.url.get_backend_name()])[number]
    entry = store.append(unsigned)
    with pytest.raises(IntegrityError, match="append-only"), store.database.writing() as connection:
        connection.execute(text(statement))
    assert store.entries() == (entry,)
    assert store.missing_guards() == ()


def test_a_trigger_that_was_taken_away_is_seen(store: Store) -> None:
    table = "" if store.database.sqlite else " ON signoff_ledger"
    store.append(unsigned)
    with store.database.writing() as connection:
        connection.execute(text(f"DROP TRIGGER signoff_ledger_next{table}"))
    assert store.missing_guards() == ("signoff_ledger_next",)


def test_writers_in_many_threads_make_one_chain(store: Store) -> None:
    failures: list[BaseException] = []

    def write() -> None:
        try:
            for _ in range(5):
                store.append(unsigned)
                store.open_review(a_review())
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    entries = store.entries()
    assert [entry.sequence for entry in entries] == list(range(1, 41))
    assert all(later.previous == one.hash for one, later in pairwise(entries))
    assert len(store.reviews()) == 1


def test_a_writer_that_waits_too_long_is_told_so(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "WAIT_SECONDS", 1)
    store.append(unsigned)
    store.close()
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with store.transaction():
            inside.set()
            leave.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    assert inside.wait(30)
    with pytest.raises(WorkspaceBusyError, match="another writer held the state database"):
        store.append(unsigned)
    leave.set()
    holder.join()


def test_two_projects_in_one_database_do_not_see_each_other(database: str | None, store: Store, tmp_path: Path) -> None:
    shared = database or f"sqlite:///{tmp_path / '.signoff' / 'signoff.db'}"
    other = open_store(project_at(shared, "other"), Paths(tmp_path / "other"))
    store.append(unsigned)
    store.open_review(a_review())
    assert other.open_review(a_review()).id == "release-1"
    assert other.append(unsigned).sequence == 1
    assert len(store.entries()) == len(store.reviews()) == 1
    other.close()


def test_alerts_are_kept_once_and_change_their_state(store: Store) -> None:
    alert = Alert(id="a1", project="demo", opened=now(), finding="calibration broke", checks=(), model="m")
    assert store.add_alert(alert)
    assert not store.add_alert(alert.model_copy(update={"opened": now() + timedelta(days=1)}))
    assert store.alerts() == (alert,)
    closed = store.update_alert(alert.model_copy(update={"state": "closed"}))
    assert store.alerts(state="open") == ()
    assert store.alert("a1") == closed
    with pytest.raises(NotFoundError, match="there is no alert a2"):
        store.alert("a2")


def test_a_candidate_keeps_its_first_tag(store: Store) -> None:
    code = Code(commit="0" * 40, dirty=False, signoff="0.1.0")
    parts = dict.fromkeys(
        (
            "data_md5",
            "recipe_sha256",
            "model_sha256",
            "model_record_sha256",
            "evidence_sha256",
            "dossier_sha256",
            "environment_sha256",
        ),
        "a",
    )
    one = Candidate(project="demo", code=code, model_digest="m", **parts)
    two = one.model_copy(update={"model_digest": "n"})
    stored = store.add_candidate(one, tag="demo/c1", run="r1")
    assert store.add_candidate(one, tag="demo/c2", run="r2") == stored
    with pytest.raises(ConflictError, match="another candidate is called demo/c1"):
        store.add_candidate(two, tag="demo/c1", run="r2")
    store.add_candidate(two, tag="demo/c2", run="r2")
    assert [row.tag for row in store.candidates()] == ["demo/c1", "demo/c2"]
    assert store.candidate(one.digest) == stored
    assert store.candidate("nothing") is None


def test_tables_of_a_newer_signoff_are_left_alone(database: str | None, store: Store, tmp_path: Path) -> None:
    store.append(unsigned)
    with store.database.writing() as connection:
        connection.execute(text("UPDATE signoff_meta SET value = '99' WHERE name = 'version'"))
    again = open_store(project_at(database), Paths(tmp_path))
    with pytest.raises(WorkspaceError, match=r"another version of Signoff.*got: version 99; allowed: version 3"):
        again.runs()


@pytest.mark.parametrize("bytes_", [b"this is no database at all" * 200, None])
def test_a_damaged_sqlite_file_is_named(tmp_path: Path, bytes_: bytes | None) -> None:
    store = open_store(project_at(None), Paths(tmp_path))
    for _ in range(50):
        store.append(unsigned)
    store.close()
    file = tmp_path / ".signoff" / "signoff.db"
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = file.read_bytes()
    file.write_bytes(bytes_ or whole[: len(whole) // 2])
    with pytest.raises(IntegrityError, match=r"the state database is damaged; where: .*signoff\.db"):
        open_store(project_at(None), Paths(tmp_path)).append(unsigned)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("env:SIGNOFF_TEST_NOT_SET", "the environment variable SIGNOFF_TEST_NOT_SET is not set"),
        ("mysql://u:secret@h/db", "cannot hold the ledger.*got: mysql"),
        ("sqlite://", "cannot hold the ledger"),
        ("no address", "is not an address"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(tmp_path: Path, setting: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message) as caught:
        open_store(project_at(setting), Paths(tmp_path))
    assert "secret" not in str(caught.value)


def test_an_address_may_stand_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNOFF_TEST_DATABASE", "sqlite:///here/state.db")
    store = open_store(project_at("env:SIGNOFF_TEST_DATABASE"), Paths(tmp_path))
    store.append(unsigned)
    assert (tmp_path / "here" / "state.db").exists()


def test_a_server_that_is_away_is_named_without_the_password(tmp_path: Path) -> None:
    store = open_store(project_at("postgresql://ada:secret@127.0.0.1:1/none"), Paths(tmp_path))
    with pytest.raises(ServiceError, match="PostgreSQL does not answer") as caught:
        store.runs()
    assert "secret" not in str(caught.value)


def test_a_missing_postgres_database_is_a_mistake_in_the_settings(postgres_server: str, tmp_path: Path) -> None:
    store = open_store(project_at(f"{postgres_server}/nowhere"), Paths(tmp_path))
    with pytest.raises(SettingsError, match=r"PostgreSQL refuses state\.database"):
        store.runs()


def test_many_processes_worth_of_stores_make_the_tables_once(database: str | None, tmp_path: Path) -> None:
    stores = [open_store(project_at(database), Paths(tmp_path)) for _ in range(6)]
    failures: list[BaseException] = []

    def first_use(store: Store) -> None:
        try:
            store.append(unsigned)
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=first_use, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert stores[0].ledger_length() == 6
    for store in stores:
        store.close()


def test_connections_that_the_server_cut_are_opened_again(postgres_address: str, tmp_path: Path) -> None:
    store = open_store(project_at(postgres_address), Paths(tmp_path))
    store.append(unsigned)
    with psycopg.connect(postgres_address, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    store.append(unsigned)
    assert store.ledger_length() == 2
    store.close()


def test_a_full_disk_is_named_and_nothing_is_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(project_at(None), Paths(tmp_path))
    store.append(unsigned)
    prepare = database_module._prepare_sqlite

    def on_a_full_disk(connection: sqlite3.Connection, record: object) -> None:
        prepare(connection, record)
        connection.execute("PRAGMA max_page_count = 1")

    monkeypatch.setattr(database_module, "_prepare_sqlite", on_a_full_disk)
    full = open_store(project_at(None), Paths(tmp_path))

    def fill_the_disk() -> None:
        with full.transaction():
            for number in range(500):
                full.append(unsigned)
                full.open_review(a_review(f"{number:064d}"))

    with pytest.raises(WorkspaceError, match="no space is left on the disk"):
        fill_the_disk()
    assert store.ledger_length() == 1
    assert store.reviews() == ()


def test_tables_of_version_1_are_kept_and_those_of_later_versions_added(
    database: str | None, store: Store, tmp_path: Path
) -> None:
    review = store.open_review(a_review())
    added = ("evidence", "accounts", "tokens", "sessions", "attempts", "access", "comments", "notices", "drills")
    added += ("asked", "acts")
    with store.database.writing() as connection:
        connection.execute(text("UPDATE signoff_meta SET value = '1' WHERE name = 'version'"))
        connection.execute(text("DROP INDEX signoff_reviews_state"))
        for name in added:
            connection.execute(text(f"DROP TABLE signoff_{name}"))
    again = open_store(project_at(database), Paths(tmp_path))
    assert again.review(review.id) == review
    assert again.evidence(again.keep_evidence(b"{}")) == "{}"
    again.close()


def test_evidence_is_kept_once_and_checked_when_read(store: Store) -> None:
    digest = store.keep_evidence(b'{"a": 1}')
    assert store.keep_evidence(b'{"a": 1}') == digest
    assert store.evidence(digest) == '{"a": 1}'
    assert store.evidence("0" * 64) is None
    with store.database.writing() as connection:
        connection.execute(text("UPDATE signoff_evidence SET record = '{}'"))
    with pytest.raises(IntegrityError, match="is not what its digest says"):
        store.evidence(digest)


def test_every_project_of_a_database_is_known_with_its_workspace(
    database: str | None, store: Store, tmp_path: Path
) -> None:
    store.remember_place(tmp_path / "before")
    store.remember_place(tmp_path)
    other = Store(store.database, "other", lambda: "place")
    other.start_run(a_run())
    assert known_places(store.database) == {"demo": tmp_path, "other": None}
