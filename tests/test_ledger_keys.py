"""Keys of the ledger: one root, introductions, rotation, retirement; any other key is trusted for nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from signoff.commands.keys import introduce_key, list_keys, make_own_key, retire_key, rotate_key
from signoff.commands.verification import verify_workspace
from signoff.core.errors import ConflictError, IntegrityError, NotFoundError, RefusedError, SettingsError, UsageError
from signoff.core.paths import Paths
from signoff.gates import Desk
from signoff.ledger import check_release, entry_bytes, read_public_keys, verify
from signoff.ledger.keys import VARIABLE, Signer, fingerprint, key_place, open_signer, public_pem, publish_key
from signoff.ledger.rotation import introduce, retire, rotate
from signoff.ledger.trust import PINNED
from signoff.store import open_store
from tests.ledger_cases import approve, ask, candidate, desk_at

SAID = {"actor": "olga", "reason": "because"}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """One approval: entry 1, and its key is the root."""
    made = desk_at(tmp_path / "one")
    ask(made)
    approve(made)
    return made


def another(desk: Desk, name: str = "b") -> None:
    review = ask(desk, name).review
    assert review is not None
    approve(desk, review.id)


def stranger(desk: Desk) -> Signer:
    """A key whose public half somebody put beside the others."""
    signer = Signer(Ed25519PrivateKey.generate())
    publish_key(signer.public, desk.paths.public_keys / f"{signer.key_id}.pub")
    return signer


def forged(desk: Desk, signer: Signer, **body: object) -> None:
    """The next entry, signed by somebody who has another key, put where the ledger's entries are."""
    last = desk.ledger.entries()[-1]
    facts = {"sequence": last.sequence + 1, "previous": last.hash, "key": signer.key_id, "body": last.body | body}
    entry = last.model_copy(update=facts)
    digest = entry.expected_hash()
    entry = entry.model_copy(update={"hash": digest, "signature": signer.sign(digest)})
    desk.store.fill((entry,))
    (desk.paths.decisions / f"{entry.sequence:04d}-{entry.kind}.json").write_bytes(entry_bytes(entry))


def found(desk: Desk, *, table: bool = True) -> list[str]:
    return [finding.what for finding in verify(desk.paths, desk.store if table else None)]


def test_a_key_file_that_no_entry_introduces_is_a_finding_and_signs_nothing(desk: Desk) -> None:
    assert found(desk) == []
    eve = stranger(desk)
    (finding,) = verify(desk.paths)
    assert finding.where == f"decisions/keys/{eve.key_id}.pub"
    assert "no entry introduces this key" in finding.what
    assert eve.key_id not in read_public_keys(desk.paths.public_keys)
    forged(desk, eve, review="release-9")
    for table in (True, False):
        assert "entry 2: the entry is signed by a key that no entry introduces" in found(desk, table=table)
    entry = desk.ledger.entries()[-1]
    with pytest.raises(IntegrityError, match="signed by a key that no entry introduces"):
        check_release(entry, candidate(), desk.paths.public_keys)


def test_a_fresh_clone_takes_no_history_that_a_stranger_signed(desk: Desk, tmp_path: Path) -> None:
    forged(desk, stranger(desk), review="release-9")
    shutil.copytree(desk.paths.decisions, tmp_path / "clone" / "decisions")
    with pytest.raises(IntegrityError, match="nothing was restored: no entry introduces this key"):
        desk_at(tmp_path / "clone")


