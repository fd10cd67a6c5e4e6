"""One database, SQLite or PostgreSQL: its address, its transactions, and its errors in our words."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from signoff.core.errors import (
    IntegrityError,
    ServiceError,
    SettingsError,
    SignoffError,
    WorkspaceBusyError,
    WorkspaceError,
)
from signoff.core.files import make_private
from signoff.store import schema

WAIT_SECONDS = 30
"""How long a writer waits for another one."""

ROOM_BYTES = 1_000_000
"""Less free space than this explains why SQLite could not write."""

_POSTGRES_LOCK = 0x5167_6E6F_6666
"""Advisory lock that serialises Signoff's writers in one PostgreSQL database, as BEGIN IMMEDIATE does in SQLite."""


class Database:
    """Transactions on one database; a write transaction inside another one joins it."""

    def __init__(self, url: URL) -> None:
        self.url = url
        self._engine: Engine | None = None
        self._opening = threading.Lock()
        self._local = threading.local()

    @property
    def where(self) -> str:
        """The address as it may be shown: without the password."""
        if self.sqlite:
            return self.url.database or ""
        # Options of the driver may be passwords too.
        return self.url.set(query={}).render_as_string(hide_password=True)

    @property
    def sqlite(self) -> bool:
        """Whether it is a file of this machine."""
        return self.url.get_backend_name() == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A consistent view, or the surrounding write transaction.

        Raises:
            SignoffError: the database is damaged, busy, newer or away.
        """
        if self._outer is not None:
            yield self._outer
            return
        with self._translated(), self._opened().connect() as connection, connection.begin():
            if not self.sqlite:
                connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that no other writer shares; committed to disk when the block ends well.

        Raises:
            SignoffError: the database is damaged, busy, newer or away.
        """
        if self._outer is not None:
            yield self._outer
            return
        with self._translated(), self._writer(self._opened()) as connection:
            self._local.connection = connection
            try:
                yield connection
            finally:
                self._local.connection = None

    def close(self) -> None:
        """Let go of the connections; the next use opens them again."""
        with self._opening:
            if self._engine is not None:
                self._engine.dispose()
            self._engine = None

    @property
    def _outer(self) -> Connection | None:
        """The write transaction of this thread."""
        return getattr(self._local, "connection", None)

    @contextmanager
    def _writer(self, engine: Engine) -> Iterator[Connection]:
        with engine.execution_options(signoff_write=True).connect() as connection, connection.begin():
            if not self.sqlite:
                connection.execute(text(f"SET LOCAL lock_timeout = '{WAIT_SECONDS}s'"))
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _POSTGRES_LOCK})
            yield connection

    def _opened(self) -> Engine:
        with self._opening:
            if self._engine is None:
                engine = self._sqlite_engine() if self.sqlite else self._server_engine()
                with engine.connect() as connection:
                    prepared = schema.is_prepared(connection)
                if not prepared:
                    with self._writer(engine) as connection:
                        schema.prepare(connection, self.where)
                self._engine = engine
            return self._engine

    def _sqlite_engine(self) -> Engine:
        path = Path(self.url.database or "")
        make_private(path.parent)
        with suppress(FileExistsError):
            # SQLite gives its -wal and -shm files the mode of the database.
            os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
        engine = create_engine(self.url, poolclass=NullPool, connect_args={"timeout": WAIT_SECONDS})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine

    def _server_engine(self) -> Engine:
        try:
            return create_engine(
                self.url, pool_pre_ping=True, pool_size=2, connect_args={"connect_timeout": 10}, hide_parameters=True
            )
        except ImportError as error:
            raise SettingsError(
                "state.database is PostgreSQL, and its driver is not installed",
                where=self.where,
                next_step="pip install 'signoff[postgres]'",
            ) from error

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except SignoffError:
            raise
        except DBAPIError as error:
            explained = self._explain(error)
            explained.inner = True
            raise explained from error
        except SQLAlchemyError as error:
            raise WorkspaceError("the state database refused", where=self.where, got=error) from error
        except OSError as error:
            raise WorkspaceError(
                "the folder of the state database may not be written", where=self.where, got=error
            ) from error

    def _explain(self, error: DBAPIError) -> SignoffError:
        message = str(error.orig).strip().split("\n")[0]
        facts = {"where": self.where, "got": message}
        if "append-only" in message:
            return IntegrityError("the ledger is append-only: no entry may be changed or removed", **facts)
        if self.sqlite:
            return _explain_sqlite(message, facts)
        if "lock timeout" in message:
            return WorkspaceBusyError(f"another writer held the state database for {WAIT_SECONDS} s", **facts)
        if "does not exist" in message or "authentication" in message or "permission denied" in message:
            return SettingsError(
                "PostgreSQL refuses state.database", **facts, next_step="correct state.database in signoff.yaml"
            )
        if error.connection_invalidated or type(error.orig).__name__ in ("OperationalError", "ConnectionTimeout"):
            return ServiceError(
                "PostgreSQL does not answer", **facts, next_step="start it, or correct state.database in signoff.yaml"
            )
        return WorkspaceError("the state database refused", **facts)


