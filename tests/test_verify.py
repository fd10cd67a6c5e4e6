"""Verification: whatever is bent, it is found, and its place is named."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import text

from signoff.core.decision import Entry
from signoff.core.errors import IntegrityError
from signoff.core.paths import Paths
from signoff.gates import Desk
from signoff.ledger import entry_bytes, verify
from signoff.ledger.keys import Signer
from signoff.store import open_store
from tests.ledger_cases import approve, ask, desk_at, release


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Two candidates, both approved and released: entries 1 to 4."""
    made = desk_at(tmp_path)
    for number, name in enumerate("ab", start=1):
        ask(made, name)
        release(made, approve(made, f"release-{number}"), name, f"demo/v{number}")
    assert verify(made.paths, made.store) == verify(made.paths) == []
    return made


def found(desk: Desk, *, table: bool = True) -> list[tuple[str, str]]:
    return [(finding.what, finding.where) for finding in verify(desk.paths, desk.store if table else None)]


def bend_table(desk: Desk, *statements: str) -> None:
    """What somebody with the database file can do."""
    desk.store.close()
    with sqlite3.connect(desk.paths.state / "signoff.db") as connection:
        guards = [row[0] for row in connection.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'")]
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
        for name in names:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
        for guard in guards:
            connection.execute(guard)
    connection.close()


def bend_file(desk: Desk, name: str, change: Callable[[dict[str, object]], object]) -> None:
    path = desk.paths.decisions / name
    value = json.loads(path.read_bytes())
    change(value)
    path.write_text(json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False) + "\n")


def test_an_edited_row_is_named(desk: Desk) -> None:
    bend_table(
        desk, "UPDATE signoff_ledger SET record = replace(record, 'it is good', 'it is fine') WHERE sequence = 3"
    )
    assert found(desk) == [
        ("entry 3: the entry was edited: its content does not give its hash", "ledger row 3"),
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE signoff_ledger SET record = '{' WHERE sequence = 2",
        "UPDATE signoff_ledger SET kind = 'decision' WHERE sequence = 2",
        "UPDATE signoff_ledger SET about = 'demo/v9' WHERE sequence = 2",
        "UPDATE signoff_ledger SET record = (SELECT record FROM signoff_ledger WHERE sequence = 4) WHERE sequence = 2",
    ],
)
def test_a_row_that_says_something_else_is_named(desk: Desk, statement: str) -> None:
    bend_table(desk, statement)
    assert ("entry 2 was edited: it is not as it was written", "ledger row 2") in found(desk)


def test_a_removed_row_is_named(desk: Desk) -> None:
    bend_table(desk, "DELETE FROM signoff_ledger WHERE sequence = 2")
    assert found(desk) == [("entry 2 was removed", "ledger row 2")]


def test_rows_cut_off_at_the_end_are_named(desk: Desk) -> None:
    bend_table(desk, "DELETE FROM signoff_ledger WHERE sequence > 2")
    assert [place for _, place in found(desk)] == ["ledger row 3", "ledger row 4"]
    with pytest.raises(IntegrityError, match="stands approved without a valid decision"):
        ask(desk, "b")


def test_an_emptied_table_is_named_and_not_filled_again(desk: Desk) -> None:
    bend_table(desk, "DELETE FROM signoff_ledger")
    assert [place for _, place in found(desk)] == [f"ledger row {number}" for number in (1, 2, 3, 4)]
    assert desk.ledger.reconcile() == ()
    assert desk.store.ledger_length() == 0


def test_the_end_cut_off_both_table_and_files_is_named(desk: Desk) -> None:
    bend_table(desk, "DELETE FROM signoff_ledger WHERE sequence > 2")
    for name in ("0003-decision.json", "0004-release.json"):
        (desk.paths.decisions / name).unlink()
    assert found(desk) == [
        ("the release decision is no entry of the ledger", "decisions/release.json"),
        ("the review release-2 stands approved without a decision in the ledger", "review release-2"),
    ]


@pytest.mark.parametrize("table", [True, False])
def test_an_edited_file_is_named(desk: Desk, table: bool) -> None:
    bend_file(desk, "0001-decision.json", lambda value: value["body"].update(actor="eve"))  # type: ignore[attr-defined]
    first = ("entry 1: the entry was edited: its content does not give its hash", "decisions/0001-decision.json")
    assert found(desk, table=table)[0] == first


@pytest.mark.parametrize("table", [True, False])
def test_a_file_whose_form_alone_was_changed_is_named(desk: Desk, table: bool) -> None:
    path = desk.paths.decisions / "0001-decision.json"
    path.write_bytes(path.read_bytes().replace(b'"actor": "bo"', b'"actor": "eve",\n    "actor": "bo"'))
    first = ("entry 1 was edited: it is not as it was written", "decisions/0001-decision.json")
    assert found(desk, table=table)[0] == first


@pytest.mark.parametrize("table", [True, False])
def test_a_removed_file_is_named(desk: Desk, table: bool) -> None:
    (desk.paths.decisions / "0002-release.json").unlink()
    assert found(desk, table=table) == [("entry 2 was removed", "decisions/0002-*.json")]


