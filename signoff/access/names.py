"""What may stand in an account: its name, its roles, its e-mail address."""

from __future__ import annotations

import re
from collections.abc import Iterable

from signoff.core.account import PERMISSIONS, Grant
from signoff.core.errors import UsageError, did_you_mean
from signoff.core.policy import POLICY_ACTOR, name_key, same_person
from signoff.core.settings import GatePolicy, Project

INVISIBLE = re.compile(
    "[\\u034f\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u2800\\u3164\\ufe00-\\ufe0f\\uffa0\\U000e0100-\\U000e01ef]"
)
"""Letters and marks that show nothing: Default_Ignorable_Code_Point (Unicode UAX 44) as far as they pass for printable,
and the empty Braille pattern. With one of them a second account would look like the first."""


def known_roles(projects: Iterable[Project]) -> tuple[str, ...]:
    """The standing roles and those that these projects name: in people, in approvals, in stand-ins."""
    roles = set(PERMISSIONS)
    for project in projects:
        roles |= {role for held in project.people.values() for role in held}
        for name in type(project.gates).model_fields:
            policy = getattr(project.gates, name)
            if isinstance(policy, GatePolicy):
                roles |= {approval.role for approval in policy.approvals} | {one.role for one in policy.stand_ins}
    return tuple(sorted(roles))


def as_grant(role: str, project: str, known: Iterable[str]) -> Grant:
    """A role by its name, checked.

    Raises:
        UsageError: no project names it, and it is no standing role.
    """
    known = set(known)
    if role not in known:
        raise UsageError(
            f"there is no role {role!r}",
            allowed=did_you_mean(role, known),
            next_step="a role of the project's own is named in signoff.yaml, in approvals or in people",
        )
    return Grant(role=role, project=project)


def plain_name(name: str) -> str:
    """A name that people can read and that the ledger can bear.

    Raises:
        UsageError: it is empty, too long, cannot be seen, or is kept for automatic decisions.
    """
    name = name.strip()
    encodable = name.encode("utf-8", "ignore").decode() == name
    if (
        INVISIBLE.search(name)
        or not name_key(name)
        or len(name) > 120
        or len(name_key(name)) > 190
        or not name.isprintable()
        or not encodable
    ):
        raise UsageError("this is no name for an account", got=repr(name)[:200], allowed="1 to 120 visible characters")
    if same_person(name, POLICY_ACTOR):
        raise UsageError(f"the name {POLICY_ACTOR} is kept for automatic decisions", allowed="another name")
    return name


def check_email(email: str) -> None:
    """Refuse what is no plain address.

    Raises:
        UsageError: it is none.
    """
    local, at, host = email.partition("@")
    plain = email.isprintable() and not any(sign in email for sign in " ,;<>\"'") and email.isascii()
    if email and not (local and at and host and "@" not in host and plain and len(email) <= 254):
        raise UsageError("this is no e-mail address", got=repr(email)[:200], allowed="NAME@HOST, in ASCII")
