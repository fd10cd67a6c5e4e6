"""The ledger: keys, files, release rules, and taking over a history."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from signoff.commands.verification import restore_ledger, verify_workspace
from signoff.core.decision import Entry
from signoff.core.errors import IntegrityError, RefusedError, SettingsError, WorkspaceError
from signoff.core.paths import Paths
from signoff.ledger import Ledger, champion, check_release, read_public_keys, verify
from signoff.ledger.journal import entry_bytes, entry_files
from signoff.ledger.keys import VARIABLE, open_signer, signature_holds
from tests.ledger_cases import approve, ask, candidate, desk_at, release


def test_the_key_is_made_once_secret_and_its_public_half_is_published(tmp_path: Path) -> None:
    signers = []
    threads = [threading.Thread(target=lambda: signers.append(open_signer(Paths(tmp_path)))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(signers) == 8
    assert len({signer.key_id for signer in signers}) == 1
    key = tmp_path / ".signoff" / "keys" / "ledger.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in key.parent.iterdir()] == ["ledger.key"]
    public = read_public_keys(tmp_path / "decisions" / "keys")
    assert list(public) == [signers[0].key_id]
    assert signature_holds(public[signers[0].key_id], "ab" * 32, signers[0].sign("ab" * 32))
    assert not signature_holds(public[signers[0].key_id], "cd" * 32, signers[0].sign("ab" * 32))


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    open_signer(Paths(tmp_path))
    (tmp_path / ".signoff" / "keys" / "ledger.key").chmod(0o640)
    with pytest.raises(RefusedError, match=r"others may read the ledger's key.*mode 0640.*chmod 600"):
        open_signer(Paths(tmp_path))


def test_a_damaged_key_is_named(tmp_path: Path) -> None:
    open_signer(Paths(tmp_path))
    (tmp_path / ".signoff" / "keys" / "ledger.key").write_bytes(b"")
    with pytest.raises(IntegrityError, match="private key is no Ed25519 key"):
        open_signer(Paths(tmp_path))


def test_the_key_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    ids = set()
    for text in (pem, pem.replace("\n", "\\n"), private.private_bytes_raw().hex()):
        monkeypatch.setenv(VARIABLE, text)
        ids.add(open_signer(Paths(tmp_path)).key_id)
    assert len(ids) == 1
    assert not (tmp_path / ".signoff").exists()
    monkeypatch.setenv(VARIABLE, "hunter2")
    with pytest.raises(SettingsError, match="private key is no Ed25519 key") as caught:
        open_signer(Paths(tmp_path))
    assert "hunter2" not in str(caught.value)


def test_a_public_key_under_another_name_is_no_key(tmp_path: Path) -> None:
    signer = open_signer(Paths(tmp_path))
    keys = tmp_path / "decisions" / "keys"
    (keys / f"{signer.key_id}.pub").rename(keys / "0123456789abcdef.pub")
    assert read_public_keys(keys) == {}


def test_a_file_is_exactly_its_entry(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    ask(desk)
    ruling = approve(desk)
    release(desk, ruling)
    files = entry_files(desk.paths.decisions)
    assert [file.path.name for file in files] == ["0001-decision.json", "0002-release.json"]
    assert tuple(file.entry() for file in files) == desk.ledger.entries()
    assert Entry.model_validate_json(files[0].data) == ruling.entry
    assert entry_bytes(ruling.entry) == files[0].data == desk.paths.release_decision.read_bytes()


def test_the_newest_release_is_the_champion_and_is_recorded_once(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    assert desk.ledger.champion() is None
    ask(desk)
    first = approve(desk)
    one = release(desk, first)
    assert desk.ledger.record_release(one) == desk.ledger.record_release(one) == desk.ledger.entries()[1]
    ask(desk, "b")
    release(desk, approve(desk, "release-2"), "b", "demo/v2")
    assert len(desk.ledger.entries()) == 4
    back = release(desk, first, "a", "demo/v3")
    assert desk.ledger.champion() == back == champion(desk.paths) == champion(desk.paths, desk.store)


def test_only_what_was_approved_can_be_released(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    ask(desk)
    ruling = approve(desk)
    made = release(desk, ruling)
    for change in ({"digest": "0" * 64}, {"decision": "0" * 64}, {"decision": desk.ledger.entries()[1].hash}):
        with pytest.raises(RefusedError, match="no decision of the ledger approves demo/v2"):
            desk.ledger.record_release(made.model_copy(update={"tag": "demo/v2", **change}))
    assert len(desk.ledger.entries()) == 2


def test_a_release_of_another_candidate_is_refused(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    ask(desk)
    entry = approve(desk).entry
    with pytest.raises(IntegrityError, match="the approval is about another candidate"):
        check_release(entry, candidate("b"), desk.paths.public_keys)
    with pytest.raises(IntegrityError, match="signed by an unknown key"):
        check_release(entry, candidate(), {})
    for field, value in (("actor", "eve"), ("digest", candidate("b").digest)):
        edited = entry.model_copy(update={"body": entry.body | {field: value}})
        with pytest.raises(IntegrityError, match="the entry was edited"):
            check_release(edited, candidate("b"), desk.paths.public_keys)
        rehashed = edited.model_copy(update={"hash": edited.expected_hash()})
        with pytest.raises(IntegrityError, match="the signature does not hold"):
            check_release(rehashed, candidate("b"), desk.paths.public_keys)


def test_an_approval_that_breaks_its_own_policy_is_refused_even_when_signed(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    ask(desk)
    body = approve(desk).entry.body
    alone = desk.ledger.append("decision", body | {"automatic": True, "actor": "policy"})
    with pytest.raises(RefusedError, match="an automatic approval under a policy that asks people"):
        check_release(alone, candidate(), desk.paths.public_keys)
    own = desk.ledger.append("decision", body | {"policy": body["policy"] | {"four_eyes": True}, "started_by": ["Bo"]})
    with pytest.raises(RefusedError, match="four eyes: bo started or steered the run"):
        check_release(own, candidate(), desk.paths.public_keys)
    unroled = desk.ledger.append("decision", body | {"roles": []})
    desk.ledger.reconcile()
    with pytest.raises(RefusedError, match="1 more approval by a reviewer"):
        check_release(unroled, candidate(), desk.paths.public_keys)


def test_what_a_kill_left_out_is_written_and_nothing_else(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    ask(desk)
    approve(desk)
    file = tmp_path / "decisions" / "0001-decision.json"
    whole = file.read_bytes()
    file.unlink()
    assert [entry.sequence for entry in desk.ledger.reconcile()] == [1]
    assert file.read_bytes() == whole
    file.write_bytes(b"{}")
    assert desk.ledger.reconcile() == ()
    assert file.read_bytes() == b"{}"


def test_a_table_behind_its_files_takes_no_entry_until_it_is_restored(tmp_path: Path) -> None:
    desk = desk_at(tmp_path / "one")
    ask(desk)
    approve(desk)
    clone = tmp_path / "two"
    shutil.copytree(tmp_path / "one" / "decisions", clone / "decisions")
    shutil.copytree(tmp_path / "one" / ".signoff" / "keys", clone / ".signoff" / "keys")
    there = desk_at(clone)
    ask(desk, "b")
    approve(desk, "release-2")
    shutil.copytree(tmp_path / "one" / "decisions", clone / "decisions", dirs_exist_ok=True)
    ask(there, "c")
    with pytest.raises(RefusedError, match=r"decisions/ holds entries.*0002-\*\.json.*signoff verify --restore"):
        approve(there, "release-2")
    assert [entry.sequence for entry in there.ledger.restore()] == [2]
    assert there.ledger.entries() == desk.ledger.entries()
    assert there.store.review("release-2").note == "release-2 was decided elsewhere; asked again by the next run"
    assert ask(there, "b").entry == desk.ledger.entries()[1], "decided elsewhere is decided here"
    ask(there, "c")
    approve(there, "release-3")
    assert verify(there.paths, there.store) == []


def test_a_history_that_does_not_verify_is_not_taken_over(tmp_path: Path) -> None:
    desk = desk_at(tmp_path / "one")
    ask(desk)
    approve(desk)
    clone = tmp_path / "two"
    shutil.copytree(tmp_path / "one" / "decisions", clone / "decisions")
    file = clone / "decisions" / "0001-decision.json"
    file.write_bytes(file.read_bytes().replace(b"it is good", b"it is bad!"))
    with pytest.raises(IntegrityError, match="nothing was restored: entry 1: the entry was edited"):
        desk_at(clone)


def test_two_stories_are_not_joined(tmp_path: Path) -> None:
    one, two = desk_at(tmp_path / "one"), desk_at(tmp_path / "two")
    for desk in (one, two):
        ask(desk)
        approve(desk)
    shutil.rmtree(two.paths.decisions)
    shutil.copytree(one.paths.decisions, two.paths.decisions)
    with pytest.raises(IntegrityError, match="tell different stories"):
        Ledger(two.store, two.paths).restore()


def test_a_place_where_no_key_can_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / ".signoff").write_text("a file where a folder should be", encoding="utf-8")
    with pytest.raises(WorkspaceError, match="the ledger's key could not be written"):
        open_signer(Paths(tmp_path))


def test_verify_by_command_names_the_place_and_restores_what_git_brought(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = desk_at(tmp_path / "one")
    clone = tmp_path / "two"
    there = desk_at(clone)
    settings = desk.project.model_dump(mode="json", exclude_defaults=True)
    (clone / "signoff.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    for name in "ab":
        review = ask(desk, name).review
        assert review is not None
        approve(desk, review.id)
        shutil.copytree(desk.paths.decisions, there.paths.decisions, dirs_exist_ok=True)
        there.ledger.reconcile()
    assert verify_workspace(clone, as_json=True) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["ok"] is False
    assert [finding["where"] for finding in said["findings"]] == ["ledger row 2"]
    restore_ledger(clone)
    assert "1 entries were added" in capsys.readouterr().err
    assert verify_workspace(clone, as_json=False) == 0


def test_a_file_that_nobody_signed_makes_no_champion(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    ask(desk)
    released = release(desk, approve(desk))
    assert champion(desk.paths) == released
    last = desk.ledger.entries()[-1]
    planted = last.model_copy(update={"sequence": 3, "body": {**last.body, "model_digest": "9" * 64}})
    planted = planted.model_copy(update={"hash": planted.expected_hash()})
    (desk.paths.decisions / "0003-release.json").write_bytes(entry_bytes(planted))
    assert champion(desk.paths) == released