def test_another_deployment_signs_nothing_before_it_was_introduced(
    desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clone = tmp_path / "two"
    shutil.copytree(desk.paths.decisions, clone / "decisions")
    there = desk_at(clone)
    with pytest.raises(IntegrityError, match=r"no key to sign with.*signoff key make"):
        another(there)
    assert not key_place(there.paths).exists()
    (clone / "signoff.yaml").touch()
    make_own_key(clone, as_json=True)
    made = json.loads(capsys.readouterr().out)
    with pytest.raises(RefusedError, match=r"may not sign: it is an unknown key.*signoff key introduce"):
        another(there)
    assert len(there.ledger.entries()) == 1
    entry = introduce(desk.ledger, Path(made["file"]), **SAID)
    assert (entry.kind, entry.about) == ("key", made["key"])
    shutil.copytree(desk.paths.decisions, clone / "decisions", dirs_exist_ok=True)
    there.ledger.restore()
    another(there)
    assert [one.key for one in there.ledger.entries()][2] == made["key"]
    assert found(there) == found(there, table=False) == []


def test_rotation_keeps_old_entries_valid_and_the_old_key_signs_no_more(desk: Desk) -> None:
    old = open_signer(desk.paths)
    first, second = rotate(desk.ledger, **SAID)
    new = open_signer(desk.paths, make=False)
    assert (first.key, second.key) == (old.key_id, new.key_id)
    assert old.key_id != new.key_id
    assert sorted(path.name for path in key_place(desk.paths).parent.iterdir()) == ["ledger.key"]
    assert key_place(desk.paths).stat().st_mode & 0o777 == 0o600
    another(desk)
    assert found(desk) == found(desk, table=False) == []
    assert check_release(desk.ledger.entries()[0], candidate(), desk.paths.public_keys).actor == "bo"
    with pytest.raises(RefusedError, match="may not sign: it is a key that entry 3 retired"):
        desk.ledger.append("decision", first.body, old)
    forged(desk, old, review="release-9")
    assert "entry 5: the entry is signed by a key that entry 3 retired" in found(desk)


def test_rotating_again_and_again_is_one_chain_of_trust(desk: Desk) -> None:
    root = read_public_keys(desk.paths.public_keys).root_fingerprint
    for name in "bcd":
        rotate(desk.ledger, **SAID)
        another(desk, name)
    ring = read_public_keys(desk.paths.public_keys)
    assert ring.root_fingerprint == root
    assert [name for name in ring if ring.why_not(name, 100) is None] == [open_signer(desk.paths, make=False).key_id]
    assert found(desk) == []


class KilledError(Exception):
    """Stands for kill -9 between two steps."""


@pytest.mark.parametrize("step", ["publish", "finish"])
def test_a_rotation_killed_between_two_steps_is_finished_by_the_next_entry(
    desk: Desk, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from signoff.ledger import rotation

    def die(*_: object) -> None:
        raise KilledError

    with monkeypatch.context() as patched:
        if step == "publish":
            patched.setattr(rotation, "_publish", die)
        else:
            patched.setattr(rotation, "finish_rotation", lambda paths, ring: die() if len(ring) > 1 else False)
        with pytest.raises(KilledError):
            rotate(desk.ledger, **SAID)
    again = desk_at(desk.paths.root)
    another(again)
    assert [entry.kind for entry in again.ledger.entries()] == ["decision", "key", "key", "decision"]
    assert found(again) == []
    assert [path.name for path in key_place(again.paths).parent.iterdir()] == ["ledger.key"]


def test_a_rotation_killed_before_its_entries_leaves_the_old_key_in_force(desk: Desk) -> None:
    from signoff.ledger.keys import read_signer

    waiting = read_signer(key_place(desk.paths).with_name("ledger.key.next"))
    another(desk)
    assert {entry.key for entry in desk.ledger.entries()} == {open_signer(desk.paths).key_id}
    rotate(desk.ledger, **SAID)
    assert open_signer(desk.paths, make=False).key_id == waiting.key_id


def test_a_retired_key_stays_retired_and_the_last_one_cannot_be(desk: Desk, tmp_path: Path) -> None:
    own = open_signer(desk.paths)
    with pytest.raises(RefusedError, match=r"no key would be left.*signoff key rotate"):
        retire(desk.ledger, own.key_id, **SAID)
    with pytest.raises(NotFoundError, match="trusts no key 0123456789abcdef"):
        retire(desk.ledger, "0123456789abcdef", **SAID)
    file = tmp_path / "spare.pub"
    spare = Signer(Ed25519PrivateKey.generate())
    file.write_bytes(public_pem(spare.public))
    introduce(desk.ledger, file, **SAID)
    with pytest.raises(ConflictError, match="in the ledger already, and counts"):
        introduce(desk.ledger, file, **SAID)
    retire(desk.ledger, spare.key_id, **SAID)
    with pytest.raises(ConflictError, match="was retired by entry 3"):
        retire(desk.ledger, spare.key_id, **SAID)
    with pytest.raises(ConflictError, match="entry 3 retired it"):
        introduce(desk.ledger, file, **SAID)
    file.write_text("no key")
    with pytest.raises(UsageError, match="holds no Ed25519 public key"):
        introduce(desk.ledger, file, **SAID)
    assert found(desk) == []


def test_signed_changes_that_change_nothing_are_named(desk: Desk) -> None:
    spare = Signer(Ed25519PrivateKey.generate())
    body = {"key": spare.key_id, "public": "0" * 64, "since": None, "changed": "2026-01-01T00:00:00Z", **SAID}
    desk.ledger.append("key", body | {"action": "introduce"})
    desk.ledger.append("key", body | {"action": "retire", "public": spare.public.public_bytes_raw().hex()})
    desk.ledger.append("key", {"action": "introduce"})
    desk.ledger.reconcile()
    told = found(desk, table=False)
    assert f"entry 2: the public key is not the one of the id {spare.key_id}" in told
    assert f"entry 3: it retires the key {spare.key_id}, which was never introduced" in told
    assert any(what.startswith("entry 4: its body is no change of keys") for what in told)


def test_a_ledger_of_the_time_before_introductions_is_mended_by_one(desk: Desk, tmp_path: Path) -> None:
    """Two keys that both signed, as could be before: the root says from which entry on the other one counts."""
    other = stranger(desk)
    forged(desk, other, review="release-9")
    assert any("introduce decisions/keys/" in what for what in found(desk))
    introduce(desk.ledger, desk.paths.public_keys / f"{other.key_id}.pub", since=2, **SAID)
    assert not [what for what in found(desk) if "key" in what]


def test_the_key_in_the_environment_is_not_rotated_from_here(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    monkeypatch.setenv(VARIABLE, pem)
    with pytest.raises(SettingsError, match=r"the key is in the environment.*signoff key introduce new\.pub"):
        rotate(desk.ledger, **SAID)
    with pytest.raises(RefusedError, match="may not sign: it is an unknown key"):
        another(desk)


def test_a_pinned_root_finds_a_ledger_that_was_written_anew(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may write the files can sign a whole other story; only its root betrays it."""
    root = fingerprint(open_signer(desk.paths).public)
    other = desk_at(tmp_path / "other")
    ask(other)
    approve(other, actor="eve")
    assert verify(desk.paths, root=root) == verify(desk.paths, root=root[:16]) == verify(other.paths) == []
    (finding,) = verify(other.paths, root=root)
    assert (finding.what, finding.expected) == ("the ledger's root is not the pinned one", root)
    monkeypatch.setenv(PINNED, str(desk.paths.public_keys))
    assert [one.what for one in verify(other.paths)] == ["the ledger's root is not the pinned one"]
    assert verify(desk.paths) == []
    for text in ("abc", str(tmp_path / "nowhere")):
        with pytest.raises(SettingsError, match="no fingerprint and no folder of public keys"):
            verify(desk.paths, root=text)


def test_the_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "one"
    desk = desk_at(root)
    with pytest.raises(RefusedError, match="the ledger has no entry yet"):
        rotate(desk.ledger, **SAID)
    settings = desk.project.model_dump(mode="json", exclude_defaults=True)
    (root / "signoff.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    ask(desk)
    approve(desk)
    desk.store.close()
    rotate_key(root, "yearly", "olga", as_json=False)
    first, second, _ = capsys.readouterr().out.splitlines()
    assert first.startswith("entry 2: key ")
    assert " retired by key " in second
    with pytest.raises(UsageError, match="needs a reason"):
        rotate_key(root, " ", "olga", as_json=False)
    file = tmp_path / "spare.pub"
    spare = Signer(Ed25519PrivateKey.generate())
    file.write_bytes(public_pem(spare.public))
    introduce_key(root, file, "spare", None, "olga", as_json=True)
    assert json.loads(capsys.readouterr().out)["entries"][0]["body"]["actor"] == "olga"
    retire_key(root, spare.key_id, "lost", "olga", as_json=True)
    capsys.readouterr()
    list_keys(root, as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert [(key["state"], key["signs_here"]) for key in said["keys"]] == [
        ("retired", False),
        ("introduced", True),
        ("retired", False),
    ]
    assert said["root"] == said["keys"][0]["fingerprint"]
    list_keys(root, as_json=False)
    assert "entries 1 to 3" in capsys.readouterr().out
    assert verify_workspace(root, as_json=False, pinned_root=said["root"]) == 0
    assert f"root {said['root']}" in capsys.readouterr().out
    assert verify_workspace(root, as_json=True, pinned_root="0" * 64) == 1
    assert json.loads(capsys.readouterr().out)["findings"][0]["what"] == "the ledger's root is not the pinned one"


def test_a_console_that_runs_on_signs_with_the_new_key(desk: Desk) -> None:
    """A ledger that was opened before the rotation reads the key anew."""
    with_old_key = desk_at(desk.paths.root)
    rotate(desk.ledger, **SAID)
    another(with_old_key)
    assert with_old_key.ledger.entries()[-1].key == open_signer(desk.paths, make=False).key_id
    store = open_store(desk.project, Paths(desk.paths.root))
    assert verify(desk.paths, store) == []
    store.close()
