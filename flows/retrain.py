"""From sources to a candidate that waits for its signature, and on to its release when it has one."""

from __future__ import annotations

from pathlib import Path

from prefect import flow

from flows.asked import cause_of_run
from flows.ending import held, state_of
from signoff.core.run import Cause, Request, RunState
from tasks import coats
from tasks.candidate import Tagged
from tasks.passage import Ending, Passage, passage

UNCHANGED = Request()


@flow(name="retrain", flow_run_name="retrain {cause.kind}", persist_result=False)
def retrain(
    workspace: Path, cause: Cause, request: Request = UNCHANGED, wait_seconds: float = 0, proof: str = ""
) -> object:
    """Run every stage that is stale, stop at the first gate that is not decided."""
    asked = cause_of_run(workspace, "retrain", cause, request, proof)
    with passage(workspace, "retrain", asked, request, wait_seconds) as run:
        return state_of(stages(run))


def stages(run: Passage) -> Ending:
    """The table of contents of a run."""
    coats.ingest(run)
    coats.validate(run)
    gate = coats.data_gate(run)
    if gate.state != "passed":
        return held(run, gate)
    coats.prepare(run)
    coats.search(run)
    coats.fit(run)
    coats.evaluate(run)
    tagged = coats.candidate(run)
    coats.push(run)
    return release_steps(run, tagged)


def release_steps(run: Passage, tagged: Tagged) -> Ending:
    """The way from a candidate to the champion: gate, package, switch, push."""
    gate = coats.release_gate(run, tagged)
    if gate.entry is None or gate.state != "passed":
        return held(run, gate, tagged)
    coats.package(run)
    tag = coats.switch(run, tagged, gate.entry)
    coats.push(run)
    return run.end(RunState.RELEASED, f"{tag} serves", tag=tag, digest=tagged.candidate.digest)
