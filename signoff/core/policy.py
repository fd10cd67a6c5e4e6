"""What a gate's policy says about evidence and decisions. Pure: the same facts give the same answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from signoff.core.decision import CheckResult, Decision, GateName, Review, ReviewState, Verdict
from signoff.core.evidence import Value
from signoff.core.numbers import closely
from signoff.core.policy_freeze import Frozen, frozen
from signoff.core.policy_names import ANYBODY as ANYBODY
from signoff.core.policy_names import POLICY_ACTOR as POLICY_ACTOR
from signoff.core.policy_names import Seatable as Seatable
from signoff.core.policy_names import missing_approvals as missing_approvals
from signoff.core.policy_names import missing_overrides as missing_overrides
from signoff.core.policy_names import name_key as name_key
from signoff.core.policy_names import roles_of as roles_of
from signoff.core.policy_names import same_person as same_person
from signoff.core.policy_names import seats_of
from signoff.core.policy_settings import Check, GatePolicy, Mode
from signoff.core.policy_words import silence_of
from signoff.core.record import Record, now

CLOSING: dict[Verdict, ReviewState] = {
    "reject": ReviewState.REJECTED,
    "request-changes": ReviewState.CHANGES,
    "acknowledge": ReviewState.ACKNOWLEDGED,
}
"""Verdicts that close a review at once; approvals are counted."""


class Judgement(Record):
    """Where a review stands under its policy, and every rule that says so."""

    outcome: ReviewState
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


def check_sentence(result: CheckResult) -> str:
    """One check for people: 'holdout.roc_auc 0.71 holds >= 0.7'."""
    value = "is not in the evidence" if result.value is None else closely(result.value)
    return f"{result.check.label} {value} {'holds' if result.holds else 'breaks'} {result.limit}"


def may_pass_alone(policy: GatePolicy, checks: Sequence[CheckResult]) -> bool:
    """Whether the machine may open this gate without asking anybody, at once or when its veto window has passed."""
    return policy.mode is Mode.AUTO or (policy.mode is Mode.GUARDED and all(check.holds for check in checks))


def verdicts_of(gate: GateName) -> tuple[Verdict, ...]:
    """What may be said at a gate; only an alert can be acknowledged without being approved."""
    return ("approve", "reject", "request-changes") + (("acknowledge",) if gate == "alert" else ())


def why_not(
    review: Review,
    actor: str,
    roles: Sequence[str],
    verdict: Verdict = "approve",
    *,
    moment: datetime | None = None,
    override: bool = False,
) -> str | None:
    """The rule that forbids this actor to give that verdict, or None.

    A veto (reject, request changes) and an acknowledgement need the role too, but never four eyes.

    Args:
        review: the question.
        actor: the account's name.
        roles: the roles it has.
        verdict: what it wants to say.
        moment: when, for the dates of stand-ins; now, when not given.
        override: whether it approves in spite of a freeze, for which the policy may name another role.
    """
    policy = review.policy
    wanted = {approval.role for approval in policy.approvals}
    wanted |= {policy.override.role} if override and policy.override is not None else set()
    if same_person(actor, POLICY_ACTOR):
        return f"the name {POLICY_ACTOR} is kept for automatic decisions"
    if not seats_of(policy, actor, roles, moment or now()) & wanted:
        asked = f"this gate asks for {', '.join(sorted(wanted))}"
        return f"{actor} has the roles {', '.join(sorted(roles)) or 'none'}; {asked}{_idle_stand_in(policy, actor)}"
    if verdict == "approve" and policy.four_eyes and any(same_person(actor, n) for n in review.started_by):
        return f"four eyes: {actor} started or steered this run and may not approve it"
    return None


def _idle_stand_in(policy: GatePolicy, actor: str) -> str:
    dates = [f"{one.role} {one.days()}" for one in policy.stand_ins if same_person(actor, one.name)]
    return f" ({actor} stands in as {', '.join(dates)})" if dates else ""


def judge(review: Review, decisions: Sequence[Decision], moment: datetime) -> Judgement:
    """Where the review stands after these decisions at that moment.

    The first closing verdict closes. An automatic decision is the policy's own. People's approvals are
    counted by role, each person once, and one that the policy forbids is not counted.
    """
    counted: list[Decision] = []
    for decision in decisions:
        if decision.automatic:
            outcome = ReviewState.APPROVED if decision.verdict == "approve" else ReviewState.EXPIRED
            return Judgement(outcome=outcome, reasons=(decision.reasons,))
        if not _counts(review, decision):
            continue
        if decision.verdict in CLOSING:
            outcome = CLOSING[decision.verdict]
            return Judgement(outcome=outcome, reasons=(f"{decision.actor}: {decision.reasons}",))
        counted.append(decision)
        if not missing_approvals(review.policy, counted):
            names = ", ".join(sorted({one.actor for one in counted}))
            return Judgement(outcome=ReviewState.APPROVED, reasons=(f"approved by {names}",))
    end = ends(review)
    if end is not None and moment >= end:
        return _silence(review)
    acting = acts_at(review)
    alone = (f"the policy approves at {acting:%Y-%m-%d %H:%M} UTC unless somebody refuses",) if acting else ()
    return Judgement(outcome=ReviewState.OPEN, reasons=(*missing_approvals(review.policy, counted), *alone))


def enough_already(review: Review, decisions: Sequence[Decision]) -> bool:
    """Whether the approvals fill every seat of a review that is open: who has their say again may repeat it."""
    given = [one for one in decisions if one.verdict == "approve" and _counts(review, one)]
    return review.state is ReviewState.OPEN and bool(given) and not missing_approvals(review.policy, given)


def _counts(review: Review, decision: Decision) -> bool:
    reason = why_not(
        review,
        decision.actor,
        decision.roles,
        decision.verdict,
        moment=decision.decided,
        override=decision.override,
    )
    return reason is None


def expires(review: Review) -> datetime | None:
    """When the review ends by itself without an answer."""
    days = review.policy.expires_days
    return review.opened + timedelta(days=days) if days is not None else None


def acts_at(review: Review) -> datetime | None:
    """When the policy approves by itself unless somebody refuses; None where it needs people, or needs no wait."""
    hours = review.policy.veto_hours
    if hours is None or not may_pass_alone(review.policy, review.checks):
        return None
    return review.opened + timedelta(hours=hours)


def ends(review: Review) -> datetime | None:
    """When silence closes the review: its veto window or its expiry, whichever is first."""
    return min((moment for moment in (acts_at(review), expires(review)) if moment is not None), default=None)


def silence_sentence(review: Review) -> str:
    """What happens to an open review that nobody answers, and when: one wording for every screen and message."""
    acting, end = acts_at(review), expires(review)
    if acting is not None:
        return f"Unless somebody refuses before {acting:%Y-%m-%d %H:%M} UTC, the policy approves it."
    if end is None:
        return "It waits until somebody answers."
    return f"Without an answer by {end:%Y-%m-%d %H:%M} UTC {silence_of(review.policy)}."


def reminders(review: Review) -> tuple[datetime, ...]:
    """When those who are wanted are reminded, in order of time."""
    expiry = expires(review)
    return tuple(sorted(expiry - timedelta(days=days) for days in review.policy.remind_days)) if expiry else ()


def has_expired(review: Review, moment: datetime) -> bool:
    """Whether its time had passed at that moment, and nobody's answer counts any more."""
    end = ends(review)
    return end is not None and moment >= end


