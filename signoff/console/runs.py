"""Runs: the list, and one run as it goes on."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Header, Query, Response
from fastapi import Path as InPath
from pydantic import Field

from signoff.console.deps import CallerDep, HomeDep, Offset, ProjectQuery, require
from signoff.console.home import Home
from signoff.console.page import api, page
from signoff.console.run_events import SLOTS, EventStream, follow
from signoff.console.run_view import RunView, view_of
from signoff.console.wording import Chosen, Listed, narrowed
from signoff.core.account import Caller, Permission
from signoff.core.decision import ReviewState
from signoff.core.discussion import Span, spans
from signoff.core.errors import NotFoundError
from signoff.core.paths import Paths
from signoff.core.record import Moment, Record, now
from signoff.core.run import Cause, Run, RunState
from signoff.core.run_log import run_log_path, whole_run_log
from signoff.store.overview import entry_of_hash, list_runs, runs_of
from signoff.workspace.stopping import runs_here

router = APIRouter()
LISTED = 50
MOST_LOG_BYTES = 4_500_000
BEGIN_SECONDS = 180
"""A run that was started here has a row within this time, or it will have none."""

Ref = Annotated[str, InPath(max_length=200)]


class RunLine(Record):
    """One run in the list."""

    ref: str
    id: str
    project: str
    flow: str
    state: RunState
    cause: Cause
    started: Moment
    ended: Moment | None
    seconds: float
    message: str
    review: str | None
    answered: ReviewState | None = Field(None, description="what became of the review where it waits; None: open")


class RunsContext(Listed):
    """A page of the list of runs, the newest first."""

    startable: tuple[str, ...]
    starting: bool = Field(False, description="a run was started and has no row yet: its process loads for seconds")
    state: RunState | None
    states: tuple[RunState, ...] = tuple(RunState)
    runs: tuple[RunLine, ...]


class Led(Record):
    """A page that a run came from, or led to."""

    to: str
    text: str


class RunContext(Record):
    """One run: where it stands, why it exists, what came of it, and what its log tells."""

    ref: str
    project: str
    run: Run
    seconds: float
    message: tuple[Span, ...]
    cause: Led | None
    results: tuple[Led, ...]
    view: RunView
    kept: bool
    here: bool
    may_run: bool


@page(router, "/runs", template="runs.html", needs=Permission.SEE, title="Runs")
def runs(
    home: HomeDep,
    caller: CallerDep,
    project: ProjectQuery = None,
    state: Chosen[RunState] = None,
    offset: Offset = 0,
    since: Annotated[int, Query(ge=0, le=2**40, description="when a run was started, in seconds of Unix time")] = 0,
) -> RunsContext:
    """Runs of the projects that the caller sees."""
    seen = home.names_seen_by(caller)
    asked = (project,) if project else seen
    part = list_runs(home.accounts.database, asked, state=state, limit=LISTED, offset=offset)
    chosen = {"project": project, "state": state.value if state else None}
    return RunsContext(
        projects=seen,
        startable=tuple(name for name in seen if caller.may(Permission.RUN, name)),
        starting=_is_starting(home, asked, since),
        project=project,
        state=state,
        runs=tuple(_line(home, name, run) for name, run in part.rows),
        total=part.total,
        offset=offset,
        limit=LISTED,
        where=narrowed("/runs", chosen) + "offset=",
    )


@page(router, "/runs/{ref}", template="run.html", needs=Permission.SEE, title="Run")
def run(home: HomeDep, caller: CallerDep, ref: Ref) -> RunContext:
    """One run with its stages, its search and the last lines of its log."""
    project, found = find_run(home, caller, ref)
    paths = workspace_of(home, project)
    moment = now()
    lines = whole_run_log(run_log_path(paths.runs, found.id), most_bytes=MOST_LOG_BYTES) if paths else ()
    running = found.state is RunState.RUNNING
    return RunContext(
        ref=ref,
        project=project,
        run=found,
        seconds=_seconds(found, moment),
        message=tuple(spans(found.message)),
        cause=_cause(home, project, found),
        results=_results(home, project, found),
        view=view_of(lines, found.flow, running=running, moment=moment),
        kept=bool(lines),
        here=running and paths is not None and runs_here(paths, found.id),
        may_run=caller.may(Permission.RUN, project),
    )


@api(
    router,
    "GET",
    "/runs/{ref}/events",
    needs=Permission.SEE,
    title="A run as it happens",
    responses={200: {"content": {"text/event-stream": {}}, "description": "Events until the run ends."}},
)
def events(
    home: HomeDep,
    caller: CallerDep,
    ref: Ref,
    last_event_id: Annotated[str, Header(max_length=20)] = "",
    after: Annotated[int, Query(ge=0, le=2**40)] = 0,
) -> Response:
    """The lines of the run's log as server-sent events; Last-Event-ID, or `after`, says what was seen already."""
    project, found = find_run(home, caller, ref)
    paths = workspace_of(home, project)
    store = home.store_of(project)
    digits = last_event_id.strip()
    start = int(digits) if digits.isascii() and digits.isdigit() else after

    def over() -> bool:
        ended = store.run(found.id).state is not RunState.RUNNING
        return ended or (paths is not None and not runs_here(paths, found.id))

    path: Path | None = run_log_path(paths.runs, found.id) if paths else None
    return EventStream(follow(path, start, over), SLOTS.take(caller.name))


