"""Which keys may sign which entries: one root, and what later entries introduce and retire.

The key of entry 1 is the root. Any other key counts from the entry that introduces it, signed by a key that
counted already; a retired key counts up to the entry that retires it. A key file that no entry introduces is
trusted for nothing, whoever put it there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import ValidationError

from signoff.core.decision import Entry, Finding, KeyChange
from signoff.core.errors import RefusedError, SettingsError
from signoff.ledger.journal import key_entry_files
from signoff.ledger.keys import PublicKeys, fingerprint, key_files, key_id, signature_holds

PINNED = "SIGNOFF_PUBLIC_KEYS"
"""Environment variable: a folder of public keys, or a fingerprint; the root must be one of them."""


@dataclass(frozen=True)
class Span:
    """The part of the ledger that one key may sign."""

    public: Ed25519PublicKey
    first: int = 1
    last: int | None = None
    introduced: int | None = None
    """Number of the entry that introduced it; None for the root."""


class KeyRing(Mapping[str, Ed25519PublicKey]):
    """The trusted keys by their id, each with its part of the ledger."""

    def __init__(self, spans: Mapping[str, Span], root: str | None, strangers: Iterable[str] = ()) -> None:
        self.spans = dict(spans)
        self.root = root
        self.strangers = frozenset(strangers)
        """Ids of key files that no entry introduces."""

    def __getitem__(self, key: str) -> Ed25519PublicKey:
        return self.spans[key].public

    def __iter__(self) -> Iterator[str]:
        return iter(self.spans)

    def __len__(self) -> int:
        return len(self.spans)

    def why_not(self, key: str, sequence: int) -> str | None:
        """The rule by which a key may not sign the entry of this number, or None."""
        span = self.spans.get(key)
        if span is None:
            return "a key that no entry introduces" if key in self.strangers else "an unknown key"
        if span.last is not None and sequence > span.last:
            return f"a key that entry {span.last} retired"
        if sequence < span.first:
            return f"a key that counts only from entry {span.first}"
        return None

    @property
    def root_fingerprint(self) -> str | None:
        """Hex SHA-256 of the root's raw public key; None where the root's file is not there."""
        return fingerprint(self[self.root]) if self.root in self.spans else None


def what_is_wrong(entry: Entry, keys: PublicKeys) -> tuple[str, str, str] | None:
    """What is wrong with an entry by itself: what, got, expected. None when hash and signature hold.

    Args:
        entry: as it was read.
        keys: a ring, which knows the part of the ledger that each key may sign, or keys that may sign anything.
    """
    if entry.expected_hash() != entry.hash:
        return "the entry was edited: its content does not give its hash", entry.expected_hash(), entry.hash
    forbidden = keys.why_not(entry.key, entry.sequence) if isinstance(keys, KeyRing) else None
    if forbidden is None and entry.key not in keys:
        forbidden = "an unknown key"
    if forbidden is not None:
        return f"the entry is signed by {forbidden}", f"key {entry.key}", ", ".join(sorted(keys)) or "a public key"
    if not signature_holds(keys[entry.key], entry.hash, entry.signature):
        return "the signature does not hold", entry.signature[:16] + "…", f"a signature by key {entry.key}"
    return None


def ring_of(entries: Iterable[Entry], files: PublicKeys) -> KeyRing:
    """The keys that a ledger trusts.

    Args:
        entries: its first entry and its changes of keys, in order; others are passed over.
        files: the public keys beside it. Of these only the root is taken; the others are in the entries, whole.
    """
    entries = tuple(entries)
    root = _root(entries, files)
    spans = {root: Span(files[root])} if root is not None and root in files else {}
    for entry in entries:
        if (
            entry.kind == "key"
            and what_is_wrong(entry, KeyRing(spans, root)) is None
            and not wrong_change(entry, spans)
        ):
            change = entry.key_change()
            spans[change.key] = _changed(entry.sequence, change, spans.get(change.key))
    return KeyRing(spans, root, files.keys() - spans.keys())


def _root(entries: Sequence[Entry], files: PublicKeys) -> str | None:
    """The key of the first entry; of the first one that is whole, where that one was bent and so says nothing."""
    whole = (entry for entry in entries if what_is_wrong(entry, files) is None)
    first = next(whole, entries[0] if entries else None)
    return first.key if first is not None else None


def _changed(sequence: int, change: KeyChange, before: Span | None) -> Span:
    if before is not None:
        return Span(before.public, before.first, sequence, before.introduced)
    public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(change.public))
    return Span(public, change.since or sequence + 1, None, sequence)


def wrong_change(entry: Entry, spans: Mapping[str, Span]) -> str | None:
    """Why a signed change of keys changes nothing, or None.

    Args:
        entry: of the kind key.
        spans: the keys as they stood before it.
    """
    try:
        change = entry.key_change()
    except ValidationError as error:
        return f"its body is no change of keys: {error.errors()[0]['msg']}"
    public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(change.public))
    if key_id(public) != change.key:
        return f"the public key is not the one of the id {change.key}"
    known = spans.get(change.key)
    if change.action == "introduce":
        return f"the key {change.key} was introduced before" if known is not None else None
    if known is None:
        return f"it retires the key {change.key}, which was never introduced"
    return f"the key {change.key} was retired before" if known.last is not None else None


def wrong_changes(entries: Iterable[Entry], files: PublicKeys) -> Iterator[tuple[Entry, str]]:
    """The signed changes of keys that change nothing, and why."""
    seen: list[Entry] = []
    for entry in entries:
        if entry.kind == "key" and (wrong := wrong_change(entry, ring_of(seen, files).spans)) is not None:
            yield entry, wrong
        if not seen or entry.kind == "key":
            seen.append(entry)


def read_public_keys(folder: Path) -> KeyRing:
    """The keys of a folder that are trusted.

    Beside a ledger (decisions/keys) they are its root and what its entries introduce. A folder without a ledger (the
    keys of a package, or pinned ones) is trusted as it is.
    """
    files = key_files(folder)
    entries = tuple(entry for file in key_entry_files(folder.parent) if (entry := file.entry()) is not None)
    if entries:
        return ring_of(entries, files)
    return KeyRing({name: Span(public) for name, public in files.items()}, None)


def strange_files(ring: KeyRing) -> Iterator[Finding]:
    """The key files that nobody vouches for."""
    for name in sorted(ring.strangers):
        yield Finding(
            what="no entry introduces this key, so it is trusted for nothing (remove the file, or where a trusted key "
            f"signs: signoff key introduce decisions/keys/{name}.pub)",
            where=f"decisions/keys/{name}.pub",
        )


def pinned(given: str | None = None) -> frozenset[str]:
    """The fingerprints of the roots that are believed: the one given, else what SIGNOFF_PUBLIC_KEYS names; or none.

    Raises:
        SettingsError: it is neither a fingerprint nor a folder that holds a public key.
    """
    text = given or os.environ.get(PINNED)
    if not text:
        return frozenset()
    text = text.strip()
    if re.fullmatch(r"[0-9a-fA-F]{16,64}", text):
        return frozenset({text.lower()})
    found = frozenset(fingerprint(public) for public in key_files(Path(text)).values())
    if not found:
        raise SettingsError(
            "the pinned root is no fingerprint and no folder of public keys",
            where="--root" if given else PINNED,
            got=text,
            allowed="at least 16 of the 64 hexadecimal digits of a fingerprint, or a folder with ID.pub files",
            next_step="signoff key list, where the ledger is known to be right",
        )
    return found


def is_pinned(ring: KeyRing, pins: frozenset[str]) -> bool:
    """Whether the ring's root is one of those that are believed; with no pins any is."""
    root = ring.root_fingerprint
    return not pins or (root is not None and any(root.startswith(pin) for pin in pins))


def expect_signer(ring: KeyRing, key: str, sequence: int) -> None:
    """Refuse to sign with a key that the ledger would not trust.

    Raises:
        RefusedError: it was never introduced, or is retired.
    """
    forbidden = ring.why_not(key, sequence)
    if forbidden is not None:
        raise RefusedError(
            f"this deployment's key may not sign: it is {forbidden}",
            where=f"key {key}",
            allowed=", ".join(name for name in sorted(ring) if ring.why_not(name, sequence) is None) or "no key",
            next_step="signoff key make prints the file; where a trusted key signs: signoff key introduce FILE",
        )
