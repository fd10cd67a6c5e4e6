"""Alerts, in the order in which they were opened."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert, select, update

from signoff.core.monitoring import Alert
from signoff.store.parts import Part, as_text
from signoff.store.schema import alerts


class AlertTable(Part):
    """The alerts of a project."""

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
        return self._one(alerts, Alert, "alert", alert_id, next_step="signoff status")

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

    def _alert(self, alert_id: str) -> tuple[Any, Any]:
        return alerts.c.project == self.project, alerts.c.id == alert_id
