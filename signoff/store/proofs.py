"""Tokens, sessions and tries to log in: kept for the whole deployment, never in a form that opens anything."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, insert, select, update

from signoff.core.account import ApiToken, Session
from signoff.core.errors import ConflictError
from signoff.core.policy import name_key
from signoff.store.parts import Part, as_text
from signoff.store.schema import attempts, sessions, tokens


class ProofTable(Part):
    """How accounts prove who they are."""

    def add_token(self, token: ApiToken) -> None:
        """Keep a new token's hash.

        Raises:
            ConflictError: its id is taken.
        """
        with self.database.writing() as connection:
            if connection.execute(select(tokens.c.id).where(tokens.c.id == token.id)).first():
                raise ConflictError("a token of this id exists already", got=token.id)
            row = {"id": token.id, "account": name_key(token.account), "record": as_text(token)}
            connection.execute(insert(tokens).values(row))

    def token(self, token_id: str) -> ApiToken | None:
        """The token of that id."""
        if not storable(token_id):
            return None
        with self.database.reading() as connection:
            text = connection.execute(select(tokens.c.record).where(tokens.c.id == token_id)).scalar()
        return self._read(ApiToken, text, "a token") if text is not None else None

    def tokens_of(self, name: str) -> tuple[ApiToken, ...]:
        """An account's tokens, the oldest first; those that are over too."""
        query = select(tokens.c.record).where(tokens.c.account == name_key(name))
        with self.database.reading() as connection:
            texts = connection.execute(query).scalars().all()
        return tuple(sorted((self._read(ApiToken, text, "a token") for text in texts), key=lambda one: one.made))

    def update_token(self, token: ApiToken) -> None:
        """Keep what a token says now: that it was used, or revoked."""
        with self.database.writing() as connection:
            connection.execute(update(tokens).where(tokens.c.id == token.id).values(record=as_text(token)))

    def add_session(self, sha256: str, session: Session) -> None:
        """Keep a session under the hash of its id, and forget those that are over."""
        row = {"sha256": sha256, "account": name_key(session.account), "expires": session.expires.isoformat()}
        with self.database.writing() as connection:
            connection.execute(delete(sessions).where(sessions.c.expires < session.opened.isoformat()))
            connection.execute(insert(sessions).values(row | {"record": as_text(session)}))

    def session(self, sha256: str) -> Session | None:
        """The session under that hash, also when its time is over."""
        with self.database.reading() as connection:
            text = connection.execute(select(sessions.c.record).where(sessions.c.sha256 == sha256)).scalar()
        return self._read(Session, text, "a session") if text is not None else None

    def update_session(self, sha256: str, session: Session) -> None:
        """Keep when a session was last seen; one that was ended meanwhile stays ended."""
        with self.database.writing() as connection:
            connection.execute(update(sessions).where(sessions.c.sha256 == sha256).values(record=as_text(session)))

    def remove_session(self, sha256: str) -> None:
        """End one session."""
        with self.database.writing() as connection:
            connection.execute(delete(sessions).where(sessions.c.sha256 == sha256))

    def remove_sessions_of(self, name: str, keep: str | None = None) -> int:
        """End the sessions of an account, but the one of the hash `keep`; how many there were."""
        wanted = [sessions.c.account == name_key(name), *([sessions.c.sha256 != keep] if keep else [])]
        with self.database.writing() as connection:
            return connection.execute(delete(sessions).where(*wanted)).rowcount

    def note_attempt(self, about: str, moment: datetime) -> None:
        """Count a try to log in."""
        with self.database.writing() as connection:
            connection.execute(insert(attempts).values(about=about, moment=_sortable(moment)))

    def attempts_since(self, about: str, since: datetime, limit: int = 100) -> tuple[datetime, ...]:
        """The moments of the newest tries, newest first."""
        query = select(attempts.c.moment).where(attempts.c.about == about, attempts.c.moment >= _sortable(since))
        with self.database.reading() as connection:
            texts = connection.execute(query.order_by(attempts.c.moment.desc()).limit(limit)).scalars().all()
        return tuple(datetime.fromisoformat(text) for text in texts)

    def forget_attempts(self, about: str, moment: datetime | None = None, *, beginning: bool = False) -> None:
        """Take back one try of that moment, or all of them; all whose `about` begins so, with `beginning`."""
        wanted = [attempts.c.about.startswith(about, autoescape=True) if beginning else attempts.c.about == about]
        if moment is not None:
            newest = select(attempts.c.id).where(*wanted, attempts.c.moment == _sortable(moment)).limit(1)
            wanted = [attempts.c.id.in_(newest)]
        with self.database.writing() as connection:
            connection.execute(delete(attempts).where(*wanted))

    def drop_old_attempts(self, before: datetime) -> None:
        """Forget the tries that no pause looks at any more."""
        with self.database.writing() as connection:
            connection.execute(delete(attempts).where(attempts.c.moment < _sortable(before)))


def storable(text: str) -> bool:
    """Whether a database can hold the text at all: PostgreSQL takes no NUL, and nobody takes half a character."""
    return "\0" not in text and not any("\ud800" <= sign <= "\udfff" for sign in text)


def _sortable(moment: datetime) -> str:
    """A moment whose text sorts as time does: isoformat leaves out microseconds that are zero."""
    return moment.isoformat(timespec="milliseconds")
