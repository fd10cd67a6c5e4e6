"""Where a review stands: every rule that holds, blocks or waits, with its reason, and what was decided so far."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from signoff.core.account import Caller
from signoff.core.decision import Decision, Entry, Review, ReviewState, Verdict
from signoff.core.policy_rules import Rule, rules_of
from signoff.core.record import Moment, Record
from signoff.core.run import Steering


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
    override: bool
    drill: bool


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
            override=decision.override,
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


def rules_for(
    review: Review, decisions: Sequence[Decision], moment: datetime, caller: Caller, gone: Sequence[str] = ()
) -> tuple[Rule, ...]:
    """The rules that say something now: all while it is open, later only what holds an approved release back."""
    if review.state is ReviewState.OPEN:
        return rules_of(review, decisions, moment, caller, gone)
    if review.state is not ReviewState.APPROVED:
        return ()
    held = rules_of(review, decisions, moment)
    return tuple(rule for rule in held if rule.name in ("freeze", "override") and rule.state != "holds")
