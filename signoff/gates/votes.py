"""The approvals given so far, as the next decision on a review hears and names them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from signoff.core.decision import Decision, Entry, Review, Vote
from signoff.core.policy_left import too_few_left
from signoff.core.policy_rules import Rule
from signoff.core.policy_votes import still_counting
from signoff.gates.desk import Desk
from signoff.gates.silence import entries_of
from signoff.store import Store


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


def counting_now(desk: Desk, review: Review) -> tuple[list[Entry], tuple[str, ...]]:
    """The decisions of a review that still count, in order; and why others do not."""
    return still_counting(review, entries_of(desk, review), desk.store.account_lookup())


def people_left(store: Store, review: Review, decisions: Sequence[Decision], moment: datetime) -> tuple[Rule, ...]:
    """The rule that too few are left to approve, where accounts are in force and that is so."""
    if not store.accounts_in_force():
        return ()
    rule = too_few_left(review, decisions, store.accounts(), moment)
    return (rule,) if rule is not None else ()
