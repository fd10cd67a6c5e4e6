"""Check an audit file, with nothing but the standard library and `cryptography`: python verify.py FILE [--root HEX].

Needs no workspace and no other part of Signoff; this one file may be copied elsewhere and run there. Exit code 0 when
everything holds, 4 when something does not, and then each line names the member or the ledger entry.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
import sys
import unicodedata
import zlib
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

FORMAT = 1
FILE_BYTES = 2 << 30
MEMBERS = 2000
FIRST = "0" * 64
BEGIN, END = b"PK\3\4", b"PK\5\6"
"""How an archive begins, and the record of 22 bytes with which it ends."""
POLICY_ACTOR = "policy"
REFUSALS = ("rejected", "changes")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
BOUND = {
    "recipe.json": "recipe_sha256",
    "evidence.json": "evidence_sha256",
    "dossier.html": "dossier_sha256",
    "environment.txt": "environment_sha256",
    "model/model.json": "model_record_sha256",
    "model/model.bin": "model_sha256",
}
"""Members that the candidate's digest binds, and the part of it that does."""
OWN = ("README.txt", "audit.json", "ledger.jsonl", "policy.json", "decisions.json", "candidate.json", "tag.txt")
"""Members that this file itself makes, or checks otherwise than by a SHA-256."""
FILES = {
    "signoff.yaml": "signoff.yaml",
    "run.yaml": "run.yaml",
    "features.yaml": "features.yaml",
    "dvc.yaml": "dvc.yaml",
    "dvc.lock": "dvc.lock",
    "snapshot.json": "data/snapshot.json",
    "validation.json": "reports/validation.json",
    "profile.json": "reports/profile.json",
    "leaderboard.json": "reports/leaderboard.json",
    "metrics.json": "reports/metrics.json",
    "model_card.md": "reports/model_card.md",
    "expectations.json": "expectations/PROJECT.json",
}
"""Members that a release's ledger entry signs, and where they stood in the workspace."""
RELEASE_NEEDS = (*OWN, *(name for name in BOUND if name != "model/model.bin"))
_KEY = re.compile(r"keys/([0-9a-f]{16})\.pub")

README = """\
What this file is
=================
Everything about one decision that was made with Signoff, in one archive that anybody can check without Signoff:

    pip install cryptography
    python verify.py THIS_FILE          (verify.py is signoff/audit/verify.py of Signoff's sources; or: signoff audit
                                         verify THIS_FILE)

It ends with exit code 0 when everything holds, and with 4 and one line for each thing that does not. It prints the
fingerprint of the ledger's root key: compare it with the one that the deployment's owner tells you by another way
(signoff key list), or give it with --root. Without that you know that the story is of one piece, not whose it is.

What is inside
--------------
audit.json      what this is about, and the SHA-256 of every other member
ledger.jsonl    the whole ledger from its first entry up to the one in question, one entry a line. An entry is signed
                (Ed25519) over its SHA-256, and names the SHA-256 of the one before: none can be left out or changed.
                All of it is here, also what it says of other candidates, because a chain with gaps proves nothing.
keys/           public keys. The first entry's key is the root; every other one was introduced by an entry.
candidate.json  what was decided about: data, recipe, model, evidence, dossier, environment and code, each by its
                digest. The SHA-256 of this record (canonical JSON) is the digest that the decision signs.
evidence.json, dossier.html, recipe.json, environment.txt, model/     the parts that it names
policy.json, decisions.json     what the ledger says about this question, taken out of it for reading
tag.txt         the git tag of the release: it names the ledger's newest entry of that time
signoff.yaml, snapshot.json, validation.json, model_card.md and others     as they stood at the candidate's tag; a
                release signs them by their SHA-256 too. What no signature covers is listed by the check.
"""


