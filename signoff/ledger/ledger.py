"""The ledger: signed entries in the table first, then as files; acknowledged when both are on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from signoff.core.decision import Entry, EntryKind, Release, ReviewState
from signoff.core.errors import IntegrityError, RefusedError
from signoff.core.paths import Paths
from signoff.core.policy_proof import refuses, why_not_released
from signoff.core.record import now
from signoff.ledger.drills import is_drill
from signoff.ledger.journal import anchor_line, entry_files, numbers, write_entry
from signoff.ledger.keys import Signer, key_files, open_signer, publish_key
from signoff.ledger.rotation import finish_rotation
from signoff.ledger.rules import broken_rules
from signoff.ledger.trust import KeyRing, expect_signer, read_public_keys, ring_of, what_is_wrong
from signoff.ledger.verify import verify

if TYPE_CHECKING:
    from signoff.store import Store

RESTORE = "signoff verify --restore"


class Ledger:
    """Who writes into a workspace's ledger. The table leads; the files follow it, except in a fresh clone."""

    def __init__(self, store: Store, paths: Paths) -> None:
        self.store = store
        self.paths = paths

    def ring(self) -> KeyRing:
        """The keys that the ledger trusts, by its table."""
        return ring_of(self.store.key_entries(), key_files(self.paths.public_keys))

    def entries(self, *, about: str | None = None) -> tuple[Entry, ...]:
        """All entries in order, or those about one review or release."""
        return self.store.entries(about=about)

    def record_release(self, release: Release) -> Entry:
        """Sign and keep a release, which makes it the champion. The champion recorded again is not doubled.

        Raises:
            RefusedError: no decision of the ledger approves exactly this digest, or releases are frozen.
        """
        with self.store.transaction():
            entries = self.entries()
            last = next((entry for entry in reversed(entries) if entry.kind == "release"), None)
            if last is not None and _same_release(last.release(), release):
                entry = last
            else:
                self._refuse_unapproved(release, entries)
                entry = self.append("release", release.as_json())
                self.store.note("released", about=release.tag, moment=release.released)
        self.publish(entry)
        return entry

    def append(self, kind: EntryKind, body: dict[str, Any], signer: Signer | None = None) -> Entry:
        """Sign an entry and add it to the table. `publish` has to follow, after the surrounding transaction.

        Args:
            kind: of the entry.
            body: plain JSON.
            signer: the deployment's key when not given.

        Raises:
            RefusedError: decisions/ holds entries that the table does not have, or the key may not sign.
            IntegrityError: the newest row was tampered with, or this deployment has no key.
        """
        given = signer

        def sign(sequence: int, previous: str) -> Entry:
            self._refuse_when_behind(sequence)
            signer = self._expect_trusted(given, sequence)
            unsigned = Entry(
                sequence=sequence,
                kind=kind,
                body=body,
                previous=previous,
                key=signer.key_id,
                hash="",
                signature="",
            )
            digest = unsigned.expected_hash()
            return unsigned.model_copy(update={"hash": digest, "signature": signer.sign(digest)})

        return self.store.append(sign)

    def publish(self, entry: Entry) -> None:
        """Write the entry's file; what a kill left out before it is written too."""
        write_entry(self.paths.decisions, entry)

    def reconcile(self) -> tuple[Entry, ...]:
        """Write the files that a kill between table and file left out, and fill the empty table of a fresh clone.

        Never changes a file that is there, nor a table that was ever used.

        Returns:
            The entries whose files were written.

        Raises:
            IntegrityError: a row that has no file was tampered with, or a clone's files do not verify.
        """
        there = numbers(self.paths.decisions)
        length = self.store.ledger_length()
        if length == 0 and there and not self.store.ledger_was_used():
            self.restore()
            return ()
        if there.issuperset(range(1, length + 1)):
            return ()
        keys = self.ring()
        missing = tuple(entry for entry in self.entries() if entry.sequence not in there)
        for entry in missing:
            wrong = what_is_wrong(entry, keys)
            if wrong is not None:
                raise IntegrityError(wrong[0], where=f"ledger row {entry.sequence}", next_step="signoff verify")
            self.publish(entry)
        return missing

    def restore(self) -> tuple[Entry, ...]:
        """Add to the table the entries that decisions/ has beyond it: in a clone, or after git brought some.

        Returns:
            The entries that were added.

        Raises:
            IntegrityError: the files do not verify, or the table is not their beginning.
        """
        findings = verify(self.paths)
        if findings:
            raise IntegrityError(
                f"decisions/ does not verify, so nothing was restored: {findings[0].what}",
                where=findings[0].where,
                next_step="signoff verify",
            )
        files = tuple(entry for file in entry_files(self.paths.decisions) if (entry := file.entry()) is not None)
        with self.store.transaction():
            rows = self.entries()
            if files[: len(rows)] != rows:
                raise IntegrityError(
                    "the ledger's table and decisions/ tell different stories, so nothing was restored",
                    where=str(self.paths.decisions),
                    next_step="signoff verify",
                )
            added = files[len(rows) :]
            self.store.fill(added)
            self._free_ids({entry.about for entry in added})
        return added

    def anchor(self) -> str:
        """The line by which a git tag holds the end of the chain: `Ledger: NUMBER HASH`."""
        return anchor_line(self.store.last_entry())

    def champion(self) -> Release | None:
        """The newest release."""
        return newest_release(self.entries())

    def _free_ids(self, taken: set[str]) -> None:
        """An open review whose id the history brings along is asked again under a new one."""
        for review in self.store.reviews(state=ReviewState.OPEN):
            if review.id in taken:
                note = f"{review.id} was decided elsewhere; asked again by the next run"
                self.store.close_review(review.id, ReviewState.SUPERSEDED, note=note)

    def _expect_trusted(self, given: Signer | None, sequence: int) -> Signer:
        """The key to sign with: read anew each time, for another process may have changed it."""
        known = self.store.key_entries() if sequence > 1 else ()
        signer = given or open_signer(self.paths, make=not known)
        if not known:
            return signer
        if known[0].key == signer.key_id:
            publish_key(signer.public, self.paths.public_keys / f"{signer.key_id}.pub")
        ring = ring_of(known, key_files(self.paths.public_keys))
        if given is None and ring.why_not(signer.key_id, sequence) is not None and finish_rotation(self.paths, ring):
            signer = open_signer(self.paths, make=False)
        expect_signer(ring, signer.key_id, sequence)
        return signer

    def _refuse_when_behind(self, sequence: int) -> None:
        ahead = sorted(number for number in numbers(self.paths.decisions) if number >= sequence)
        if ahead:
            raise RefusedError(
                "decisions/ holds entries that the ledger's table does not have, so nothing may be added",
                where=f"decisions/{ahead[0]:04d}-*.json",
                got=f"{len(ahead)} beyond the {sequence - 1} of the table",
                next_step=f"signoff verify; after a git pull, {RESTORE}",
            )

    def _refuse_unapproved(self, release: Release, entries: tuple[Entry, ...]) -> None:
        approval = next((entry for entry in entries if entry.hash == release.decision), None)
        decision = approval.decision() if approval is not None and approval.kind == "decision" else None
        if (decision is not None and is_drill(decision, entries)) or any(
            map(self.store.is_drill_digest, (release.digest, release.model_digest))
        ):
            raise RefusedError(
                "this candidate was made for a drill and can never be released",
                got=f"digest {release.digest[:16]}…",
                next_step="signoff review list",
            )
        if (
            decision is None
            or approval is None
            or what_is_wrong(approval, self.ring()) is not None
            or any(broken_rules(decision))
            or (decision.gate, decision.outcome) != ("release", ReviewState.APPROVED)
            or decision.digest != release.digest
        ):
            raise RefusedError(
                f"no decision of the ledger approves {release.tag}",
                got=f"decision {release.decision[:16]}…, digest {release.digest[:16]}…",
                next_step="signoff review list",
            )
        refused = next((entry for entry in entries if _refuses(entry, decision.review)), None)
        if refused is not None:
            raise RefusedError(
                f"{release.tag} was approved and may not be released: {refused.body['actor']} refused it",
                where=f"ledger entry {refused.sequence}",
                got=str(refused.body["reasons"]),
            )
        kept = why_not_released(decision, release.released) or why_not_released(decision, now())
        if kept is not None:
            raise RefusedError(f"{release.tag} is approved and may not be released: {kept}", where=decision.review)


