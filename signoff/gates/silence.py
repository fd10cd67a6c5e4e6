"""Reviews end by themselves, and the end is a decision too."""

from __future__ import annotations

from datetime import datetime

from signoff.core.decision import Decision, Entry, Review, ReviewState
from signoff.core.policy import has_expired, judge
from signoff.core.record import now
from signoff.gates.desk import Desk, close_with, policy_decision, publish


def act_on_silence(desk: Desk, moment: datetime | None = None) -> tuple[Review, ...]:
    """Close the reviews whose time has passed, each with a signed decision of the policy.

    A veto window that nobody used approves. Silence until the expiry rejects, or approves where on_expiry says so and
    every check holds. Called before each question and each decision, by every run and by whoever looks for pending
    steps, so that nothing needs a clock that runs.
    """
    moment = moment or now()
    due = [review for review in desk.store.reviews(state=ReviewState.OPEN) if has_expired(review, moment)]
    closed = [ended for review in due if (ended := _end(desk, review.id, moment)) is not None]
    for _, entry in closed:
        publish(desk, entry)
    return tuple(review for review, _ in closed)


def _end(desk: Desk, review_id: str, moment: datetime) -> tuple[Review, Entry] | None:
    with desk.store.transaction():
        review = desk.store.review(review_id)
        if review.state is not ReviewState.OPEN:
            return None
        # Votes that were not enough close nothing now either: only silence speaks here, and the policy signs.
        judgement = judge(review, (), moment)
        approve = judgement.outcome is ReviewState.APPROVED
        reasons = "; ".join(judgement.reasons)
        decision = policy_decision(review, approve=approve, reasons=reasons, moment=moment)
        return close_with(desk, review, decision, judgement.outcome)


def entries_of(desk: Desk, review: Review) -> tuple[Entry, ...]:
    """The decisions of a review as ledger entries, in order."""
    return tuple(entry for entry in desk.ledger.entries(about=review.id) if entry.kind == "decision")


def decisions_of(desk: Desk, review: Review) -> list[Decision]:
    """The decisions of a review, in order."""
    return [entry.decision() for entry in entries_of(desk, review)]
