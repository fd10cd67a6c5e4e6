"""What a person may do with runs, by a form or by JSON: start one, run again, stop it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form

from signoff.console.deps import CallerDep, HomeDep, require
from signoff.console.home import Home
from signoff.console.page import Go, action, api
from signoff.console.problems import InvalidError
from signoff.console.runs import Ref, find_run, workspace_of
from signoff.core.account import Caller, Permission
from signoff.core.errors import ConflictError, NotFoundError
from signoff.core.record import Record, now
from signoff.core.run import Cause, Request, RunState
from signoff.workspace.stopping import stop_run

router = APIRouter()
Note = Annotated[str, Form(max_length=500)]


class StartOrder(Record):
    """What is asked for with POST /api/v1/runs."""

    project: str
    note: str = ""
    as_of: str | None = None


class Started(Record):
    """What was started, or asked to end, in one sentence."""

    said: str


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


def _started(project: str, said: str) -> Go:
    return Go(f"/runs?project={quote(project)}&since={int(now().timestamp())}", said)


def _start(home: Home, caller: Caller, project: str, note: str, as_of: str) -> str:
    cause = Cause(kind="hand", actor=caller.name, note=_plain(note))
    said = home.starter.start(project, cause, _request(as_of))
    home.accounts.note_access(caller.name, "run started", project, cause.note)
    return said


def _stop(home: Home, caller: Caller, ref: str) -> Started:
    project, found = find_run(home, caller, ref, Permission.RUN)
    paths = workspace_of(home, project)
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
