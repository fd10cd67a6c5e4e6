"""What a handler may ask for: the home, the caller, a project it may touch, a review it may see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Query, Request

from signoff.console.access import access_of
from signoff.console.home import Home, unknown_project
from signoff.console.problems import NotAllowedError
from signoff.console.visit import HomeDep, VisitDep
from signoff.core.account import Caller, Permission
from signoff.core.errors import NotFoundError
from signoff.store.places import projects_with_review

__all__ = ["CallerDep", "HomeDep", "Offset", "ProjectPath", "ProjectQuery", "ReviewDep", "ReviewPlace", "VisitDep"]

NAME = r"^[a-z][a-z0-9_-]{0,62}$"


def caller_of_visit(visit: VisitDep) -> Caller:
    """Whoever asks, proven."""
    return visit.proven()


CallerDep = Annotated[Caller, Depends(caller_of_visit)]


def require(home: Home, caller: Caller, permission: Permission | None, project: str) -> str:
    """The project, where the caller may do this in it.

    Raises:
        NotFoundError: there is no such project, or the caller may not even see it: both look alike.
        NotAllowedError: the caller may see it and no more.
    """
    seen = home.seen_by(caller)
    if project not in {place.name for place in seen}:
        raise unknown_project(project, seen)
    if permission is not None and not caller.may(permission, project):
        raise NotAllowedError(
            f"{caller.name} may not do this in {project}",
            got=", ".join(caller.roles_in(project)) or "no role",
            allowed=f"the permission {permission.value}",
        )
    return project


def _project_path(
    request: Request, home: HomeDep, caller: CallerDep, project: Annotated[str, Path(pattern=NAME)]
) -> str:
    return require(home, caller, access_of(request).needs, project)


def _project_query(
    request: Request,
    home: HomeDep,
    caller: CallerDep,
    project: Annotated[str | None, Query(pattern=f"{NAME}|^$")] = None,
) -> str | None:
    return None if not project else require(home, caller, access_of(request).needs, project)


ProjectPath = Annotated[str, Depends(_project_path)]
"""The project of the path, checked: seen, and with what the route needs."""

ProjectQuery = Annotated[str | None, Depends(_project_query)]
"""The project of ?project=, checked likewise; None where all are meant."""

Offset = Annotated[int, Query(ge=0, le=1_000_000)]
"""How many of a list stand before the page that is asked for."""


@dataclass(frozen=True)
class ReviewPlace:
    """Where a review stands: `ref` is how addresses name it."""

    project: str
    id: str
    ref: str


def find_review(home: Home, caller: Caller, ref: str) -> ReviewPlace:
    """`release-3` where only one project that the caller sees has it, else `PROJECT:release-3`.

    Raises:
        NotFoundError: no such review can be seen, or several can.
    """
    seen = home.names_seen_by(caller)
    project, colon, identity = ref.rpartition(":")
    if not colon:
        found = [name for name in projects_with_review(home.accounts.database, ref) if name in seen]
    else:
        found = [project] if project in seen else []
    if len(found) > 1:
        raise NotFoundError(
            f"several projects have a review {identity}", allowed=", ".join(f"{name}:{identity}" for name in found)
        )
    if not found:
        raise NotFoundError(f"there is no review {ref}", next_step="open /reviews")
    return ReviewPlace(found[0], identity, ref)


def _review(
    request: Request, home: HomeDep, caller: CallerDep, ref: Annotated[str, Path(max_length=200)]
) -> ReviewPlace:
    place = find_review(home, caller, ref)
    require(home, caller, access_of(request).needs, place.project)
    return place


ReviewDep = Annotated[ReviewPlace, Depends(_review)]
"""The review of {ref} in the path, checked like a project."""
