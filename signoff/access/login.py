"""Log-in by name and password, and the sessions that it opens."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from signoff.access.passwords import hash_password, is_outdated, matches
from signoff.access.problems import LogInError
from signoff.access.throttle import count_try, network_of, take_back
from signoff.core.account import Account, Session
from signoff.core.record import now
from signoff.store import Store

IDLE_HOURS = 1.0
"""A session ends after so long without a request (NIST SP 800-63B, 2.2.3), and after its hours in any case."""

SEEN_EVERY = timedelta(minutes=1)
"""How exactly the last request of a session is known: no page waits for a write each time."""

FRESH_PROOF = timedelta(minutes=5)
"""How long a log-in made anew at the identity provider stands for the password that such an account has not."""

NOBODY = "(nobody)"
"""Who stands in the access log for a name that no account bears."""


def log_in(store: Store, name: str, password: str, address: str, moment: datetime) -> Account:
    """The account of a name and its password.

    An unknown name, a wrong password and a disabled account are told alike and take the same time.

    Args:
        store: of the deployment.
        name: in any spelling.
        password: never kept and never logged.
        address: where the request comes from, for the limit of tries; 'terminal' for a command.
        moment: now.

    Raises:
        LogInError: name and password do not belong together.
        TooManyTriesError: too many tries failed before; this one was not looked at.
    """
    account = store.find_account(name)
    actor = account.name if account else NOBODY
    count_try(store, name, address, moment)
    right = matches(account.password if account else None, password)
    if account is None or not right or account.disabled:
        store.note_access(actor, "log-in", network_of(address), "refused")
        raise LogInError("name and password do not belong together")
    take_back(store, name, address, moment)
    store.note_access(actor, "log-in", network_of(address), "done")
    return _rehashed(store, account, password)


def open_session(store: Store, account: Account, hours: float, *, proved: bool = False) -> str:
    """Begin a session: its id of 256 random bits, of which the store keeps only the SHA-256.

    Args:
        store: of the deployment.
        account: that has proved itself.
        hours: after which the session ends, used or not.
        proved: the identity provider made them log in anew, because it was asked to.
    """
    opened, identity = now(), secrets.token_urlsafe(32)
    expires, proof = opened + timedelta(hours=hours), opened if proved else None
    session = Session(account=account.name, opened=opened, seen=opened, expires=expires, proved=proof)
    store.add_session(_hash(identity), session)
    return identity


def session_account(store: Store, identity: str, moment: datetime | None = None) -> Account | None:
    """The account of a session that goes on; None when it ended, was idle too long, or never was."""
    moment = moment or now()
    found = store.session_and_account(_hash(identity))
    if found is None:
        return None
    session, account = found
    over = moment >= session.expires or moment - session.seen >= timedelta(hours=IDLE_HOURS)
    if account is None or account.disabled or over:
        store.remove_session(_hash(identity))
        return None
    if moment - session.seen >= SEEN_EVERY:
        store.update_session(_hash(identity), session.model_copy(update={"seen": moment}))
    return account


def proved_lately(store: Store, identity: str, moment: datetime | None = None) -> bool:
    """Whether the session began within the last minutes with a log-in that the identity provider made anew."""
    session = store.session(_hash(identity))
    return session is not None and session.proved is not None and (moment or now()) - session.proved < FRESH_PROOF


def end_session(store: Store, identity: str) -> None:
    """Log out: the id opens nothing any more, whoever kept it."""
    session = store.session(_hash(identity))
    if session is not None:
        store.remove_session(_hash(identity))
        store.note_access(session.account, "log-out", result="done")


def _rehashed(store: Store, account: Account, password: str) -> Account:
    """With today's parameters, when they were changed since the password was set."""
    if account.password is None or not is_outdated(account.password):
        return account
    hashed = hash_password(password)
    with store.transaction():
        # Hashing takes a while, and the account may have been disabled or given another password meanwhile.
        kept = store.account(account.name)
        if kept.password != account.password:
            return account
        return store.save_account(kept.model_copy(update={"password": hashed}), keep_sessions=True)


def _hash(identity: str) -> str:
    return hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest()
