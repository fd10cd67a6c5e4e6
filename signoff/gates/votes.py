"""Which of the approvals given so far still count when the next one is given."""

from __future__ import annotations

from collections.abc import Sequence

from signoff.core.decision import Decision, Entry, Review, ReviewState, Vote
from signoff.gates.desk import Desk


def votes_of(earlier: Sequence[Entry]) -> tuple[Vote, ...]:
    """The approvals by people among the entries of a review, as the next decision names them."""
    decisions = ((entry.hash, entry.decision()) for entry in earlier)
    return tuple(
        Vote(
            actor=decision.actor,
            roles=decision.roles,
            entry=hash_,
            decided=decision.decided,
            override=decision.override,
        )
        for hash_, decision in decisions
        if decision.verdict == "approve" and not decision.automatic
    )


def still_counting(desk: Desk, review: Review, earlier: Sequence[Entry]) -> tuple[list[Entry], tuple[str, ...]]:
    """The entries of an open review without approvals of people who may not give them any more; and why, for each.

    What closed a review has had its effect, so that all of it stands. Only accounts can be taken away: names that
    project.people lists prove nobody.
    """
    if review.state is not ReviewState.OPEN or not desk.store.accounts_in_force():
        return list(earlier), ()
    kept: list[Entry] = []
    gone: list[str] = []
    for entry in earlier:
        why = _why_gone(desk, review, entry.decision())
        if why is None:
            kept.append(entry)
        else:
            gone.append(f"the approval by {entry.body['actor']} (entry {entry.sequence}) counts no more: {why}")
    return kept, tuple(gone)


def _why_gone(desk: Desk, review: Review, decision: Decision) -> str | None:
    if decision.automatic or decision.verdict != "approve":
        return None
    account = desk.store.find_account(decision.actor)
    if account is None:
        return "there is no such account"
    if account.disabled:
        return "the account is disabled"
    seats = {one.role for one in review.policy.approvals}
    seats |= {review.policy.override.role} if review.policy.override is not None else set()
    lost = (seats & set(decision.roles)) - set(account.roles_in(desk.project.project))
    return f"the role {', '.join(sorted(lost))} was taken away" if lost else None
