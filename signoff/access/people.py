"""Making and changing accounts: each change says who made it, and is noted in the access log.

These functions ask for no permission: a route asks its caller for ADMIN, and a command runs as whoever may write
the state database, which is the owner of the deployment.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence

from signoff.access.names import check_email, plain_name
from signoff.access.passwords import check_password, hash_password, matches
from signoff.access.problems import LogInError
from signoff.access.throttle import count_try, take_back, unlock
from signoff.access.tokens import revoke_tokens_of
from signoff.core.account import EVERYWHERE, Account, Grant
from signoff.core.errors import RefusedError, UsageError
from signoff.core.record import now
from signoff.store import Store

FIRST_ADMIN = "admin"
SYSTEM = "first start"
CHANGING = "password change"
"""Stands for an address where tries to change a password are counted."""


def first_admin(store: Store) -> str | None:
    """Make the first account, and answer its one-time password exactly once; None where anybody has an account."""
    if store.accounts():
        return None
    password = secrets.token_urlsafe(15)
    account = Account(
        name=FIRST_ADMIN,
        grants=(Grant(role="admin"),),
        password=hash_password(password),
        one_time=True,
        bootstrap=True,
        made=now(),
    )
    with store.transaction():
        if store.accounts():
            return None
        store.add_account(account)
        store.note_access(SYSTEM, "account made", FIRST_ADMIN, "admin, with a one-time password")
    return password


def make_account(
    store: Store,
    name: str,
    password: str | None,
    grants: Sequence[Grant],
    *,
    by: str,
    email: str = "",
    subject: str | None = None,
    one_time: bool = False,
) -> Account:
    """A new account.

    Args:
        store: of the deployment.
        name: as `core.policy.name_key` compares it, nobody else's.
        password: at least 12 characters; None for an account that logs in elsewhere.
        grants: its roles; `known_roles` checks their names.
        by: who makes it.
        email: where announcements for its roles go.
        subject: issuer and subject at the identity provider.
        one_time: the password has to be changed at the first log-in.

    Raises:
        UsageError: the name, the e-mail address or the password is not allowed.
        ConflictError: the name is taken.
    """
    name = plain_name(name)
    check_email(email)
    if password is not None:
        check_password(name, password)
    account = Account(
        name=name,
        grants=_unique(grants),
        password=hash_password(password) if password is not None else None,
        one_time=one_time and password is not None,
        email=email,
        subject=subject,
        made=now(),
    )
    with store.transaction():
        store.add_account(account)
        store.note_access(by, "account made", name, _said(account.grants))
    return account


def change_roles(
    store: Store, name: str, *, grant: Sequence[Grant] = (), revoke: Sequence[Grant] = (), by: str
) -> Account:
    """Give and take roles; the account's sessions end.

    Raises:
        NotFoundError: there is no such account.
        UsageError: a role to be taken is not held.
        RefusedError: nobody would be left who is admin everywhere.
    """

    def changed(account: Account) -> Account:
        for one in revoke:
            if one not in account.grants:
                raise UsageError(f"{name} does not have the role {_said([one])}", allowed=_said(account.grants))
        kept = [one for one in account.grants if one not in revoke]
        return account.model_copy(update={"grants": _unique([*kept, *grant])})

    return _change(store, name, changed, by, "roles changed", lambda account: _said(account.grants))


def disable_account(store: Store, name: str, *, by: str) -> Account:
    """Take away all that an account may do: log-in, sessions, tokens, decisions to come.

    Its tokens are revoked: enabling the account later must not wake one that was the reason to disable it.

    Raises:
        NotFoundError: there is no such account.
        RefusedError: nobody would be left who is admin everywhere.
    """
    with store.transaction():
        disabled = _change(store, name, lambda one: one.model_copy(update={"disabled": True}), by, "account disabled")
        revoke_tokens_of(store, disabled.name, by)
    return disabled


def enable_account(store: Store, name: str, *, by: str) -> Account:
    """Give it back, but sessions and tokens, which are made anew."""
    return _change(store, name, lambda one: one.model_copy(update={"disabled": False}), by, "account enabled")


def set_password(
    store: Store, name: str, password: str, *, by: str, one_time: bool = False, end_tokens: bool = False
) -> Account:
    """Set somebody's password; every session of the account ends, and pauses too. Tokens stay unless asked.

    Raises:
        NotFoundError: there is no such account.
        UsageError: the password is not allowed.
    """
    account = store.account(name)
    check_password(account.name, password)
    hashed = hash_password(password)
    update = {"password": hashed, "one_time": one_time}
    with store.transaction():
        changed = _change(store, name, lambda one: one.model_copy(update=update), by, "password set")
        if end_tokens:
            revoke_tokens_of(store, changed.name, by)
    unlock(store, account.name)
    return changed


def change_password(store: Store, name: str, old: str, new: str, *, end_tokens: bool = False) -> Account:
    """Change one's own password; every session of the account ends, this one too, and its tokens if asked.

    Tries are counted like log-ins: a session that somebody left open must not serve to guess the password.

    Raises:
        LogInError: the old password is not the account's.
        TooManyTriesError: too many tries failed before.
        UsageError: the new one is not allowed, or is the old one.
    """
    account = prove_again(store, name, old, "password change")
    if matches(account.password, new):
        raise UsageError("the new password is the old one", allowed="another password")
    return set_password(store, name, new, by=account.name, end_tokens=end_tokens)


def prove_again(store: Store, name: str, password: str, purpose: str) -> Account:
    """Whoever is logged in proves once more who they are, before what a session alone may not do.

    Args:
        store: of the deployment.
        name: of the account.
        password: its own.
        purpose: for the access log, where this is refused.

    Raises:
        LogInError: this is not the account's password.
        TooManyTriesError: too many tries failed before.
    """
    account, moment = store.account(name), now()
    count_try(store, account.name, CHANGING, moment)
    if not matches(account.password, password):
        store.note_access(account.name, purpose, result="refused")
        raise LogInError(f"the {'old ' if purpose == 'password change' else ''}password is not right")
    take_back(store, account.name, CHANGING, moment)
    return account


def set_email(store: Store, name: str, email: str, *, by: str) -> Account:
    """Change where an account's announcements go.

    Raises:
        UsageError: this is no e-mail address.
    """
    check_email(email)
    return _change(store, name, lambda one: one.model_copy(update={"email": email}), by, "e-mail set")


def unlock_account(store: Store, name: str, *, by: str) -> None:
    """End the pause after failed log-ins.

    Raises:
        NotFoundError: there is no such account.
    """
    account = store.account(name)
    unlock(store, account.name)
    store.note_access(by, "account unlocked", account.name)


def _change(
    store: Store,
    name: str,
    changed: Callable[[Account], Account],
    by: str,
    what: str,
    result: Callable[[Account], str] = lambda _: "done",
) -> Account:
    with store.transaction():
        before = store.account(name)
        account = changed(before)
        if _rules(before) and not any(_rules(one) for one in store.accounts() if one.name != account.name):
            _refuse_no_admin(account)
        store.save_account(account)
        store.note_access(by, what, account.name, result(account))
    return account


def _refuse_no_admin(account: Account) -> None:
    if not _rules(account):
        raise RefusedError(
            f"{account.name} is the last admin",
            allowed="one account that is not disabled and admin everywhere",
            next_step="signoff user role OTHER --grant admin",
        )


def _rules(account: Account) -> bool:
    return not account.disabled and Grant(role="admin") in account.grants


def _unique(grants: Iterable[Grant]) -> tuple[Grant, ...]:
    return tuple(sorted(set(grants), key=lambda one: (one.project, one.role)))


def _said(grants: Sequence[Grant]) -> str:
    where = (f"{one.role}" + ("" if one.project == EVERYWHERE else f" in {one.project}") for one in grants)
    return ", ".join(where) or "no role"
