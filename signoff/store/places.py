"""Where each project's workspace stands, so that one console can show every project of a database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import delete, insert, select

from signoff.store.database import Database
from signoff.store.parts import Part
from signoff.store.schema import meta, reviews, runs

PLACE = "workspace"


class PlaceTable(Part):
    """The folder of a project's workspace on this machine."""

    def remember_place(self, root: Path) -> None:
        """Note where the workspace stands; the latest one counts."""
        with self.database.reading() as connection:
            if connection.execute(select(meta.c.value).where(*self._place_row())).scalar() == str(root):
                return
        with self.database.writing() as connection:
            connection.execute(delete(meta).where(*self._place_row()))
            connection.execute(insert(meta).values(project=self.project, name=PLACE, value=str(root)))

    def _place_row(self) -> tuple[Any, Any]:
        return meta.c.project == self.project, meta.c.name == PLACE


def known_places(database: Database) -> dict[str, Path | None]:
    """Every project that a database holds, and its workspace where that is known, by name."""
    with database.reading() as connection:
        names = {row.project for row in connection.execute(select(reviews.c.project).distinct())}
        names |= {row.project for row in connection.execute(select(runs.c.project).distinct())}
        rows = connection.execute(select(meta.c.project, meta.c.value).where(meta.c.name == PLACE)).all()
    placed = {row.project: Path(row.value) for row in rows}
    return {name: placed.get(name) for name in sorted(names | placed.keys())}


def projects_with_review(database: Database, review_id: str) -> tuple[str, ...]:
    """The projects that have a review of this id, by name."""
    query = select(reviews.c.project).where(reviews.c.id == review_id).order_by(reviews.c.project)
    with database.reading() as connection:
        return tuple(connection.execute(query).scalars())
