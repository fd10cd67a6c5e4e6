"""Drills, as the state database alone knows them until they are told."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert, select, update

from signoff.core.drill import Drill
from signoff.core.errors import ConflictError
from signoff.store.parts import Part, as_text
from signoff.store.schema import drills


class DrillTable(Part):
    """The drills of a project."""

    def add_drill(self, drill: Drill) -> None:
        """Keep a drill; to be called in the transaction that opens its review.

        Raises:
            ConflictError: the review is a drill already.
        """
        with self.database.writing() as connection:
            if connection.execute(select(drills.c.review).where(*self._drill(drill.review))).first():
                raise ConflictError(f"{drill.review} is a drill already", where=self.database.where)
            connection.execute(insert(drills).values(project=self.project, review=drill.review, record=as_text(drill)))

    def update_drill(self, drill: Drill) -> None:
        """Keep what a drill says now."""
        with self.database.writing() as connection:
            connection.execute(update(drills).where(*self._drill(drill.review)).values(record=as_text(drill)))

    def drill(self, review_id: str) -> Drill | None:
        """The drill behind a review; None where the review is a real one. Not for screens while it is open."""
        with self.database.reading() as connection:
            text = connection.execute(select(drills.c.record).where(*self._drill(review_id))).scalar()
        return self._read(Drill, text, "a drill") if text is not None else None

    def drills(self, *, told: bool | None = None) -> tuple[Drill, ...]:
        """Drills from the oldest to the newest; with `told`, only those that are over, or only those that are not."""
        with self.database.reading() as connection:
            texts = connection.execute(select(drills.c.record).where(drills.c.project == self.project)).scalars().all()
        found = (self._read(Drill, text, "a drill") for text in texts)
        wanted = (drill for drill in found if told is None or (drill.state != "open") == told)
        return tuple(sorted(wanted, key=lambda drill: (drill.opened, drill.review)))

    def is_drill_digest(self, digest: str) -> bool:
        """Whether a digest, of a candidate or of its model, belongs to a drill: such a thing is never released."""
        return any(digest in (drill.digest, drill.model_digest) for drill in self.drills())

    def _drill(self, review_id: str) -> tuple[Any, Any]:
        return drills.c.project == self.project, drills.c.review == review_id
