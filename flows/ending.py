"""How a flow says that it ended: as a Prefect state whose name tells people what to do."""

from __future__ import annotations

from typing import Any

from prefect.states import Completed

from signoff.core.run import RunState
from signoff.gates import GateOutcome
from tasks.candidate import Tagged
from tasks.passage import Ending, Passage

STATE_NAMES = {
    RunState.WAITING: "WaitingForReview",
    RunState.REJECTED: "Rejected",
    RunState.RELEASED: "Released",
    RunState.DONE: "Completed",
}


def held(run: Passage, gate: GateOutcome, tagged: Tagged | None = None) -> Ending:
    """End a run at a gate that is not open."""
    state = RunState.WAITING if gate.state == "waiting" else RunState.REJECTED
    return run.end(
        state,
        gate.sentence,
        review=gate.review.id if gate.review else None,
        tag=tagged.tag if tagged else None,
        digest=tagged.candidate.digest if tagged else None,
    )


def state_of(ending: Ending) -> Any:
    """The Prefect state of an ending, with the ending as its data."""
    return Completed(name=STATE_NAMES[ending.state], message=ending.message, data=ending)
