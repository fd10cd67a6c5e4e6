"""What `signoff review list` and `show`, `status` and the console say of a review."""

from __future__ import annotations

from datetime import datetime

from signoff.core.decision import GateName, Review, ReviewState, Verdict
from signoff.core.policy import expires, judge
from signoff.core.policy_rules import Rule, rules_of
from signoff.core.record import Moment, Record, now
from signoff.core.run import Steering
from signoff.gates.desk import Desk
from signoff.gates.released import released_by
from signoff.gates.silence import entries_of
from signoff.gates.votes import counting_now, people_left


class ShownCheck(Record):
    """One check as the screens name it."""

    name: str
    value: float | None
    limit: str
    holds: bool


class ShownDecision(Record):
    """One decision on the review, with the hash by which others refer to it."""

    actor: str
    roles: tuple[str, ...]
    automatic: bool
    verdict: Verdict
    reasons: str
    changes: Steering | None
    decided: Moment
    sequence: int
    hash: str


class ReviewSummary(Record):
    """A review with all that a person needs to decide, or to see what was decided."""

    id: str
    gate: GateName
    state: ReviewState
    digest: str
    subject: str
    opened: Moment
    closed: Moment | None
    expires: Moment | None
    run: str
    cause: str
    checks: tuple[ShownCheck, ...]
    wanted: tuple[str, ...]
    rules: tuple[Rule, ...] = ()
    decisions: tuple[ShownDecision, ...]
    note: str


def summarise(desk: Desk, review: Review, moment: datetime | None = None) -> ReviewSummary:
    """One review; `wanted` says which approvals are missing while it is open."""
    moment = moment or now()
    counting, gone = counting_now(desk, review)
    heard = [entry.decision() for entry in counting]
    released = review.state is ReviewState.APPROVED and released_by(desk.store, review.project, counting) is not None
    wanted = (*judge(review, heard, moment).reasons, *gone) if review.state is ReviewState.OPEN else ()
    rules = (*rules_of(review, heard, moment, gone=gone), *people_left(desk.store, review, heard, moment))
    return ReviewSummary(
        id=review.id,
        gate=review.gate,
        state=review.state,
        digest=review.digest,
        subject=review.subject,
        opened=review.opened,
        closed=review.closed,
        expires=expires(review),
        run=review.run,
        cause=review.cause.sentence(),
        checks=tuple(
            ShownCheck(name=result.check.label, value=result.value, limit=result.limit, holds=result.holds)
            for result in review.checks
        ),
        wanted=wanted,
        rules=() if released else rules,
        decisions=tuple(
            ShownDecision(
                actor=decision.actor,
                roles=decision.roles,
                automatic=decision.automatic,
                verdict=decision.verdict,
                reasons=decision.reasons,
                changes=decision.changes,
                decided=decision.decided,
                sequence=entry.sequence,
                hash=entry.hash,
            )
            for entry in entries_of(desk, review)
            for decision in (entry.decision(),)
        ),
        note=review.note,
    )


def list_reviews(desk: Desk, *, only_open: bool = True, moment: datetime | None = None) -> tuple[ReviewSummary, ...]:
    """Reviews from the oldest to the newest."""
    reviews = desk.store.reviews(state=ReviewState.OPEN if only_open else None)
    return tuple(summarise(desk, review, moment) for review in reviews)
