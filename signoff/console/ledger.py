"""The ledger: who decided what and when, whether the chain holds, one entry in full, and audit files."""

from __future__ import annotations

import json
import threading
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Response
from fastapi import Path as InPath
from pydantic import ValidationError

from signoff.console.deps import CallerDep, HomeDep, Offset, ProjectPath, ProjectQuery
from signoff.console.home import Home
from signoff.console.ledger_state import WATCH, Checked
from signoff.console.page import Go, action, page, raw
from signoff.console.wording import Chosen, Listed, narrowed
from signoff.core.account import Permission
from signoff.core.decision import Entry, EntryKind
from signoff.core.errors import NotFoundError, SignoffError, WorkspaceError
from signoff.core.record import Moment, Record
from signoff.ledger import broken_rules, what_is_wrong
from signoff.store.overview import entry_at, ledger_head, list_entries
from signoff.workspace.git import Git

router = APIRouter()
LISTED = 50
AUDITED = r"^([cv][0-9]{1,9}|(data|features|search|release|rollout|alert)-[0-9]{1,9})$"
_one_export = threading.Lock()


class EntryLine(Record):
    """One entry in the list, in a sentence."""

    sequence: int
    kind: EntryKind
    about: str
    to: str | None
    actor: str
    when: Moment | None
    says: str
    hash: str
    drill: bool


class LedgerContext(Listed):
    """A page of a project's chain, the newest entry first, and whether the chain holds."""

    kind: EntryKind | None
    actor: str
    entries: tuple[EntryLine, ...]
    head: int
    checked: Checked | None
    checking: bool
    may_audit: bool


class EntryContext(Record):
    """One entry as it was signed."""

    project: str
    line: EntryLine
    entry: Entry
    text: str
    verdict: tuple[str, ...]
    """What is wrong with this entry by itself; empty when it is whole and signed."""
    judged: bool
    older: int | None
    newer: int | None


@page(router, "/ledger", template="ledger.html", needs=Permission.SEE, title="Ledger")
def ledger(
    home: HomeDep,
    caller: CallerDep,
    project: ProjectQuery = None,
    kind: Chosen[EntryKind] = None,
    actor: Annotated[str, Query(max_length=120)] = "",
    offset: Offset = 0,
) -> LedgerContext:
    """The chain of one project; each project has its own."""
    seen = home.names_seen_by(caller)
    chosen = home.shown_to(caller, project)
    filters = {"project": chosen, "kind": kind, "actor": actor.strip()}
    database = home.accounts.database
    part = list_entries(database, chosen or "", kind=kind, actor=actor, limit=LISTED, offset=offset)
    head = ledger_head(database, chosen or "")
    return LedgerContext(
        projects=seen,
        project=chosen,
        kind=kind,
        actor=actor.strip(),
        entries=tuple(line_of(name, entry) for name, entry in part.rows),
        total=part.total,
        offset=offset,
        limit=LISTED,
        where=narrowed("/ledger", filters) + "offset=",
        head=head[0],
        checked=WATCH.look(home, chosen, head) if chosen else None,
        checking=WATCH.under_way(home, chosen) if chosen else False,
        may_audit=chosen is not None and caller.may(Permission.AUDIT, chosen),
    )


@page(router, "/ledger/{project}/{sequence}", template="entry.html", needs=Permission.SEE, title="Ledger entry")
def entry(
    home: HomeDep, project: ProjectPath, sequence: Annotated[int, InPath(ge=1, le=1_000_000_000)]
) -> EntryContext:
    """One entry with its canonical JSON, hash and signature."""
    found = entry_at(home.accounts.database, project, sequence)
    head = ledger_head(home.accounts.database, project)[0]
    wrong = _wrong(home, project, found)
    return EntryContext(
        project=project,
        line=line_of(project, found),
        entry=found,
        text=json.dumps(found.as_json(), sort_keys=True, indent=2, ensure_ascii=False),
        verdict=wrong or (),
        judged=wrong is not None,
        older=sequence - 1 if sequence > 1 else None,
        newer=sequence + 1 if sequence < head else None,
    )


@action(router, "/ledger/{project}/verify", needs=Permission.AUDIT)
def verify_now(home: HomeDep, project: ProjectPath) -> Go:
    """Check the whole chain again."""
    WATCH.look(home, project, ledger_head(home.accounts.database, project), anew=True)
    return Go(f"/ledger?project={quote(project)}", "the chain is being checked; load the page again in a moment")


@raw(router, "/audit/{project}/{name}", needs=Permission.AUDIT)
def audit(
    home: HomeDep, caller: CallerDep, project: ProjectPath, name: Annotated[str, InPath(pattern=AUDITED)]
) -> Response:
    """The audit file of a release, a candidate or a closed review."""
    desk = home.desk(project)
    wanted = name if "-" in name else f"{project}/{name}"
    # DVC works in one folder of the process at a time, and what is gathered stands in memory.
    try:
        with _one_export:
            data = _exported(desk.paths.root, project, desk.store.entries(), desk, wanted)
    except WorkspaceError as error:
        # A part that is on another machine is no defect of the console.
        what = f"the audit file cannot be gathered here: {error.what}"
        raise NotFoundError(what, where=error.where, got=error.got, next_step=error.next_step) from error
    home.accounts.note_access(caller.name, "audit exported", f"{project}/{name}")
    headers = {"Content-Disposition": f'attachment; filename="{project}-{name}.audit.zip"'}
    return Response(data, headers=headers, media_type="application/zip")


def _exported(root: Path, project: str, entries: tuple[Entry, ...], desk: Any, wanted: str) -> bytes:
    from signoff.audit.export import Archive, export_audit
    from signoff.ledger import expect_whole
    from signoff.workspace.pipeline import Pipeline

    expect_whole(desk.paths, desk.store)
    return export_audit(Archive(desk.paths, project, entries, desk.store, Git(root), Pipeline(root)), wanted)


def _wrong(home: Home, project: str, found: Entry) -> tuple[str, ...] | None:
    """What is wrong with one entry; None where the public keys are not on this machine."""
    try:
        ring = home.desk(project).ledger.ring()
    except SignoffError:
        return None
    wrong = what_is_wrong(found, ring)
    if wrong is not None:
        return (wrong[0],)
    try:
        return tuple(broken_rules(found.decision())) if found.kind == "decision" else ()
    except (ValidationError, ValueError):
        return ("its body is no decision",)


def line_of(project: str, found: Entry) -> EntryLine:
    """An entry in a sentence; a body that cannot be read says so and no more."""
    body, about = found.body, found.about
    place, says, actor = quote(project), "", str(body.get("actor", ""))
    to, when = None, body.get("decided") or body.get("released") or body.get("changed")
    if found.kind == "decision":
        to = f"/reviews/{place}:{quote(about)}"
        says = f"{body.get('verdict', '')}: {body.get('reasons', '')}"
        says += f" (the review stood {body.get('outcome', '')} after it)"
    elif found.kind == "release":
        to = f"/versions/{quote(about)}"
        says = f"{about} serves, from {body.get('candidate_tag', '')}"
    elif found.kind == "key":
        says = f"{body.get('action', '')} key {about}: {body.get('reason', '')}"
    elif found.kind == "seal":
        says = "something was sealed that is told later"
    else:
        to = f"/reviews/{place}:{quote(about)}"
        says = f"{about} was a drill"
    return EntryLine(
        sequence=found.sequence,
        kind=found.kind,
        about=about,
        to=to,
        actor=actor,
        when=_moment(when),
        says=says,
        hash=found.hash,
        drill=bool(body.get("drill", False)),
    )


def _moment(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
