"""The ledger's table: rows are added in line, and never changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, or_, select

from signoff.core.decision import FIRST, Entry, EntryKind
from signoff.core.errors import IntegrityError
from signoff.store.facts import facts_of_act, sortable
from signoff.store.parts import Part, as_text
from signoff.store.schema import acts, guards, ledger, meta, wanted_guards

Sign = Callable[[int, str], Entry]
"""Builds and signs an entry, given its sequence number and the hash of the one before it."""


@dataclass(frozen=True)
class LedgerRow:
    """One row as it stands, unread: what verification looks at."""

    sequence: int
    kind: str
    about: str
    record: str


class LedgerTable(Part):
    """The ledger of a project."""

    def append(self, sign: Sign) -> Entry:
        """Add one entry. Writers wait for each other, so the previous hash that `sign` is given is right.

        Raises:
            IntegrityError: the newest row was tampered with, or `sign` answered an entry that is not the next.
        """
        with self.database.writing() as connection:
            last = self._last(connection)
            sequence, previous = (last.sequence + 1, last.hash) if last else (1, FIRST)
            if last is not None and last.expected_hash() != last.hash:
                raise IntegrityError(
                    "the newest ledger row was edited", where=f"ledger row {last.sequence}", next_step="signoff verify"
                )
            entry = sign(sequence, previous)
            if (entry.sequence, entry.previous) != (sequence, previous) or entry.hash != entry.expected_hash():
                raise IntegrityError("the signed entry is not the next of the chain", where=f"ledger row {sequence}")
            self._insert(connection, entry)
        return entry

    def fill(self, entries: tuple[Entry, ...]) -> None:
        """Add entries that were signed elsewhere, in line: how a clone takes over the history in its files."""
        with self.database.writing() as connection:
            for entry in entries:
                self._insert(connection, entry)

    def entries(self, *, about: str | None = None) -> tuple[Entry, ...]:
        """Entries in order; `about` is a review's id or a release's tag.

        Raises:
            IntegrityError: a row cannot be read as an entry.
        """
        rows = self.ledger_rows(about=about)
        return tuple(self._read(Entry, row.record, f"ledger row {row.sequence}") for row in rows)

    def key_entries(self) -> tuple[Entry, ...]:
        """The first entry and the changes of keys, in order: all that says whom the ledger trusts.

        Raises:
            IntegrityError: a row cannot be read as an entry.
        """
        query = select(ledger.c.sequence, ledger.c.record).where(ledger.c.project == self.project)
        query = query.where(or_(ledger.c.sequence == 1, ledger.c.kind == "key")).order_by(ledger.c.sequence)
        with self.database.reading() as connection:
            rows = connection.execute(query).all()
        return tuple(self._read(Entry, text, f"ledger row {number}") for number, text in rows)

    def decided_since(self, moment: datetime) -> tuple[Entry, ...]:
        """The decisions taken since a moment, in order; found by their index, however long the ledger is."""
        query = (
            select(ledger.c.sequence, ledger.c.record)
            .join(acts, (acts.c.project == ledger.c.project) & (acts.c.sequence == ledger.c.sequence))
            .where(ledger.c.project == self.project, ledger.c.kind == "decision", acts.c.moment >= sortable(moment))
            .order_by(ledger.c.sequence)
        )
        with self.database.reading() as connection:
            found = connection.execute(query).all()
        return tuple(self._read(Entry, row.record, f"ledger row {row.sequence}") for row in found)

    def ledger_rows(self, *, about: str | None = None) -> tuple[LedgerRow, ...]:
        """The rows as they stand, in order."""
        query = select(ledger.c.sequence, ledger.c.kind, ledger.c.about, ledger.c.record)
        query = query.where(ledger.c.project == self.project)
        if about is not None:
            query = query.where(ledger.c.about == about)
        with self.database.reading() as connection:
            found = connection.execute(query.order_by(ledger.c.sequence)).all()
        return tuple(LedgerRow(*row) for row in found)

    def has_entries(self, kind: EntryKind) -> bool:
        """Whether the ledger has an entry of that kind."""
        query = select(ledger.c.sequence).where(ledger.c.project == self.project, ledger.c.kind == kind).limit(1)
        with self.database.reading() as connection:
            return connection.execute(query).first() is not None

    def last_entry(self) -> Entry | None:
        """The newest entry.

        Raises:
            IntegrityError: the row cannot be read as an entry.
        """
        with self.database.reading() as connection:
            return self._last(connection)

    def ledger_length(self) -> int:
        """The highest sequence number, 0 when there is none."""
        query = select(func.max(ledger.c.sequence)).where(ledger.c.project == self.project)
        with self.database.reading() as connection:
            return connection.execute(query).scalar() or 0

    def ledger_was_used(self) -> bool:
        """Whether an entry was ever added here: an empty ledger that was used has been emptied."""
        with self.database.reading() as connection:
            return connection.execute(select(meta.c.value).where(*self._used())).first() is not None

    def missing_guards(self) -> tuple[str, ...]:
        """The triggers against UPDATE and DELETE that somebody took away."""
        with self.database.reading() as connection:
            return tuple(sorted(wanted_guards(connection.dialect.name) - guards(connection)))

    def _last(self, connection: Connection) -> Entry | None:
        query = select(ledger.c.record).where(ledger.c.project == self.project)
        text = connection.execute(query.order_by(ledger.c.sequence.desc()).limit(1)).scalar()
        return self._read(Entry, text, "the newest ledger row") if text is not None else None

    def _insert(self, connection: Connection, entry: Entry) -> None:
        connection.execute(
            insert(ledger).values(
                project=self.project,
                sequence=entry.sequence,
                kind=entry.kind,
                about=entry.about,
                record=as_text(entry),
            )
        )
        if facts := facts_of_act(entry):
            # Only an index: a row that outlived its entry must not keep a restored history out.
            connection.execute(delete(acts).where(acts.c.project == self.project, acts.c.sequence == entry.sequence))
            connection.execute(insert(acts).values(project=self.project, sequence=entry.sequence, **facts))
        if connection.execute(select(meta.c.value).where(*self._used())).first() is None:
            connection.execute(insert(meta).values(project=self.project, name="ledger-used", value="yes"))

    def _used(self) -> tuple[Any, Any]:
        return meta.c.project == self.project, meta.c.name == "ledger-used"
