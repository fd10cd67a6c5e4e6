"""Which of the approvals given so far still count: an account may have lost its say since."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from signoff.core.account import Account
from signoff.core.decision import Decision, Entry, Review, ReviewState

AccountOf = Callable[[str], Account | None]
"""The account of a name, and None where nobody has it."""


def still_counting(
    review: Review, entries: Sequence[Entry], account_of: AccountOf | None
) -> tuple[list[Entry], tuple[str, ...]]:
    """The entries of an open review without approvals of people who may not give them any more; and why, for each.

    What closed a review has had its effect, so that all of it stands. Only accounts can be taken away: names that
    project.people lists prove nobody.

    Args:
        review: the question.
        entries: its decisions so far, in order.
        account_of: finds the accounts; None until they are in force.
    """
    if review.state is not ReviewState.OPEN or account_of is None:
        return list(entries), ()
    kept: list[Entry] = []
    gone: list[str] = []
    for entry in entries:
        why = _why_gone(review, entry.decision(), account_of)
        if why is None:
            kept.append(entry)
        else:
            gone.append(f"the approval by {entry.body['actor']} (entry {entry.sequence}) counts no more: {why}")
    return kept, tuple(gone)


def _why_gone(review: Review, decision: Decision, account_of: AccountOf) -> str | None:
    if decision.automatic or decision.verdict != "approve":
        return None
    account = account_of(decision.actor)
    if account is None:
        return "there is no such account"
    if account.disabled:
        return "the account is disabled"
    seats = {one.role for one in review.policy.approvals}
    seats |= {review.policy.override.role} if review.policy.override is not None else set()
    lost = (seats & set(decision.roles)) - set(account.roles_in(review.project))
    return f"the role {', '.join(sorted(lost))} was taken away" if lost else None
