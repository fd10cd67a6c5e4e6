"""Alerts and candidates."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, insert, select, update

from signoff.core.candidate import Candidate
from signoff.core.errors import ConflictError, NotFoundError, did_you_mean
from signoff.core.monitoring import Alert
from signoff.core.record import Moment, Record, now
from signoff.store.parts import Part, as_text
from signoff.store.schema import alerts, candidates


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


class FindingTable(Part):
    """The alerts and candidates of a project."""

    def add_alert(self, alert: Alert) -> bool:
        """Keep an alert; False, and nothing changed, where one of this id is kept already."""
        with self.database.writing() as connection:
            if connection.execute(select(alerts.c.id).where(*self._alert(alert.id))).first():
                return False
            connection.execute(
                insert(alerts).values(
                    project=self.project,
                    id=alert.id,
                    state=alert.state,
                    opened=alert.opened.isoformat(),
                    record=as_text(alert),
                )
            )
        return True

    def alert(self, alert_id: str) -> Alert:
        """One alert.

        Raises:
            NotFoundError: there is no such alert.
        """
        with self.database.reading() as connection:
            text = connection.execute(select(alerts.c.record).where(*self._alert(alert_id))).scalar()
            if text is None:
                known = connection.execute(select(alerts.c.id).where(alerts.c.project == self.project)).scalars()
                raise NotFoundError(
                    f"there is no alert {alert_id}",
                    allowed=did_you_mean(alert_id, known) or "there are no alerts",
                    next_step="signoff status",
                )
        return self._read(Alert, text, f"the alert {alert_id}")

    def alerts(self, *, state: str | None = None) -> tuple[Alert, ...]:
        """Alerts from the oldest to the newest."""
        query = select(alerts.c.record).where(alerts.c.project == self.project)
        if state is not None:
            query = query.where(alerts.c.state == state)
        with self.database.reading() as connection:
            texts = connection.execute(query.order_by(alerts.c.opened, alerts.c.id)).scalars().all()
        return tuple(self._read(Alert, text, "an alert") for text in texts)

    def update_alert(self, alert: Alert) -> Alert:
        """Keep what an alert says now.

        Raises:
            NotFoundError: there is no alert of its id.
        """
        with self.database.writing() as connection:
            self.alert(alert.id)
            values = {"state": alert.state, "record": as_text(alert)}
            connection.execute(update(alerts).where(*self._alert(alert.id)).values(values))
        return alert

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

    def _alert(self, alert_id: str) -> tuple[Any, Any]:
        return alerts.c.project == self.project, alerts.c.id == alert_id
