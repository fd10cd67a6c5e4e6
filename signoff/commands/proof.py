"""Who acts at the terminal: proven by a token or a password as soon as accounts are in force."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from signoff.commands.output import actor_or_user
from signoff.core.account import Caller, Permission
from signoff.core.errors import RefusedError, UsageError
from signoff.core.policy import same_person
from signoff.core.record import now

if TYPE_CHECKING:
    from signoff.store import Store

TOKEN_VARIABLE = "SIGNOFF_TOKEN"
ADDRESS = "terminal"
"""Where log-ins by command come from, for the limit of tries."""


def prove(
    store: Store, project: str, actor: str | None, permission: Permission, password_stdin: bool = False
) -> tuple[str, Caller | None]:
    """The name of whoever acts, and their proof: None until accounts are in force, when the name is taken as given.

    Args:
        store: of the project.
        project: where they act.
        actor: `--as`; the token's account when not given, else the operating system's user.
        permission: what the act needs.
        password_stdin: read the password from standard input.

    Raises:
        RefusedError: the token or the password opens nothing, belongs to somebody else, or does not allow this; or
            there is neither, and accounts are in force.
    """
    caller = token_holder(store)
    if caller is None:
        name = actor_or_user(actor)
        if not store.accounts_in_force():
            return name, None
        caller = _by_password(store, name, permission, password_stdin)
    if actor is not None and not same_person(actor, caller.name):
        raise RefusedError(
            f"the token in {TOKEN_VARIABLE} is {caller.name}'s, not {actor}'s",
            next_step=f"unset {TOKEN_VARIABLE}, or leave out --as",
        )
    if not caller.may(permission, project):
        raise _not_allowed(caller, permission, project)
    return caller.name, caller


def starter(store: Store, project: str, actor: str | None, password_stdin: bool = False) -> str:
    """Who starts a run: proven with `--as`; else the bearer of the token that is set, else the system's user.

    Raises:
        RefusedError: `--as` names somebody who did not prove to be that.
    """
    return named(store, project, actor, Permission.RUN, password_stdin)


def named(store: Store, project: str, actor: str | None, permission: Permission, password_stdin: bool = False) -> str:
    """Whose name stands on an act that the owner of the deployment may do anyway.

    Nobody else's name is written there unproven: `--as` needs a proof as soon as accounts are in force. Without it the
    bearer of the token that is set, whatever its scopes (four eyes must know whose hand it is), else the operating
    system's user.

    Raises:
        RefusedError: `--as` names somebody who did not prove to be that.
    """
    if actor is not None:
        return prove(store, project, actor, permission, password_stdin)[0]
    caller = token_holder(store)
    return caller.name if caller is not None else actor_or_user(None)


def token_holder(store: Store) -> Caller | None:
    """The bearer of the token in SIGNOFF_TOKEN; None where there is none.

    Raises:
        RefusedError: the token is unknown, expired or revoked, or its account is disabled.
    """
    text = os.environ.get(TOKEN_VARIABLE, "").strip()
    if not text:
        return None
    from signoff.access import token_caller

    caller = token_caller(store, text)
    if caller is None:
        raise RefusedError(
            "the token is not valid: unknown, expired or revoked",
            where=TOKEN_VARIABLE,
            next_step="signoff user token NAME --scope decide prints a new one",
        )
    return caller


def read_password(password_stdin: bool, prompt: str) -> str | None:
    """A password from standard input (its first line) or typed unseen; None where there is nobody to ask."""
    if password_stdin:
        line = sys.stdin.readline()
        password = line.removesuffix("\n").removesuffix("\r")
        if not password:
            raise UsageError("no password came in", where="standard input", next_step="printf %s ... | signoff ...")
        return password
    if not sys.stdin.isatty():
        return None
    return getpass.getpass(prompt)


def new_password(password_stdin: bool, name: str, check: Callable[[str, str], None]) -> str:
    """A password to be set: from standard input, or typed twice.

    Raises:
        UsageError: there is nobody to ask, or the two do not agree, or it is not allowed.
    """
    password = read_password(password_stdin, f"new password of {name}: ")
    if password is None:
        raise UsageError(
            "a password is needed", allowed="--password-stdin, or a terminal to type it", next_step="--password-stdin"
        )
    check(name, password)
    if not password_stdin and getpass.getpass("once more: ") != password:
        raise UsageError("the two passwords are not the same")
    return password


def _by_password(store: Store, name: str, permission: Permission, password_stdin: bool) -> Caller:
    from signoff.access import caller_of, log_in

    password = read_password(password_stdin, f"password of {name}: ")
    if password is None:
        who = name if store.find_account(name) else "NAME"
        raise RefusedError(
            f"{name} has to prove who acts: accounts are in force",
            allowed=f"a token in {TOKEN_VARIABLE}, or a password: typed, or by --password-stdin",
            next_step=f"signoff user token {who} --scope {_scope(permission)}, then export {TOKEN_VARIABLE}=TOKEN",
        )
    account = log_in(store, name, password, ADDRESS, now())
    if account.one_time:
        raise RefusedError(
            "the one-time password has to be changed first",
            next_step=f"signoff user password {account.name} --password-stdin",
        )
    return caller_of(store, account)


def _not_allowed(caller: Caller, permission: Permission, project: str) -> RefusedError:
    scopes = ", ".join(caller.scopes)
    by_roles = Caller(name=caller.name, account=caller.account, via="session", alone=caller.alone)
    if caller.via == "token" and by_roles.may(permission, project):
        return RefusedError(
            f"this token of {caller.name} is not for that",
            where=TOKEN_VARIABLE,
            got=f"scope {scopes}, project {caller.project}",
            allowed=f"the scope {_scope(permission)} for {project}",
            next_step=f"signoff user token {caller.name} --scope {_scope(permission)}",
        )
    return RefusedError(
        f"{caller.name} may not {permission.value} in {project}",
        got=", ".join(caller.roles_in(project)) or "no role",
        next_step=f"signoff user role {caller.name} --grant ROLE --project {project}",
    )


def _scope(permission: Permission) -> str:
    return permission.value if permission in (Permission.RUN, Permission.DECIDE, Permission.ADMIN) else "read"
