"""The audit file: whatever is bent in it is found, and its name is told; a stranger needs nothing of Signoff for it."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from signoff.audit import verify as verifier
from signoff.audit.verify import Report, canonical, check_audit, check_bytes, pack, pretty, sha256, unpack
from signoff.commands.audit import export, verify
from signoff.core.errors import IntegrityError, NotFoundError, RefusedError, UsageError, WorkspaceError
from signoff.core.paths import Paths
from signoff.core.run import Cause, Request
from signoff.gates import decide
from signoff.ledger.keys import Signer, open_signer, public_pem
from signoff.workspace.git import Git
from signoff.workspace.pipeline import Pipeline
from tasks.passage import passage
from tests.audit_workspace import asked, begin, copy_of_audited, tagged_candidate

Members = dict[str, bytes]


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Paths:
    """toy/v1 and toy/v2, each approved by two people of two roles: entries 1 to 6. Not to be changed."""
    return copy_of_audited(tmp_path_factory, tmp_path_factory.mktemp("one") / "workspace")


@pytest.fixture(scope="module")
def whole(audited: Paths, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The audit file of toy/v2 with its model."""
    file = tmp_path_factory.mktemp("file") / "v2.zip"
    export(audited.root, "toy/v2", file, with_model=True, as_json=False)
    return file.read_bytes()


def findings(data: bytes, tmp_path: Path, root: str | None = None) -> list[tuple[str, str]]:
    file = tmp_path / "bent.zip"
    file.write_bytes(data)
    return check_audit(file, root).findings


def resealed(members: Members) -> bytes:
    """As somebody packs it who knows the format but has no key: every digest in audit.json is made right again."""
    about = json.loads(members["audit.json"])
    about["members"] = {name: sha256(data) for name, data in members.items() if name != "audit.json"}
    return pack({**members, "audit.json": pretty(about)})


def entries_of(members: Members) -> list[dict[str, Any]]:
    return [json.loads(line) for line in members["ledger.jsonl"].splitlines()]


def ledger_of(entries: list[dict[str, Any]]) -> bytes:
    return b"".join(canonical(entry) + b"\n" for entry in entries)


def signed_again(entries: list[dict[str, Any]], signer: Signer, start: int) -> list[dict[str, Any]]:
    """The chain from an entry on, hashed and signed anew."""
    done = entries[: start - 1]
    for entry in entries[start - 1 :]:
        previous = done[-1]["hash"] if done else verifier.FIRST
        made = {**entry, "previous": previous, "key": signer.key_id, "sequence": len(done) + 1}
        digest = sha256(canonical({key: made[key] for key in ("sequence", "kind", "body", "previous", "key")}))
        done.append({**made, "hash": digest, "signature": signer.sign(digest)})
    return done


def test_what_a_stranger_gets_holds(audited: Paths, whole: bytes, tmp_path: Path) -> None:
    assert findings(whole, tmp_path) == []
    members = unpack(whole)
    root = open_signer(audited).key_id
    assert set(members) >= {
        "candidate.json",
        "evidence.json",
        "dossier.html",
        "model_card.md",
        "policy.json",
        "tag.txt",
    }
    assert set(members) >= {"recipe.json", "snapshot.json", "validation.json", "signoff.yaml", f"keys/{root}.pub"}
    assert members["model/model.bin"] == (audited.model / "model.bin").read_bytes()
    with zipfile.ZipFile(tmp_path / "bent.zip") as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == members
    report = check_audit(tmp_path / "bent.zip")
    assert report.facts["unsigned"] == ["tag.txt"]
    assert report.facts["root"].startswith(root)
    assert findings(whole, tmp_path, report.facts["root"]) == findings(whole, tmp_path, root) == []
    assert findings(whole, tmp_path, "0" * 64)[0][0] == f"keys/{root}.pub"


def test_the_same_story_gives_the_same_bytes_whenever_and_wherever_it_is_exported(
    audited: Paths, whole: bytes, tmp_path: Path
) -> None:
    for name in ("first", "again"):
        export(audited.root, "toy/v1", tmp_path / name, with_model=True, as_json=False)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "again").read_bytes()
    clone = tmp_path / "clone"
    Git(tmp_path).run("clone", "--quiet", str(audited.root), str(clone))
    for tag, expected in (("toy/v1", (tmp_path / "first").read_bytes()), ("toy/v2", whole)):
        export(clone, tag, tmp_path / "cloned", with_model=True, as_json=False)
        assert (tmp_path / "cloned").read_bytes() == expected


