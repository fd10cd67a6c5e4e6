"""The projects of this console: what serves, what waits, how the last run ended."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter

from signoff.console.deps import CallerDep, HomeDep
from signoff.console.page import page
from signoff.core.account import Permission
from signoff.core.record import Record
from signoff.store.overview import Standing, standings

router = APIRouter()


class ProjectCard(Record):
    """One project."""

    name: str
    question: str
    here: bool
    root: str | None
    standing: Standing
    roles: tuple[str, ...]


class ProjectsContext(Record):
    """Every project that the caller sees, by name."""

    projects: tuple[ProjectCard, ...]
    waiting: int
    alerts: int


@page(router, "/projects", template="projects.html", needs=Permission.SEE, title="Projects")
def projects(home: HomeDep, caller: CallerDep) -> ProjectsContext:
    """Every project that the caller sees."""
    seen = home.seen_by(caller)
    standing = standings(home.accounts.database, tuple(place.name for place in seen))
    admin = caller.may_anywhere(Permission.ADMIN)
    cards = tuple(
        ProjectCard(
            name=place.name,
            question=place.question,
            here=place.root is not None and Path(place.root).is_dir(),
            # Where a workspace stands on the machine is for those who look after it.
            root=place.root if admin else None,
            standing=standing[place.name],
            roles=caller.roles_in(place.name),
        )
        for place in seen
    )
    return ProjectsContext(
        projects=cards,
        waiting=sum(card.standing.waiting for card in cards),
        alerts=sum(card.standing.alerts for card in cards),
    )
