"""One run: holds the workspace, has a row in the store, ends in exactly one state."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from pydantic import Field

from signoff.announce import announce_now
from signoff.core.errors import SignoffError
from signoff.core.paths import Paths
from signoff.core.record import Record, now
from signoff.core.run import Cause, Request, Run, RunSettings, RunState, load_run_settings, save_run_settings
from signoff.core.settings import Project
from signoff.core.settings_file import load_project, require_tracked_keys
from signoff.core.stage import StageContext
from signoff.gates import Desk, open_desk, settle_alerts
from signoff.store import Store
from signoff.workspace.git import Git
from signoff.workspace.lock import workspace_lock
from signoff.workspace.pipeline import Pipeline
from signoff.workspace.stopping import may_be_stopped, stopped_by
from tasks.listeners import Listeners, present
from tasks.run_log import RunLog, run_log
from tasks.runner import StageOutcome


class Ending(Record):
    """How a run ended: what a flow answers, and what the command line prints."""

    run: str
    state: RunState
    message: str
    review: str | None = None
    tag: str | None = None
    digest: str | None = None
    stages: tuple[StageOutcome, ...] = ()
    watched: dict[str, Any] | None = Field(None, description="what a watch flow found in its window")


@dataclass
class Passage:
    """The open run and what its steps work with."""

    run: Run
    project: Project
    paths: Paths
    git: Git
    pipeline: Pipeline
    desk: Desk
    log: RunLog
    stages: list[StageOutcome] = field(default_factory=list)

    @property
    def store(self) -> Store:
        """Runs, reviews, candidates and alerts."""
        return self.desk.store

    def context(self) -> StageContext:
        """The workspace as a stage sees it now."""
        return StageContext(self.paths, self.project, load_run_settings(self.paths.run), Listeners(*present()))

    def end(
        self,
        state: RunState,
        message: str,
        *,
        review: str | None = None,
        tag: str | None = None,
        digest: str | None = None,
        watched: dict[str, Any] | None = None,
    ) -> Ending:
        """Close the run in the store and say how it ended."""
        self.log.end(self.desk.store.finish_run(self.run.id, state, message=message, candidate=digest, review=review))
        settle_alerts(self.desk)
        stages = tuple(self.stages)
        return Ending(
            run=self.run.id,
            state=state,
            message=message,
            review=review,
            tag=tag,
            digest=digest,
            stages=stages,
            watched=watched,
        )


@contextmanager
def passage(root: Path, flow: str, cause: Cause, request: Request, wait_seconds: float = 0) -> Iterator[Passage]:
    """Open a run under the workspace lock; whatever happens inside, its row ends in a state.

    A run that was killed has left its row behind as running: the next holder of the lock marks it interrupted.

    Raises:
        WorkspaceBusyError: another run holds the workspace.
    """
    paths, project = Paths(root), load_project(root)
    require_tracked_keys(root)
    with workspace_lock(paths.state, f"{flow} ({cause.sentence()})", cause.actor, wait_seconds):
        asked = request.applied(load_run_settings(paths.run))
        desk = open_desk(project, paths)
        desk.store.remember_place(root)
        desk.store.interrupt_running_runs()
        run = desk.store.start_run(_new_run(flow, cause, asked))
        settle_alerts(desk)
        try:
            with run_log(paths, run) as log, may_be_stopped(paths, run.id):
                yield from _ending_in_a_state(Passage(run, project, paths, Git(root), Pipeline(root), desk, log), asked)
        finally:
            announce_now(desk.store, project)
            desk.store.close()


def _ending_in_a_state(passage: Passage, asked: RunSettings) -> Iterator[Passage]:
    """The open run; whatever happens inside, its row and its log are closed."""
    try:
        # Only now: a clock in run.yaml that no row of a run tells of would be nobody's.
        save_run_settings(passage.paths.run, asked)
        yield passage
    except BaseException as error:
        # Also Ctrl-C: the row must not say that a run goes on which does not.
        # Where not even that can be written, the first error is the one to tell, and the next run closes the row.
        stopped = stopped_by(passage.paths, passage.run.id)
        # Whoever ends the process, such as the end of `signoff up`, has not refused the run: like one that was
        # killed it is taken up again where a decision asked for it. One that a person stopped by name is not.
        ended = stopped is None and _told_to_end(error)
        state = RunState.INTERRUPTED if ended else RunState.FAILED
        said = stopped or ("the process was told to end" if ended else str(error) or type(error).__name__)
        with suppress(SignoffError):
            passage.log.end(passage.store.finish_run(passage.run.id, state, message=said))
            settle_alerts(passage.desk)
        raise


def _told_to_end(error: BaseException | None) -> bool:
    """Whether a signal is behind an error: workers that got it too may break what waits for them first."""
    while error is not None:
        if not isinstance(error, Exception):
            return True
        error = error.__cause__ or error.__context__
    return False


def _new_run(flow: str, cause: Cause, asked: RunSettings) -> Run:
    started = now()
    identity = f"{started:%Y%m%d-%H%M%S}-{uuid4().hex[:4]}"
    wished = {"as_of": asked.as_of, "budget": asked.steering.budget}
    return Run(id=identity, flow=flow, cause=cause, state=RunState.RUNNING, started=started, **wished)