@dataclass
class Report:
    """What the check found."""

    findings: list[tuple[str, str]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def bad(self, where: str, what: str) -> None:
        """Note one thing that does not hold."""
        self.findings.append((where, what))


@dataclass
class Story:
    """The members, the ledger's entries by number, and those whose hash and signature hold."""

    members: dict[str, bytes]
    entries: list[dict[str, Any]] = field(default_factory=list)
    by_hash: dict[str, dict[str, Any]] = field(default_factory=dict)


class BrokenError(Exception):
    """The file cannot be read any further: where, what."""


def canonical(value: Any) -> bytes:
    """Sorted keys, no white space, UTF-8: the form that is hashed."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def pretty(value: Any) -> bytes:
    """The form for reading."""
    return (json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def sha256(data: bytes) -> str:
    """Hex SHA-256."""
    return hashlib.sha256(data).hexdigest()


def pack(members: dict[str, bytes]) -> bytes:
    """A zip archive of these members: stored, in name order, without times; the same members give the same bytes."""
    body, central = bytearray(), bytearray()
    for name in sorted(members):
        data, raw = members[name], name.encode()
        common = (20, 0x800, 0, 0, 0x21, zlib.crc32(data), len(data), len(data), len(raw), 0)
        central += struct.pack("<4s6H3L5H2L", b"PK\1\2", 0x314, *common, 0, 0, 0, 0o100644 << 16, len(body)) + raw
        body += struct.pack("<4s5H3L2H", b"PK\3\4", *common) + raw + data
    count = len(members)
    return bytes(body + central) + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(central), len(body), 0)


def unpack(data: bytes) -> dict[str, bytes]:
    """The members of an archive as `pack` writes it; any other archive is refused, so nothing is ever inflated."""
    if not data.startswith(BEGIN):
        raise BrokenError("archive", "this is no audit file" + ("" if data else ": it is empty"))
    members: dict[str, bytes] = {}
    place = 0
    while data[place : place + 4] == b"PK\3\4" and len(data) >= place + 30:
        _, flags, method, _, _, _, packed, size, length, extra = struct.unpack("<5H3L2H", data[place + 4 : place + 30])
        start = place + 30 + length
        name = data[place + 30 : start].decode("utf-8", "backslashreplace")
        if not _allowed(name):
            raise BrokenError(name[:120], "no audit file has a member of this name")
        if name in members:
            raise BrokenError(name, "the member stands twice")
        if method or packed != size or extra or flags != 0x800:
            raise BrokenError(name, "the member is packed otherwise than an audit file's are")
        if start + size > len(data):
            raise BrokenError(name, "the file is cut off here, or the member claims to be larger than the file")
        members[name] = data[start : start + size]
        if len(members) > MEMBERS:
            raise BrokenError("archive", f"more than {MEMBERS} members")
        place = start + size
    if not members:
        raise BrokenError("archive", "this is no audit file")
    if data[-22:-18] != END:
        raise BrokenError("archive", f"it is cut off, or more was added to it: get it again ({len(data):,} bytes came)")
    if pack(members) != data:
        raise BrokenError("archive", "it was changed: a checksum or header is wrong, or there is more than its members")
    return members


def _allowed(name: str) -> bool:
    return name in OWN or name in BOUND or name in FILES or _KEY.fullmatch(name) is not None


def read_json(story: Story, name: str) -> Any:
    """A member as JSON; a key that stands twice would show a person something else than it does us."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in pairs}) < len(pairs):
            raise ValueError("a key stands twice")
        return dict(pairs)

    try:
        return json.loads(story.members[name], object_pairs_hook=once, parse_constant=_no_constant)
    except KeyError:
        raise BrokenError(name, "the member is missing") from None
    except (ValueError, RecursionError) as error:
        raise BrokenError(name, f"it is no JSON: {error}") from None


def _no_constant(text: str) -> None:
    raise ValueError(f"{text} is no number")


def check_audit(path: Path, root: str | None = None) -> Report:
    """Check an audit file.

    Args:
        path: the file.
        root: fingerprint that the ledger's root key must have, or its first 16 hexadecimal digits or more.
    """
    report = Report()
    try:
        if path.stat().st_size > FILE_BYTES:
            raise BrokenError("archive", f"larger than {FILE_BYTES >> 30} GiB")
        check_bytes(path.read_bytes(), root, report)
    except BrokenError as error:
        report.bad(*map(str, error.args))
    except (KeyError, TypeError, AttributeError, ValueError, IndexError, RecursionError) as error:
        report.bad("archive", f"a record has not the form it must have: {type(error).__name__} {error}"[:300])
    return report


def check_bytes(data: bytes, root: str | None, report: Report) -> None:
    """As `check_audit`; stops by BrokenError where nothing after it could be judged."""
    story = Story(unpack(data))
    about = read_json(story, "audit.json")
    if about.get("format") != FORMAT or story.members["audit.json"] != pretty(about):
        raise BrokenError("audit.json", f"it is not of format {FORMAT}, or not as it was written")
    _members(story, about, report)
    _ledger(story, root, report)
    subject = about["subject"]
    report.facts |= {"project": about["project"], "subject": subject["name"], "entries": len(story.entries)}
    if not 1 <= int(subject["entry"]) <= len(story.entries):
        raise BrokenError("ledger.jsonl", f"it is cut off: it has {len(story.entries)} entries, not {subject['entry']}")
    entry = story.entries[subject["entry"] - 1]
    where = f"ledger.jsonl entry {entry['sequence']}"
    if entry["kind"] == "release":
        decision = _release(story, entry, subject, report)
    elif entry["kind"] == "decision":
        decision = entry["body"]
        if decision["review"] != subject["name"] or decision["outcome"] == "open":
            report.bad(where, f"it does not close {subject['name']}")
    else:
        raise BrokenError(where, "it is neither a release nor a decision")
    if decision["project"] != about["project"] or decision["digest"] != subject["digest"]:
        report.bad("audit.json", "it names another project or digest than the ledger")
    _decision(story, decision, entry, report)
    _candidate(story, decision, report)
    _tag(story, subject, entry, report)
    _drills(story, report)
    _covered(story, entry, report)


def _members(story: Story, about: dict[str, Any], report: Report) -> None:
    listed = about["members"]
    for name in sorted(listed.keys() | story.members.keys() - {"audit.json"}):
        if name not in story.members:
            report.bad(name, "the member is missing")
        elif name not in listed:
            report.bad(name, "the member is not listed in audit.json")
        elif sha256(story.members[name]) != listed[name]:
            report.bad(name, "its bytes are not those that audit.json names")
    if story.members.get("README.txt") != README.encode():
        report.bad("README.txt", "it is not the text of an audit file")


def _ledger(story: Story, root: str | None, report: Report) -> None:
    """Chain, hashes, signatures, and who may sign: the root, and whom later entries introduce."""
    keys = _key_members(story, report)
    spans: dict[str, list[Any]] = {}
    previous = FIRST
    for number, line in enumerate(story.members["ledger.jsonl"].splitlines(keepends=True), start=1):
        where = f"ledger.jsonl entry {number}"
        entry = _entry(line, number, where)
        if number == 1:
            _begin(entry, keys, spans, root, report)
        covered = {name: entry[name] for name in ("sequence", "kind", "body", "previous", "key")}
        if sha256(canonical(covered)) != entry["hash"]:
            report.bad(where, "it was edited: its content does not give its hash")
        elif entry["previous"] != previous:
            report.bad(where, "it does not follow the one before it: an entry was left out, moved or put in")
        elif (wrong := _unsigned(entry, spans)) is not None:
            report.bad(where, wrong)
        else:
            story.by_hash[entry["hash"]] = entry
            if entry["kind"] == "key":
                _change_keys(entry, spans, where, report)
        previous = entry["hash"]
        story.entries.append(entry)
    for name in sorted(keys.keys() - spans.keys()):
        report.bad(f"keys/{name}.pub", "no entry introduces this key")
    for name in sorted(keys.keys() & spans.keys()):
        if keys[name] != spans[name][0]:
            report.bad(f"keys/{name}.pub", "it is another key than the one that was introduced")


def _entry(line: bytes, number: int, where: str) -> dict[str, Any]:
    entry: dict[str, Any] = {}
    try:
        entry = json.loads(line)
        whole = isinstance(entry, dict) and canonical(entry) + b"\n" == line and isinstance(entry["body"], dict)
    except (ValueError, RecursionError, KeyError):
        whole = False
    if not whole or entry.keys() != {"sequence", "kind", "body", "previous", "key", "hash", "signature"}:
        raise BrokenError(where, "it is no entry, or not as it was written")
    if entry["sequence"] != number:
        raise BrokenError(where, f"it bears the number {entry['sequence']}: entries were left out or moved")
    return entry


def _key_members(story: Story, report: Report) -> dict[str, bytes]:
    keys = {}
    for name in sorted(story.members):
        if match := _KEY.fullmatch(name):
            try:
                public = load_pem_public_key(story.members[name])
            except ValueError:
                public = None
            raw = public.public_bytes_raw() if isinstance(public, Ed25519PublicKey) else b""
            if sha256(raw)[:16] == match[1]:
                keys[match[1]] = raw
            else:
                report.bad(name, "it holds no Ed25519 public key of that id")
    return keys


def _begin(
    entry: dict[str, Any], keys: dict[str, bytes], spans: dict[str, list[Any]], root: str | None, report: Report
) -> None:
    raw = keys.get(entry["key"])
    if raw is None:
        raise BrokenError(f"keys/{entry['key']}.pub", "the key of the first entry, the root, is missing")
    spans[entry["key"]] = [raw, 1, None]
    report.facts["root"] = sha256(raw)
    if root and not (len(root) >= 16 and sha256(raw).startswith(root.lower())):
        report.bad(f"keys/{entry['key']}.pub", f"the root is {sha256(raw)}, not the one given")


def _unsigned(entry: dict[str, Any], spans: dict[str, list[Any]]) -> str | None:
    span = spans.get(entry["key"])
    if span is None:
        return f"it is signed by the key {entry['key']}, which no entry introduces"
    raw, first, last = span
    if entry["sequence"] < first or (last is not None and entry["sequence"] > last):
        return f"it is signed by the key {entry['key']}, which may sign entries {first} to {last or 'the newest'} only"
    try:
        key = Ed25519PublicKey.from_public_bytes(raw)
        key.verify(bytes.fromhex(entry["signature"]), bytes.fromhex(entry["hash"]))
    except (InvalidSignature, ValueError):
        return "the signature does not hold"
    return None


def _change_keys(entry: dict[str, Any], spans: dict[str, list[Any]], where: str, report: Report) -> None:
    body, key = entry["body"], entry["body"]["key"]
    raw = bytes.fromhex(body["public"])
    known = spans.get(key)
    if sha256(raw)[:16] != key:
        report.bad(where, f"the public key is not the one of the id {key}")
    elif body["action"] == "introduce" and known is None:
        spans[key] = [raw, body["since"] or entry["sequence"] + 1, None]
    elif body["action"] == "retire" and known is not None and known[2] is None:
        known[2] = entry["sequence"]
    else:
        report.bad(where, f"it changes nothing: the key {key} was introduced or retired before, or never was")


def _release(story: Story, entry: dict[str, Any], subject: dict[str, Any], report: Report) -> dict[str, Any]:
    """The decision by which the release stands."""
    body, where = entry["body"], f"ledger.jsonl entry {entry['sequence']}"
    if body["tag"] != subject["name"]:
        report.bad(where, f"it releases {body['tag']}, not {subject['name']}")
    approval = story.by_hash.get(body["decision"])
    if approval is None or approval["kind"] != "decision" or approval["sequence"] > entry["sequence"]:
        raise BrokenError(where, f"{body['tag']} names a decision that is not in the ledger before it")
    decision: dict[str, Any] = approval["body"]
    if (decision["gate"], decision["outcome"], decision["verdict"]) != ("release", "approved", "approve"):
        report.bad(where, f"entry {approval['sequence']} did not approve {body['tag']}")
    if decision["digest"] != body["digest"] or decision["project"] != body["project"]:
        report.bad(where, f"{body['tag']} is not the candidate that entry {approval['sequence']} approved")
    if decision.get("drill"):
        report.bad(where, f"{body['tag']} was released by the decision about a drill")
    return decision


def _decision(story: Story, decision: dict[str, Any], entry: dict[str, Any], report: Report) -> None:
    """The policy's own rules, and the members that tell of the decision."""
    where = f"ledger.jsonl entry {entry['sequence']}"
    released = entry["body"]["released"] if entry["kind"] == "release" else None
    voters = [decision]
    for vote in decision.get("votes", ()):
        given = story.by_hash.get(vote["entry"], {"kind": "", "body": {}})
        body = given["body"]
        same = all(body.get(name) == decision[name] for name in ("review", "digest", "project"))
        if (
            not same
            or body.get("verdict") != "approve"
            or (body["actor"], body["roles"]) != (vote["actor"], vote["roles"])
        ):
            report.bad(where, f"it counts an approval that {vote['actor']} did not give")
        else:
            voters.append(body)
    if decision["outcome"] == "approved":
        for fault in rule_faults(decision, voters):
            report.bad(where, f"the approval breaks its policy: {fault}")
    number = story.by_hash[entry["body"]["decision"]]["sequence"] if released else entry["sequence"]
    for fault in order_faults(story.entries, decision["review"], number, entry["sequence"]):
        report.bad(where, fault)
    if released is not None and (held := freeze_fault(decision, voters, released)) is not None:
        report.bad(where, f"it was released though it was held back: {held}")
    if story.members.get("policy.json") != pretty(decision["policy"]):
        report.bad("policy.json", "it is not the policy that the decision signs")
    if story.members.get("decisions.json") != pretty(decisions_about(story.entries, decision["review"])):
        report.bad("decisions.json", "it does not say what the ledger says about this question")


def decisions_about(entries: list[dict[str, Any]], review: str) -> list[dict[str, Any]]:
    """What decisions.json holds: the entries that decide a review."""
    return [entry for entry in entries if entry["kind"] == "decision" and entry["body"].get("review") == review]


def order_faults(entries: list[dict[str, Any]], review: str, number: int, until: int) -> list[str]:
    """Why a decision does not stand among the others about its review.

    What closed a review was its end, but for two ways out of a freeze: who may, overrides it after the approval, or
    takes the approval back, before the release.

    Args:
        entries: the ledger from its first entry on.
        review: the id.
        number: the entry that closed it.
        until: the entry for which it must still have stood: the release, or itself.
    """
    closing = [entry for entry in decisions_about(entries, review) if entry["body"]["outcome"] != "open"]
    own = entries[number - 1]["body"]
    refuses = own["outcome"] in REFUSALS and bool(
        frozen_until(own["policy"].get("freeze") or [], moment_of(own["decided"]))
    )
    overrides = own["outcome"] == "approved" and bool(own.get("override"))
    faults = []
    for entry in closing:
        sequence, outcome = entry["sequence"], entry["body"]["outcome"]
        if sequence < number and not (outcome == "approved" and (overrides or refuses)):
            faults.append(f"{review} was closed before, {outcome} by entry {sequence}")
        if number < sequence < until and outcome != "approved":
            faults.append(f"the approval was taken back, {outcome} by entry {sequence}")
    return faults


def rule_faults(decision: dict[str, Any], voters: list[dict[str, Any]]) -> list[str]:
    """The rules that an approval breaks.

    Args:
        decision: the one that closed the review.
        voters: it and the approvals before it, each as its own ledger entry has it.
    """
    policy, faults = decision["policy"], []
    if decision["verdict"] != "approve":
        faults.append(f"the verdict is {decision['verdict']}")
    alone = _why_alone(decision)
    if decision.get("automatic"):
        if decision["actor"] != POLICY_ACTOR:
            faults.append(f"an automatic decision bears the name {decision['actor']}")
        return faults + ([alone] if alone else [])
    names = {name_key(voter["actor"]) for voter in voters}
    if name_key(POLICY_ACTOR) in names:
        faults.append(f"{POLICY_ACTOR} is no person, and the decision is not automatic")
    if not decision.get("override") or alone:
        faults += [
            f"one more approval by a {role} is wanted" for role in _empty_seats(policy, policy["approvals"], voters)
        ]
    if policy["four_eyes"]:
        own = names & {name_key(name) for name in decision["started_by"]}
        faults += [f"four eyes: {name} started or steered the run" for name in sorted(own)]
    if decision.get("override") and (fault := _override_fault(decision)) is not None:
        faults.append(fault)
    if decision.get("opened") and moment_of(decision["decided"]) < moment_of(decision["opened"]):
        faults.append("it was decided before the question was asked")
    if (fault := _late(decision)) is not None:
        faults.append(fault)
    return faults


def _late(decision: dict[str, Any]) -> str | None:
    """Why a person's approval came too late; what was approved in time may be overridden later, in a freeze."""
    days, opened = decision["policy"].get("expires_days"), decision.get("opened")
    if days is None or not opened or decision.get("override"):
        return None
    end = moment_of(opened) + timedelta(days=days)
    late = moment_of(decision["decided"]) >= end
    return f"it was decided after the review had ended, {end:%Y-%m-%d %H:%M} UTC" if late else None


def _override_fault(decision: dict[str, Any]) -> str | None:
    """Why a decision may not override a freeze as it says."""
    policy = decision["policy"]
    own = policy.get("override")
    if own is None:
        return "it overrides a freeze, and its policy lets nobody do that"
    if frozen_until(policy.get("freeze") or [], moment_of(decision["decided"])) is None:
        return "it overrides a freeze, and there was none"
    counting = {own["role"], *(one["role"] for one in policy["approvals"])}
    has = {*decision["roles"], *_stood_in(policy, decision)}
    return None if has & counting else f"{decision['actor']} has no role that counts at this gate"


def _why_alone(decision: dict[str, Any]) -> str | None:
    """Why the policy may not have approved by itself at that time; None when it may. Older entries say less."""
    policy, checks = decision["policy"], decision.get("checks")
    holds = checks is None or all(check["holds"] for check in checks)
    if checks is not None and [check["check"] for check in checks] != policy["checks"]:
        return "the checks it names are not those of its policy"
    opened = moment_of(decision["opened"]) if decision.get("opened") else None
    since = moment_of(decision["decided"]) - opened if opened else None
    if policy["mode"] == "auto" or (policy["mode"] == "guarded" and holds):
        wait = policy.get("veto_hours")
        early = wait is not None and (since is None or since < timedelta(hours=wait))
        return "the policy approved before its veto window had ended" if early else None
    silent = policy["on_expiry"] == "approve" and policy.get("expires_days") is not None
    if silent and holds:
        early = since is not None and since < timedelta(days=policy["expires_days"])
        return "silence approved before the review had expired" if early else None
    return "an automatic approval under a policy that asks people"


def _empty_seats(policy: dict[str, Any], wanted: list[dict[str, Any]], voters: list[dict[str, Any]]) -> list[str]:
    """The roles that nobody fills: one person fills one seat (maximum matching by augmenting paths, Kuhn 1955)."""
    seats = [one["role"] for one in wanted for _ in range(one["count"])]
    roles: dict[str, set[str]] = {}
    for voter in voters:
        roles.setdefault(name_key(voter["actor"]), set()).update(voter["roles"], _stood_in(policy, voter))
    holder: dict[int, str] = {}

    def seat(name: str, tried: set[int]) -> bool:
        for index, role in enumerate(seats):
            if role in roles[name] and index not in tried:
                tried.add(index)
                if index not in holder or seat(holder[index], tried):
                    holder[index] = name
                    return True
        return False

    for name in sorted(roles):
        seat(name, set())
    return [role for index, role in enumerate(seats) if index not in holder]


def _stood_in(policy: dict[str, Any], voter: dict[str, Any]) -> set[str]:
    """The roles that somebody stands in for on the day of the vote; an older policy names no days."""
    given = policy.get("stand_ins") or []
    if isinstance(given, dict):
        given = [{"role": role, "name": name} for role, names in given.items() for name in names]
    day, name = moment_of(voter["decided"]).date().isoformat(), name_key(voter["actor"])
    return {
        one["role"]
        for one in given
        if name_key(one["name"]) == name and (one.get("from") or "") <= day <= (one.get("until") or "9999")
    }


def freeze_fault(decision: dict[str, Any], voters: list[dict[str, Any]], released: str) -> str | None:
    """Why a release at that moment was held back by a freeze that not enough people overrode; None when it was not."""
    policy = decision["policy"]
    windows = policy.get("freeze") or []
    end = frozen_until(windows, moment_of(released))
    if end is None:
        return None
    given = [
        voter for voter in voters if voter.get("override") and frozen_until(windows, moment_of(voter["decided"])) == end
    ]
    wanted = policy.get("override")
    if wanted is not None and not _empty_seats(policy, [wanted], given):
        return None
    return f"there was a freeze until {end:%Y-%m-%d %H:%M} UTC, and too few people overrode it"


def frozen_until(windows: list[dict[str, Any]], moment: datetime) -> datetime | None:
    """The end of all freezes that follow on each other from a moment on without a gap; None when there is none."""
    end = moment
    while end - moment < timedelta(days=400):
        ends = [last for window in windows for first, last in _stretches(window, end) if first <= end < last]
        if not ends:
            break
        end = max(ends)
    return end if end > moment else None


def _stretches(window: dict[str, Any], around: datetime) -> list[tuple[datetime, datetime]]:
    """The stretches in UTC that may hold a moment: begin included, end excluded."""
    zone, start, until = ZoneInfo(window["timezone"]), window["from"], window["until"]
    middle, day = around.astimezone(zone).date(), timedelta(days=1)
    spans = []
    for text in window["dates"]:
        first, _, last = text.partition("..")
        spans.append((date.fromisoformat(first.strip()), date.fromisoformat((last or first).strip())))
    wanted = {DAYS.index(name) for name in window["days"]}
    for back in range(-8, 9) if wanted else ():
        first_day = last_day = middle + back * day
        if first_day.weekday() in wanted and (len(wanted) == len(DAYS) or (first_day - day).weekday() not in wanted):
            while (last_day + day).weekday() in wanted and last_day < first_day + 8 * day:
                last_day += day
            spans.append((first_day, last_day))
    if window["each_day"]:
        near = [middle + back * day for back in range(-3, 4)]
        spans = [(one, one) for first_day, last_day in spans for one in near if first_day <= one <= last_day]
    night = day if window["each_day"] and until <= start else 0 * day
    return [(_instant(first, start, zone, 0), _instant(last + night, until, zone, -1)) for first, last in spans]


def _instant(day: date, clock: str, zone: ZoneInfo, which: int) -> datetime:
    """A wall-clock time as a moment. Where the clock is changed it has two readings: the wider counts."""
    if clock == "24:00":
        day, clock = day + timedelta(days=1), "00:00"
    wall = datetime.combine(day, time.fromisoformat(clock))
    return sorted(wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))[which]


