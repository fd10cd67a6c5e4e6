"""Runs: the list, one run as it goes on, and what a person may do with it: stop it, run again, start one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Header, Query, Response
from fastapi import Path as InPath
from pydantic import Field

from signoff.console.deps import CallerDep, HomeDep, Offset, ProjectQuery, require
from signoff.console.home import Home
from signoff.console.page import Go, action, api, page
from signoff.console.problems import InvalidError
from signoff.console.run_events import SLOTS, EventStream, follow
from signoff.console.run_view import RunView, view_of
from signoff.console.wording import Chosen, Listed, narrowed
from signoff.core.account import Caller, Permission
from signoff.core.discussion import Span, spans
from signoff.core.errors import ConflictError, NotFoundError
from signoff.core.paths import Paths
from signoff.core.record import Moment, Record, now
from signoff.core.run import Cause, Request, Run, RunState
from signoff.core.run_log import run_log_path, whole_run_log
from signoff.store.overview import entry_of_hash, list_runs, runs_of
from signoff.workspace.stopping import runs_here, stop_run

router = APIRouter()
LISTED = 50
MOST_LOG_BYTES = 4_500_000
BEGIN_SECONDS = 180
"""A run that was started here has a row within this time, or it will have none."""

Ref = Annotated[str, InPath(max_length=200)]
Note = Annotated[str, Form(max_length=500)]


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


class StartOrder(Record):
    """What is asked for with POST /api/v1/runs."""

    project: str
    note: str = ""
    as_of: str | None = None


class Started(Record):
    """What was started, or asked to end, in one sentence."""

    said: str


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
        runs=tuple(_line(name, run) for name, run in part.rows),
        total=part.total,
        offset=offset,
        limit=LISTED,
        where=narrowed("/runs", chosen) + "offset=",
    )


@page(router, "/runs/{ref}", template="run.html", needs=Permission.SEE, title="Run")
def run(home: HomeDep, caller: CallerDep, ref: Ref) -> RunContext:
    """One run with its stages, its search and the last lines of its log."""
    project, found = find_run(home, caller, ref)
    paths = _paths(home, project)
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
    paths = _paths(home, project)
    store = home.store_of(project)
    digits = last_event_id.strip()
    start = int(digits) if digits.isascii() and digits.isdigit() else after

    def over() -> bool:
        ended = store.run(found.id).state is not RunState.RUNNING
        return ended or (paths is not None and not runs_here(paths, found.id))

    path: Path | None = run_log_path(paths.runs, found.id) if paths else None
    return EventStream(follow(path, start, over), SLOTS.take(caller.name))


@action(router, "/runs/start", needs=Permission.RUN)
def start_form(
    home: HomeDep,
    caller: CallerDep,
    project: Annotated[str, Form(max_length=80)],
    note: Note = "",
    as_of: Annotated[str, Form(max_length=40)] = "",
) -> Go:
    """Start a run by hand."""
    require(home, caller, Permission.RUN, project)
    return _started(project, _start(home, caller, project, note, as_of))


@action(router, "/runs/{ref}/again", needs=Permission.RUN)
def again_form(home: HomeDep, caller: CallerDep, ref: Ref, note: Note = "") -> Go:
    """Run again, with a note why."""
    project, found = find_run(home, caller, ref, Permission.RUN)
    why = f"after {found.id}: {note.strip()}" if note.strip() else f"after {found.id}"
    return _started(project, _start(home, caller, project, why, ""))


@action(router, "/runs/{ref}/stop", needs=Permission.RUN)
def stop_form(home: HomeDep, caller: CallerDep, ref: Ref) -> Go:
    """Ask a run to end."""
    return Go(f"/runs/{quote(ref)}", _stop(home, caller, ref).said)


@api(router, "POST", "/runs", needs=Permission.RUN, status=202, title="Start a run")
def start_json(home: HomeDep, caller: CallerDep, order: StartOrder) -> Started:
    """Start a run by hand; it goes on by itself."""
    require(home, caller, Permission.RUN, order.project)
    return Started(said=_start(home, caller, order.project, order.note, order.as_of or ""))


@api(router, "POST", "/runs/{ref}/stop", needs=Permission.RUN, status=202, title="Stop a run")
def stop_json(home: HomeDep, caller: CallerDep, ref: Ref) -> Started:
    """Ask a run to end, as Ctrl-C would; its row then says who stopped it."""
    return _stop(home, caller, ref)


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


def _started(project: str, said: str) -> Go:
    return Go(f"/runs?project={quote(project)}&since={int(now().timestamp())}", said)


def _is_starting(home: Home, projects: tuple[str, ...], since: int) -> bool:
    if not 0 <= now().timestamp() - since < BEGIN_SECONDS:
        return False
    newest = list_runs(home.accounts.database, projects, limit=1).rows
    return not newest or newest[0][1].started.timestamp() < since


def _start(home: Home, caller: Caller, project: str, note: str, as_of: str) -> str:
    cause = Cause(kind="hand", actor=caller.name, note=_plain(note))
    said = home.starter.start(project, cause, _request(as_of))
    home.accounts.note_access(caller.name, "run started", project, cause.note)
    return said


def _stop(home: Home, caller: Caller, ref: str) -> Started:
    project, found = find_run(home, caller, ref, Permission.RUN)
    paths = _paths(home, project)
    if paths is None:
        raise NotFoundError(
            f"the workspace of {project} is not on this machine",
            where=home.place(project).root,
            next_step="stop the run in the console of the machine that it runs on, or by Ctrl-C where it was started",
        )
    store = home.store_of(project)
    if found.state is RunState.RUNNING and found.id not in {one.id for one in store.runs(state=found.state, here=True)}:
        raise ConflictError(
            f"the run {found.id} goes on in another workspace of {project}",
            where="the state database, which both share",
            next_step="stop it in the console of that workspace, or by Ctrl-C where it was started",
        )
    stop_run(paths, found.id, caller.name)
    home.accounts.note_access(caller.name, "run stopped", f"{project}:{found.id}")
    return Started(said=f"{found.id} was asked to end")


def _plain(note: str) -> str:
    text = " ".join(note.split())
    if len(text) > 500 or not text.isprintable():
        raise InvalidError("the note cannot be taken", where="note", allowed="up to 500 characters that can be seen")
    return text


def _request(as_of: str) -> Request:
    """The clock as a person writes it: empty keeps it, 'now' goes back to the present."""
    text = as_of.strip()
    if not text:
        return Request()
    if text.lower() == "now":
        return Request(unset_clock=True)
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidError(
            "the clock is not a date", where="as_of", got=text[:40], allowed="2013-04-01, 2013-04-01T06:00 or now"
        ) from error
    return Request(as_of=moment)


def _paths(home: Home, project: str) -> Paths | None:
    root = home.place(project).root
    return Paths(Path(root)) if root is not None and Path(root).is_dir() else None


def _line(project: str, found: Run) -> RunLine:
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
    )


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
