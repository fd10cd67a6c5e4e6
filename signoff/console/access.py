"""Who may use which route: every route is written down here when it is declared, or the console does not start."""

from __future__ import annotations

from typing import Literal

from fastapi import Request

from signoff.console.problems import InvalidError, NotAllowedError
from signoff.console.visit import CSRF_HEADER, VisitDep
from signoff.core.account import EVERYWHERE, Permission
from signoff.core.record import Record

SAFE = ("GET", "HEAD")


class Access(Record):
    """What a route asks of its caller."""

    method: str
    path: str
    kind: Literal["page", "action", "api"]
    needs: Permission | None
    """None: any account, about itself."""
    everywhere: bool = False
    """Whether the permission must hold for all projects, as for accounts."""


REGISTRY: dict[tuple[str, str], Access] = {}
"""Every declared route by method and path."""


def register(access: Access) -> Access:
    """Write a route down.

    Raises:
        ValueError: it is there already.
    """
    key = (access.method, access.path)
    if key in REGISTRY:
        raise ValueError(f"{access.method} {access.path} is declared twice")
    REGISTRY[key] = access
    return access


def access_of(request: Request) -> Access:
    """What the route of this request asks."""
    access: Access = request.scope["endpoint"].access
    return access


def guard(request: Request, visit: VisitDep) -> None:
    """Stand before every handler: who asks, whether they may, and that no other site made them ask.

    Raises:
        LoginNeededError: nobody has logged in.
        NotAllowedError: the caller lacks the permission everywhere.
        ForgedError: a session posts JSON without its token.
        InvalidError: the address holds a NUL, which no name has and not every database can be asked about.
    """
    _refuse_nul(request)
    access = access_of(request)
    if access.needs is Permission.PUBLIC:
        return
    caller = visit.proven()
    if access.needs is not None:
        may = caller.may(access.needs, EVERYWHERE) if access.everywhere else caller.may_anywhere(access.needs)
        if not may:
            raise NotAllowedError(f"{caller.name} may not do this", allowed=f"the permission {access.needs.value}")
    elif caller.via == "token" and access.method not in SAFE:
        raise NotAllowedError("a token may not change its own account", allowed="a log-in")
    if access.kind == "api" and access.method not in SAFE and caller.via == "session":
        visit.check_form(request.headers.get(CSRF_HEADER))


def _refuse_nul(request: Request) -> None:
    asked = (request.url.path, *(part for pair in request.query_params.multi_items() for part in pair))
    if any("\0" in part or "%00" in part for part in asked):
        raise InvalidError("the address holds a character that no name has", where="address", got="NUL")
