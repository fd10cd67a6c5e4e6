"""The Prefect coats: each stage and step as a task. Kept apart so that `signoff stage` loads no Prefect."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

from prefect import task
from prefect.artifacts import create_markdown_artifact, create_progress_artifact, update_progress_artifact
from prefect.cache_policies import NO_CACHE
from prefect.context import TaskRunContext

from signoff.core.decision import Entry
from signoff.core.errors import ServiceError, WorkspaceError
from signoff.core.monitoring import WindowRequest
from signoff.gates import GateOutcome
from tasks import gates, releasing
from tasks.candidate import Tagged, assemble, recorded
from tasks.listeners import Listeners, present
from tasks.passage import Passage
from tasks.runner import StageOutcome, perform

if TYPE_CHECKING:
    from tasks.watching import Watched

UPDATE_SECONDS = 1.0

# At the end of a short run it warns, on our screens, of events that are still on their way; they arrive.
logging.getLogger("EventsWorker").setLevel(logging.ERROR)


def _again_after(*errors: type[Exception]) -> dict[str, Any]:
    """Two more attempts, only after what may pass by itself: a server that did not answer. Bad data stays bad."""

    def condition(_task: Any, _run: Any, state: Any) -> bool:
        return isinstance(state.result(raise_on_failure=False), (*errors, ConnectionError, TimeoutError))

    return {"retries": 2, "retry_condition_fn": condition}


class _ProgressArtifact:
    """Shows a stage's share done in Prefect's screens; at most one update a second."""

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self._id: UUID | None = None
        self._last = 0.0

    def step(self, message: str, done: float | None = None) -> None:
        moment = time.monotonic()
        if done is None or moment - self._last < UPDATE_SECONDS or TaskRunContext.get() is None:
            return
        self._last = moment
        if self._id is None:
            self._id = create_progress_artifact(100 * done, key=f"progress-{self._stage}", description=message)  # type: ignore[assignment]
        else:
            update_progress_artifact(self._id, 100 * done, description=message)


F = TypeVar("F", bound=Callable[..., Any])


def _step(name: str, **options: Any) -> Callable[[F], F]:
    """A task that keeps its function's own type for those who call it."""
    return cast("Callable[[F], F]", task(name=name, cache_policy=NO_CACHE, persist_result=False, **options))


def _coat(name: str, **options: Any) -> Callable[[Passage], StageOutcome]:
    @_step(name, **options)
    def stage(run: Passage) -> StageOutcome:
        progress = Listeners(*present(), _ProgressArtifact(name))
        run.log.begin_stage(name)
        outcome = perform(name, run.paths.root, run.pipeline, progress)
        run.log.end_stage(name, outcome.state, outcome.seconds, outcome.summary)
        run.stages.append(outcome)
        for listener in present():
            listener.step(f"{name}: {outcome.summary}", 1.0)
        return outcome

    return stage


ingest = _coat("ingest", retry_delay_seconds=5, **_again_after(ServiceError))
validate = _coat("validate")
prepare = _coat("prepare")
search = _coat("search")
fit = _coat("fit")
evaluate = _coat("evaluate")
package = _coat("package")


@_step(name="data gate")
def data_gate(run: Passage) -> GateOutcome:
    """Ask whether this data may be used."""
    with run.log.part("data gate") as said:
        outcome = gates.data_gate(run)
        said += [outcome.state, *outcome.reasons]
        return outcome


@_step(name="candidate")
def candidate(run: Passage) -> Tagged:
    """Bind everything under one digest, commit, tag; leave a link to the dossier."""
    with run.log.part("candidate") as said:
        tagged = assemble(run.context(), run.git, run.store.candidates())
        run.store.add_candidate(tagged.candidate, tag=tagged.tag, run=run.run.id)
        said.append(tagged.tag)
    dossier = run.paths.dossier.as_uri()
    create_markdown_artifact(
        f"[Dossier of {tagged.tag}]({dossier})", key="dossier", description=tagged.candidate.digest
    )
    return tagged


@_step(name="recorded candidate")
def recorded_candidate(run: Passage) -> Tagged:
    """The candidate that the decision was about, as it was recorded."""
    return recorded(run.context(), run.git, run.pipeline.stale("fit"))


@_step(name="release gate")
def release_gate(run: Passage, tagged: Tagged) -> GateOutcome:
    """Ask whether this candidate may serve."""
    with run.log.part("release gate") as said:
        outcome = gates.release_gate(run, tagged)
        said += [outcome.state, *outcome.reasons]
        return outcome


@_step(name="switch")
def switch(run: Passage, tagged: Tagged, approval: Entry) -> str:
    """Smoke-test the package and make it the champion."""
    with run.log.part("switch") as said:
        tag = releasing.switch(run, tagged, approval)
        said.append(f"{tag} serves")
        return tag


@_step(name="monitor")
def monitor(run: Passage, window: WindowRequest) -> Watched:
    """Look at a window of traffic; open an alert where a check broke."""
    # Monitoring loads pandas, and a run in which nothing changed needs none of it.
    from tasks.watching import watch

    with run.log.part("monitor") as said:
        watched = watch(run, window)
        said.append(watched.message)
        return watched


@_step(name="push", retry_delay_seconds=[2, 10], **_again_after(WorkspaceError))
def push(run: Passage) -> str:
    """Send data, models and tags to the remotes that are configured."""
    with run.log.part("push") as said:
        files = run.pipeline.push()
        if run.git.has_remote():
            run.git.push()
        said.append(f"{files} files pushed")
        return said[-1]
