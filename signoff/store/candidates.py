"""Candidates, in the order in which they were made."""

from __future__ import annotations

from sqlalchemy import func, insert, select

from signoff.core.candidate import Candidate
from signoff.core.errors import ConflictError
from signoff.core.record import Moment, Record, now
from signoff.store.parts import Part, as_text
from signoff.store.schema import candidates


class StoredCandidate(Record):
    """A candidate, the tag it bears in git, and the run that made it."""

    tag: str
    candidate: Candidate
    run: str
    added: Moment

    @property
    def digest(self) -> str:
        """What a release decision signs."""
        return self.candidate.digest


class CandidateTable(Part):
    """The candidates of a project."""

    def add_candidate(self, candidate: Candidate, *, tag: str, run: str) -> StoredCandidate:
        """Keep a candidate; one of the same digest keeps its first tag and run.

        Raises:
            ConflictError: another candidate has this tag.
        """
        with self.database.writing() as connection:
            known = self.candidate(candidate.digest)
            if known is not None:
                return known
            named = select(candidates.c.tag).where(candidates.c.project == self.project, candidates.c.tag == tag)
            if connection.execute(named).first():
                raise ConflictError(f"another candidate is called {tag}", next_step="signoff run, which takes the next")
            count = select(func.max(candidates.c.number)).where(candidates.c.project == self.project)
            stored = StoredCandidate(tag=tag, candidate=candidate, run=run, added=now())
            connection.execute(
                insert(candidates).values(
                    project=self.project,
                    digest=candidate.digest,
                    number=1 + (connection.execute(count).scalar() or 0),
                    tag=tag,
                    record=as_text(stored),
                )
            )
        return stored

    def candidate(self, digest: str) -> StoredCandidate | None:
        """The candidate of that digest."""
        query = select(candidates.c.record).where(candidates.c.project == self.project, candidates.c.digest == digest)
        with self.database.reading() as connection:
            text = connection.execute(query).scalar()
        return self._read(StoredCandidate, text, "a candidate") if text is not None else None

    def candidates(self) -> tuple[StoredCandidate, ...]:
        """Candidates from the oldest to the newest."""
        query = select(candidates.c.record).where(candidates.c.project == self.project)
        with self.database.reading() as connection:
            texts = connection.execute(query.order_by(candidates.c.number)).scalars().all()
        return tuple(self._read(StoredCandidate, text, "a candidate") for text in texts)
