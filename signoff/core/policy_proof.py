"""What a closing decision must say of itself to be allowed: judged offline, from the signed record alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from signoff.core.decision import CLOSED, Decision, ReviewState
from signoff.core.policy import (
    CLOSING,
    POLICY_ACTOR,
    held_back,
    missing_approvals,
    missing_overrides,
    overrides_in,
    same_person,
)
from signoff.core.policy_freeze import frozen
from signoff.core.policy_names import Seatable, seats_of
from signoff.core.policy_settings import Mode


def broken_rules(decision: Decision) -> Iterator[str]:
    """The rules that a decision breaks by what it says itself, whoever signed it.

    The policy, the moments, the checks, the votes with their roles and who started the run are all under the
    signature, so that roles, N of M, four eyes, stand-in dates, veto window, expiry and overrides are proved by it.
    """
    if decision.automatic:
        yield from _automatic(decision)
    elif same_person(decision.actor, POLICY_ACTOR):
        yield f"{POLICY_ACTOR} is no person, and the decision is not automatic"
    elif decision.outcome is ReviewState.APPROVED:
        yield from _by_people(decision)
    if decision.override:
        yield from _override(decision)
    if decision.outcome is ReviewState.APPROVED and decision.verdict != "approve":
        yield f"the verdict is {decision.verdict}, and the review stands as approved"


def why_not_released(decision: Decision, moment: datetime) -> str | None:
    """The rule that keeps an approved candidate from being released at a moment, or None."""
    if decision.drill:
        return "the review was a drill, of which nothing is ever released"
    hit = held_back(decision, moment)
    if hit is None:
        return None
    return f"{hit.sentence()}; {', '.join(missing_overrides(decision.policy, overrides_in(decision, hit)))}"


def takes_back(decision: Decision, approval: Decision) -> bool:
    """Whether a refusal takes back an approval of the same release that a freeze still holds back.

    Who may refuse a candidate may do so until it is released; but only a freeze leaves time between the two.
    """
    refusal = not decision.automatic and CLOSING.get(decision.verdict) is decision.outcome
    same = (decision.gate, decision.review, decision.digest) == ("release", approval.review, approval.digest)
    return same and refusal and not approval.drill and held_back(approval, decision.decided) is not None


def refuses(decision: Decision) -> bool:
    """Whether a decision closed its review without approving: whatever else was said there, nothing is released."""
    return decision.outcome in CLOSED and decision.outcome is not ReviewState.APPROVED


def _voters(decision: Decision) -> list[Seatable]:
    return [*decision.votes, decision]


def _by_people(decision: Decision) -> Iterator[str]:
    """Seats are filled by people; an override may also stand on what the policy was allowed to approve alone."""
    voters = _voters(decision)
    alone = decision.override and _why_alone(decision) is None
    if not alone:
        yield from missing_approvals(decision.policy, voters)
    if decision.policy.four_eyes:
        own = {one.actor for one in voters if any(same_person(one.actor, name) for name in decision.started_by)}
        yield from (f"four eyes: {name} started or steered the run" for name in sorted(own))
    if decision.opened is not None and decision.decided < decision.opened:
        yield "it was decided before the question was asked"
    yield from _late(decision)


def _late(decision: Decision) -> Iterator[str]:
    """What was approved in time may still be overridden later, where a freeze keeps it."""
    days, opened = decision.policy.expires_days, decision.opened
    if days is not None and opened is not None and not decision.override:
        end = opened + timedelta(days=days)
        if decision.decided >= end:
            yield f"it was decided after the review had ended, {end:%Y-%m-%d %H:%M} UTC"


def _override(decision: Decision) -> Iterator[str]:
    policy = decision.policy
    if decision.verdict != "approve" or decision.automatic:
        yield "only a person's approval overrides a freeze"
    elif policy.override is None:
        yield "it overrides a freeze, and its policy lets nobody do that"
    elif frozen(policy.freeze, decision.decided) is None:
        yield "it overrides a freeze, and there was none"
    elif not seats_of(policy, decision.actor, decision.roles, decision.decided) & _seats(decision):
        yield f"{decision.actor} has no role that counts at this gate"


def _seats(decision: Decision) -> frozenset[str]:
    policy = decision.policy
    own = {policy.override.role} if policy.override is not None else set()
    return frozenset({*(approval.role for approval in policy.approvals), *own})


def _automatic(decision: Decision) -> Iterator[str]:
    if decision.actor != POLICY_ACTOR:
        yield f"an automatic decision bears the name {decision.actor}"
    if decision.verdict == "approve":
        reason = _why_alone(decision)
        if reason is not None:
            yield reason


def _why_alone(decision: Decision) -> str | None:
    """Why the policy may not have approved by itself when it did; None when it may. Older entries say less."""
    policy, checks = decision.policy, decision.checks
    holds = checks is None or all(check.holds for check in checks)
    if checks is not None and tuple(check.check for check in checks) != policy.checks:
        return "the checks it names are not those of its policy"
    guarded = policy.mode is Mode.GUARDED
    if policy.mode is Mode.AUTO or (guarded and holds):
        return _window_open(decision)
    silent = policy.on_expiry == "approve" and policy.expires_days is not None
    if silent and holds:
        early = decision.opened is not None and decision.decided < decision.opened + timedelta(days=_days(decision))
        return "silence approved before the review had expired" if early else None
    return (
        "a check broke, and the policy approved"
        if (guarded or silent)
        else ("an automatic approval under a policy that asks people")
    )


def _window_open(decision: Decision) -> str | None:
    hours = decision.policy.veto_hours
    if hours is None:
        return None
    if decision.opened is None:
        return "it does not say when the question was asked, so its veto window cannot be shown to have passed"
    end = decision.opened + timedelta(hours=hours)
    return (
        f"the policy approved before its veto window ended, {end:%Y-%m-%d %H:%M} UTC"
        if decision.decided < end
        else None
    )


def _days(decision: Decision) -> float:
    return decision.policy.expires_days or 0.0
