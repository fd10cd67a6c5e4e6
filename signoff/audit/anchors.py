"""Tags against the ledger, both ways: whoever bends one of them is betrayed by the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pydantic import ValidationError

from signoff.core.candidate import Candidate
from signoff.core.decision import Entry, Finding, Release
from signoff.core.digest import sha256_bytes
from signoff.ledger.journal import entry_bytes, file_of
from signoff.workspace.git import Git
from signoff.workspace.objects import TagFact, read_objects, read_tags

CANDIDATE = "reports/candidate.json"
CUT = "the ledger was cut or written anew"


def tag_findings(git: Git, project: str, entries: Sequence[Entry]) -> list[Finding]:
    """What is wrong between the tags of a project and its ledger.

    Each release has an annotated tag that names its digest, its decision and the newest entry of that time; the
    commit behind it holds the candidate and the release's entry; each file that the release signed stands unchanged
    at the candidate's tag. A tag that the ledger knows nothing of tells that the ledger's end was cut off.

    Args:
        git: the workspace's repository.
        project: whose tags are looked at: PROJECT/v1, PROJECT/c1.
        entries: the ledger, in order, as far as it is whole.
    """
    releases = {tag: (entry, said) for entry in entries if (said := _release_of(entry)) for tag in (said.tag,)}
    tags = {name: tag for name, tag in read_tags(git, f"{project}/").items() if _numbered(name)}
    found = [*_unpaired(project, tags, releases)]
    hashes = {entry.sequence: entry.hash for entry in entries}
    for tag in tags.values():
        found += _anchor(tag, hashes)
    there = [(tags[name], *releases[name]) for name in sorted(tags.keys() & releases.keys()) if tags[name].annotated]
    found += _messages(there)
    found += _contents(git, there)
    return found


def _release_of(entry: Entry) -> Release | None:
    try:
        return entry.release() if entry.kind == "release" else None
    except ValidationError:
        return None


def _numbered(name: str) -> bool:
    kind = name.rpartition("/")[2]
    return kind[:1] in ("c", "v") and kind[1:].isdigit()


def _unpaired(
    project: str, tags: Mapping[str, TagFact], releases: Mapping[str, tuple[Entry, Release]]
) -> Iterator[Finding]:
    for name in sorted(name for name in tags if name.startswith(f"{project}/v")):
        if name not in releases:
            yield Finding(
                what=f"the tag {name} names a release that the ledger does not have: {CUT}", where=f"tag {name}"
            )
        elif not tags[name].annotated:
            yield Finding(
                what=f"the tag {name} says nothing: it is not the one that the release set", where=f"tag {name}"
            )
    for name, (entry, _) in releases.items():
        if name.startswith(f"{project}/") and name not in tags:
            what = f"entry {entry.sequence}: {name} has no tag (git fetch --tags; after a kill, `signoff run` sets it)"
            yield Finding(what=what, where=f"tag {name}")


def _anchor(tag: TagFact, hashes: Mapping[int, str]) -> Iterator[Finding]:
    line = tag.line("Ledger")
    number, _, hash_ = (line or "0").partition(" ")
    if not number.isdigit():
        yield Finding(what=f"the tag {tag.name} names no entry", where=f"tag {tag.name}", got=line or "")
    elif int(number) > 0 and hashes.get(int(number)) != hash_:
        yield Finding(
            what=f"the tag {tag.name} names entry {number}, and the ledger has another or none: {CUT}",
            where=f"tag {tag.name}",
            got=hashes.get(int(number), "no such entry"),
            expected=hash_,
        )


def _messages(there: Sequence[tuple[TagFact, Entry, Release]]) -> Iterator[Finding]:
    for tag, _, release in there:
        for label, signed in (("Digest", release.digest), ("Decision", release.decision)):
            if tag.line(label) != signed:
                what = f"the tag {tag.name} names another {label.lower()} than its release"
                yield Finding(what=what, where=f"tag {tag.name}", got=tag.line(label) or "none", expected=signed)


def _contents(git: Git, there: Sequence[tuple[TagFact, Entry, Release]]) -> Iterator[Finding]:
    """One question to git for all tags: hundreds of releases take no process each."""
    below = git.run("rev-parse", "--show-prefix", check=False)
    asked: list[str] = []
    for tag, entry, release in there:
        place = f"decisions/{file_of(git.root, entry.sequence, entry.kind).name}"
        asked += [f"{tag.commit}:{below}{CANDIDATE}", f"{tag.commit}:{below}{place}"]
        asked += [f"{release.candidate_tag}:{below}{path}" for path in release.files]
    answers = iter(read_objects(git, asked))
    for tag, entry, release in there:
        candidate, kept = next(answers), next(answers)
        where = f"tag {tag.name}"
        if (got := _digest(candidate)) != release.digest:
            what = f"the tag {tag.name} was moved: its commit holds another candidate"
            yield Finding(what=what, where=where, got=got, expected=release.digest)
        if kept != entry_bytes(entry):
            what = f"the tag {tag.name} was moved: its commit does not hold the release's entry {entry.sequence}"
            yield Finding(what=what, where=where)
        for path, signed in release.files.items():
            data = next(answers)
            if data is None or sha256_bytes(data) != signed:
                what = f"{path} at {release.candidate_tag} is not the one that {release.tag} signed"
                yield Finding(what=what, where=f"tag {release.candidate_tag}", expected=signed)


def _digest(data: bytes | None) -> str:
    try:
        return Candidate.model_validate_json(data).digest if data is not None else "no candidate"
    except ValidationError:
        return "no candidate"
