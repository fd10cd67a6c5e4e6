"""What is signed, what serves now and the way back: facts of the ledger about one review."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from signoff.core.candidate import Candidate
from signoff.core.decision import Entry, Release, Review
from signoff.core.record import Moment, Record
from signoff.store import Store
from signoff.store.overview import newest_releases


class Fact(Record):
    """A name and what it stands for; `code` where it is a digest or a command."""

    name: str
    text: str
    code: bool = False


class Serving(Record):
    """The champion, the release before it, and how to go back."""

    champion: str
    digest: str
    since: Moment | None
    before: str
    plan: tuple[str, ...]
    commands: tuple[str, ...]


class Audit(Record):
    """All that an auditor compares."""

    digests: tuple[Fact, ...]
    policy: str
    entries: tuple[Fact, ...]
    commands: tuple[str, ...]


def serving_of(store: Store, review: Review) -> Serving:
    """What serves now, and what going back would take."""
    releases = newest_releases(store.database, review.project, limit=2)
    champion = releases[0] if releases else None
    before = releases[1] if len(releases) > 1 else None
    return Serving(
        champion=champion.tag if champion else "",
        digest=champion.digest if champion else "",
        since=champion.released if champion else None,
        before=before.tag if before else "",
        plan=tuple(_plan(champion, before, review)),
        commands=tuple(_ways(champion, before)),
    )


def audit_of(store: Store, review: Review, entries: Sequence[Entry]) -> Audit:
    """Digests, the policy as it was copied, the entries about this review, and how to check them elsewhere."""
    kept = store.candidate(review.digest) if review.gate == "release" else None
    digests = [Fact(name="digest of what is decided", text=review.digest, code=True)]
    digests.append(Fact(name="evidence", text=review.evidence_sha256, code=True))
    if kept is not None:
        digests += _parts(kept.candidate)
    released = [one for one in newest_releases(store.database, review.project, limit=50) if one.digest == review.digest]
    commands = [f"signoff audit export {one.tag} --out {one.tag.replace('/', '-')}.zip" for one in released[:1]]
    return Audit(
        digests=tuple(digests),
        policy=yaml.safe_dump(_plain(review), sort_keys=False, allow_unicode=True).strip(),
        entries=tuple(
            Fact(name=f"entry {entry.sequence}, key {entry.key}", text=entry.hash, code=True) for entry in entries
        ),
        commands=(*commands, "signoff verify"),
    )


def _parts(candidate: Candidate) -> list[Fact]:
    names = {
        "data_md5": "data snapshot (MD5, as DVC names it)",
        "recipe_sha256": "recipe",
        "model_sha256": "model",
        "model_record_sha256": "model record",
        "dossier_sha256": "dossier",
        "environment_sha256": "installed packages",
        "model_digest": "model digest (recipe and model)",
    }
    found = [Fact(name=label, text=str(getattr(candidate, name)), code=True) for name, label in names.items()]
    code = candidate.code
    dirty = ", with changes that were not committed" if code.dirty else ""
    found.append(Fact(name="code", text=f"commit {code.commit}{dirty}, Signoff {code.signoff}"))
    return found


def _plain(review: Review) -> dict[str, Any]:
    return review.policy.model_dump(mode="json", exclude_none=True, exclude_defaults=True) | {
        "mode": review.policy.mode.value,
        "approvals": [one.model_dump(mode="json") for one in review.policy.approvals],
    }


def _ways(champion: Release | None, before: Release | None) -> list[str]:
    if champion is None:
        return []
    back = [f"signoff rollback {before.tag} --reason TEXT"] if before is not None else []
    return ["signoff status", *back, f"signoff replay {champion.tag}"]


def _plan(champion: Release | None, before: Release | None, review: Review) -> list[str]:
    if champion is None:
        return ["Nothing serves yet: the first release has nothing to go back to, and stopping it is the way back."]
    if champion.digest == review.digest:
        said = [f"This candidate serves now, as {champion.tag}."]
        back = "going back asks for it again at this gate, and it serves once that is approved"
        return said + ([f"The release before it is {before.tag}: {back}."] if before else [])
    return [
        f"{champion.tag} serves now and goes on until this candidate is released.",
        "The switch is tried before it counts: a new champion that does not answer gives way to the one before it.",
        f"{champion.tag} stays in git and the DVC remote: signoff rollback {champion.tag} puts its files back and asks"
        " for it again, and replay builds the same bytes and compares their digest.",
    ]
