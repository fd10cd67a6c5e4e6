"""Write an audit file: everything about one decision, checkable by anybody without the workspace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from signoff.audit.verify import (
    BOUND,
    FILES,
    FORMAT,
    README,
    BrokenError,
    Report,
    canonical,
    check_bytes,
    decisions_about,
    pack,
    pretty,
    sha256,
)
from signoff.core.candidate import Candidate
from signoff.core.decision import Entry, ReviewState
from signoff.core.errors import IntegrityError, NotFoundError, RefusedError, WorkspaceError, did_you_mean
from signoff.core.paths import Paths
from signoff.ledger.keys import key_files, public_pem
from signoff.ledger.trust import ring_of
from signoff.store import Store
from signoff.workspace.git import Git
from signoff.workspace.objects import read_files, read_objects, read_tags
from signoff.workspace.pipeline import Pipeline

CANDIDATE = "reports/candidate.json"
PLACES = {
    "recipe.json": "artifacts/recipe.json",
    "evidence.json": "reports/evidence.json",
    "dossier.html": "reports/dossier.html",
    "environment.txt": "reports/environment.txt",
    "model/model.json": "artifacts/model/model.json",
    "model/model.bin": "artifacts/model/model.bin",
}
"""Where the parts stand that the candidate's digest binds."""


@dataclass(frozen=True)
class Archive:
    """Where an audit file is gathered from: a workspace, or a clone of one. The ledger was verified."""

    paths: Paths
    project: str
    entries: tuple[Entry, ...]
    store: Store | None
    git: Git
    pipeline: Pipeline


@dataclass(frozen=True)
class Subject:
    """What an audit file is about: the release or the decision, and the decision on which it rests."""

    name: str
    entry: Entry
    closing: Entry
    tag: str | None
    """The candidate's tag, at which its files stand in git; None at other gates than the release's."""

    @property
    def digest(self) -> str:
        """What was decided about."""
        return str(self.closing.body["digest"])


def export_audit(archive: Archive, name: str, *, with_model: bool = False) -> bytes:
    """The audit file of a release (flights/v3), a candidate (flights/c3) or a closed review (release-3).

    The same story gives the same bytes, whenever it is exported. Files are taken as they were at the candidate's tag,
    from git, the DVC cache or its remote. What was gathered is checked as a stranger would before it is handed out.

    Args:
        archive: where to gather from.
        name: the tag or the review.
        with_model: also the model's bytes, not only their digest.

    Raises:
        NotFoundError: there is no such release, candidate or review.
        RefusedError: the review was not decided yet.
        WorkspaceError: a part is in neither git, cache nor remote.
        IntegrityError: what was gathered does not hold; names which.
    """
    subject = find_subject(archive, name)
    members = _parts(archive, subject, with_model)
    upto = subject.entry.sequence
    raw = _tag_object(archive, subject)
    if raw is not None:
        members["tag.txt"] = raw
        upto = max(upto, _anchored(raw)) if subject.entry.kind == "release" else upto
    entries = archive.entries[:upto]
    told = [entry.as_json() for entry in entries]
    members["ledger.jsonl"] = b"".join(canonical(entry) + b"\n" for entry in told)
    members["policy.json"] = pretty(subject.closing.body["policy"])
    members["decisions.json"] = pretty(decisions_about(told, subject.closing.body["review"]))
    members["README.txt"] = README.encode()
    ring = ring_of(entries, key_files(archive.paths.public_keys))
    members |= {f"keys/{key}.pub": public_pem(public) for key, public in ring.items()}
    about = {"name": subject.name, "entry": subject.entry.sequence, "digest": subject.digest}
    listed = {name: sha256(data) for name, data in members.items()}
    members["audit.json"] = pretty({"format": FORMAT, "project": archive.project, "subject": about, "members": listed})
    data = pack(members)
    _expect_sound(data)
    return data


def find_subject(archive: Archive, name: str) -> Subject:
    """What a name means.

    Raises:
        NotFoundError: nothing bears it.
        RefusedError: it is a review or a candidate that was not decided.
    """
    by_hash = {entry.hash: entry for entry in archive.entries}
    released = next((entry for entry in archive.entries if entry.kind == "release" and entry.about == name), None)
    if released is not None:
        release = released.release()
        return Subject(name, released, by_hash[release.decision], release.candidate_tag)
    tags = read_tags(archive.git, f"{archive.project}/c")
    digest = tags[name].line("Digest") if name in tags else None
    about = [
        entry
        for entry in archive.entries
        if entry.kind == "decision"
        and (
            entry.about == name if digest is None else (entry.body["gate"], entry.body["digest"]) == ("release", digest)
        )
    ]
    closing = [entry for entry in about if entry.body["outcome"] != ReviewState.OPEN.value]
    if not about and not _is_asked(archive, name) and digest is None:
        known = [entry.about for entry in archive.entries if entry.kind in ("release", "decision")]
        raise NotFoundError(
            f"there is no release, candidate or review {name}",
            allowed=did_you_mean(name, {*known, *tags}) or "nothing was decided yet",
            next_step="signoff review list --all",
        )
    if not closing:
        raise RefusedError(f"{name} was not decided yet, so there is nothing to audit", next_step="signoff review list")
    last = closing[-1]
    if last.body["gate"] != "release":
        return Subject(last.about, last, last, None)
    found = next((tag.name for tag in tags.values() if tag.line("Digest") == last.body["digest"]), None)
    return Subject(last.about, last, last, found)