def open_ledger(store: Store, paths: Paths) -> Ledger:
    """The ledger, after what a kill left unfinished was finished and a fresh clone's history was taken over.

    Raises:
        IntegrityError: what has to be finished does not verify.
    """
    ledger = Ledger(store, paths)
    ledger.reconcile()
    return ledger


def champion(paths: Paths, store: Store | None = None) -> Release | None:
    """The newest release, from the table, or from the files where there is no database or it is empty.

    A file whose signature does not hold releases nothing.
    """
    entries = store.entries() if store is not None else ()
    if not entries:
        keys = read_public_keys(paths.public_keys)
        found = (file.entry() for file in entry_files(paths.decisions))
        entries = tuple(entry for entry in found if entry is not None and what_is_wrong(entry, keys) is None)
    return newest_release(entries)


def newest_release(entries: tuple[Entry, ...]) -> Release | None:
    """The last release among entries in order."""
    return next((entry.release() for entry in reversed(entries) if entry.kind == "release"), None)


def _refuses(entry: Entry, review: str) -> bool:
    return entry.kind == "decision" and entry.about == review and refuses(entry.decision())


def _same_release(one: Release, other: Release) -> bool:
    """The champion recorded again, in the same package; what an older entry does not say is not held against it."""
    if (one.digest, one.model_digest, one.decision) != (other.digest, other.model_digest, other.decision):
        return False
    return one.package_sha256 in (None, other.package_sha256)
