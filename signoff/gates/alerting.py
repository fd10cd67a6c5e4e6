"""Where an alert stands: what followed from it, from its retrain to the decision on what that made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from signoff.core.decision import Review, ReviewState
from signoff.core.errors import NotFoundError
from signoff.core.monitoring import Alert
from signoff.core.run import Run, RunState
from signoff.gates.desk import Desk, closing_entry
from signoff.gates.following import FOLLOWED_BY

NEWEST = 500
"""Runs among which the retrain of an alert is looked for."""
SUPERSEDED_BY = "superseded by "
Standing = dict[str, Any]
"""Fields of an alert that change: state, came, review, answered."""


def alerts_now(desk: Desk) -> tuple[Alert, ...]:
    """The alerts that are not closed, from the oldest to the newest, each with what has come of it by now.

    An alert whose retrain came to nothing is open again: the break is still there. One whose retrain failed is open
    too, and the next window that finds it starts another.
    """
    alerts = [alert for alert in desk.store.alerts() if alert.state != "closed"]
    unsettled = [alert for alert in alerts if alert.state != "acknowledged"]
    if not unsettled:
        return tuple(alerts)
    # An alert is dated by its window, which may end long before it was found, or within the hour to come.
    runs = desk.store.runs(flows=FOLLOWED_BY, limit=NEWEST)[::-1]
    questions = desk.store.reviews(gate="alert")
    return tuple(_now(desk, alert, runs, questions) if alert in unsettled else alert for alert in alerts)


def settle_alerts(desk: Desk) -> None:
    """Keep where each alert stands by now."""
    for alert in alerts_now(desk):
        if alert != desk.store.alert(alert.id):
            desk.store.update_alert(alert)


def _now(desk: Desk, alert: Alert, runs: Sequence[Run], questions: Sequence[Review]) -> Alert:
    asked = [review for review in questions if review.cause.reference == alert.id]
    own = _runs_behind(desk, alert, asked, runs)
    standing = _after_run(desk, alert, own[-1]) if own else {}
    question = asked[-1] if asked else None
    if question is not None and (not own or (question.closed or question.opened) > own[-1].started):
        standing = _after_question(desk, question, standing)
    return alert.model_copy(update=standing)


def _runs_behind(desk: Desk, alert: Alert, asked: Sequence[Review], runs: Sequence[Run]) -> list[Run]:
    """The runs that the alert caused, and those that were asked for instead of what these made, in order."""
    causes = {("alert", alert.id)} | {("request", hash_) for review in asked for hash_ in _request(desk, review)}
    found: list[Run] = []
    for run in runs:
        if (run.cause.kind, run.cause.reference) in causes:
            found.append(run)
            review = _review_of(desk, run)
            causes |= {("request", hash_) for hash_ in (_request(desk, review) if review else ())}
    return found


def _request(desk: Desk, review: Review) -> tuple[str, ...]:
    entry = closing_entry(desk, review) if review.state is ReviewState.CHANGES else None
    return (entry.hash,) if entry is not None else ()


def _review_of(desk: Desk, run: Run) -> Review | None:
    """The review at which a run ended, or the one that is asked in its place."""
    review = _kept(desk, run.review) if run.review else None
    if review is None and run.candidate is not None:
        review = desk.store.standing_review("release", run.candidate)
    seen = set()
    while review is not None and review.note.startswith(SUPERSEDED_BY) and review.id not in seen:
        seen.add(review.id)
        review = _kept(desk, review.note.removeprefix(SUPERSEDED_BY)) or review
    return review


def _kept(desk: Desk, review_id: str) -> Review | None:
    try:
        return desk.store.review(review_id)
    except NotFoundError:
        return None


def _after_run(desk: Desk, alert: Alert, run: Run) -> Standing:
    if run.state is RunState.RUNNING:
        return {"state": "retraining", "came": f"the run {run.id} is on its way", "review": None}
    if run.state in (RunState.FAILED, RunState.INTERRUPTED):
        said = f"the run {run.id} ended as {run.state.value}: {run.message}; the next window that finds it tries again"
        return {"state": "open", "came": said, "review": None, "answered": None}
    review = _review_of(desk, run)
    if run.state is RunState.RELEASED:
        made = desk.store.candidate(run.candidate) if run.candidate else None
        if made is None or made.candidate.model_digest != alert.model:
            return {"state": "closed", "came": run.message}
        return {"state": "open", "came": f"{run.message}, which is the same model", "answered": run.id}
    if review is not None:
        return _after_review(desk, review)
    if run.state is RunState.WAITING:
        return {"state": "retraining", "came": run.message, "review": None}
    return {"state": "open", "came": f"the run {run.id}: {run.message}", "review": None, "answered": run.id}


def _after_review(desk: Desk, review: Review) -> Standing:
    """What the answer to the retrain's own review makes of the alert."""
    by = answer_sentence(desk, review)
    if review.state is ReviewState.OPEN:
        came = f"its retrain made {review.subject}, which waits at {review.id}"
        came = came if review.gate == "release" else f"its retrain waits at {review.id}: {review.subject}"
        return {"state": "retraining", "came": came, "review": review.id}
    if review.state in (ReviewState.APPROVED, ReviewState.CHANGES):
        return {"state": "retraining", "came": f"{by}; what follows has not ended yet", "review": review.id}
    return {"state": "open", "came": by, "review": review.id, "answered": review.id}


def _after_question(desk: Desk, question: Review, before: Standing) -> Standing:
    """What the answer at the alert gate makes of it; while that is asked, what came before stands."""
    if question.state is ReviewState.OPEN:
        came = "; ".join(said for said in (before.get("came"), f"{question.id} asks what to do") if said)
        return {"state": "open", **before, "came": came, "review": question.id}
    said = {"came": answer_sentence(desk, question), "review": question.id}
    if question.state is ReviewState.ACKNOWLEDGED:
        return {**said, "state": "acknowledged"}
    if question.state is ReviewState.REJECTED:
        return {**said, "state": "closed"}
    if question.state in (ReviewState.APPROVED, ReviewState.CHANGES):
        return {"state": "retraining", "came": f"{said['came']}; its retrain has not begun yet", "review": question.id}
    return {**before, **said, "state": "open"}


VERBS = {
    ReviewState.APPROVED: "was approved",
    ReviewState.REJECTED: "was rejected",
    ReviewState.ACKNOWLEDGED: "was acknowledged",
    ReviewState.CHANGES: "was answered by a request for changes",
    ReviewState.EXPIRED: "expired without an answer",
    ReviewState.SUPERSEDED: "was set aside",
}


def answer_sentence(desk: Desk, review: Review) -> str:
    """Who ended a review how, and why: 'release-2 was rejected by bo: worse in autumn'; while it is open, that."""
    if review.state is ReviewState.OPEN:
        return f"{review.id} waits for a decision"
    said = f"{review.id} {VERBS[review.state]}"
    entry = closing_entry(desk, review)
    if entry is None or review.state is ReviewState.EXPIRED:
        return f"{said}: {review.note}" if review.note else said
    decision = entry.decision()
    by = "the policy" if decision.automatic else decision.actor
    return f"{said} by {by}: {decision.reasons}"
