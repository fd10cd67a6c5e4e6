"""What a decision asks for next, and which of it nobody has begun: so that a kill in between loses nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Literal

from signoff.core.candidate import Candidate
from signoff.core.decision import Entry, Review, ReviewState
from signoff.core.errors import NotFoundError
from signoff.core.files import read_json
from signoff.core.policy import held_back
from signoff.core.record import Record, now
from signoff.core.run import Cause, Request, Run, RunState
from signoff.gates.desk import Desk, Ruling, closing_entry
from signoff.gates.silence import act_on_silence
from signoff.ledger import broken_rules, what_is_wrong
from signoff.workspace.lock import holder_of

BEGUN = frozenset(RunState) - {RunState.INTERRUPTED, RunState.RUNNING}
"""A run that came to an end has answered; one that was killed has not."""


LATELY = timedelta(days=60)
"""How long a step that nobody took is pending, from when it could have begun."""
FOLLOWED_BY = ("retrain", "release")
"""Flows that a decision can ask for."""


class Step(Record):
    """The flow that a decision asks for."""

    flow: Literal["retrain", "release"]
    cause: Cause
    request: Request = Request()


def next_step(ruling: Ruling, moment: datetime | None = None) -> Step | None:
    """Which flow goes on from here; None when the review is still open, the answer was no, or releases are frozen."""
    step = step_of(ruling.review, ruling.entry)
    if step is not None and step.flow == "release" and held_back(ruling.entry.decision(), moment or now()) is not None:
        return None
    return step


def step_of(review: Review, entry: Entry) -> Step | None:
    """Which flow the decision that closed a review asks for."""
    decision = entry.decision()
    if decision.drill:
        return None
    if decision.verdict == "request-changes" and decision.changes is not None:
        cause = Cause(kind="request", actor=decision.actor, reference=entry.hash, note=decision.reasons)
        return Step(flow="retrain", cause=cause, request=Request(steering=decision.changes))
    if review.state is not ReviewState.APPROVED:
        return None
    if review.gate == "release":
        return Step(flow="release", cause=review.cause)
    return Step(flow="retrain", cause=_cause_behind(review))


def pending_steps(desk: Desk, moment: datetime | None = None) -> tuple[Step, ...]:
    """Steps of closed reviews that no run has taken, oldest first; none while a run holds the workspace.

    Silence acts first. A step is taken when a run with its cause began after the decision and came to an end,
    whichever; one that was killed is taken up again. A release is pending only while the workspace still holds
    exactly that candidate, no later release stands and no freeze holds it back. A row without a valid signed
    decision asks for nothing.
    """
    moment = moment or now()
    act_on_silence(desk, moment)
    if holder_of(desk.paths.state) is not None:
        return ()
    return tuple(_pending(desk, moment))


def _pending(desk: Desk, moment: datetime) -> Iterator[Step]:
    closed = _closed_lately(desk, moment)
    if not closed:
        return
    runs = _runs_since(desk, min(_since(review) for review, _ in closed))
    ring = desk.ledger.ring()
    for review, entry in closed:
        if what_is_wrong(entry, ring) is not None or any(broken_rules(entry.decision())):
            continue
        step = step_of(review, entry)
        if step is None or _taken(step, _since(review), runs):
            continue
        if step.flow == "release":
            wanted = held_back(entry.decision(), moment) is None and _release_wanted(desk, review, entry)
        else:
            wanted = review.state is ReviewState.CHANGES or not _passed_by_itself(review, entry, runs)
        if wanted:
            yield step


def _since(review: Review) -> datetime:
    return review.closed or review.opened


def _runs_since(desk: Desk, moment: datetime) -> list[Run]:
    """Every run that may have answered, however many windows were watched since; a drill's run answers nothing."""
    made_for_drills = {drill.digest for drill in desk.store.drills()}
    found = desk.store.runs(flows=FOLLOWED_BY, since=moment)
    return [run for run in found if run.candidate not in made_for_drills]


def _closed_lately(desk: Desk, moment: datetime) -> list[tuple[Review, Entry]]:
    """Reviews that may still ask for something; what nobody began within so many days wants a person, not a timer."""
    closing = _kept_in_freeze(desk, moment)
    for entry in desk.store.decided_since(moment - LATELY):
        if entry.body.get("outcome") in (ReviewState.APPROVED.value, ReviewState.CHANGES.value):
            closing[entry.about] = entry
    found = []
    for review_id, entry in closing.items():
        try:
            review = desk.store.review(review_id)
        except NotFoundError:
            # A clone has decisions of which it has no review: they were followed where they were made.
            continue
        if review.state.value == entry.body["outcome"] and review.closed is not None:
            found.append((review, entry))
    return found


def _kept_in_freeze(desk: Desk, moment: datetime) -> dict[str, Entry]:
    """What was approved long ago of the candidate that stands here, and could not be released until lately."""
    digest = _candidate_here(desk)
    asked = desk.store.reviews(state=ReviewState.APPROVED, gate="release", digest=digest) if digest else ()
    kept = {}
    for review in asked:
        entry = closing_entry(desk, review)
        hit = held_back(entry.decision(), entry.decision().decided) if entry is not None else None
        if entry is not None and hit is not None and (hit.until is None or hit.until >= moment - LATELY):
            kept[review.id] = entry
    return kept


def _taken(step: Step, since: datetime, runs: Sequence[Run]) -> bool:
    """A release that waits has met a freeze, so that it is not done."""
    done = BEGUN - {RunState.WAITING} if step.flow == "release" else BEGUN
    return any(
        run.flow == step.flow and run.started >= since and run.state in done and _same_cause(run.cause, step.cause)
        for run in runs
    )


def _same_cause(one: Cause, other: Cause) -> bool:
    if one.reference is not None or other.reference is not None:
        return (one.kind, one.reference) == (other.kind, other.reference)
    return one == other


def _release_wanted(desk: Desk, review: Review, entry: Entry) -> bool:
    if _candidate_here(desk) != review.digest:
        return False
    return not any(one.kind == "release" and one.sequence > entry.sequence for one in desk.ledger.entries())


def _candidate_here(desk: Desk) -> str | None:
    if not desk.paths.candidate.exists():
        return None
    return Candidate.model_validate(read_json(desk.paths.candidate)).digest


def _passed_by_itself(review: Review, entry: Entry, runs: Sequence[Run]) -> bool:
    """A gate that its own run passed needs no other run; nor a snapshot that a later run has looked at again."""
    at_once = entry.decision().automatic and review.closed == review.opened
    since = _since(review)
    later = any(run.flow == "retrain" and run.started >= since and run.state in BEGUN for run in runs)
    return at_once or (review.gate == "data" and later)


def _cause_behind(review: Review) -> Cause:
    """An approved alert is the cause of its retrain; an approved snapshot lets its own run go on."""
    if review.gate == "alert":
        return Cause(kind="alert", actor=review.cause.actor, reference=review.cause.reference, note=review.subject)
    return review.cause
