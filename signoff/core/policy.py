"""What a gate's policy says about evidence and decisions. Pure: the same facts give the same answer."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from signoff.core.decision import CheckResult, Decision, GateName, Review, ReviewState, Verdict
from signoff.core.evidence import Value
from signoff.core.record import Record
from signoff.core.settings import Check, GatePolicy, Mode

POLICY_ACTOR = "policy"
"""Who signs an automatic decision; no person may bear this name."""

ANYBODY = ("operator", "reviewer")
"""The roles of everybody in a project that names no people."""

CLOSING: dict[Verdict, ReviewState] = {
    "reject": ReviewState.REJECTED,
    "request-changes": ReviewState.CHANGES,
    "acknowledge": ReviewState.ACKNOWLEDGED,
}
"""Verdicts that close a review at once; approvals are counted."""


class Seatable(Protocol):
    """Whoever approves: a decision or a vote."""

    @property
    def actor(self) -> str:
        """The name of the account."""

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles it had at that time."""


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
    """One check for people: 'holdout.roc_auc 0.71 >= 0.7 holds'."""
    value = "is not in the evidence" if result.value is None else f"{result.value:.4g}"
    return f"{result.check.metric} {value} {'holds' if result.holds else 'breaks'} {result.limit}"


def may_pass_alone(policy: GatePolicy, checks: Sequence[CheckResult]) -> bool:
    """Whether the machine may open this gate without asking anybody."""
    return policy.mode is Mode.AUTO or (policy.mode is Mode.GUARDED and all(check.holds for check in checks))


def same_person(one: str, other: str) -> bool:
    """Whether two spellings are one name: 'Ada' and 'ada ' do not make four eyes."""
    return name_key(one) == name_key(other)


def name_key(actor: str) -> str:
    """A name as it is compared: no outer white space, no case, no matter how its letters are composed (NFKC)."""
    return " ".join(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", actor).casefold()).split())


def roles_of(people: Mapping[str, Sequence[str]], actor: str) -> tuple[str, ...]:
    """The roles of an actor; where the project names no people, everybody is operator and reviewer."""
    if not people:
        return ANYBODY
    return tuple(sorted({role for name, roles in people.items() if same_person(name, actor) for role in roles}))


def verdicts_of(gate: GateName) -> tuple[Verdict, ...]:
    """What may be said at a gate; only an alert can be acknowledged without being approved."""
    return ("approve", "reject", "request-changes") + (("acknowledge",) if gate == "alert" else ())


def why_not(review: Review, actor: str, roles: Sequence[str], verdict: Verdict = "approve") -> str | None:
    """The rule that forbids this actor to give that verdict, or None.

    A veto (reject, request changes) and an acknowledgement need the role too, but never four eyes.
    """
    wanted = sorted({approval.role for approval in review.policy.approvals})
    if same_person(actor, POLICY_ACTOR):
        return f"the name {POLICY_ACTOR} is kept for automatic decisions"
    if not _seats(review.policy, actor, roles) & set(wanted):
        return f"{actor} has the roles {', '.join(sorted(roles)) or 'none'}; this gate asks for {', '.join(wanted)}"
    if verdict == "approve" and review.policy.four_eyes and any(same_person(actor, n) for n in review.started_by):
        return f"four eyes: {actor} started or steered this run and may not approve it"
    return None


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
        if why_not(review, decision.actor, decision.roles, decision.verdict) is not None:
            continue
        if decision.verdict in CLOSING:
            outcome = CLOSING[decision.verdict]
            return Judgement(outcome=outcome, reasons=(f"{decision.actor}: {decision.reasons}",))
        counted.append(decision)
        if not missing_approvals(review.policy, counted):
            names = ", ".join(sorted({one.actor for one in counted}))
            return Judgement(outcome=ReviewState.APPROVED, reasons=(f"approved by {names}",))
    if has_expired(review, moment):
        return _silence(review)
    return Judgement(outcome=ReviewState.OPEN, reasons=missing_approvals(review.policy, counted))


def expires(review: Review) -> datetime | None:
    """When the review ends by itself."""
    days = review.policy.expires_days
    return review.opened + timedelta(days=days) if days is not None else None


def has_expired(review: Review, moment: datetime) -> bool:
    """Whether its time had passed at that moment."""
    expiry = expires(review)
    return expiry is not None and moment >= expiry


def _silence(review: Review) -> Judgement:
    """Silence approves only where the project says so and every check holds; a broken check wants a person."""
    until = f"nobody closed the review before {expires(review):%Y-%m-%d %H:%M} UTC"
    if review.policy.on_expiry == "reject":
        return Judgement(outcome=ReviewState.EXPIRED, reasons=(until,))
    broken = tuple(check_sentence(check) for check in review.checks if not check.holds)
    if broken:
        return Judgement(
            outcome=ReviewState.EXPIRED, reasons=(f"{until}, and silence approves no broken check", *broken)
        )
    return Judgement(outcome=ReviewState.APPROVED, reasons=(f"{until}; on_expiry is approve and every check holds",))


def missing_approvals(policy: GatePolicy, approvals: Sequence[Seatable]) -> tuple[str, ...]:
    """What is still wanted, one sentence a role; empty when every seat is filled.

    One person fills one seat. Seats are filled by maximum bipartite matching (Kuhn's augmenting paths, Naval
    Research Logistics 1955), so that a person of two roles never blocks the one who has only one of them.
    """
    people = {name_key(one.actor): _seats(policy, one.actor, one.roles) for one in approvals}
    seats = [wanted.role for wanted in policy.approvals for _ in range(wanted.count)]
    holder: dict[int, str] = {}

    def seat(name: str, tried: set[int]) -> bool:
        for index, role in enumerate(seats):
            if role in people[name] and index not in tried:
                tried.add(index)
                if index not in holder or seat(holder[index], tried):
                    holder[index] = name
                    return True
        return False

    for name in sorted(people):
        seat(name, set())
    empty = [role for index, role in enumerate(seats) if index not in holder]
    return tuple(
        f"{empty.count(role)} more approval{'s' * (empty.count(role) > 1)} by a {role}" for role in dict.fromkeys(empty)
    )


def _seats(policy: GatePolicy, actor: str, roles: Sequence[str]) -> set[str]:
    stood_in = {role for role, names in policy.stand_ins.items() if any(same_person(actor, name) for name in names)}
    return {*roles, *stood_in}
