"""What is asked, by whom and why, since when, until when, and what silence means."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import quote

from signoff.core.decision import GateName, Review, ReviewState, Verdict
from signoff.core.policy import ends, silence_sentence
from signoff.core.record import Moment, Record

Urgency = Literal["overdue", "today", "soon", "calm", "closed"]

QUESTIONS: dict[GateName, str] = {
    "data": "May this data be learned from?",
    "features": "May these columns be used?",
    "search": "May the search go on as it is set up?",
    "release": "May this candidate become the champion and answer from now on?",
    "rollout": "May the new champion take more of the traffic?",
    "alert": "Shall a retrain start because of what was seen in the traffic?",
}

CONSEQUENCES: dict[GateName, dict[Verdict, str]] = {
    "data": {
        "approve": "The run goes on with this data.",
        "reject": "The run ends here; the same data is not asked about again.",
        "request-changes": "The run ends here, and a new one starts with what you ask for.",
    },
    "release": {
        "approve": "When the last needed approval is in, the candidate is packaged, released and serves.",
        "reject": "The candidate is not released; the champion goes on.",
        "request-changes": "The candidate is not released; a new run starts with what you ask for, and names you.",
    },
    "alert": {
        "approve": "A retrain starts whose cause is this alert.",
        "reject": "No retrain starts.",
        "request-changes": "A retrain starts with what you ask for.",
        "acknowledge": "The alert is noted and closed; nothing starts.",
    },
}
OTHERWISE: dict[Verdict, str] = {
    "approve": "The work goes on.",
    "reject": "The work ends here.",
    "request-changes": "A new run starts with what you ask for.",
    "acknowledge": "It is noted; nothing starts.",
}
LABELS: dict[Verdict, str] = {
    "approve": "Approve",
    "reject": "Reject",
    "request-changes": "Request changes",
    "acknowledge": "Acknowledge",
}


class Pointer(Record):
    """Something that may be followed to its own page."""

    text: str
    to: str


class Asked(Record):
    """The question and its circumstances."""

    question: str
    subject: str
    by: str
    cause: str
    about: tuple[Pointer, ...]
    run: Pointer
    since: Moment
    until: Moment | None
    urgency: Urgency
    remaining: str
    silence: str
    involved: tuple[str, ...]


def asked_of(review: Review, moment: datetime, named: Pointer | None) -> Asked:
    """The question of a review.

    Args:
        review: the question.
        moment: now.
        named: what the cause's reference leads to: the review that asked for the run.
    """
    until = ends(review)
    about = [named] if named is not None else []
    if review.cause.kind == "alert" and review.cause.reference:
        about.append(
            Pointer(
                text=f"alert {review.cause.reference}",
                to=f"/alerts/{quote(review.project)}/{quote(review.cause.reference)}",
            )
        )
    return Asked(
        question=QUESTIONS[review.gate],
        subject=review.subject,
        by=review.cause.actor,
        cause=_cause(review),
        about=tuple(about),
        run=Pointer(text=review.run, to=f"/runs/{review.project}:{review.run}"),
        since=review.opened,
        until=until,
        urgency=urgency_of(review, moment),
        remaining=remaining(until, moment) if until is not None and review.state is ReviewState.OPEN else "",
        silence=silence_sentence(review),
        involved=review.involved,
    )


def urgency_of(review: Review, moment: datetime) -> Urgency:
    """How soon somebody has to answer."""
    if review.state is not ReviewState.OPEN:
        return "closed"
    until = ends(review)
    if until is None:
        return "calm"
    left = until - moment
    if left <= timedelta(0):
        return "overdue"
    return "today" if left <= timedelta(days=1) else "soon" if left <= timedelta(days=3) else "calm"


def remaining(until: datetime, moment: datetime) -> str:
    """'2 days', '5 hours': the time that is left, or that has passed."""
    seconds = abs((until - moment).total_seconds())
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {name}{'s' * (count != 1)}{' ago' if until < moment else ' left'}"
    return "now"


def consequence(gate: GateName, verdict: Verdict) -> str:
    """What happens next after this verdict."""
    return CONSEQUENCES.get(gate, {}).get(verdict, OTHERWISE[verdict])


def _cause(review: Review) -> str:
    kinds = {
        "hand": "started by hand",
        "schedule": "started by the schedule",
        "alert": "started because of an alert",
        "feedback": "started because outcomes came in",
        "request": "asked for by a reviewer",
    }
    note = f": {review.cause.note}" if review.cause.note else ""
    return f"{kinds[review.cause.kind]}{note}"
