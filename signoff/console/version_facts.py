"""What is known of a candidate: its numbers from the kept evidence, its recipe, data and settings from git."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from signoff.console.home import Home
from signoff.core.data import Snapshot
from signoff.core.decision import CheckResult, Entry, Review, ReviewState
from signoff.core.errors import NotFoundError, SignoffError
from signoff.core.evidence import Value
from signoff.core.record import Moment, Record
from signoff.core.search import Recipe
from signoff.store import Store, StoredCandidate
from signoff.store.overview import decisions_about
from signoff.workspace.git import Git

TAG = re.compile(r"^[a-z][a-z0-9_-]{0,62}/[cv][0-9]{1,9}$")
KEPT_NUMBERS, KEPT_FILES = 1000, 200
R = TypeVar("R", bound=Record)


class Said(Record):
    """One decision about a candidate."""

    sequence: int
    verdict: str
    actor: str
    roles: tuple[str, ...]
    automatic: bool
    reasons: str
    decided: Moment


class Made(Record):
    """What git holds of a candidate; None where the workspace is not here or the tag is gone."""

    recipe: Recipe | None = None
    snapshot: Snapshot | None = None
    settings: str | None = None


class Numbers(Record):
    """The numbers of an evidence set, in its order."""

    values: tuple[Value, ...] = ()

    def by_name(self) -> dict[str, Value]:
        """Each number by its name."""
        return {value.name: value for value in self.values}


class Asked(Record):
    """The release review of a candidate, where it was asked about."""

    ref: str
    id: str
    state: ReviewState
    checks: tuple[CheckResult, ...]
    decisions: tuple[Said, ...]


def numbers_of(store: Store, candidate: StoredCandidate) -> Numbers:
    """The numbers on which a candidate was judged; none where its evidence is not kept here."""
    digest = candidate.candidate.evidence_sha256
    known = _NUMBERS.get(digest)
    if known is None:
        text = store.evidence(digest)
        known = Numbers() if text is None else _read_numbers(text)
        if text is not None:
            while len(_NUMBERS) >= KEPT_NUMBERS:
                _NUMBERS.pop(next(iter(_NUMBERS)), None)
            _NUMBERS[digest] = known
    return known


_NUMBERS: dict[str, Numbers] = {}
"""By the evidence's digest, so it can never be stale; charts of megabytes are not read again for some numbers."""


def _read_numbers(text: str) -> Numbers:
    try:
        records = json.loads(text)["records"]
        return Numbers(values=tuple(Value.model_validate(value) for record in records for value in record["values"]))
    except (ValueError, KeyError, TypeError):
        # Evidence of another gate or another version has no such numbers.
        return Numbers()


def asked_about(store: Store, project: str, reviews: dict[str, Review], digest: str) -> Asked | None:
    """The release review about a digest."""
    review = reviews.get(digest)
    if review is None:
        return None
    entries = decisions_about(store.database, project, [review.id])
    return Asked(
        ref=f"{project}:{review.id}",
        id=review.id,
        state=review.state,
        checks=review.checks,
        decisions=tuple(_said(entry) for entry in entries if entry.kind == "decision"),
    )


def _said(entry: Entry) -> Said:
    decision = entry.decision()
    return Said(
        sequence=entry.sequence,
        verdict=decision.verdict,
        actor=decision.actor,
        roles=decision.roles,
        automatic=decision.automatic,
        reasons=decision.reasons,
        decided=decision.decided,
    )


def made_of(home: Home, project: str, candidate: StoredCandidate) -> Made:
    """Recipe, data record and settings of a candidate: what its tag holds, or what is kept where it has none."""
    root = home.place(project).root
    if root is None or not Path(root).is_dir() or not TAG.match(candidate.tag):
        return Made()
    for drill in home.store_of(project).drills():
        if drill.digest == candidate.digest:
            return Made(recipe=_as(Recipe, drill.recipe), snapshot=_as(Snapshot, drill.snapshot))
    commit = _commit(Path(root), candidate.tag)
    return _made(Path(root), commit) if commit else Made()


def _commit(root: Path, tag: str) -> str | None:
    try:
        return Git(root).run("rev-parse", "--verify", "--quiet", f"refs/tags/{tag}^{{commit}}", check=False) or None
    except SignoffError:
        return None


@lru_cache(maxsize=KEPT_FILES)
def _made(root: Path, commit: str) -> Made:
    """A commit never changes, so what it holds is read once."""
    texts = {name: _show(root, commit, name) for name in ("artifacts/recipe.json", "data/snapshot.json")}
    return Made(
        recipe=_as(Recipe, texts["artifacts/recipe.json"]),
        snapshot=_as(Snapshot, texts["data/snapshot.json"]),
        settings=_show(root, commit, "signoff.yaml"),
    )


def _show(root: Path, commit: str, path: str) -> str | None:
    try:
        return Git(root).show(commit, path)
    except SignoffError:
        return None


def _as(kind: type[R], text: str | None) -> R | None:
    try:
        return kind.model_validate_json(text) if text is not None else None
    except ValidationError:
        return None


def find_candidate(store: Store, project: str, name: str) -> StoredCandidate:
    """A candidate by c3, or by the release v2 that it became.

    Raises:
        NotFoundError: there is no such version.
    """
    tag = f"{project}/{name}"
    if TAG.match(tag) and name.startswith("v"):
        entries = decisions_about(store.database, project, [tag])
        digest = next((str(entry.body.get("digest", "")) for entry in entries if entry.kind == "release"), "")
        found = store.candidate(digest) if digest else None
    else:
        # Earlier versions gave a tag twice, first to what was never tagged in git: the newest is the one that git has.
        named = (one for one in reversed(store.candidates()) if one.tag == tag)
        found = next(named, None) if TAG.match(tag) else None
    if found is None:
        raise NotFoundError(f"there is no version {tag[:120]}", next_step=f"open /versions?project={project}")
    return found