def moment_of(text: str) -> datetime:
    """A moment as the ledger writes it."""
    return datetime.fromisoformat(text)


def name_key(actor: str) -> str:
    """A name as it is compared: no outer white space, no case, no matter how its letters are composed (NFKC)."""
    return " ".join(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", actor).casefold()).split())


def _candidate(story: Story, decision: dict[str, Any], report: Report) -> None:
    """The candidate's digest made again, and each part of it that is here."""
    evidence = story.members.get("evidence.json")
    if evidence is not None and sha256(evidence) != decision["evidence_sha256"]:
        report.bad("evidence.json", "it is not the evidence that the decision signs")
    if decision["gate"] != "release":
        return
    candidate = read_json(story, "candidate.json")
    if sha256(canonical(candidate)) != decision["digest"] or story.members["candidate.json"] != pretty(candidate):
        report.bad("candidate.json", "its digest is not the one that the decision signs")
    for name, part in BOUND.items():
        if name in story.members and sha256(story.members[name]) != candidate[part]:
            report.bad(name, f"it is not the one that the candidate names as {part}")
    model = sha256(canonical({"model": candidate["model_sha256"], "recipe": candidate["recipe_sha256"]}))
    if model != candidate["model_digest"]:
        report.bad("candidate.json", "its model digest is not that of its recipe and model")
    if "snapshot.json" in story.members and read_json(story, "snapshot.json")["md5"] != candidate["data_md5"]:
        report.bad("snapshot.json", "it is not about the data that the candidate names")


def _tag(story: Story, subject: dict[str, Any], entry: dict[str, Any], report: Report) -> None:
    """The git tag names the digest and the newest entry of its time: so a ledger that was cut off is found."""
    if "tag.txt" not in story.members:
        return
    head, _, message = story.members["tag.txt"].decode("utf-8", "replace").partition("\n\n")
    lines = dict(line.partition(": ")[::2] for line in message.splitlines())
    if entry["kind"] == "release" and f"tag {subject['name']}" not in head.splitlines():
        report.bad("tag.txt", f"it is not the tag {subject['name']}")
    if lines.get("Digest") != subject["digest"]:
        report.bad("tag.txt", "it names another digest")
    if entry["kind"] == "release" and lines.get("Decision") != entry["body"]["decision"]:
        report.bad("tag.txt", "it names another decision")
    number, _, hash_ = lines.get("Ledger", "0").partition(" ")
    at = int(number) if number.isdigit() else -1
    if at > len(story.entries) and entry["kind"] == "release":
        report.bad("ledger.jsonl", f"it is cut off: the tag names entry {at}")
    elif at < 0 or (0 < at <= len(story.entries) and story.entries[at - 1]["hash"] != hash_):
        report.bad("tag.txt", f"it names another entry {number} than the ledger has")


def _drills(story: Story, report: Report) -> None:
    """A drill is sealed before it is decided, and what was one is never released."""
    released = {entry["body"]["digest"]: entry for entry in story.entries if entry["kind"] == "release"}
    decided: dict[str, int] = {}
    for entry in story.entries:
        if entry["kind"] == "decision":
            decided.setdefault(entry["body"]["review"], entry["sequence"])
    for entry in story.entries:
        body, where = entry["body"], f"ledger.jsonl entry {entry['sequence']}"
        if entry["kind"] == "drill":
            seal = story.by_hash.get(body["seal"], {"kind": "", "body": {}, "sequence": 0})
            opened = sha256(canonical({"salt": body["salt"], "kind": body["drill"], "digest": body["digest"]}))
            if seal["kind"] != "seal" or seal["body"].get("commitment") != opened:
                report.bad(where, "it does not open the seal that it names: nobody sealed this drill before")
            elif seal["sequence"] > decided.get(body["review"], entry["sequence"]):
                report.bad(where, f"its seal, entry {seal['sequence']}, was set after the review was decided on")
        if (entry["kind"] == "drill" or body.get("drill") is True) and body["digest"] in released:
            report.bad(where, f"{released[body['digest']]['body']['tag']} released the candidate of a drill")


def _covered(story: Story, entry: dict[str, Any], report: Report) -> None:
    """Which members no signature covers."""
    signed = entry["body"].get("files", {}) if entry["kind"] == "release" else {}
    project = report.facts["project"]
    report.facts["unsigned"] = ["tag.txt"] if "tag.txt" in story.members else []
    for name in sorted(FILES.keys() & story.members.keys()):
        path = FILES[name].replace("PROJECT", project)
        if path not in signed:
            report.facts["unsigned"].append(name)
        elif sha256(story.members[name]) != signed[path]:
            report.bad(name, f"it is not the {path} that the release signs")
    if entry["kind"] == "release":
        for name in RELEASE_NEEDS:
            if name not in story.members:
                report.bad(name, "the member is missing")


def main(arguments: list[str]) -> int:
    """Print the report; 0 when everything holds, 4 when not, 2 when called wrongly."""
    root = None
    if len(arguments) == 3 and arguments[1] == "--root":
        arguments, root = arguments[:1], arguments[2]
    if len(arguments) != 1 or not Path(arguments[0]).is_file():
        sys.stderr.write("usage: python verify.py FILE [--root FINGERPRINT]\n")
        return 2
    report = check_audit(Path(arguments[0]), root)
    sys.stdout.write(told(report))
    return 4 if report.findings else 0


def told(report: Report) -> str:
    """The report for people."""
    facts = report.facts
    lines = [f"BAD  {where}: {what}" for where, what in report.findings]
    if not lines:
        lines = [f"everything about {facts['subject']} holds: {facts['entries']} ledger entries, digest and signatures"]
    if facts.get("unsigned"):
        lines.append(f"for reading only, covered by no signature: {', '.join(facts['unsigned'])}")
    if "root" in facts:
        lines.append(f"root {facts['root']}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
