"""A key's life: made, introduced by an older one, replaced, retired. Each step is an entry of the ledger."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from signoff.core.decision import Entry, KeyChange
from signoff.core.errors import ConflictError, NotFoundError, RefusedError, SettingsError, UsageError, did_you_mean
from signoff.core.paths import Paths
from signoff.core.record import Record, now
from signoff.ledger.keys import (
    VARIABLE,
    Signer,
    fingerprint,
    key_files,
    key_id,
    key_place,
    open_signer,
    publish_key,
    read_public,
    read_signer,
)
from signoff.ledger.trust import KeyRing

if TYPE_CHECKING:
    from signoff.ledger.ledger import Ledger

WITH_VARIABLE = (
    "make a key elsewhere (openssl genpkey -algorithm ed25519 -out new.pem; openssl pkey -in new.pem -pubout -out "
    "new.pub), signoff key introduce new.pub, put new.pem into the variable, signoff key retire OLD"
)


class KeyState(Record):
    """One key as the ledger sees it."""

    key: str
    fingerprint: str
    state: Literal["root", "introduced", "retired", "unknown"]
    first: int | None = None
    last: int | None = None
    introduced: int | None = None
    signs_here: bool = False


def introduce(ledger: Ledger, file: Path, *, actor: str, reason: str, since: int | None = None) -> Entry:
    """Let the ledger trust another public key from the next entry on.

    Args:
        ledger: of the workspace, where a trusted key signs.
        file: the public key, as PEM.
        actor: who does it.
        reason: why; signed with it.
        since: the first entry that it may have signed already, for a ledger of a time when keys needed no introduction.

    Raises:
        UsageError: the file holds no Ed25519 public key.
        ConflictError: the key was introduced before; a retired one stays retired.
        RefusedError: there is no entry yet, or this deployment's own key is not trusted.
    """
    public = read_public(file)
    if public is None:
        raise UsageError(
            "the file holds no Ed25519 public key",
            where=str(file),
            allowed="PEM, as `signoff key make` and `openssl pkey -pubout` write it",
        )
    with ledger.store.transaction():
        _expect_begun(ledger)
        ring = ledger.ring()
        if key_id(public) in ring:
            span = ring.spans[key_id(public)]
            became = f"and entry {span.last} retired it" if span.last else "and counts"
            raise ConflictError(f"the key {key_id(public)} is in the ledger already, {became}", where=str(file))
        entry = ledger.append("key", _change("introduce", public, actor, reason, since))
    _publish(ledger, entry, public)
    return entry


def retire(ledger: Ledger, key: str, *, actor: str, reason: str) -> Entry:
    """End a key: what it signed so far stays valid, and nothing after this entry is.

    Raises:
        NotFoundError: the ledger trusts no such key.
        ConflictError: it is retired already.
        RefusedError: no other key could sign after it.
    """
    with ledger.store.transaction():
        _expect_begun(ledger)
        ring, sequence = ledger.ring(), ledger.store.ledger_length() + 2
        if key not in ring:
            raise NotFoundError(f"the ledger trusts no key {key}", allowed=did_you_mean(key, ring))
        if ring.why_not(key, sequence) is not None:
            raise ConflictError(f"the key {key} was retired by entry {ring.spans[key].last}")
        if all(name == key or ring.why_not(name, sequence) is not None for name in ring):
            raise RefusedError(
                "no key would be left to sign with", where=f"key {key}", next_step="signoff key rotate, or introduce"
            )
        entry = ledger.append("key", _change("retire", ring[key], actor, reason))
    ledger.publish(entry)
    return entry


def rotate(ledger: Ledger, *, actor: str, reason: str) -> tuple[Entry, Entry]:
    """Replace the deployment's key: the old one introduces the new one, the new one retires the old one.

    Both entries become true together. The old private key is gone afterwards. Killed anywhere, the next entry or
    the next rotation goes on with whichever key counts.

    Raises:
        SettingsError: the key comes from SIGNOFF_LEDGER_KEY, which cannot be changed from here.
        RefusedError: there is no entry yet, or the deployment's key is not trusted.
    """
    if os.environ.get(VARIABLE):
        raise SettingsError("the key is in the environment", where=VARIABLE, next_step=WITH_VARIABLE)
    paths = ledger.paths
    with ledger.store.transaction():
        _expect_begun(ledger)
        finish_rotation(paths, ledger.ring())
        old, new = open_signer(paths, make=False), read_signer(_next(paths))
        first = ledger.append("key", _change("introduce", new.public, actor, reason), old)
        second = ledger.append("key", _change("retire", old.public, actor, reason), new)
    _publish(ledger, first, new.public)
    ledger.publish(second)
    finish_rotation(paths, ledger.ring())
    return first, second


def finish_rotation(paths: Paths, ring: KeyRing) -> bool:
    """Put the new key in the old one's place where the ledger counts it already; whether that was still to do."""
    waiting = _next(paths)
    if os.environ.get(VARIABLE) or not waiting.exists() or read_signer(waiting).key_id not in ring:
        return False
    waiting.replace(key_place(paths))
    return True


def key_states(ring: KeyRing, paths: Paths) -> tuple[KeyState, ...]:
    """All keys: those that count, those that did, and files that are trusted for nothing."""
    own = own_key(paths)
    here = own.key_id if own is not None else None
    found = []
    for name, span in sorted(ring.spans.items(), key=lambda item: item[1].first):
        state: Literal["root", "introduced", "retired"] = "root" if name == ring.root else "introduced"
        found.append(
            KeyState(
                key=name,
                fingerprint=fingerprint(span.public),
                state="retired" if span.last is not None else state,
                first=span.first,
                last=span.last,
                introduced=span.introduced,
                signs_here=name == here,
            )
        )
    others = {name: public for name, public in key_files(paths.public_keys).items() if name not in ring}
    if own is not None and own.key_id not in ring:
        others[own.key_id] = own.public
    for name, public in sorted(others.items()):
        found.append(KeyState(key=name, fingerprint=fingerprint(public), state="unknown", signs_here=name == here))
    return tuple(found)


def own_key(paths: Paths) -> Signer | None:
    """The deployment's key, if it has one; none is made."""
    return open_signer(paths, make=False) if os.environ.get(VARIABLE) or key_place(paths).exists() else None


def _next(paths: Paths) -> Path:
    return key_place(paths).with_name("ledger.key.next")


def _expect_begun(ledger: Ledger) -> None:
    if ledger.store.ledger_length() == 0:
        raise RefusedError(
            "the ledger has no entry yet; the key that signs the first one becomes its root", next_step="signoff run"
        )


def _change(
    action: Literal["introduce", "retire"], public: Ed25519PublicKey, actor: str, reason: str, since: int | None = None
) -> dict[str, object]:
    if not reason.strip():
        raise UsageError("a change of keys needs a reason", next_step="say why with --reason TEXT")
    raw = public.public_bytes_raw().hex()
    change = KeyChange(
        action=action, key=key_id(public), public=raw, since=since, actor=actor, reason=reason.strip(), changed=now()
    )
    return change.as_json()


def _publish(ledger: Ledger, entry: Entry, public: Ed25519PublicKey) -> None:
    """The key's file is for people to read; what counts is the entry."""
    publish_key(public, ledger.paths.public_keys / f"{key_id(public)}.pub")
    ledger.publish(entry)