def test_an_old_release_is_exported_though_the_reports_moved_on(audited: Paths, tmp_path: Path) -> None:
    export(audited.root, "toy/v1", tmp_path / "v1.zip", with_model=True, as_json=False)
    members = unpack((tmp_path / "v1.zip").read_bytes())
    assert members["evidence.json"] != audited.evidence.read_bytes()
    assert json.loads(members["evidence.json"]) == {"seed": 0}
    assert len(entries_of(members)) == 3


ALONE = """
import sys
allowed = sys.stdlib_module_names | {"cryptography", "_cffi_backend"}
class Guard:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in allowed and not name.startswith("_sysconfigdata"):
            raise ImportError(f"{name} is neither of the standard library nor cryptography")
sys.meta_path.insert(0, Guard())
import runpy
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_the_checker_works_alone_where_it_is_copied_to(whole: bytes, tmp_path: Path) -> None:
    alone = tmp_path / "elsewhere" / "verify.py"
    alone.parent.mkdir()
    shutil.copyfile(verifier.__file__, alone)
    (tmp_path / "good.zip").write_bytes(whole)
    (tmp_path / "bad.zip").write_bytes(whole[:-1])
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    for arguments, code, words in (
        ([tmp_path / "good.zip"], 0, "everything about toy/v2 holds"),
        ([tmp_path / "bad.zip"], 4, "BAD  archive"),
        ([tmp_path / "good.zip", "--root", "0" * 16], 4, "not the one given"),
        ([tmp_path / "nothing.zip"], 2, "usage"),
    ):
        done = subprocess.run(
            [sys.executable, "-I", "-c", ALONE, str(alone), *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment,
        )
        assert (done.returncode, done.stderr if code != 2 else "") == (code, "")
        assert words in done.stdout + done.stderr
    imported = {line.split()[1] for line in alone.read_text().splitlines() if line.startswith(("import ", "from "))}
    assert {name.partition(".")[0] for name in imported} - sys.stdlib_module_names == {"cryptography"}


def test_by_command_it_ends_with_0_or_4(whole: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.zip").write_bytes(whole)
    assert verify(tmp_path / "a.zip", None, as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["ok"] is True
    (tmp_path / "a.zip").write_bytes(whole.replace(b"it earns its keep", b"it earns its keen"))
    assert verify(tmp_path / "a.zip", None, as_json=True) == 4
    assert json.loads(capsys.readouterr().out)["findings"]
    with pytest.raises(UsageError, match="there is no such file"):
        verify(tmp_path / "none.zip", None, as_json=False)


def test_any_byte_that_is_flipped_is_found(whole: bytes, tmp_path: Path) -> None:
    """Each member's name, bytes and headers: a step of a prime through the whole file."""
    for place in range(0, len(whole), 97):
        bent = bytearray(whole)
        bent[place] ^= 0x20
        report = Report()
        try:
            check_bytes(bytes(bent), None, report)
        except verifier.BrokenError as error:
            report.bad(*error.args)
        assert report.findings, place


def test_each_member_that_is_changed_and_sealed_again_is_named(whole: bytes, tmp_path: Path) -> None:
    """Whoever makes all unsigned digests right again is found by what is signed."""
    members = unpack(whole)
    for name in sorted(set(members) - {"audit.json", "ledger.jsonl"}):
        data = members[name]
        changed = data.replace(b"Digest: ", b"Digest: 0") if name == "tag.txt" else data[:-2] + b" " + data[-2:]
        found = findings(resealed({**members, name: changed}), tmp_path)
        assert any(where == name or name.startswith("keys/") for where, _ in found), (name, found)
        assert (name, "its bytes are not those that audit.json names") in findings(
            pack({**members, name: changed}), tmp_path
        )
        lost = {key: data for key, data in members.items() if key != name}
        assert (
            name in str(findings(resealed(lost), tmp_path))
            or name in ("run.yaml", "model/model.bin")
            or (name in verifier.FILES)
        )
        assert (name, "the member is missing") in findings(pack(lost), tmp_path)


