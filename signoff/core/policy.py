"""What a gate's policy says about evidence and decisions. Pure: the same facts give the same answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

from signoff.core.decision import CheckResult, Decision, Review
from signoff.core.evidence import Value
from signoff.core.record import Record
from signoff.core.settings import Check, GatePolicy, Mode

Outcome = Literal["open", "approved", "rejected", "changes", "acknowledged", "expired"]


class Judgement(Record):
    """Where a review stands under its policy, and every rule that says so."""

    outcome: Outcome
    reasons: tuple[str, ...]


def run_checks(checks: Sequence[Check], values: Mapping[str, Value]) -> tuple[CheckResult, ...]:
    """Hold each check against the number it names; a number that is not there fails its check."""
    return tuple(_run_check(check, values.get(check.metric)) for check in checks)


def _run_check(check: Check, value: Value | None) -> CheckResult:
    if value is None:
        return CheckResult(check=check, value=None, holds=False)
    holds = (check.at_least is None or value.value >= check.at_least) and (
        check.at_most is None or value.value <= check.at_most
    )
    return CheckResult(check=check, value=value.value, low=value.low, high=value.high, holds=holds)


def may_pass_alone(policy: GatePolicy, checks: Sequence[CheckResult]) -> bool:
    """Whether the machine may open this gate without asking anybody."""
    return policy.mode is Mode.AUTO or (policy.mode is Mode.GUARDED and all(check.holds for check in checks))


def why_not(review: Review, actor: str, roles: Sequence[str]) -> str | None:
    """The rule that forbids this actor to approve, or None.

    A veto (reject, request changes) needs the role too, but never four eyes.
    """
    wanted = sorted({approval.role for approval in review.policy.approvals})
    if not _roles_of(review.policy, actor, roles) & set(wanted):
        return f"{actor} has the roles {', '.join(sorted(roles)) or 'none'}; this gate asks for {', '.join(wanted)}"
    if review.policy.four_eyes and actor == review.cause.actor:
        return f"four eyes: {actor} started or steered this run and may not approve it"
    return None


def judge(review: Review, decisions: Sequence[Decision], moment: datetime) -> Judgement:
    """Where the review stands after these decisions at that moment.

    Automatic decisions count as the policy's own; people's approvals are counted by role, each person once.
    """
    for decision in decisions:
        closing = {"reject": "rejected", "request-changes": "changes", "acknowledge": "acknowledged"}
        if decision.verdict in closing:
            outcome: Outcome = closing[decision.verdict]  # type: ignore[assignment]
            return Judgement(outcome=outcome, reasons=(f"{decision.actor}: {decision.reasons}",))
        if decision.automatic:
            return Judgement(outcome="approved", reasons=(decision.reasons,))
    missing = _missing_approvals(review.policy, decisions)
    if not missing:
        names = ", ".join(decision.actor for decision in decisions)
        return Judgement(outcome="approved", reasons=(f"approved by {names}",))
    expiry = expires(review)
    if expiry is not None and moment >= expiry:
        return Judgement(outcome="expired", reasons=(f"nobody decided before {expiry:%Y-%m-%d %H:%M} UTC",))
    return Judgement(outcome="open", reasons=missing)


def expires(review: Review) -> datetime | None:
    """When the review ends by itself."""
    days = review.policy.expires_days
    return review.opened + timedelta(days=days) if days is not None else None


def _roles_of(policy: GatePolicy, actor: str, roles: Sequence[str]) -> set[str]:
    return {*roles, *(role for role, names in policy.stand_ins.items() if actor in names)}


def _missing_approvals(policy: GatePolicy, decisions: Sequence[Decision]) -> tuple[str, ...]:
    """One person fills one seat; seats with fewer possible people are filled first."""
    people = {decision.actor: _roles_of(policy, decision.actor, decision.roles) for decision in decisions}
    missing = []
    for wanted in sorted(policy.approvals, key=lambda seat: sum(seat.role in roles for roles in people.values())):
        holders = sorted((name for name, roles in people.items() if wanted.role in roles), key=lambda n: len(people[n]))
        for name in holders[: wanted.count]:
            del people[name]
        if len(holders) < wanted.count:
            missing.append(f"{wanted.count - len(holders)} more approval by a {wanted.role}")
    return tuple(missing)
