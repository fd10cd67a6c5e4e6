"""What a decision starts: nobody has to start it by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from flows.launch import hand_over, run_release, run_retrain
from signoff.core.progress import Progress
from signoff.core.record import Record
from signoff.gates import Ruling, Step, next_step
from tasks.passage import Ending

__all__ = ["Following", "Step", "follow", "next_step", "take"]

WAIT_SECONDS = 600


class Following(Record):
    """What followed: nothing, a run handed to the workers of `signoff up`, or one that ended here."""

    state: Literal["nothing", "scheduled", "ended"]
    flow: str | None = None
    flow_run: str | None = None
    ending: Ending | None = None


def follow(root: Path, ruling: Ruling, progress: Progress) -> Following:
    """Start the next flow: by the workers of `signoff up` where they run, else in this process."""
    step = next_step(ruling)
    return Following(state="nothing") if step is None else take(root, step, progress)


def take(root: Path, step: Step, progress: Progress) -> Following:
    """Take one step, such as one that `pending_steps` found."""
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