def test_a_missing_last_file_is_named_with_the_table_only(desk: Desk) -> None:
    (desk.paths.decisions / "0004-release.json").unlink()
    place = "decisions/0004-release.json"
    assert found(desk) == [
        ("entry 4 is in the table and not among the files (after a kill, `signoff review list` writes it)", place)
    ]
    assert found(desk, table=False) == []


def test_a_doubled_and_a_renamed_file_are_named(desk: Desk) -> None:
    folder = desk.paths.decisions
    (folder / "0001-release.json").write_bytes((folder / "0001-decision.json").read_bytes())
    assert ("two entries bear one number", "decisions/0001-release.json") in found(desk, table=False)
    (folder / "0001-release.json").unlink()
    (folder / "0004-release.json").rename(folder / "0005-release.json")
    assert found(desk, table=False)[:2] == [
        ("entry 4 was removed", "decisions/0004-*.json"),
        ("entry 5 was edited: it is not as it was written", "decisions/0005-release.json"),
    ]


def test_an_unknown_key_and_a_changed_key_file_are_named(desk: Desk) -> None:
    (key,) = desk.paths.public_keys.glob("*.pub")
    other = Ed25519PrivateKey.generate().public_key()
    key.write_bytes(other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    findings = found(desk, table=False)
    assert findings[0] == ("the file holds no Ed25519 public key of that id", f"decisions/keys/{key.name}")
    assert ("entry 1: the entry is signed by an unknown key", "decisions/0001-decision.json") in findings
    key.unlink()
    assert ("entry 4: the entry is signed by an unknown key", "ledger row 4") in found(desk)


def resigned(entry: Entry, signer: Signer, **body: object) -> Entry:
    bent = entry.model_copy(update={"body": entry.body | body, "key": signer.key_id})
    digest = bent.expected_hash()
    return bent.model_copy(update={"hash": digest, "signature": signer.sign(digest)})


def test_an_entry_signed_again_by_another_key_is_named(desk: Desk) -> None:
    signer = Signer(Ed25519PrivateKey.generate())
    public = signer.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (desk.paths.public_keys / f"{signer.key_id}.pub").write_bytes(public)
    bent = resigned(desk.ledger.entries()[0], signer, actor="eve")
    (desk.paths.decisions / "0001-decision.json").write_bytes(entry_bytes(bent))
    stranger = "the entry is signed by a key that no entry introduces"
    assert (f"entry 2: {stranger}", "decisions/0002-release.json") in found(desk, table=False)
    assert (f"entry 1: {stranger}", "decisions/0001-decision.json") in found(desk)


def test_a_signed_release_of_what_was_not_approved_is_named(desk: Desk) -> None:
    body = desk.ledger.entries()[3].body
    desk.ledger.append("release", body | {"digest": "0" * 64, "tag": "demo/v3"})
    desk.ledger.append("release", body | {"decision": "0" * 64, "tag": "demo/v4"})
    desk.ledger.reconcile()
    assert found(desk, table=False) == [
        ("entry 5: demo/v3 is not the candidate that entry 3 approved", "decisions/0005-release.json"),
        ("entry 6: demo/v4 names a decision that is not there", "decisions/0006-release.json"),
    ]


def test_a_second_closing_and_a_vote_that_nobody_gave_are_named(desk: Desk) -> None:
    body = desk.ledger.entries()[2].body
    vote = {"actor": "eve", "roles": ["reviewer"], "entry": "0" * 64}
    desk.ledger.append("decision", body | {"votes": [vote]})
    desk.ledger.reconcile()
    assert found(desk, table=False) == [
        ("entry 5: it counts an approval that nobody gave", "decisions/0005-decision.json"),
        ("entry 5: the review release-2 was closed before", "decisions/0005-decision.json"),
    ]


def test_an_edited_release_decision_is_named(desk: Desk) -> None:
    bend_file(desk, "release.json", lambda value: value.update(sequence=7))
    assert found(desk) == [("the release decision is no entry of the ledger", "decisions/release.json")]
    desk.paths.release_decision.write_text("{}")
    assert found(desk) == [("the release decision was edited", "decisions/release.json")]


def test_a_model_that_answered_without_a_release_is_named(desk: Desk) -> None:
    assert verify(desk.paths, desk.store, served=("model-a", "model-b")) == []
    (finding,) = verify(desk.paths, served=("model-a", "model-x"))
    assert (finding.what, finding.where) == ("a model answered that was never released", "model model-x")


def test_a_guard_that_was_taken_away_is_named(desk: Desk) -> None:
    with desk.store.database.writing() as connection:
        connection.execute(text("DROP TRIGGER signoff_ledger_no_delete"))
    what = "the ledger's guard against changes was taken away"
    assert found(desk) == [(what, "trigger signoff_ledger_no_delete")]


def test_a_workspace_without_a_ledger_has_nothing_wrong(tmp_path: Path) -> None:
    fresh = desk_at(tmp_path / "fresh")
    assert verify(fresh.paths) == verify(fresh.paths, fresh.store) == []


def test_a_clone_whose_database_was_only_just_made_verifies(desk: Desk, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    shutil.copytree(desk.paths.decisions, clone / "decisions")
    store = open_store(desk.project, Paths(clone))
    assert store.reviews() == ()
    assert verify(Paths(clone), store) == []
    store.close()