def held_back(decision: Decision, moment: datetime) -> Frozen | None:
    """The freeze that keeps an approved candidate from being released at a moment; None where nothing does.

    Overrides count together with the approvals of the same review, and only for the freeze in which they were given.
    """
    hit = frozen(decision.policy.freeze, moment) if decision.gate == "release" else None
    if hit is None:
        return None
    return None if not missing_overrides(decision.policy, overrides_in(decision, hit)) else hit


def overrides_in(decision: Decision, hit: Frozen) -> list[Seatable]:
    """The approvals behind a decision, and its own, that were given to override this freeze."""
    given: list[Seatable] = [*decision.votes, decision]
    windows = decision.policy.freeze
    return [one for one in given if one.override and one.decided and _same_freeze(frozen(windows, one.decided), hit)]


def _same_freeze(one: Frozen | None, other: Frozen) -> bool:
    return one is not None and one.until == other.until


def _silence(review: Review) -> Judgement:
    """Silence approves only where the project says so and every check holds; a broken check wants a person."""
    acting = acts_at(review)
    if acting is not None:
        window = f"{review.policy.veto_hours:g} hours, until {acting:%Y-%m-%d %H:%M} UTC"
        reasons = (
            f"the gate's mode is {review.policy.mode.value} and nobody refused within its veto window of {window}",
        )
        sentences = tuple(check_sentence(check) for check in review.checks)
        return Judgement(outcome=ReviewState.APPROVED, reasons=(*reasons, *sentences))
    until = f"nobody closed the review before {expires(review):%Y-%m-%d %H:%M} UTC"
    if review.policy.on_expiry == "reject":
        return Judgement(outcome=ReviewState.EXPIRED, reasons=(until,))
    broken = tuple(check_sentence(check) for check in review.checks if not check.holds)
    if broken:
        return Judgement(
            outcome=ReviewState.EXPIRED, reasons=(f"{until}, and silence approves no broken check", *broken)
        )
    return Judgement(outcome=ReviewState.APPROVED, reasons=(f"{until}; on_expiry is approve and every check holds",))
