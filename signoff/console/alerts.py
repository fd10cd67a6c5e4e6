"""Alerts: what monitoring found in the traffic that was served, and the report of its window."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Response
from fastapi import Path as InPath
from fastapi.responses import HTMLResponse
from pydantic import ValidationError

from signoff.console.deps import CallerDep, HomeDep, Offset, ProjectPath, ProjectQuery
from signoff.console.home import Home
from signoff.console.page import page, raw
from signoff.console.wording import Chosen, Listed, narrowed
from signoff.core.account import Permission
from signoff.core.decision import ReviewState
from signoff.core.errors import NotFoundError
from signoff.core.monitoring import Alert, WindowReport
from signoff.core.paths import Paths
from signoff.core.record import Record
from signoff.store.overview import list_alerts

router = APIRouter()
LISTED, MOST_WINDOWS = 50, 400
State = Literal["open", "acknowledged", "retraining", "closed"]
AlertId = Annotated[str, InPath(max_length=120)]

REPORT_HEADERS = {
    # Evidently's page brings its own script and style; it may do nothing but draw, in an origin of its own.
    "Content-Security-Policy": "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'"
    " data: blob:; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; frame-src data: blob:;"
    " frame-ancestors 'none'; form-action 'none'; base-uri 'none'",
}


class AlertLine(Record):
    """One alert in the list."""

    project: str
    alert: Alert
    to: str


class AlertsContext(Listed):
    """A page of alerts, the newest first."""

    state: State | None
    alerts: tuple[AlertLine, ...]


class AlertContext(Record):
    """One alert, the window that raised it, and the open review that asks about it or about its retrain."""

    project: str
    alert: Alert
    report: WindowReport | None
    window: str | None
    asks: str | None
    has_page: bool


@page(router, "/alerts", template="alerts.html", needs=Permission.SEE, title="Alerts")
def alerts(
    home: HomeDep,
    caller: CallerDep,
    project: ProjectQuery = None,
    state: Chosen[State] = None,
    offset: Offset = 0,
) -> AlertsContext:
    """Alerts of the projects that the caller sees."""
    seen = home.names_seen_by(caller)
    part = list_alerts(
        home.accounts.database, (project,) if project else seen, state=state, limit=LISTED, offset=offset
    )
    chosen = {"project": project, "state": state}
    return AlertsContext(
        projects=seen,
        project=project,
        state=state,
        alerts=tuple(
            AlertLine(project=name, alert=alert, to=f"/alerts/{quote(name)}/{quote(alert.id)}")
            for name, alert in part.rows
        ),
        total=part.total,
        offset=offset,
        limit=LISTED,
        where=narrowed("/alerts", chosen) + "offset=",
    )


@page(router, "/alerts/{project}/{alert_id}", template="alert.html", needs=Permission.SEE, title="Alert")
def alert(home: HomeDep, project: ProjectPath, alert_id: AlertId) -> AlertContext:
    """One alert with its window."""
    store = home.store_of(project)
    found = store.alert(alert_id)
    folder, report = _window_of(home, project, alert_id)
    asked = next((one for one in store.reviews(state=ReviewState.OPEN) if one.id == found.review), None)
    asked = asked or store.standing_review("alert", found.question)
    return AlertContext(
        project=project,
        alert=found,
        report=report,
        window=folder.name if folder else None,
        asks=f"{project}:{asked.id}" if asked and asked.state is ReviewState.OPEN else None,
        has_page=folder is not None and (folder / "report.html").is_file(),
    )


@raw(router, "/alerts/{project}/{alert_id}/report", needs=Permission.SEE)
def report(home: HomeDep, project: ProjectPath, alert_id: AlertId) -> Response:
    """The window's own page, shut away: it may draw and nothing else."""
    found = home.store_of(project).alert(alert_id)
    folder, _ = _window_of(home, project, found.id)
    if folder is None or not (folder / "report.html").is_file():
        raise NotFoundError(f"the alert {found.id} has no report here", next_step="signoff monitor")
    return HTMLResponse((folder / "report.html").read_bytes(), headers=REPORT_HEADERS)


def _window_of(home: Home, project: str, alert_id: str) -> tuple[Path | None, WindowReport | None]:
    """The folder of the window that raised an alert: found by what is written in it, never by a name from outside."""
    root = home.place(project).root
    if root is None:
        return None, None
    folder = Paths(Path(root)).monitoring
    files = sorted(folder.glob("*/window.json"), reverse=True)[:MOST_WINDOWS] if folder.is_dir() else []
    for file in files:
        text = file.read_text(encoding="utf-8", errors="replace")
        if json.dumps(alert_id) not in text:
            continue
        try:
            found = WindowReport.model_validate_json(text)
        except ValidationError:
            # A window of another version of Signoff, or torn: the alert itself is in the store.
            continue
        if found.alert is not None and found.alert.id == alert_id:
            return file.parent, found
    return None, None
