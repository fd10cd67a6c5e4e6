"""The first page, until the inbox stands."""

from __future__ import annotations

from fastapi import APIRouter

from signoff.console.deps import CallerDep, HomeDep
from signoff.console.home import ProjectPlace
from signoff.console.page import page
from signoff.core.account import Permission
from signoff.core.record import Record

router = APIRouter()


class Welcome(Record):
    """The projects that the caller sees."""

    projects: tuple[ProjectPlace, ...]


@page(router, "/", template="thin.html", needs=Permission.SEE, title="Inbox")
def welcome(home: HomeDep, caller: CallerDep) -> Welcome:
    """The projects that the caller sees."""
    return Welcome(projects=home.seen_by(caller))
