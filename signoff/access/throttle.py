"""How often somebody may try: sliding windows in the store, so that every process counts together.

A try is counted before the password is looked at, so that many at once do not get ahead of the count, and taken
back when it succeeds. After `free` failed tries the next has to wait, twice as long each time. Tries within a pause
are refused unseen and not counted, so a pause cannot be made longer by hammering.

Three things are counted. A name from one address bears the long pause: whoever guesses locks out themselves. An
address bears the tries of all names. A name over all addresses bears only a short pause: that is the trade-off
between guessing from many addresses (at most some 300 tries a day) and locking somebody out who did nothing. Open
sessions and tokens go on in any pause, and `signoff user unlock` ends one.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address
from math import ceil
from typing import NamedTuple

from signoff.access.problems import TooManyTriesError
from signoff.core.policy import name_key
from signoff.store import Store

WINDOW = timedelta(hours=24)
FIRST_PAUSE = timedelta(seconds=30)


class Limit(NamedTuple):
    """How many tries are free, and how long the longest pause is."""

    about: str
    free: int
    longest: timedelta


def limits(name: str, address: str) -> tuple[Limit, ...]:
    """What a try of this name from this address is counted against."""
    where = _hashed("address", network_of(address))
    return (
        Limit(f"{_hashed('pair', name)} {where}", 5, timedelta(minutes=15)),
        Limit(where, 20, timedelta(minutes=15)),
        Limit(_hashed("name", name), 10, timedelta(minutes=5)),
    )


def count_try(store: Store, name: str, address: str, moment: datetime) -> None:
    """Count a try, unless it comes within a pause.

    Raises:
        TooManyTriesError: it does.
    """
    with store.transaction():
        until = max((pause_until(store, limit, moment) for limit in limits(name, address)), default=moment)
        if until > moment:
            seconds = ceil((until - moment).total_seconds())
            raise TooManyTriesError(
                "too many log-ins failed",
                got=f"wait {seconds} s",
                next_step="wait, or ask an admin for: signoff user unlock NAME",
            )
        for limit in limits(name, address):
            store.note_attempt(limit.about, moment)


def take_back(store: Store, name: str, address: str, moment: datetime) -> None:
    """The try succeeded: the name starts anew here, and what was counted for the rest is one less."""
    pair, address_limit, who = limits(name, address)
    with store.transaction():
        store.forget_attempts(pair.about)
        store.forget_attempts(who.about)
        store.forget_attempts(address_limit.about, moment)
        store.drop_old_attempts(moment - WINDOW)


def unlock(store: Store, name: str) -> None:
    """End the pauses of a name, from whatever address."""
    who = _hashed("name", name)
    store.forget_attempts(who)
    store.forget_attempts(f"{_hashed('pair', name)} ", beginning=True)


def pause_until(store: Store, limit: Limit, moment: datetime) -> datetime:
    """When the next try is looked at: `moment` or earlier when there is no pause."""
    tries = store.attempts_since(limit.about, moment - WINDOW)
    over = len(tries) - limit.free
    if over < 0:
        return moment
    pause: timedelta = min(FIRST_PAUSE * 2 ** min(over, 20), limit.longest)
    return tries[0] + pause


def network_of(address: str) -> str:
    """An address as it is counted: IPv6 by its /64, which one subscriber has whole (RFC 6177)."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address[:100]
    if not isinstance(found, IPv6Address):
        return str(found)
    return str(found.ipv4_mapped or IPv6Address(int(found) >> 64 << 64))


def _hashed(kind: str, text: str) -> str:
    """Names are counted by a hash: people type passwords into the field of the name."""
    return f"{kind}:{hashlib.sha256(name_key(text).encode('utf-8', 'replace')).hexdigest()}"