def drop(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return entries[:1] + entries[2:]


def renumbered(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**entry, "sequence": number} for number, entry in enumerate(drop(entries), start=1)]


def cut(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return entries[:-1]


def swap(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [*entries[:1], entries[2], entries[1], *entries[3:]]


def replay(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The decision about the first candidate once more, in the place of the one about the second."""
    return [*entries[:4], {**entries[1], "sequence": 5}, *entries[5:]]


def body(number: int, **change: Any) -> Callable[[list[dict[str, Any]]], list[dict[str, Any]]]:
    def bend(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        bent = {**entries[number - 1], "body": {**entries[number - 1]["body"], **change}}
        return [*entries[: number - 1], bent, *entries[number:]]

    return bend


@pytest.mark.parametrize(
    ("bend", "where", "what"),
    [
        (drop, "ledger.jsonl entry 2", "bears the number 3"),
        (renumbered, "ledger.jsonl entry 2", "content does not give its hash"),
        (swap, "ledger.jsonl entry 2", "bears the number 3"),
        (replay, "ledger.jsonl entry 5", "content does not give its hash"),
        (cut, "ledger.jsonl", "cut off"),
        (body(5, votes=[]), "ledger.jsonl entry 5", "content does not give its hash"),
        (body(5, policy={}), "ledger.jsonl entry 5", "content does not give its hash"),
        (body(5, digest="0" * 64), "ledger.jsonl entry 5", "content does not give its hash"),
        (body(6, package_sha256="0" * 64), "ledger.jsonl entry 6", "content does not give its hash"),
    ],
)
def test_a_ledger_that_was_bent_is_named_with_its_entry(
    whole: bytes, tmp_path: Path, bend: Callable[..., Any], where: str, what: str
) -> None:
    members = unpack(whole)
    members["ledger.jsonl"] = ledger_of(bend(entries_of(members)))
    assert [one for one in findings(resealed(members), tmp_path) if one[0] == where and what in one[1]]


def test_entries_signed_by_a_key_that_nobody_introduced_are_named(whole: bytes, tmp_path: Path) -> None:
    eve, members = Signer(Ed25519PrivateKey.generate()), unpack(whole)
    bent = signed_again(body(5, actor="eve")(entries_of(members)), eve, 5)
    for keys in ({}, {f"keys/{eve.key_id}.pub": public_pem(eve.public)}):
        found = findings(resealed({**members, **keys, "ledger.jsonl": ledger_of(bent)}), tmp_path)
        assert ("ledger.jsonl entry 5", f"it is signed by the key {eve.key_id}, which no entry introduces") in found
        assert not keys or (f"keys/{eve.key_id}.pub", "no entry introduces this key") in found


def test_a_whole_other_story_has_another_root(audited: Paths, whole: bytes, tmp_path: Path) -> None:
    """Signed from the first entry on by another key it is of one piece: only the fingerprint tells."""
    eve, members = Signer(Ed25519PrivateKey.generate()), unpack(whole)
    entries = signed_again(entries_of(members), eve, 1)
    renamed = {old["hash"]: new["hash"] for old, new in zip(entries_of(members), entries, strict=True)}
    text = ledger_of(entries_of(members)).decode()
    for _ in range(3):
        for old, new in renamed.items():
            text = text.replace(old, new)
        entries = signed_again([json.loads(line) for line in text.splitlines()], eve, 1)
        renamed = {json.loads(line)["hash"]: new["hash"] for line, new in zip(text.splitlines(), entries, strict=True)}
    found = findings(resealed({**members, "ledger.jsonl": ledger_of(entries)}), tmp_path, open_signer(audited).key_id)
    assert found[0] == (f"keys/{eve.key_id}.pub", "the key of the first entry, the root, is missing")


def test_a_holder_of_the_key_cannot_break_the_rules_either(audited: Paths, whole: bytes, tmp_path: Path) -> None:
    """Signed and chained as it should be, and still no approval: N of M, four eyes, roles, verdict, votes."""
    signer, members = open_signer(audited), unpack(whole)
    entries = entries_of(members)
    vote = entries[4]["body"]["votes"][0]
    for number, change, words in (
        (5, {"votes": []}, "one more approval by a"),
        (5, {"roles": ["reviewer"]}, "one more approval by a owner is wanted"),
        (5, {"actor": "Ada "}, "four eyes: ada started or steered the run"),
        (5, {"votes": [{**vote, "actor": "dan"}]}, "it counts an approval that dan did not give"),
        (5, {"votes": [{**vote, "entry": entries[0]["hash"]}]}, "it counts an approval that bo did not give"),
        (5, {"verdict": "reject"}, "did not approve toy/v2"),
        (5, {"outcome": "open"}, "did not approve toy/v2"),
        (5, {"automatic": True}, "an automatic decision bears the name cy"),
        (5, {"automatic": True, "actor": "policy"}, "an automatic approval under a policy that asks people"),
        (5, {"actor": "Policy"}, "policy is no person"),
        (5, {"drill": True}, "released by the decision about a drill"),
        (6, {"digest": "0" * 64}, "is not the candidate that entry 5 approved"),
        (
            6,
            {"files": {**entries[5]["body"]["files"], "signoff.yaml": "0" * 64}},
            "not the signoff.yaml that the release",
        ),
    ):
        bent = signed_again(body(number, **change)(entries), signer, number)
        if number == 5:
            bent = signed_again(body(6, decision=bent[4]["hash"])(bent), signer, 6)
        found = findings(resealed({**members, "ledger.jsonl": ledger_of(bent)}), tmp_path)
        assert any(words in what for _, what in found), (change, found)


def test_a_review_that_was_refused_before_or_after_is_named(audited: Paths, whole: bytes, tmp_path: Path) -> None:
    """Entry 5 approves release-2, entry 6 releases it; a holder of the key puts a refusal before either."""
    signer, members = open_signer(audited), unpack(whole)
    entries = entries_of(members)
    said = {"verdict": "reject", "outcome": "rejected", "votes": []}
    refusal = {**entries[4], "body": {**entries[4]["body"], **said}}
    for place, words in (
        (4, "release-2 was closed before, rejected by entry 5"),
        (5, "the approval was taken back, rejected by entry 6"),
    ):
        bent = signed_again([*entries[:place], refusal, *entries[place:]], signer, place + 1)
        approval = 5 if place == 4 else 4
        bent = signed_again(body(7, decision=bent[approval]["hash"])(bent), signer, 7)
        about = json.loads(members["audit.json"])
        about["subject"]["entry"] = 7
        made = {**members, "ledger.jsonl": ledger_of(bent), "audit.json": pretty(about)}
        made["decisions.json"] = pretty(verifier.decisions_about(bent, "release-2"))
        found = findings(resealed(made), tmp_path)
        assert ("ledger.jsonl entry 7", words) in found


def test_a_freeze_alone_lets_an_approval_be_overridden_or_taken_back() -> None:
    freeze = {"days": [], "dates": ["2026-12-20..2026-12-31"], "from": "00:00", "until": "24:00", "timezone": "UTC"}
    policy = {"freeze": [{**freeze, "each_day": False}]}

    def decided(sequence: int, outcome: str, day: str = "2026-12-24", **more: Any) -> dict[str, Any]:
        told = {"review": "release-1", "outcome": outcome, "decided": f"{day}T12:00:00+00:00", "policy": policy}
        return {"sequence": sequence, "kind": "decision", "body": {**told, **more}}

    approved = decided(1, "approved")
    for second, faults in (
        (decided(2, "approved", override=True), []),
        (decided(2, "rejected"), []),
        (decided(2, "changes"), []),
        (decided(2, "approved"), ["release-1 was closed before, approved by entry 1"]),
        (decided(2, "rejected", "2027-01-02"), ["release-1 was closed before, approved by entry 1"]),
    ):
        assert verifier.order_faults([approved, second], "release-1", 2, 2) == faults
    refused = [decided(1, "rejected"), decided(2, "approved", override=True)]
    assert verifier.order_faults(refused, "release-1", 2, 3) == ["release-1 was closed before, rejected by entry 1"]
    assert verifier.order_faults([decided(1, "open"), decided(2, "approved")], "release-1", 2, 3) == []


def test_a_drill_that_was_released_is_named(audited: Paths, whole: bytes, tmp_path: Path) -> None:
    signer, members = open_signer(audited), unpack(whole)
    entries = entries_of(members)
    salt, digest = "5" * 64, entries[5]["body"]["digest"]
    seal = sha256(canonical({"salt": salt, "kind": "too-slow", "digest": digest}))
    first = {**entries[0], "kind": "seal", "body": {"commitment": seal}}
    (sealed,) = signed_again([first], signer, 1)
    told = {"review": "release-2", "drill": "too-slow", "digest": digest, "salt": salt, "seal": sealed["hash"]}
    for change, words in (
        ({}, "toy/v2 released the candidate of a drill"),
        ({"salt": "6" * 64}, "does not open the seal"),
    ):
        drill = {**entries[0], "kind": "drill", "body": told | change}
        bent = signed_again([first, *entries[:5], drill, entries[5]], signer, 1)
        found = findings(resealed({**members, "ledger.jsonl": ledger_of(bent)}), tmp_path)
        report = [what for _, what in found]
        assert any("names a decision" in what or words in what for what in report), report
        story = verifier.Story(members, bent, {entry["hash"]: entry for entry in bent})
        checked = Report()
        verifier._drills(story, checked)
        assert any(words in what for _, what in checked.findings)


def local(name: bytes, data: bytes, **change: int) -> bytes:
    """One member as another program might write it."""
    facts = {"flags": 0x800, "method": 0, "size": len(data), "packed": len(data)} | change
    header = (20, facts["flags"], facts["method"], 0, 0x21, 0, facts["packed"], facts["size"], len(name), 0)
    return struct.pack("<4s5H3L2H", b"PK\3\4", *header) + name + data


@pytest.mark.parametrize(
    ("data", "where", "what"),
    [
        (local(b"../../.ssh/authorized_keys", b"x"), "../../.ssh/authorized_keys", "no audit file has a member"),
        (local(b"/etc/passwd", b"x"), "/etc/passwd", "no audit file has a member"),
        (local(b"more.txt", b"x"), "more.txt", "no audit file has a member"),
        (local(b"README.txt", b"x") * 2, "README.txt", "stands twice"),
        (local(b"README.txt", b"x", method=8, size=1 << 31), "README.txt", "packed otherwise"),
        (local(b"README.txt", b"x", size=1 << 31, packed=1 << 31), "README.txt", "larger than the file"),
        (local(b"README.txt", b"x", flags=0x809), "README.txt", "packed otherwise"),
        (b"", "archive", "no audit file"),
        (b"GIF89a", "archive", "no audit file"),
        (b"PK\3\4", "archive", "no audit file"),
    ],
    ids=["slip", "absolute", "unknown", "doubled", "bomb", "oversized", "encrypted", "empty", "picture", "short"],
)
def test_a_hostile_archive_is_refused_before_anything_is_read(
    data: bytes, where: str, what: str, tmp_path: Path
) -> None:
    (found,) = findings(data, tmp_path)
    assert found[0] == where
    assert what in found[1]


def test_what_stands_beside_the_members_is_refused(whole: bytes, tmp_path: Path) -> None:
    for bent in (whole + b"more", b"MZ" + whole, whole.replace(b"PK\5\6", b"PK\5\6\0")):
        assert findings(bent, tmp_path)[0][0] == "archive"
    with zipfile.ZipFile(tmp_path / "theirs.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", "0" * 10_000_000)
    assert "packed otherwise" in check_audit(tmp_path / "theirs.zip").findings[0][1]


@pytest.mark.parametrize("name", ["audit.json", "candidate.json", "ledger.jsonl", "snapshot.json"])
@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"null", b'{"a": NaN}', b'{"a":1,"a":2}', b"[" * 100_000, b"\xff\xfe"]
)
def test_records_that_are_none_end_in_a_finding(whole: bytes, tmp_path: Path, name: str, data: bytes) -> None:
    members = unpack(whole)
    assert findings(pack({**members, name: data}), tmp_path)
    if name != "audit.json":
        assert findings(resealed({**members, name: data}), tmp_path)


def test_a_review_is_exported_by_its_id_or_its_candidate(audited: Paths, tmp_path: Path) -> None:
    for name in ("release-2", "toy/c2"):
        export(audited.root, name, tmp_path / "a.zip", with_model=False, as_json=False)
        report = check_audit(tmp_path / "a.zip")
        assert (report.findings, report.facts["subject"], report.facts["entries"]) == ([], "release-2", 5)
        assert "signoff.yaml" in report.facts["unsigned"]
        assert "model/model.bin" not in unpack((tmp_path / "a.zip").read_bytes())


def test_what_cannot_be_exported_says_why_and_writes_nothing(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    paths, out = copy_of_audited(tmp_path_factory, tmp_path / "workspace"), tmp_path / "out.zip"
    git = Git(paths.root)
    for name, kind, words in (
        ("toy/v9", NotFoundError, r"no release, candidate or review toy/v9.*did you mean 'toy/v[12]'"),
        ("release-9", NotFoundError, "no release, candidate or review release-9"),
    ):
        with pytest.raises(kind, match=words):
            export(paths.root, name, out, with_model=False, as_json=False)
    git.run("tag", "--delete", "toy/v2")
    with pytest.raises(WorkspaceError, match="toy/v2 has no annotated tag"):
        export(paths.root, "toy/v2", out, with_model=False, as_json=False)
    git.run("tag", "--delete", "toy/c1")
    with pytest.raises(WorkspaceError, match=r"not in git at toy/c1.*git fetch --tags"):
        export(paths.root, "toy/v1", out, with_model=False, as_json=False)
    with pytest.raises(UsageError, match="--out is a folder"):
        export(paths.root, "toy/v1", tmp_path, with_model=False, as_json=False)
    file = paths.decisions / "0001-decision.json"
    file.write_bytes(file.read_bytes().replace(b"it is good", b"it is bad!"))
    with pytest.raises(IntegrityError, match="the ledger does not hold: entry 1"):
        export(paths.root, "toy/v1", out, with_model=False, as_json=False)
    assert not out.exists()


def test_parts_that_are_nowhere_or_were_changed_are_named(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    paths, out = copy_of_audited(tmp_path_factory, tmp_path / "workspace"), tmp_path / "out.zip"
    shutil.rmtree(paths.root / ".dvc" / "cache")
    (tmp_path / "empty").mkdir()
    Pipeline(paths.root).set_remote(str(tmp_path / "empty"))
    with pytest.raises(WorkspaceError, match=r"of toy/c1 is in neither the cache nor the remote of DVC.*dvc pull"):
        export(paths.root, "toy/v1", out, with_model=False, as_json=False)
    export(paths.root, "toy/v2", out, with_model=True, as_json=False)
    assert check_audit(out).findings == []


def test_a_question_that_is_open_is_not_exported(tmp_path: Path) -> None:
    paths = begin(tmp_path / "root")
    tagged = tagged_candidate(paths, 0)
    with passage(paths.root, "retrain", Cause(actor="ada"), Request()) as run:
        run.store.add_candidate(tagged.candidate, tag=tagged.tag, run=run.run.id)
        asked(run, tagged)
        decide(run.desk, "release-1", "approve", actor="bo", reasons="it is good")
    for told in ("with its tag", "without one, as that of a drill is"):
        for name in ("release-1", "toy/c1"):
            with pytest.raises(RefusedError, match=f"{name} was not decided yet"):
                export(paths.root, name, tmp_path / "a.zip", with_model=False, as_json=False)
        if told == "with its tag":
            Git(paths.root).run("tag", "--delete", "toy/c1")
    with pytest.raises(NotFoundError, match="no release, candidate or review toy/c2"):
        export(paths.root, "toy/c2", tmp_path / "a.zip", with_model=False, as_json=False)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "BAD  archive: this is no audit file: it is empty\n"),
        (b"%PDF-1.7 a letter", "BAD  archive: this is no audit file\n"),
        (
            pack({"audit.json": b"{}" * 400})[:300],
            "BAD  audit.json: the file is cut off here",
        ),
        (pack({"audit.json": b"{}" * 4})[:-60], "BAD  archive: it is cut off, or more was added to it: get it again ("),
        (pack({"audit.json": b"{}"}) + b"more", "BAD  archive: it is cut off, or more was added to it"),
    ],
)
def test_what_is_no_whole_audit_file_gets_one_clear_line(tmp_path: Path, data: bytes, said: str) -> None:
    file = tmp_path / "v1.zip"
    file.write_bytes(data)
    report = check_audit(file)
    assert verifier.told(report).startswith(said)
    assert len(verifier.told(report).splitlines()) == 1
