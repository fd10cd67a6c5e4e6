"""Reviews and decisions: the question, the answer, and the entry that nobody can bend."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from signoff.core.digest import sha256_json
from signoff.core.record import Moment, Record
from signoff.core.run import Cause, Steering
from signoff.core.settings import Check, GatePolicy

EntryKind = Literal["decision", "release", "key", "seal", "drill"]
GateName = Literal["data", "features", "search", "release", "rollout", "alert"]
Verdict = Literal["approve", "reject", "request-changes", "acknowledge"]


class CheckResult(Record):
    """A check and the number it was held against."""

    check: Check
    value: float | None = Field(description="None when the evidence has no such number; the check then fails")
    low: float | None = None
    high: float | None = None
    holds: bool

    @property
    def limit(self) -> str:
        """'>= 0.7', '<= 0.1' or both."""
        low = f">= {self.check.at_least:g}" if self.check.at_least is not None else ""
        high = f"<= {self.check.at_most:g}" if self.check.at_most is not None else ""
        return " and ".join(part for part in (low, high) if part)


class ReviewState(StrEnum):
    """Where a review stands."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    CHANGES = "changes"
    ACKNOWLEDGED = "acknowledged"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"


CLOSED = frozenset(ReviewState) - {ReviewState.OPEN}


class Review(Record):
    """A question at a gate, about one digest and its evidence, with the policy that was in force when it was opened."""

    id: str
    project: str
    gate: GateName
    digest: str
    evidence_sha256: str
    run: str
    cause: Cause
    policy: GatePolicy
    checks: tuple[CheckResult, ...] = ()
    state: ReviewState = ReviewState.OPEN
    opened: Moment
    closed: Moment | None = None
    subject: str = Field(description="what is judged, for people: the candidate's tag, or the finding in one sentence")
    involved: tuple[str, ...] = Field((), description="who else started or steered what led here, for four eyes")
    settings_by: tuple[str, ...] = Field(
        (), description="git authors of the settings since the last release: a note, for a git author is no account"
    )
    policy_asked: GatePolicy | None = Field(
        None, description="what signoff.yaml says, where it takes back rules that hold here until people agree"
    )
    policy_changed: tuple[str, ...] = Field((), description="what it takes back, one sentence a rule")
    note: str = Field("", description="why it closed without a decision: what superseded it")

    @property
    def started_by(self) -> tuple[str, ...]:
        """Who started or steered the run: under four eyes none of them may approve."""
        return (self.cause.actor, *self.involved)


class Vote(Record):
    """An earlier approval that the closing decision rests on."""

    actor: str
    roles: tuple[str, ...] = ()
    entry: str = Field(description="hash of its ledger entry")
    decided: Moment | None = Field(None, description="when it was given; None in older entries")
    override: bool = Field(False, description="it was given to release in spite of a freeze")


class Decision(Record):
    """Who said what about which digest, under which policy, and why."""

    review: str
    project: str
    gate: GateName
    digest: str
    evidence_sha256: str
    verdict: Verdict
    actor: str
    roles: tuple[str, ...] = ()
    automatic: bool = Field(False, description="made by the policy, not by a person")
    reasons: str
    changes: Steering | None = None
    policy: GatePolicy
    decided: Moment
    outcome: ReviewState = Field(ReviewState.OPEN, description="where the review stood after it; open: more are needed")
    started_by: tuple[str, ...] = Field((), description="who started or steered the run, for four eyes")
    votes: tuple[Vote, ...] = Field((), description="the approvals before it, where several are needed")
    opened: Moment | None = Field(None, description="when the question was asked; None in older entries")
    checks: tuple[CheckResult, ...] | None = Field(None, description="what the checks said; None in older entries")
    override: bool = Field(False, description="given to release in spite of a freeze, as the policy lets enough people")
    drill: bool = Field(False, description="the review was a drill: whatever was said of it, nothing is released by it")
    policy_asked: GatePolicy | None = Field(
        None, description="the weaker policy of signoff.yaml, to which an approval by people agrees"
    )
    policy_changed: tuple[str, ...] = Field((), description="what it takes back, one sentence a rule")

    @property
    def by(self) -> tuple[str, ...]:
        """Everybody on whose word it stands, in the order in which they said it; each once."""
        return tuple(dict.fromkeys((*(vote.actor for vote in self.votes), self.actor)))


class Release(Record):
    """A candidate that became the champion."""

    project: str
    tag: str
    candidate_tag: str
    digest: str
    model_digest: str
    decision: str = Field(description="hash of the ledger entry that approved it")
    released: Moment
    package_sha256: str | None = Field(None, description="of the package's manifest; None in older entries")
    reference_sha256: str | None = Field(None, description="of reference.parquet, which monitoring compares with")
    files: dict[str, str] = Field({}, description="what else stood in git at the release: path and SHA-256")


class KeyChange(Record):
    """A key that may sign from now on, or no longer; it counts when a key that was valid before signed it."""

    action: Literal["introduce", "retire"]
    key: str = Field(pattern=r"^[0-9a-f]{16}$", description="id of the key that is introduced or retired")
    public: str = Field(pattern=r"^[0-9a-f]{64}$", description="the whole raw public key, hex")
    since: int | None = Field(None, ge=1, description="with introduce: the first entry it may have signed, if before")
    actor: str
    reason: str
    changed: Moment


_ABOUT: dict[EntryKind, str] = {
    "decision": "review",
    "release": "tag",
    "key": "key",
    "seal": "commitment",
    "drill": "review",
}


class Entry(Record):
    """One link of the ledger's chain."""

    sequence: int = Field(ge=1)
    kind: EntryKind
    body: dict[str, Any]
    previous: str = Field(description="hash of the entry before; 64 zeros for the first")
    key: str = Field(description="id of the public key that checks the signature")
    hash: str
    signature: str = Field(description="Ed25519 over the hash, hex")

    @property
    def about(self) -> str:
        """What it is looked up by: the id of the review it decides, the tag it releases, or the key it is about."""
        return str(self.body.get(_ABOUT[self.kind], ""))

    def decision(self) -> Decision:
        """The body as a decision.

        Raises:
            ValueError: the entry is a release, or its body is not a decision.
        """
        if self.kind != "decision":
            raise ValueError(f"entry {self.sequence} is a {self.kind}")
        return Decision.model_validate(self.body)

    def release(self) -> Release:
        """The body as a release.

        Raises:
            ValueError: the entry is a decision, or its body is not a release.
        """
        if self.kind != "release":
            raise ValueError(f"entry {self.sequence} is a {self.kind}")
        return Release.model_validate(self.body)

    def key_change(self) -> KeyChange:
        """The body as a change of keys.

        Raises:
            ValueError: the entry is of another kind, or its body is no change of keys.
        """
        if self.kind != "key":
            raise ValueError(f"entry {self.sequence} is a {self.kind}")
        return KeyChange.model_validate(self.body)

    def expected_hash(self) -> str:
        """SHA-256 of the canonical JSON of all that the signature covers."""
        covered = self.as_json()
        return sha256_json({key: covered[key] for key in ("sequence", "kind", "body", "previous", "key")})


FIRST = "0" * 64
"""What the first entry names as its predecessor."""


class Finding(Record):
    """One thing that verification found wrong."""

    what: str
    where: str
    got: str = ""
    expected: str = ""
