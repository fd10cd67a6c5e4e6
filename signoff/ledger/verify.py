"""Verification: the chain, the signatures, the table against the files, and each release against its decision."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from signoff.core.decision import FIRST, Entry, Finding, ReviewState
from signoff.core.errors import IntegrityError
from signoff.core.paths import Paths
from signoff.core.policy_proof import refuses
from signoff.ledger.drills import wrong_drills
from signoff.ledger.journal import entry_files, file_of, read_pointer
from signoff.ledger.keys import bad_key_files, key_files
from signoff.ledger.meaning import finding_of, wrong_meanings
from signoff.ledger.trust import KeyRing, is_pinned, pinned, ring_of, strange_files, what_is_wrong, wrong_changes

if TYPE_CHECKING:
    from signoff.store import LedgerRow, Store

SETTLE_SECONDS = 0.3
"""How long a decision that is just being written may need for its file."""


@dataclass(frozen=True)
class Link:
    """One place of a chain: a file or a row, and the entry in it when it can be read."""

    where: str
    sequence: int
    entry: Entry | None


class Judge:
    """What is wrong with each entry, asked once however often it is needed: a signature takes most of the time."""

    def __init__(self, keys: KeyRing) -> None:
        self.keys = keys
        self._said: dict[int, tuple[Entry, tuple[str, str, str] | None]] = {}
        self._whole: set[str] = set()

    def wrong(self, entry: Entry) -> tuple[str, str, str] | None:
        """As `what_is_wrong`."""
        known = self._said.get(id(entry))
        if known is None:
            known = self._said[id(entry)] = (entry, self._look(entry))
        return known[1]

    def _look(self, entry: Entry) -> tuple[str, str, str] | None:
        # The same entry stands in the table and in its file; one look at its signature is enough for both.
        seal = f"{entry.hash} {entry.signature} {entry.key}"
        if seal in self._whole and entry.expected_hash() == entry.hash:
            return None
        found = what_is_wrong(entry, self.keys)
        if found is None:
            self._whole.add(seal)
        return found

    def whole(self, link: Link) -> Entry | None:
        """The entry of a place where it is as it was written, in its place, and signed."""
        entry = link.entry
        valid = entry is not None and entry.sequence == link.sequence and self.wrong(entry) is None
        return entry if valid else None


def verify(
    paths: Paths, store: Store | None = None, *, served: Collection[str] = (), root: str | None = None
) -> list[Finding]:
    """All that is wrong with the ledger of a workspace; empty when nothing is.

    Needs no private key, and no database: a clone's files and public keys are enough.

    Args:
        paths: the workspace.
        store: its state; None looks at the files alone.
        served: model digests that answered, each of which must have been released.
        root: fingerprint that the ledger's first key must have; see `signoff.ledger.trust.pinned`.

    Raises:
        IntegrityError: the database is damaged.
        SettingsError: the pinned root cannot be read.
    """
    pins = pinned(root)
    findings = _verify(paths, store, served, pins)
    if findings and store is not None:
        # Table and files are not read in one moment; what is still wrong after a while is wrong.
        time.sleep(SETTLE_SECONDS)
        findings = _verify(paths, store, served, pins)
    return findings


def expect_whole(paths: Paths, store: Store | None = None) -> None:
    """Refuse to go on with a ledger that does not hold.

    Raises:
        IntegrityError: the first finding, and how many more there are.
    """
    findings = verify(paths, store)
    if findings:
        first = findings[0]
        more = f" ({len(findings) - 1} more findings)" if len(findings) > 1 else ""
        raise IntegrityError(
            f"the ledger does not hold: {first.what}{more}",
            where=first.where,
            got=first.got or None,
            allowed=first.expected or None,
            next_step="signoff verify",
        )


def _verify(paths: Paths, store: Store | None, served: Collection[str], pins: frozenset[str]) -> list[Finding]:
    findings = [
        Finding(what="the file holds no Ed25519 public key of that id", where=f"decisions/keys/{path.name}")
        for path in bad_key_files(paths.public_keys)
    ]
    files = tuple(
        Link(f"decisions/{file.path.name}", file.sequence, _named_alike(file.entry(), file.kind))
        for file in entry_files(paths.decisions)
    )
    # The table of a fresh clone is empty until a desk is opened: the files are then all there is.
    led = store is not None and (store.ledger_was_used() or not files)
    rows = tuple(_row_link(row) for row in store.ledger_rows()) if store is not None and led else ()
    known = key_files(paths.public_keys)
    ring = ring_of((link.entry for link in rows or files if link.entry is not None), known)
    judge = Judge(ring)
    findings += _root(ring, pins) if rows or files else ()
    findings += _chain(files, judge, "decisions/{:04d}-*.json")
    if led:
        findings += _chain(rows, judge, "ledger row {}")
        findings += _compare(rows, files, judge)
    # An entry that is bent in one place and whole in the other is one finding, not one a consequence.
    whole = {link.sequence: entry for link in (*files, *rows) if (entry := judge.whole(link)) is not None}
    entries = [whole[number] for number in sorted(whole)]
    findings += [finding_of(entry, wrong) for entry, wrong in wrong_changes(entries, known)]
    findings += wrong_meanings(entries)
    findings += [finding_of(entry, what, got=got) for entry, what, got in wrong_drills(entries)]
    findings += _pointer(paths, entries)
    findings += _served(entries, served)
    if store is not None:
        findings += _reviews(store, entries)
        findings += [
            Finding(what="the ledger's guard against changes was taken away", where=f"trigger {name}")
            for name in store.missing_guards()
        ]
    return findings


def _root(ring: KeyRing, pins: frozenset[str]) -> Iterator[Finding]:
    if not is_pinned(ring, pins):
        yield Finding(
            what="the ledger's root is not the pinned one",
            where="decisions/keys",
            got=ring.root_fingerprint or "no file of the first entry's key",
            expected=" or ".join(sorted(pins)),
        )
    yield from strange_files(ring)


def _named_alike(entry: Entry | None, kind: str) -> Entry | None:
    return entry if entry is not None and entry.kind == kind else None


def _row_link(row: LedgerRow) -> Link:
    where = f"ledger row {row.sequence}"
    try:
        entry = Entry.model_validate_json(row.record)
    except ValidationError:
        return Link(where, row.sequence, None)
    alike = (entry.kind, entry.about) == (row.kind, row.about)
    return Link(where, row.sequence, entry if alike else None)


def _chain(links: Sequence[Link], judge: Judge, name: str) -> Iterator[Finding]:
    """Numbers without gaps, each entry whole, and each one naming the hash of the one before."""
    previous: str | None = FIRST
    expected = 1
    for link in links:
        if link.sequence < expected:
            yield Finding(what="two entries bear one number", where=link.where, got=str(link.sequence))
            continue
        for missing in range(expected, link.sequence):
            yield Finding(what=f"entry {missing} was removed", where=name.format(missing))
            previous = None
        expected = link.sequence + 1
        if link.entry is None or link.entry.sequence != link.sequence:
            yield Finding(what=f"entry {link.sequence} was edited: it is not as it was written", where=link.where)
            previous = None
            continue
        wrong = judge.wrong(link.entry)
        if wrong is not None:
            what, got, wanted = wrong
            yield Finding(what=f"entry {link.sequence}: {what}", where=link.where, got=got, expected=wanted)
            previous = None
            continue
        if previous is not None and link.entry.previous != previous:
            what = f"entry {link.sequence} does not follow the one before it"
            yield Finding(what=what, where=link.where, got=link.entry.previous, expected=previous)
        previous = link.entry.hash


def _compare(rows: Sequence[Link], files: Sequence[Link], judge: Judge) -> Iterator[Finding]:
    in_table, on_disk = ({link.sequence: link for link in links} for links in (rows, files))
    last_row, last_file = max(in_table, default=0), max(on_disk, default=0)
    for number in range(last_file + 1, last_row + 1):
        row = in_table.get(number)
        kind = row.entry.kind if row is not None and row.entry is not None else "decision"
        place = f"decisions/{number:04d}-{kind}.json"
        what = f"entry {number} is in the table and not among the files (after a kill, `signoff review list` writes it)"
        yield Finding(what=what, where=place)
    for number in range(last_row + 1, last_file + 1):
        what = f"entry {number} is among the files and not in the table"
        yield Finding(what=what, where=f"ledger row {number}")
    for number in sorted(in_table.keys() & on_disk.keys()):
        ours, theirs = judge.whole(in_table[number]), judge.whole(on_disk[number])
        if ours is not None and theirs is not None and ours != theirs:
            what = f"entry {number} differs between the table and its file"
            yield Finding(what=what, where=on_disk[number].where, got=theirs.hash, expected=ours.hash)


def _pointer(paths: Paths, entries: Sequence[Entry]) -> Iterator[Finding]:
    where = f"decisions/{paths.release_decision.name}"
    try:
        entry = read_pointer(paths.release_decision)
    except IntegrityError as error:
        yield Finding(what=error.what, where=where)
        return
    if entry is None:
        return
    if entry not in entries:
        yield Finding(what="the release decision is no entry of the ledger", where=where, got=entry.hash)
    elif entry.kind != "decision" or entry.body.get("outcome") != ReviewState.APPROVED:
        original = file_of(paths.decisions, entry.sequence, entry.kind).name
        yield Finding(what="the release decision approves nothing", where=where, got=original)
    else:
        later = (one for one in entries if one.sequence > entry.sequence and one.about == entry.about)
        for refusal in (one for one in later if one.kind == "decision" and refuses(one.decision())):
            what = f"the release decision was taken back by entry {refusal.sequence}; signoff run mends the file"
            yield Finding(what=what, where=where, got=f"entry {entry.sequence}")


def _served(entries: Sequence[Entry], served: Collection[str]) -> Iterator[Finding]:
    released = {str(entry.body.get("model_digest")) for entry in entries if entry.kind == "release"}
    for digest in sorted(set(served) - released):
        yield Finding(what="a model answered that was never released", where=f"model {digest}")


def _reviews(store: Store, entries: Sequence[Entry]) -> Iterator[Finding]:
    """A review that was decided has its decision in the ledger: so a cut-off end of both chain and files is seen."""
    closing = {(str(entry.body.get("review")), str(entry.body.get("outcome"))) for entry in entries}
    undecided = (ReviewState.OPEN, ReviewState.SUPERSEDED)
    for review in store.reviews():
        if review.state not in undecided and (review.id, review.state.value) not in closing:
            what = f"the review {review.id} stands {review.state.value} without a decision in the ledger"
            yield Finding(what=what, where=f"review {review.id}", got=review.state.value)
