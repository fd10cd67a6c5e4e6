"""People: who has an account, with which roles where. For admins of all projects."""

from __future__ import annotations

import secrets
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Response

from signoff.access import (
    as_grant,
    change_roles,
    disable_account,
    enable_account,
    known_roles,
    make_account,
    revoke_token,
    set_password,
    unlock_account,
)
from signoff.access.first_account import what_it_changes
from signoff.console.account import ShownToken, shown_tokens
from signoff.console.deps import CallerDep, HomeDep, VisitDep
from signoff.console.home import Home
from signoff.console.page import Go, action, page
from signoff.console.templating import render
from signoff.core.account import EVERYWHERE, AccessNote, Account, Grant, Permission
from signoff.core.errors import NotFoundError, SignoffError
from signoff.core.record import Moment, Record

router = APIRouter()
Name = Annotated[str, Form(max_length=120)]


class Person(Record):
    """An account without what opens it."""

    name: str
    grants: tuple[Grant, ...]
    email: str
    disabled: bool
    one_time: bool
    local: bool
    made: Moment
    tokens: tuple[ShownToken, ...]


class PeopleContext(Record):
    """Everybody, and what can be granted."""

    people: tuple[Person, ...]
    roles: tuple[str, ...]
    projects: tuple[str, ...]
    changes: tuple[str, ...] = ()
    """What the first named account changes about decisions, while that is news."""
    told_name: str = ""
    told_password: str = ""
    """A one-time password that was made just now: shown this once."""


class AccessContext(Record):
    """The access log, newest first."""

    notes: tuple[AccessNote, ...]
    limit: int


@page(router, "/people", template="people.html", needs=Permission.ADMIN, title="People", everywhere=True)
def people_page(home: HomeDep) -> PeopleContext:
    """Every account with its roles and tokens."""
    return people_context(home)


@page(router, "/access", template="access.html", needs=Permission.ADMIN, title="Access log", everywhere=True)
def access_page(home: HomeDep, limit: Annotated[int, Query(ge=1, le=2000)] = 200) -> AccessContext:
    """Log-ins, changes of accounts, decisions: who, what, about what or from where, and how it ended."""
    return AccessContext(notes=home.accounts.access_log(limit), limit=limit)


@action(router, "/people", needs=Permission.ADMIN, everywhere=True)
def add(
    visit: VisitDep,
    home: HomeDep,
    caller: CallerDep,
    name: Name = "",
    role: Annotated[str, Form(max_length=60)] = "",
    project: Annotated[str, Form(max_length=80)] = EVERYWHERE,
    email: Annotated[str, Form(max_length=254)] = "",
) -> Response:
    """Make an account with a one-time password, which is shown once."""
    grant = _grant(home, role, project)
    password = secrets.token_urlsafe(15)
    made = make_account(home.accounts, name, password, [grant], by=caller.name, email=email.strip(), one_time=True)
    return _told(visit, home, made, password)


@action(router, "/people/roles", needs=Permission.ADMIN, everywhere=True)
def roles(
    home: HomeDep,
    caller: CallerDep,
    name: Name = "",
    do: Annotated[Literal["grant", "revoke"], Form()] = "grant",
    role: Annotated[str, Form(max_length=60)] = "",
    project: Annotated[str, Form(max_length=80)] = EVERYWHERE,
) -> Go:
    """Give or take one role; the account's sessions end."""
    if do == "grant":
        change_roles(home.accounts, name, grant=[_grant(home, role, project)], by=caller.name)
    else:
        held = home.accounts.account(name).grants
        wanted = [one for one in held if (one.role, one.project) == (role, project)]
        if not wanted:
            raise NotFoundError(f"{name} does not have that role", got=role)
        change_roles(home.accounts, name, revoke=wanted, by=caller.name)
    where = "in all projects" if project == EVERYWHERE else f"in {project}"
    verb = "has now" if do == "grant" else "no longer has"
    return Go("/people", f"{name} {verb} the role {role} {where}.")


@action(router, "/people/state", needs=Permission.ADMIN, everywhere=True)
def state(
    home: HomeDep,
    caller: CallerDep,
    name: Name = "",
    do: Annotated[Literal["disable", "enable", "unlock"], Form()] = "disable",
) -> Go:
    """Disable, enable, or end the pause after failed log-ins."""
    if do == "unlock":
        unlock_account(home.accounts, name, by=caller.name)
        return Go("/people", f"{name} may log in again.")
    change = disable_account if do == "disable" else enable_account
    change(home.accounts, name, by=caller.name)
    return Go("/people", f"{name} is {do}d.")


@action(router, "/people/reset", needs=Permission.ADMIN, everywhere=True)
def reset(visit: VisitDep, home: HomeDep, caller: CallerDep, name: Name = "") -> Response:
    """Give a one-time password, shown once; every session of the account ends."""
    password = secrets.token_urlsafe(15)
    changed = set_password(home.accounts, name, password, by=caller.name, one_time=True)
    return _told(visit, home, changed, password)


@action(router, "/people/tokens/revoke", needs=Permission.ADMIN, everywhere=True)
def end_token(home: HomeDep, caller: CallerDep, id: Annotated[str, Form(max_length=80)] = "") -> Go:
    """End anybody's token."""
    token = revoke_token(home.accounts, id, caller.name)
    return Go("/people", f"The token {id} of {token.account} is revoked.")


def people_context(home: Home, name: str = "", password: str = "") -> PeopleContext:
    """What admins see."""
    return PeopleContext(
        people=tuple(_person(home, account) for account in home.accounts.accounts()),
        roles=_roles(home),
        projects=tuple(place.name for place in home.projects()),
        changes=what_it_changes(home.accounts),
        told_name=name,
        told_password=password,
    )


def _told(visit: VisitDep, home: Home, account: Account, password: str) -> Response:
    return render(visit, "people.html", people_context(home, account.name, password), "People")


def _person(home: Home, account: Account) -> Person:
    return Person(
        name=account.name,
        grants=account.grants,
        email=account.email,
        disabled=account.disabled,
        one_time=account.one_time,
        local=account.password is not None,
        made=account.made,
        tokens=tuple(token for token in shown_tokens(home, account) if token.state == "in force"),
    )


def _grant(home: Home, role: str, project: str) -> Grant:
    if project != EVERYWHERE:
        home.place(project)
    return as_grant(role, project, _roles(home))


def _roles(home: Home) -> tuple[str, ...]:
    settings = []
    for place in home.projects():
        try:
            settings.append(home.settings_of(place.name))
        except SignoffError:
            # A project whose workspace is elsewhere or broken names no roles here.
            continue
    return known_roles(settings)
