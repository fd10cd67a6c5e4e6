"""Where a review stands: every rule that holds, blocks or waits, with its reason, and what was decided so far."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from signoff.core.account import Caller, Permission
from signoff.core.decision import Decision, Entry, Review, ReviewState, Verdict
from signoff.core.policy import acts_at, expires, judge, may_pass_alone, same_person, verdicts_of, why_not
from signoff.core.policy_freeze import Frozen, frozen
from signoff.core.record import Moment, Record
from signoff.core.run import Steering
from signoff.core.settings import Mode

RuleState = Literal["holds", "blocks", "waits"]


class ShownRule(Record):
    """One rule of the policy and what it says now."""

    name: str
    state: RuleState
    sentence: str
    until: Moment | None = None


class ShownDecision(Record):
    """One decision on the review, with the ledger entry that holds it."""

    actor: str
    roles: tuple[str, ...]
    automatic: bool
    verdict: Verdict
    reasons: str
    changes: tuple[str, ...]
    decided: Moment
    outcome: ReviewState
    sequence: int
    hash: str
    drill: bool


class Answerable(Record):
    """A verdict, and the rule that forbids it to this caller; empty when nothing does."""

    verdict: Verdict
    forbidden: str = ""


def decided(entries: Sequence[Entry]) -> tuple[ShownDecision, ...]:
    """The decisions among the entries of a review, in order."""
    found = ((entry, entry.decision()) for entry in entries if entry.kind == "decision")
    return tuple(
        ShownDecision(
            actor=decision.actor,
            roles=decision.roles,
            automatic=decision.automatic,
            verdict=decision.verdict,
            reasons=decision.reasons,
            changes=wishes(decision.changes),
            decided=decision.decided,
            outcome=decision.outcome,
            sequence=entry.sequence,
            hash=entry.hash,
            drill=decision.drill,
        )
        for entry, decision in found
    )


def wishes(changes: Steering | None) -> tuple[str, ...]:
    """What is asked of the next run, one sentence a wish."""
    if changes is None:
        return ()
    said = [f"leave out the column {name}" for name in changes.exclude_features]
    said += [f"do not use the family {family}" for family in changes.ban_families]
    said += [f"use only the family {changes.pin_family}"] if changes.pin_family else []
    if changes.budget is not None:
        trials, seconds = changes.budget.trials, changes.budget.seconds
        said.append(f"search with {trials} trials" if trials is not None else f"search for {seconds:g} seconds")
    return tuple(said)


def rules_for(review: Review, decisions: Sequence[Decision], moment: datetime, caller: Caller) -> tuple[ShownRule, ...]:
    """What the policy copied into the review says, for this caller."""
    if review.state is not ReviewState.OPEN:
        return ()
    roles = caller.roles_in(review.project)
    found = [_mode(review)]
    judgement = judge(review, decisions, moment)
    found += [ShownRule(name="approvals", state="waits", sentence=f"It waits for {one}.") for one in judgement.reasons]
    given = [one.actor for one in decisions if one.verdict == "approve" and not one.automatic]
    if given:
        found.append(ShownRule(name="approvals", state="holds", sentence=f"Approved so far by {', '.join(given)}."))
    found.append(_eyes(review))
    reason = why_not(review, caller.name, roles)
    if reason is not None:
        found.append(ShownRule(name="you", state="blocks", sentence=f"You may not approve: {reason}."))
    acting = acts_at(review)
    if acting is not None:
        said = f"It is approved by itself after {review.policy.veto_hours:g} hours unless somebody refuses before."
        found.append(ShownRule(name="veto window", state="waits", sentence=said, until=acting))
    hit = freeze_of(review, moment)
    if hit is not None:
        said = f"{hit.sentence()}. An approval is kept; the release waits."
        found.append(ShownRule(name="freeze", state="blocks", sentence=said, until=hit.until))
    until = expires(review)
    if until is not None:
        ends = "is approved if every check holds" if review.policy.on_expiry == "approve" else "ends unreleased"
        found.append(ShownRule(name="expiry", state="waits", sentence=f"Without an answer it {ends}.", until=until))
    return tuple(found)


def freeze_of(review: Review, moment: datetime) -> Frozen | None:
    """The freeze window that is open; only releases wait for its end."""
    return frozen(review.policy.freeze, moment) if review.gate == "release" else None


def answerable(review: Review, decisions: Sequence[Decision], caller: Caller) -> tuple[Answerable, ...]:
    """Every verdict of the gate, and why this caller may not give it."""
    if review.state is not ReviewState.OPEN:
        return ()
    roles = caller.roles_in(review.project)
    return tuple(
        Answerable(verdict=verdict, forbidden=_forbidden(review, decisions, caller, roles, verdict) or "")
        for verdict in verdicts_of(review.gate)
    )


def _forbidden(
    review: Review, decisions: Sequence[Decision], caller: Caller, roles: Sequence[str], verdict: Verdict
) -> str | None:
    if not caller.may(Permission.DECIDE, review.project):
        return f"{caller.name} has no role in {review.project} that decides"
    if verdict == "approve" and any(
        one.verdict == "approve" and same_person(one.actor, caller.name) for one in decisions
    ):
        return "you have approved already; each person counts once"
    return why_not(review, caller.name, roles, verdict)


def _mode(review: Review) -> ShownRule:
    mode = review.policy.mode
    if mode is Mode.MANUAL:
        return ShownRule(name="mode", state="waits", sentence="The gate is manual: people decide, whatever the checks.")
    if may_pass_alone(review.policy, review.checks):
        return ShownRule(name="mode", state="holds", sentence=f"The gate is {mode.value}, and nothing forbids it.")
    return ShownRule(
        name="mode", state="blocks", sentence="The gate is guarded, and a check does not hold: people decide."
    )


def _eyes(review: Review) -> ShownRule:
    if not review.policy.four_eyes:
        return ShownRule(name="four eyes", state="holds", sentence="Four eyes are not asked for at this gate.")
    names = ", ".join(dict.fromkeys(review.started_by))
    return ShownRule(
        name="four eyes",
        state="holds",
        sentence=f"Four eyes: whoever started or steered the run may not approve ({names}).",
    )
