"""Bind data, recipe, model, evidence, code and environment under one digest; commit and tag it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import metadata

from signoff import __version__
from signoff.core.candidate import Candidate, Code
from signoff.core.data import Snapshot
from signoff.core.digest import sha256_bytes, sha256_file
from signoff.core.errors import ConflictError, SignoffError
from signoff.core.files import read_json, write_json, write_text
from signoff.core.paths import Paths
from signoff.core.record import Record
from signoff.core.search import ModelRecord
from signoff.core.stage import StageContext
from signoff.ledger.journal import anchor_line, newest_file
from signoff.store import StoredCandidate
from signoff.workspace.git import OWN_PATHS, Git


class Tagged(Record):
    """A candidate and the git tag that holds it."""

    candidate: Candidate
    tag: str


def assemble(context: StageContext, git: Git, known: Sequence[StoredCandidate] = ()) -> Tagged:
    """The candidate of the workspace as it stands; the same one again while no part changed.

    Killed anywhere in between it can be called again: it gives the same digest and the same tag.

    Args:
        context: the workspace.
        git: its repository.
        known: candidates that the state database has; some have no tag in this repository.
    """
    paths = context.paths
    write_text(paths.root / "reports" / "environment.txt", environment())
    candidate = _same_as_before(paths, parts_of(context)) or Candidate(
        **parts_of(context), code=Code(commit=git.head(), dirty=git.dirty(), signoff=__version__)
    )
    write_json(paths.candidate, candidate.as_json())
    project = context.project.project
    tag = find_tag(git, project, candidate.digest)
    if tag is None or any(one.tag == tag and one.digest != candidate.digest for one in known):
        anchor = anchor_line(newest_file(paths.decisions))
        message = f"Candidate of {project}: {candidate.digest[:12]}\n\nDigest: {candidate.digest}\n{anchor}"
        git.commit(message, (*OWN_PATHS, f"{context.project.data.folder}.dvc"))
        tag = git.next_tag(f"{project}/c", [one.tag for one in known])
        git.tag(tag, f"Candidate of {project}\n\nDigest: {candidate.digest}\n{anchor}")
    return Tagged(candidate=candidate, tag=tag)


def recorded(context: StageContext, git: Git, stale: Sequence[str]) -> Tagged:
    """The candidate that reviewers were asked about, as it was written down: nothing is bound anew.

    New data may have come in since and wait at their own gate; they are no part of it and must not become one.

    Args:
        context: the workspace.
        git: its repository.
        stale: what the stage fit would have to be run again for: the model's rows or recipe are then not its own.

    Raises:
        ConflictError: there is no such candidate, or model, recipe, evidence or environment are not its own any more.
    """
    candidate = load_candidate(context.paths)
    tag = find_tag(git, context.project.project, candidate.digest) if candidate is not None else None
    moved = list(stale)
    if candidate is not None:
        parts = parts_of(context)
        moved += [name for name in parts if name != "data_md5" and parts[name] != getattr(candidate, name)]
    if candidate is None or tag is None or moved:
        raise ConflictError(
            "the workspace does not hold the candidate that was asked about any more",
            where=str(context.paths.candidate),
            got=f"changed since: {', '.join(moved)}" if moved else "no candidate with a tag",
            next_step="signoff run, which asks about what is there now",
        )
    return Tagged(candidate=candidate, tag=tag)


def load_candidate(paths: Paths) -> Candidate | None:
    """The candidate that the workspace holds, if any."""
    return Candidate.model_validate(read_json(paths.candidate)) if paths.candidate.exists() else None


def find_tag(git: Git, project: str, digest: str) -> str | None:
    """The newest candidate tag whose message names this digest."""
    how = ("--sort=-version:refname", "--format=%(refname:short) %(contents:body)")
    listing = git.run("tag", "--list", f"{project}/c*", *how)
    tag = None
    for line in listing.splitlines():
        if line.startswith(f"{project}/c"):
            tag = line.split(" ", 1)[0]
        if f"Digest: {digest}" in line:
            return tag
    return None


@cache
def environment() -> str:
    """Every installed distribution and its version, one a line: what this candidate was made with.

    Read once in a process: it loads its packages from what was installed when it started, and reading takes long.
    """
    read = (dist.metadata for dist in metadata.distributions())
    found = {f"{facts['Name'].lower()}=={facts['Version']}" for facts in read if facts["Name"]}
    return "\n".join(sorted(found)) + "\n"


def parts_of(context: StageContext) -> dict[str, object]:
    """The digests that a candidate binds, of the files as they stand; code is the caller's to add."""
    paths = context.paths
    snapshot = Snapshot.model_validate(read_json(paths.snapshot))
    model = ModelRecord.model_validate(read_json(paths.model / "model.json"))
    return {
        "project": context.project.project,
        "data_md5": snapshot.md5,
        "recipe_sha256": sha256_file(paths.recipe),
        "model_sha256": model.model_sha256,
        "model_record_sha256": sha256_file(paths.model / "model.json"),
        "evidence_sha256": sha256_file(paths.evidence),
        "dossier_sha256": sha256_file(paths.dossier),
        "environment_sha256": sha256_bytes(environment().encode()),
        "model_digest": model.digest,
    }


def _same_as_before(paths: Paths, parts: dict[str, object]) -> Candidate | None:
    """The code commit is not compared: Signoff's own commits must not make a new candidate of the same bytes."""
    try:
        before = load_candidate(paths)
    except (SignoffError, ValueError):
        return None
    if before is None or before.code.signoff != __version__:
        return None
    return before if all(getattr(before, name) == value for name, value in parts.items()) else None
