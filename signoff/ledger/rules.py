"""What makes an entry valid: its hash, its signature, and that it says what it is used for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from signoff.core.candidate import Candidate
from signoff.core.decision import Decision, Entry, ReviewState, Vote
from signoff.core.errors import IntegrityError, RefusedError
from signoff.core.policy import POLICY_ACTOR, missing_approvals, same_person
from signoff.core.settings import Mode
from signoff.ledger.keys import PublicKeys
from signoff.ledger.trust import read_public_keys, what_is_wrong


def broken_rules(decision: Decision) -> Iterator[str]:
    """The rules that a closing decision breaks by what it says itself, whoever signed it."""
    if decision.automatic:
        yield from _automatic(decision)
    elif same_person(decision.actor, POLICY_ACTOR):
        yield f"{POLICY_ACTOR} is no person, and the decision is not automatic"
    elif decision.outcome is ReviewState.APPROVED:
        voters: tuple[Vote | Decision, ...] = (*decision.votes, decision)
        yield from missing_approvals(decision.policy, voters)
        if decision.policy.four_eyes:
            own = {vote.actor for vote in voters if any(same_person(vote.actor, name) for name in decision.started_by)}
            yield from (f"four eyes: {name} started or steered the run" for name in sorted(own))
    if decision.outcome is ReviewState.APPROVED and decision.verdict != "approve":
        yield f"the verdict is {decision.verdict}, and the review stands as approved"


def _automatic(decision: Decision) -> Iterator[str]:
    if decision.actor != POLICY_ACTOR:
        yield f"an automatic decision bears the name {decision.actor}"
    alone = decision.policy.mode in (Mode.AUTO, Mode.GUARDED)
    if decision.verdict == "approve" and not alone and decision.policy.on_expiry != "approve":
        yield "an automatic approval under a policy that asks people"


def check_release(entry: Entry, candidate: Candidate, public_keys: Path | PublicKeys) -> Decision:
    """The decision that releases exactly this candidate.

    Args:
        entry: the signed ledger entry, from decisions/release.json or a bento's decision.json.
        candidate: what shall be packaged or served; its parts' bytes are the caller's to compare.
        public_keys: the keys that may sign, or the folder of their files.

    Raises:
        IntegrityError: the entry was edited, its signature does not hold, or it is about another digest.
        RefusedError: the decision does not release: rejected, not enough approvals, not at the release gate.
    """
    keys = read_public_keys(public_keys) if isinstance(public_keys, Path) else public_keys
    where, again = f"ledger entry {entry.sequence}", "signoff verify"
    wrong = what_is_wrong(entry, keys)
    if wrong is not None:
        what, got, expected = wrong
        raise IntegrityError(what, where=where, got=got, allowed=expected, next_step=again)
    try:
        decision = entry.decision()
    except (ValidationError, ValueError) as error:
        raise RefusedError("the entry is no decision", where=where, got=entry.kind, next_step=again) from error
    if decision.gate != "release" or decision.outcome is not ReviewState.APPROVED:
        raise RefusedError(
            "the decision does not release this candidate",
            where=where,
            got=f"{decision.verdict} at the gate {decision.gate}; the review stood {decision.outcome.value}",
            allowed="an approval that closed the review of the gate release",
            next_step="signoff review list",
        )
    broken = tuple(broken_rules(decision))
    if broken:
        raise RefusedError("the approval breaks its policy", where=where, got="; ".join(broken), next_step=again)
    if (decision.digest, decision.project) != (candidate.digest, candidate.project):
        raise IntegrityError(
            "the approval is about another candidate",
            where=where,
            got=f"{candidate.project} {candidate.digest[:16]}…",
            allowed=f"{decision.project} {decision.digest[:16]}…",
            next_step="signoff review list",
        )
    return decision
