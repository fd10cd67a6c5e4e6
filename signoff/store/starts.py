"""Which process was started last for a project, by any console of the database: one at a time, for all of them."""

from __future__ import annotations

from sqlalchemy import delete, insert, select

from signoff.store.parts import Part
from signoff.store.schema import meta

STARTED = "started"


class StartTable(Part):
    """What the consoles of one database have to agree on before they start a run by hand."""

    def last_start(self) -> str | None:
        """What `note_start` kept last; None where nothing was."""
        with self.database.reading() as connection:
            query = select(meta.c.value).where(meta.c.project == self.project, meta.c.name == STARTED)
            return connection.execute(query).scalar()

    def note_start(self, text: str) -> None:
        """Keep which process was started; to be called in the transaction that looked at `last_start`."""
        with self.database.writing() as connection:
            connection.execute(delete(meta).where(meta.c.project == self.project, meta.c.name == STARTED))
            connection.execute(insert(meta).values(project=self.project, name=STARTED, value=text))