def find_run(home: Home, caller: Caller, ref: str, permission: Permission = Permission.SEE) -> tuple[str, Run]:
    """A run by its id, or by PROJECT:ID where several projects have one of that id.

    Raises:
        NotFoundError: no such run can be seen, or several can.
        NotAllowedError: the caller may see it and no more.
    """
    seen = home.names_seen_by(caller)
    project, colon, identity = ref.rpartition(":")
    found = runs_of(home.accounts.database, identity, tuple(name for name in seen if not colon or name == project))
    if len(found) > 1:
        known = ", ".join(f"{name}:{identity}" for name, _ in found)
        raise NotFoundError(f"several projects have a run {identity}", allowed=known)
    if not found:
        raise NotFoundError(f"there is no run {ref}", next_step="open /runs")
    require(home, caller, permission, found[0][0])
    return found[0]


def _is_starting(home: Home, projects: tuple[str, ...], since: int) -> bool:
    if not 0 <= now().timestamp() - since < BEGIN_SECONDS:
        return False
    newest = list_runs(home.accounts.database, projects, limit=1).rows
    return not newest or newest[0][1].started.timestamp() < since


def workspace_of(home: Home, project: str) -> Paths | None:
    """Where the runs of a project leave their logs; None where its workspace is on another machine."""
    root = home.place(project).root
    return Paths(Path(root)) if root is not None and Path(root).is_dir() else None


def _line(home: Home, project: str, found: Run) -> RunLine:
    return RunLine(
        ref=f"{project}:{found.id}",
        id=found.id,
        project=project,
        flow=found.flow,
        state=found.state,
        cause=found.cause,
        started=found.started,
        ended=found.ended,
        seconds=_seconds(found, now()),
        message=found.message,
        review=found.review,
        answered=_answered(home, project, found),
    )


def _answered(home: Home, project: str, found: Run) -> ReviewState | None:
    """A run ends where it asks; the answer is the review's, and what follows is a run of its own."""
    if found.state is not RunState.WAITING or found.review is None:
        return None
    state = home.store_of(project).review(found.review).state
    return None if state is ReviewState.OPEN else state


def _seconds(found: Run, moment: datetime) -> float:
    return round(((found.ended or moment) - found.started).total_seconds(), 1)


def _cause(home: Home, project: str, found: Run) -> Led | None:
    """The review or the alert that the run came from."""
    reference = found.cause.reference
    if reference is None:
        return None
    if found.cause.kind == "alert":
        return Led(to=f"/alerts/{quote(project)}/{quote(reference)}", text=f"alert {reference}")
    entry = entry_of_hash(home.accounts.database, project, reference)
    if entry is None:
        return None
    if entry.kind == "decision":
        return Led(to=f"/reviews/{quote(project)}:{quote(entry.about)}", text=f"review {entry.about}")
    return Led(to=f"/ledger/{quote(project)}/{entry.sequence}", text=f"ledger entry {entry.sequence}")


def _results(home: Home, project: str, found: Run) -> tuple[Led, ...]:
    """The candidate that the run made or released."""
    store = home.store_of(project)
    made = store.candidate(found.candidate) if found.candidate else None
    if made is None:
        return ()
    led = [Led(to=f"/versions/{quote(made.tag)}", text=made.tag)]
    review = store.standing_review("release", made.digest)
    if review is not None:
        led.append(Led(to=f"/reviews/{quote(project)}:{quote(review.id)}", text=f"review {review.id}"))
    return tuple(led)