def _is_asked(archive: Archive, name: str) -> bool:
    """Whether an open review, or the candidate that it is about, is called so: not each of them bears a tag in git."""
    waiting = archive.store.reviews(state=ReviewState.OPEN) if archive.store is not None else ()
    if archive.store is None or not waiting:
        return False
    digests = {review.digest for review in waiting}
    named = {kept.tag for kept in archive.store.candidates() if kept.digest in digests}
    return name in {*named, *(review.id for review in waiting)}


def _parts(archive: Archive, subject: Subject, with_model: bool) -> dict[str, bytes]:
    """The candidate's record, what its digest binds, and the files that stood in git beside it."""
    if subject.closing.body["gate"] != "release":
        wanted = str(subject.closing.body["evidence_sha256"])
        kept = _kept(archive, wanted, (archive.paths.validation, archive.paths.evidence))
        return {"evidence.json": kept} if kept is not None else {}
    if subject.tag is None:
        raise WorkspaceError(
            f"no tag holds the candidate of {subject.name}", got=subject.digest, next_step="git fetch --tags"
        )
    places = {name: path.replace("PROJECT", archive.project) for name, path in FILES.items()}
    in_git = read_files(archive.git, subject.tag, [CANDIDATE, *places.values(), *PLACES.values()])
    if CANDIDATE not in in_git:
        raise WorkspaceError(f"{CANDIDATE} is not in git at {subject.tag}", next_step="git fetch --tags")
    try:
        candidate = Candidate.model_validate_json(in_git[CANDIDATE])
    except ValidationError as error:
        raise IntegrityError("the candidate's record is damaged", where=f"{subject.tag}:{CANDIDATE}") from error
    members = {"candidate.json": in_git[CANDIDATE]}
    members |= {name: in_git[path] for name, path in places.items() if path in in_git}
    for name, part in BOUND.items():
        if name != "model/model.bin" or with_model:
            members[name] = _part(archive, subject.tag, PLACES[name], str(getattr(candidate, part)), in_git)
    return members


def _part(archive: Archive, tag: str, path: str, wanted: str, in_git: dict[str, bytes]) -> bytes:
    """One file that is named by its SHA-256: wherever it is found, it is the same one."""
    found = in_git.get(path)
    if found is None or sha256(found) != wanted:
        found = _kept(archive, wanted, (archive.paths.root / path,))
    if found is None:
        found = archive.pipeline.read_at(tag, path)
    if found is None:
        raise WorkspaceError(
            f"{path} of {tag} is in neither the cache nor the remote of DVC",
            where=str(archive.paths.root),
            next_step=f"git checkout {tag} && dvc pull {path}, in a clone that reaches the remote",
        )
    if sha256(found) != wanted:
        raise IntegrityError(
            f"{path} of {tag} is not the one that was signed",
            where=path,
            got=f"sha256 {sha256(found)[:16]}…",
            allowed=f"sha256 {wanted[:16]}…",
            next_step="dvc fetch from another remote, then export again",
        )
    return found


def _kept(archive: Archive, wanted: str, places: Sequence[Path]) -> bytes | None:
    """The bytes of a digest in the workspace as it is, or among the evidence that reviewers saw."""
    for place in places:
        if place.is_file() and sha256(data := place.read_bytes()) == wanted:
            return data
    text = archive.store.evidence(wanted) if archive.store is not None else None
    return text.encode() if text is not None else None


def _tag_object(archive: Archive, subject: Subject) -> bytes | None:
    """git's own bytes of the annotated tag: of the release, else of the candidate."""
    name = subject.name if subject.entry.kind == "release" else subject.tag
    if name is None:
        return None
    (raw,) = read_objects(archive.git, [f"refs/tags/{name}"])
    if raw is None or not raw.startswith(b"object "):
        raise WorkspaceError(
            f"{name} has no annotated tag", where=str(archive.paths.root), next_step="git fetch --tags; signoff verify"
        )
    return raw


def _anchored(raw: bytes) -> int:
    """The number of the entry that a tag names as the newest of its time; 0 for a tag that names none."""
    lines = [line for line in raw.decode("utf-8", "replace").splitlines() if line.startswith("Ledger: ")]
    number = lines[-1].split()[1] if lines else "0"
    return int(number) if number.isdigit() else 0


def _expect_sound(data: bytes) -> None:
    report = Report()
    try:
        check_bytes(data, None, report)
    except BrokenError as error:
        report.bad(*map(str, error.args))
    if report.findings:
        where, what = report.findings[0]
        raise IntegrityError(
            f"what was gathered does not hold, so nothing was written: {what}", where=where, next_step="signoff verify"
        )
