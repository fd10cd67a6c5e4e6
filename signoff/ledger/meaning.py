"""What entries say, held against those before them: decisions, the votes that they count, releases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError

from signoff.core.decision import CLOSED, Decision, Entry, Finding, Release, ReviewState, Vote
from signoff.core.policy_proof import refuses, takes_back, why_not_released
from signoff.ledger.rules import broken_rules


def wrong_meanings(entries: Sequence[Entry]) -> Iterator[Finding]:
    """Whole and signed is not enough: each entry must be allowed by those before it."""
    decided: dict[str, tuple[int, Decision]] = {}
    standing = _Standing()
    for entry in entries:
        if entry.kind not in ("decision", "release"):
            continue
        try:
            said = entry.decision() if entry.kind == "decision" else entry.release()
        except ValidationError as error:
            yield finding_of(entry, f"its body is no {entry.kind}", got=error.errors()[0]["msg"])
            continue
        if isinstance(said, Release):
            yield from _release(entry, said, decided, standing)
            continue
        for rule in broken_rules(said):
            yield finding_of(entry, "it breaks its own policy", got=rule)
        for vote in said.votes:
            earlier = decided.get(vote.entry)
            if earlier is None or not _same_vote(earlier[1], said, vote):
                given = f"{vote.actor} {vote.entry[:16]}…"
                yield finding_of(entry, "it counts an approval that nobody gave", got=given)
        if said.outcome in CLOSED:
            before = standing.close(said, entry.sequence)
            if before is not None:
                yield finding_of(entry, f"the review {said.review} was closed before", got=f"entry {before}")
        decided[entry.hash] = (entry.sequence, said)


@dataclass
class _Standing:
    """Where the reviews stand so far in the chain."""

    closed: dict[str, int] = field(default_factory=dict)
    approved: dict[str, Decision] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    released: set[str] = field(default_factory=set)

    def close(self, said: Decision, number: int) -> int | None:
        """Note a closing decision; the entry that had closed its review, where nothing more may be said there.

        While a freeze holds an approval back it may be overridden, and until it is released it may be taken back.
        """
        approval = self.approved.get(said.review)
        before = self.closed.setdefault(said.review, number)
        goes_on = approval is not None and (
            (said.override and said.outcome is ReviewState.APPROVED)
            or (takes_back(said, approval) and said.review not in self.released)
        )
        if refuses(said):
            self.refused.setdefault(said.review, number)
            self.approved.pop(said.review, None)
        elif before == number or goes_on:
            self.approved[said.review] = said
        return None if before == number or goes_on else before


def _same_vote(earlier: Decision, later: Decision, vote: Vote) -> bool:
    dated = vote.decided in (None, earlier.decided) and vote.override == earlier.override
    asked = dated and earlier.verdict == "approve" and (earlier.review, earlier.digest) == (later.review, later.digest)
    return asked and (earlier.actor, earlier.roles) == (vote.actor, vote.roles)


def _release(
    entry: Entry, release: Release, decided: dict[str, tuple[int, Decision]], standing: _Standing
) -> Iterator[Finding]:
    known = decided.get(release.decision)
    if known is None:
        yield finding_of(entry, f"{release.tag} names a decision that is not there", got=release.decision)
        return
    number, decision = known
    if decision.gate != "release" or decision.outcome is not ReviewState.APPROVED:
        yield finding_of(entry, f"{release.tag} was released though entry {number} did not approve it")
    if decision.digest != release.digest:
        what = f"{release.tag} is not the candidate that entry {number} approved"
        yield finding_of(entry, what, got=release.digest, expected=decision.digest)
    refused = standing.refused.get(decision.review)
    if refused is not None:
        yield finding_of(entry, f"{release.tag} was released though its review was refused", got=f"entry {refused}")
    standing.released.add(decision.review)
    kept = why_not_released(decision, release.released)
    if kept is not None:
        yield finding_of(entry, f"{release.tag} was released though it was held back", got=kept)


def finding_of(entry: Entry, what: str, got: str = "", expected: str = "") -> Finding:
    """What is wrong with an entry, named by its file."""
    where = f"decisions/{entry.sequence:04d}-{entry.kind}.json"
    return Finding(what=f"entry {entry.sequence}: {what}", where=where, got=got, expected=expected)
