"""API tokens: `sgn_ID_SECRET`, printed once, kept as a hash, scoped, expiring, revocable."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from signoff.access.callers import caller_of
from signoff.core.account import EVERYWHERE, Account, ApiToken, Caller, Scope
from signoff.core.errors import NotFoundError, RefusedError, UsageError, did_you_mean
from signoff.core.record import now
from signoff.store import Store

PREFIX = "sgn_"
DEFAULT_DAYS = 90
MOST_DAYS = 366
USED_EVERY = timedelta(minutes=1)
"""How exactly the last use is known."""

_SHAPE = re.compile(rf"{PREFIX}([0-9a-f]{{16}})_[A-Za-z0-9_-]{{43}}", re.ASCII)


def make_token(
    store: Store,
    account: Account,
    scopes: Sequence[Scope | str],
    days: float = DEFAULT_DAYS,
    project: str = EVERYWHERE,
    by: str | None = None,
) -> str:
    """A new token of an account; this is the only time that it can be read.

    Args:
        store: of the deployment.
        account: whose roles bound what the token may do, now and later.
        scopes: what it may be used for, at most.
        days: until it expires, in (0, 366].
        project: the one that it is for.
        by: who made it, for the access log; the account itself when not given.

    Raises:
        UsageError: no scope, an unknown one, or too many days.
        RefusedError: the account is disabled, or its one-time password was not changed.
    """
    kept = tuple(sorted({_scope(scope) for scope in scopes}))
    if not kept:
        raise UsageError("a token needs a scope", allowed=", ".join(Scope), next_step="add --scope SCOPE")
    if not 0 < days <= MOST_DAYS:
        raise UsageError("a token lives for days", got=f"{days:g}", allowed=f"more than 0, at most {MOST_DAYS}")
    if account.disabled or account.one_time:
        why = "is disabled" if account.disabled else "has a one-time password, which has to be changed first"
        step = (
            f"signoff user enable {account.name}"
            if account.disabled
            else f"{account.name} logs in to the console first"
        )
        raise RefusedError(f"the account {account.name} {why}", next_step=step)
    identity, made = secrets.token_hex(8), now()
    text = f"{PREFIX}{identity}_{secrets.token_urlsafe(32)}"
    token = ApiToken(
        id=identity,
        account=account.name,
        sha256=_hash(text),
        scopes=kept,
        project=project,
        made=made,
        expires=made + timedelta(days=days),
    )
    with store.transaction():
        store.add_token(token)
        reach = "all projects" if project == EVERYWHERE else project
        store.note_access(by or account.name, "token made", account.name, f"{identity}: {', '.join(kept)}, {reach}")
    return text


def token_caller(store: Store, text: str, moment: datetime | None = None) -> Caller | None:
    """Whoever holds a token that is known, neither expired nor revoked, of an account that is not disabled."""
    moment = moment or now()
    shape = _SHAPE.fullmatch(text)
    found = store.token_and_account(shape[1]) if shape else None
    if found is None or not hmac.compare_digest(found[0].sha256, _hash(text)):
        return None
    token, account = found
    if account is None or account.disabled or token.revoked is not None or moment >= token.expires:
        return None
    if token.last_used is None or moment - token.last_used >= USED_EVERY:
        _note_use(store, token.id, moment)
    facts = {"via": "token", "scopes": token.scopes, "project": token.project}
    return caller_of(store, account).model_copy(update=facts)


def revoke_token(store: Store, identity: str, by: str) -> ApiToken:
    """End a token at once; one that was revoked before stays as it was.

    Raises:
        NotFoundError: there is no token of that id.
    """
    with store.transaction():
        token = store.token(identity)
        if token is None:
            shown = identity[:8] + "…" if _SHAPE.fullmatch(identity) else identity
            raise NotFoundError(
                f"there is no token {shown!r}",
                allowed="the id of a token: sgn_ID_...",
                next_step="signoff user tokens NAME",
            )
        if token.revoked is None:
            token = token.model_copy(update={"revoked": now()})
            store.update_token(token)
            store.note_access(by, "token revoked", token.account, identity)
    return token


def tokens_in_force(store: Store, name: str, moment: datetime | None = None) -> tuple[ApiToken, ...]:
    """The tokens of an account that are neither expired nor revoked, the oldest first."""
    moment = moment or now()
    return tuple(token for token in store.tokens_of(name) if token.revoked is None and moment < token.expires)


def revoke_tokens_of(store: Store, name: str, by: str) -> int:
    """End every token of an account at once; how many were in force."""
    with store.transaction():
        ended = tokens_in_force(store, name)
        for token in ended:
            revoke_token(store, token.id, by)
    return len(ended)


def _note_use(store: Store, identity: str, moment: datetime) -> None:
    """Read again under the write lock: a revocation meanwhile must not be written over."""
    with store.transaction():
        token = store.token(identity)
        if token is not None:
            store.update_token(token.model_copy(update={"last_used": moment}))


def _scope(scope: Scope | str) -> Scope:
    try:
        return Scope(scope)
    except ValueError as error:
        raise UsageError(
            "there is no such scope", got=scope, allowed=did_you_mean(str(scope), (one.value for one in Scope))
        ) from error


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
