"""What makes an entry valid: its hash, its signature, and that it says what it is used for."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from signoff.core.candidate import Candidate
from signoff.core.decision import Decision, Entry, ReviewState
from signoff.core.errors import IntegrityError, RefusedError
from signoff.core.policy_proof import broken_rules as broken_rules
from signoff.ledger.keys import PublicKeys
from signoff.ledger.trust import read_public_keys, what_is_wrong


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
    if decision.drill:
        raise RefusedError(
            "this candidate was made for a drill and can never be released",
            where=where,
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
