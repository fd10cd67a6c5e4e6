"""Whether those who have accounts can still fill the seats of an open review. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from signoff.core.account import Account
from signoff.core.decision import Decision, Review, ReviewState, Vote
from signoff.core.policy import why_not
from signoff.core.policy_names import empty_seats, name_key
from signoff.core.policy_rules import Rule


def too_few_left(
    review: Review, decisions: Sequence[Decision], accounts: Iterable[Account], moment: datetime
) -> Rule | None:
    """The rule that no approval can end this review, because too few are left who may give one; None where enough are.

    Args:
        review: the question.
        decisions: those that count.
        accounts: every account of the deployment.
        moment: when, for the dates of stand-ins.
    """
    if review.state is not ReviewState.OPEN:
        return None
    given = [one for one in decisions if one.verdict == "approve" and not one.automatic]
    heard = {name_key(one.actor) for one in given}
    able = [
        Vote(actor=one.name, roles=one.roles_in(review.project), entry="", decided=moment)
        for one in accounts
        if not one.disabled
        and name_key(one.name) not in heard
        and why_not(review, one.name, one.roles_in(review.project), moment=moment) is None
    ]
    empty = empty_seats(review.policy, review.policy.approvals, [*given, *able])
    if not empty:
        return None
    who = tuple(one.actor for one in able)
    seats = " and ".join(f"{empty.count(role)} of the seats of {role}" for role in dict.fromkeys(empty))
    can = f"only {', '.join(who)} can still approve" if who else "nobody is left who may approve"
    sentence = f"{can[:1].upper()}{can[1:]}: {seats} stay empty until somebody else has that role."
    return Rule(name="approvals", state="blocks", sentence=sentence, who=who)
