"""What the tables of one project share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pydantic import ValidationError
from sqlalchemy import Table, select

from signoff.core.digest import canonical_json
from signoff.core.errors import IntegrityError, NotFoundError, did_you_mean
from signoff.core.record import Record
from signoff.store.database import Database

R = TypeVar("R", bound=Record)


class Part:
    """The tables of one project in one database, as one workspace sees them."""

    def __init__(self, database: Database, project: str, place: Callable[[], str]) -> None:
        self.database = database
        self.project = project
        self._place = place

    @property
    def place(self) -> str:
        """The workspace's own id."""
        return self._place()

    def _one(self, table: Table, kind: type[R], what: str, identity: str, *, next_step: str) -> R:
        """The record of an id.

        Raises:
            NotFoundError: the project has none of it.
        """
        own = table.c.project == self.project
        with self.database.reading() as connection:
            text = connection.execute(select(table.c.record).where(own, table.c.id == identity)).scalar()
            if text is None:
                known = connection.execute(select(table.c.id).where(own)).scalars()
                raise NotFoundError(
                    f"there is no {what} {identity}",
                    allowed=did_you_mean(identity, known) or f"there is no {what} at all",
                    next_step=next_step,
                )
        return self._read(kind, text, f"the {what} {identity}")

    def _read(self, kind: type[R], text: str, what: str) -> R:
        return from_text(kind, text, what, self.database)


def from_text(kind: type[R], text: str, what: str, database: Database) -> R:
    """A record from its text in a table.

    Raises:
        IntegrityError: it cannot be read.
    """
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise IntegrityError(
            f"{what} in the state database cannot be read",
            where=database.where,
            got=error.errors()[0]["msg"],
            next_step="signoff verify",
        ) from error


def as_text(record: Record) -> str:
    """A record as it stands in a table."""
    return canonical_json(record.as_json()).decode()
