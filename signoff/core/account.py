"""Accounts, what they may do, and how they prove who they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from pydantic import Field

from signoff.core.record import Moment, Record

EVERYWHERE = "*"
"""Stands for all projects in a grant."""


class Permission(StrEnum):
    """What a route or a command asks of its caller."""

    PUBLIC = "public"
    SEE = "see"
    COMMENT = "comment"
    DECIDE = "decide"
    RUN = "run"
    AUDIT = "audit"
    ADMIN = "admin"


PERMISSIONS: Mapping[str, frozenset[Permission]] = {
    "viewer": frozenset({Permission.SEE}),
    "operator": frozenset({Permission.SEE, Permission.COMMENT, Permission.RUN, Permission.DECIDE}),
    "reviewer": frozenset({Permission.SEE, Permission.COMMENT, Permission.RUN, Permission.DECIDE, Permission.AUDIT}),
    "admin": frozenset({Permission.SEE, Permission.COMMENT, Permission.RUN, Permission.AUDIT, Permission.ADMIN}),
}
"""What each standing role may do. DECIDE lets somebody press the button; the gate's policy says whose press counts."""

PROJECT_ROLE = frozenset({Permission.SEE, Permission.COMMENT, Permission.DECIDE, Permission.AUDIT})
"""What a role that only the project names (business owner, ...) may do."""


class Scope(StrEnum):
    """What an API token may be used for, at most; its account's roles bound it too."""

    READ = "read"
    COMMENT = "comment"
    DECIDE = "decide"
    RUN = "run"
    ADMIN = "admin"


SCOPES: Mapping[Scope, frozenset[Permission]] = {
    Scope.READ: frozenset({Permission.SEE, Permission.AUDIT}),
    Scope.COMMENT: frozenset({Permission.SEE, Permission.COMMENT}),
    Scope.DECIDE: frozenset({Permission.SEE, Permission.COMMENT, Permission.DECIDE, Permission.AUDIT}),
    Scope.RUN: frozenset({Permission.SEE, Permission.RUN}),
    Scope.ADMIN: frozenset({Permission.SEE, Permission.AUDIT, Permission.ADMIN}),
}


class Grant(Record):
    """A role in one project, or everywhere."""

    role: str = Field(pattern=r"^[a-z][a-z0-9 _-]{0,40}$")
    project: str = EVERYWHERE


class Account(Record):
    """Somebody who may use the console or the API."""

    name: str = Field(min_length=1, max_length=120)
    grants: tuple[Grant, ...] = ()
    password: str | None = Field(None, description="argon2id hash; None for accounts that log in elsewhere (OIDC)")
    one_time: bool = Field(False, description="the password has to be changed at the first log-in")
    email: str = ""
    disabled: bool = False
    bootstrap: bool = Field(False, description="made by the first start, before anybody was named")
    subject: str | None = Field(None, description="the OIDC issuer and subject, as 'ISSUER SUBJECT'")
    made: Moment
    lens: str = Field("", description="business, science, operations or audit; the last one chosen")

    def roles_in(self, project: str) -> tuple[str, ...]:
        """The roles in one project, sorted; none when disabled."""
        if self.disabled:
            return ()
        return tuple(sorted({grant.role for grant in self.grants if grant.project in (EVERYWHERE, project)}))


class ApiToken(Record):
    """A token as it is kept: only its hash. The token itself is printed once."""

    id: str
    account: str
    sha256: str
    scopes: tuple[Scope, ...]
    project: str = EVERYWHERE
    made: Moment
    expires: Moment
    revoked: Moment | None = None
    last_used: Moment | None = None


class Session(Record):
    """A log-in as it is kept, under the SHA-256 of its id."""

    account: str
    opened: Moment
    seen: Moment
    expires: Moment
    proved: Moment | None = Field(None, description="when the identity provider made them log in anew, being asked to")


class AccessNote(Record):
    """One line of the access log."""

    moment: Moment
    actor: str
    what: str
    where: str = ""
    result: str = ""


class Caller(Record):
    """Whoever makes a request, after they proved it: what every page and every route goes by."""

    name: str
    account: Account
    via: str = Field(description="session or token")
    scopes: tuple[Scope, ...] = Field((), description="of the token; empty with a session, which bounds nothing")
    project: str = Field(EVERYWHERE, description="the one project that a token is for")
    alone: bool = Field(False, description="nobody was named yet: the bootstrap admin may act as operator and reviewer")

    def roles_in(self, project: str) -> tuple[str, ...]:
        """The roles with which decisions are signed; none before a one-time password was changed."""
        if self.project not in (EVERYWHERE, project) or self.account.one_time:
            return ()
        own = self.account.roles_in(project)
        return tuple(sorted({*own, "operator", "reviewer"})) if self.alone and own else own

    def may(self, permission: Permission, project: str) -> bool:
        """Whether this caller has the permission in a project; token scopes bound the account's roles."""
        if permission is Permission.PUBLIC:
            return True
        granted = permissions_of(self.roles_in(project))
        if self.via == "token":
            granted &= frozenset().union(*(SCOPES[scope] for scope in self.scopes))
        return permission in granted

    def may_anywhere(self, permission: Permission) -> bool:
        """Whether there is a project, or all of them, in which this caller has the permission."""
        named = {grant.project for grant in self.account.grants} | {EVERYWHERE, self.project}
        return any(self.may(permission, project) for project in named)


def permissions_of(roles: Iterable[str]) -> frozenset[Permission]:
    """What these roles may do together."""
    return frozenset().union(*(PERMISSIONS.get(role, PROJECT_ROLE) for role in roles))
