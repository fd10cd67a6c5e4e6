"""Notices: an outbox that is written with what it tells of, and emptied by one sender at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, insert, or_, select, update

from signoff.core.notice import Notice, NoticeKind, NoticeState, notice_id
from signoff.core.record import Moment, now
from signoff.store.parts import Part, as_text
from signoff.store.schema import notices

CLAIM_SECONDS = 60
"""A sender that has not said what came of its try after so long is taken for dead."""


class NoticeTable(Part):
    """What the people of a project are still to be told."""

    def note(
        self,
        kind: NoticeKind,
        review: str | None = None,
        *,
        about: str = "",
        text: str = "",
        moment: Moment | None = None,
    ) -> bool:
        """Note that something happened; to be called in its transaction. False where it was noted before."""
        moment = moment or now()
        facts = {"project": self.project, "kind": kind, "review": review, "about": about, "text": text}
        notice = Notice(id=notice_id(kind, review, about), made=moment, due=moment, **facts)
        with self.database.writing() as connection:
            return self._keep(connection, notice)

    def spread_notice(self, notice: Notice, addressees: Sequence[Notice]) -> bool:
        """Replace what happened by one duty an address. False, and nothing changed, where somebody else did."""
        with self.database.writing() as connection:
            done = connection.execute(
                update(notices)
                .where(*self._notice(notice.id), notices.c.state == "new")
                .values(state="spread", record=as_text(notice.model_copy(update={"state": "spread"})))
            )
            if done.rowcount != 1:
                return False
            for one in addressees:
                self._keep(connection, one)
        return True

    def claim_notice(self, moment: Moment | None = None, seconds: float = CLAIM_SECONDS) -> Notice | None:
        """Take the duty that has waited longest; nobody else is given it until the claim ends.

        A sender that was killed between its try and `settle_notice` leaves a claim that ends: the try is then made
        again, under the same id, by which a receiver can tell.
        """
        moment = moment or now()
        due = select(notices.c.record).where(
            notices.c.project == self.project,
            or_(notices.c.state == "waiting", notices.c.state == "claimed"),
            notices.c.due <= _text(moment),
        )
        with self.database.reading() as connection:
            # Asked without the write lock: a sweep with nothing to do must not make writers wait.
            if connection.execute(due.limit(1)).first() is None:
                return None
        with self.database.writing() as connection:
            text = connection.execute(due.order_by(notices.c.due, notices.c.id).limit(1)).scalar()
            if text is None:
                return None
            notice = self._read(Notice, text, "a notice")
            changes = {"state": "claimed", "claim": uuid4().hex, "due": moment + timedelta(seconds=seconds)}
            return self._change(connection, notice, {**changes, "attempts": notice.attempts + 1})

    def settle_notice(
        self, claimed: Notice, state: NoticeState, *, due: Moment | None = None, error: str = ""
    ) -> Notice | None:
        """Say what came of a try; None where the claim had ended and somebody else holds the duty."""
        with self.database.writing() as connection:
            text = connection.execute(select(notices.c.record).where(*self._notice(claimed.id))).scalar()
            notice = self._read(Notice, text, "a notice") if text is not None else None
            if notice is None or notice.state != "claimed" or notice.claim != claimed.claim:
                return None
            changes = {"state": state, "claim": "", "due": due or notice.due, "error": error}
            return self._change(connection, notice, changes)

    def notices(self, *, state: NoticeState | None = None, limit: int | None = None) -> tuple[Notice, ...]:
        """Notices from the newest to the oldest."""
        query = select(notices.c.record).where(notices.c.project == self.project)
        if state is not None:
            query = query.where(notices.c.state == state)
        with self.database.reading() as connection:
            texts = connection.execute(query.order_by(notices.c.due.desc(), notices.c.id).limit(limit)).scalars().all()
        return tuple(self._read(Notice, text, "a notice") for text in texts)

    def _keep(self, connection: Connection, notice: Notice) -> bool:
        if connection.execute(select(notices.c.id).where(*self._notice(notice.id))).first():
            return False
        values = {"id": notice.id, "state": notice.state, "due": _text(notice.due), "record": as_text(notice)}
        connection.execute(insert(notices).values(project=self.project, **values))
        return True

    def _change(self, connection: Connection, notice: Notice, changes: dict[str, Any]) -> Notice:
        changed = notice.model_copy(update=changes)
        values = {"state": changed.state, "due": _text(changed.due), "record": as_text(changed)}
        connection.execute(update(notices).where(*self._notice(notice.id)).values(values))
        return changed

    def _notice(self, notice: str) -> tuple[Any, Any]:
        return notices.c.project == self.project, notices.c.id == notice


def _text(moment: Moment) -> str:
    """Moments of one length, so that their text is in their order."""
    return moment.isoformat(timespec="milliseconds")