def address_of(setting: str | None, state: Path, root: Path) -> URL:
    """The address of the state database: `setting`, env:NAME resolved, or SQLite in the workspace.

    Raises:
        SettingsError: it is no address, names another kind of database, or its variable is not set.
    """
    if setting is None:
        return URL.create("sqlite", database=str(state / "signoff.db"))
    allowed = "postgresql://USER@HOST/NAME, sqlite:///FILE, or env:NAME"
    if setting.startswith("env:"):
        name = setting.removeprefix("env:")
        value = os.environ.get(name)
        if not value:
            raise SettingsError(
                f"the environment variable {name} is not set",
                where="signoff.yaml, state.database",
                next_step=f"export {name}=postgresql://USER:PASSWORD@HOST/NAME",
            )
        setting = value
    try:
        url = make_url(setting)
        backend = url.get_backend_name()
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise SettingsError("state.database is not an address", where="signoff.yaml", allowed=allowed) from error
    if backend == "sqlite" and url.database not in (None, "", ":memory:"):
        return URL.create("sqlite", database=str(root / str(url.database)))
    if backend in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    raise SettingsError(
        "state.database names a database that cannot hold the ledger",
        where="signoff.yaml",
        got=url.drivername,
        allowed=allowed,
    )


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver's own transactions start too late to be BEGIN IMMEDIATE: ours are explicit (see _begin_sqlite).
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {WAIT_SECONDS * 1000}")
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            break
        except sqlite3.OperationalError as error:
            # Switching a new file to WAL does not honour the busy timeout.
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
    # FULL: a decision is acknowledged only after it is on disk.
    connection.execute("PRAGMA synchronous = FULL")


def _begin_sqlite(connection: Connection) -> None:
    write = connection.get_execution_options().get("signoff_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _free_bytes(database: str) -> int:
    try:
        return shutil.disk_usage(Path(database).parent).free
    except OSError:
        return ROOM_BYTES


def _explain_sqlite(message: str, facts: dict[str, str]) -> SignoffError:
    if "malformed" in message or "not a database" in message or "no such table" in message or "corrupt" in message:
        return IntegrityError(
            "the state database is damaged",
            **facts,
            next_step="signoff verify; then put a backup in its place, or move it away: decisions/ fills a new one",
        )
    if "locked" in message or "busy" in message:
        return WorkspaceBusyError(f"another writer held the state database for {WAIT_SECONDS} s", **facts)
    # SQLite calls it an I/O error when the file beside its database cannot grow.
    starved = "disk I/O error" in message and _free_bytes(facts["where"]) < ROOM_BYTES
    if "full" in message or starved:
        return WorkspaceError("no space is left on the disk", **facts, next_step="free some space, then run again")
    if "readonly" in message or "unable to open" in message:
        return WorkspaceError(
            "the state database may not be written", **facts, next_step="make .signoff writable, then run again"
        )
    return WorkspaceError("the state database refused", **facts)
