"""What a decision starts: nobody has to start it by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from flows.launch import hand_over, run_release, run_retrain
from signoff.core.decision import Review, ReviewState
from signoff.core.progress import Progress
from signoff.core.record import Record
from signoff.core.run import Cause, Request
from signoff.gates import Ruling
from tasks.passage import Ending

WAIT_SECONDS = 600


class Following(Record):
    """What followed: nothing, a run handed to the workers of `signoff up`, or one that ended here."""

    state: Literal["nothing", "scheduled", "ended"]
    flow: str | None = None
    flow_run: str | None = None
    ending: Ending | None = None


class Step(Record):
    """The flow that a decision asks for."""

    flow: Literal["retrain", "release"]
    cause: Cause
    request: Request = Request()


def next_step(ruling: Ruling) -> Step | None:
    """Which flow goes on from here; None when the review is still open or the answer was no."""
    review, decision = ruling.review, ruling.entry.decision()
    if decision.verdict == "request-changes" and decision.changes is not None:
        cause = Cause(kind="request", actor=decision.actor, reference=ruling.entry.hash, note=decision.reasons)
        return Step(flow="retrain", cause=cause, request=Request(steering=decision.changes))
    if review.state is not ReviewState.APPROVED:
        return None
    if review.gate == "release":
        return Step(flow="release", cause=review.cause)
    return Step(flow="retrain", cause=_cause_behind(review))


def follow(root: Path, ruling: Ruling, progress: Progress) -> Following:
    """Start the next flow: by the workers of `signoff up` where they run, else in this process."""
    step = next_step(ruling)
    if step is None:
        return Following(state="nothing")
    parameters = {"workspace": str(root), "cause": step.cause.as_json(), "wait_seconds": WAIT_SECONDS}
    if step.flow == "retrain":
        parameters["request"] = step.request.as_json()
    flow_run = hand_over(root, step.flow, parameters)
    if flow_run is not None:
        return Following(state="scheduled", flow=step.flow, flow_run=flow_run)
    if step.flow == "release":
        ending = run_release(root, step.cause, progress, WAIT_SECONDS)
    else:
        ending = run_retrain(root, step.cause, step.request, progress, WAIT_SECONDS)
    return Following(state="ended", flow=step.flow, ending=ending)


def _cause_behind(review: Review) -> Cause:
    """An approved alert is the cause of its retrain; an approved snapshot lets its own run go on."""
    if review.gate == "alert":
        return Cause(kind="alert", actor=review.cause.actor, reference=review.cause.reference, note=review.subject)
    return review.cause
