"""Accounts and the access log: one for all projects of a state database."""

from __future__ import annotations

import functools
from collections.abc import Callable

from sqlalchemy import delete, func, insert, select, update

from signoff.core.account import AccessNote, Account, ApiToken, Session
from signoff.core.errors import ConflictError, NotFoundError, did_you_mean
from signoff.core.policy import name_key
from signoff.core.record import Moment, now
from signoff.store.parts import as_text
from signoff.store.proofs import ProofTable, storable
from signoff.store.schema import access, accounts, sessions, tokens


class AccountTable(ProofTable):
    """Who may use the console, and what was done with it.

    Accounts are never removed: the ledger goes on naming them. Disabling takes away what they may do.
    """

    def accounts(self) -> tuple[Account, ...]:
        """Every account, by name."""
        with self.database.reading() as connection:
            texts = connection.execute(select(accounts.c.record).order_by(accounts.c.key)).scalars().all()
        return tuple(self._read(Account, text, "an account") for text in texts)

    def find_account(self, name: str) -> Account | None:
        """The account of that name, however it is spelt (`core.policy.name_key`)."""
        key = name_key(name)
        if not storable(key):
            return None
        with self.database.reading() as connection:
            text = connection.execute(select(accounts.c.record).where(accounts.c.key == key)).scalar()
        return self._account(text)

    def account(self, name: str) -> Account:
        """The account of that name.

        Raises:
            NotFoundError: there is none.
        """
        found = self.find_account(name)
        if found is None:
            known = [account.name for account in self.accounts()]
            raise NotFoundError(
                f"there is no account {name!r}",
                allowed=did_you_mean(name, known) or "there are no accounts",
                next_step="signoff user list",
            )
        return found

    def session_and_account(self, sha256: str) -> tuple[Session, Account | None] | None:
        """A session with its account in one query: what every page of the console asks."""
        query = select(sessions.c.record, accounts.c.record).outerjoin(accounts, accounts.c.key == sessions.c.account)
        with self.database.reading() as connection:
            row = connection.execute(query.where(sessions.c.sha256 == sha256)).first()
        return None if row is None else (self._read(Session, row[0], "a session"), self._account(row[1]))

    def token_and_account(self, token_id: str) -> tuple[ApiToken, Account | None] | None:
        """A token with its account in one query: what every request of a script asks."""
        query = select(tokens.c.record, accounts.c.record).outerjoin(accounts, accounts.c.key == tokens.c.account)
        with self.database.reading() as connection:
            row = connection.execute(query.where(tokens.c.id == token_id)).first()
        return None if row is None else (self._read(ApiToken, row[0], "a token"), self._account(row[1]))

    def account_of_subject(self, subject: str) -> Account | None:
        """The account that is linked to an identity provider's subject."""
        return next((account for account in self.accounts() if account.subject == subject), None)

    def add_account(self, account: Account) -> Account:
        """Keep a new account.

        Raises:
            ConflictError: its name or its subject is taken.
        """
        with self.database.writing() as connection:
            taken = self.find_account(account.name)
            if taken is None and account.subject is not None:
                taken = self.account_of_subject(account.subject)
            if taken is not None:
                raise ConflictError(f"there is an account {taken.name!r} already", next_step="signoff user list")
            connection.execute(insert(accounts).values(key=name_key(account.name), record=as_text(account)))
        return account

    def save_account(self, account: Account, *, keep_sessions: bool = False) -> Account:
        """Keep what an account is now, under its name.

        Its sessions end when its password, its roles or whether it is disabled change, unless `keep_sessions` says
        that the same password was only hashed anew.

        Raises:
            NotFoundError: there is no such account.
        """
        with self.database.writing() as connection:
            before = self.account(account.name)
            key = name_key(account.name)
            connection.execute(update(accounts).where(accounts.c.key == key).values(record=as_text(account)))
            if not keep_sessions and _ends_sessions(before, account):
                self.remove_sessions_of(account.name)
        return account

    def accounts_in_force(self) -> bool:
        """Whether anybody but the first admin has an account: from then on, decisions need a proof.

        Disabling accounts does not turn this back.
        """
        with self.database.reading() as connection:
            count = connection.execute(select(func.count()).select_from(accounts)).scalar() or 0
        return count > 1 or (count == 1 and not self.accounts()[0].bootstrap)

    def account_lookup(self) -> Callable[[str], Account | None] | None:
        """Finds accounts by name, each looked up once; None until accounts are in force."""
        return functools.cache(self.find_account) if self.accounts_in_force() else None

    def note_access(self, actor: str, what: str, where: str = "", result: str = "") -> None:
        """Write into the access log: who, what, where from or about what, and how it ended.

        Callers never pass what somebody typed as a password, nor a name that no account bears: people type
        passwords into the wrong field.
        """
        said = {"actor": actor[:200], "what": what[:200], "where": where[:200], "result": result[:500]}
        plain = {name: text.encode("utf-8", "replace").decode().replace("\0", "?") for name, text in said.items()}
        note = AccessNote(moment=now(), **plain)
        row = {"moment": _sortable(note.moment), "actor": note.actor, "record": as_text(note)}
        with self.database.writing() as connection:
            connection.execute(insert(access).values(row))

    def access_log(self, limit: int = 200) -> tuple[AccessNote, ...]:
        """The newest notes first."""
        query = select(access.c.record).order_by(access.c.id.desc()).limit(limit)
        with self.database.reading() as connection:
            texts = connection.execute(query).scalars().all()
        return tuple(self._read(AccessNote, text, "the access log") for text in texts)

    def drop_old_access(self, before: Moment) -> int:
        """Forget the notes of the access log that are older than a moment; how many there were."""
        with self.database.writing() as connection:
            return connection.execute(delete(access).where(access.c.moment < _sortable(before))).rowcount

    def _account(self, text: str | None) -> Account | None:
        return self._read(Account, text, "an account") if text is not None else None


def _sortable(moment: Moment) -> str:
    """A moment whose text sorts as time does: isoformat leaves out microseconds that are zero."""
    return moment.isoformat(timespec="milliseconds")


def _ends_sessions(before: Account, after: Account) -> bool:
    return any(getattr(before, name) != getattr(after, name) for name in ("password", "grants", "disabled", "subject"))
