"""The tables, and the triggers that make the ledger append-only: the same for SQLite and PostgreSQL."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    insert,
    inspect,
    select,
    text,
    update,
)

from signoff.core.errors import WorkspaceError
from signoff.store.facts import facts_of_act_text, facts_of_review_text

VERSION = 3
"""Version of the tables; raised with every change of them."""

metadata = MetaData()

meta = Table(
    "signoff_meta",
    metadata,
    Column("project", String(80), primary_key=True),
    Column("name", String(40), primary_key=True),
    Column("value", Text, nullable=False),
)
runs = Table(
    "signoff_runs",
    metadata,
    Column("project", String(80), primary_key=True),
    Column("id", String(120), primary_key=True),
    Column("place", String(80), nullable=False),
    Column("state", String(20), nullable=False),
    Column("started", String(40), nullable=False),
    Column("record", Text, nullable=False),
)
reviews = Table(
    "signoff_reviews",
    metadata,
    Column("project", String(80), primary_key=True),
    Column("id", String(120), primary_key=True),
    Column("number", Integer, nullable=False),
    Column("gate", String(20), nullable=False),
    Column("digest", String(80), nullable=False),
    Column("state", String(20), nullable=False),
    Column("record", Text, nullable=False),
)
Index(
    "signoff_reviews_one_question",
    reviews.c.project,
    reviews.c.gate,
    reviews.c.digest,
    unique=True,
    sqlite_where=reviews.c.state != "superseded",
    postgresql_where=reviews.c.state != "superseded",
)
ledger = Table(
    "signoff_ledger",
    metadata,
    Column("project", String(80), primary_key=True),
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(20), nullable=False),
    Column("about", String(120), nullable=False),
    Column("record", Text, nullable=False),
)
Index("signoff_ledger_about", ledger.c.project, ledger.c.about)
alerts = Table(
    "signoff_alerts",
    metadata,
    Column("project", String(80), primary_key=True),
    Column("id", String(120), primary_key=True),
    Column("state", String(20), nullable=False),
    Column("opened", String(40), nullable=False),
    Column("record", Text, nullable=False),
)
candidates = Table(
    "signoff_candidates",
    metadata,
    Column("project", String(80), primary_key=True),
    Column("digest", String(80), primary_key=True),
    Column("number", Integer, nullable=False),
    Column("tag", String(160), nullable=False),
    Column("record", Text, nullable=False),
)
# Since version 2. Accounts, tokens and sessions belong to the deployment, not to one project.
evidence = Table(
    "signoff_evidence",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("record", Text, nullable=False),
)
accounts = Table(
    "signoff_accounts",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("record", Text, nullable=False),
)
tokens = Table(
    "signoff_tokens",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("account", String(200), nullable=False),
    Column("record", Text, nullable=False),
)
sessions = Table(
    "signoff_sessions",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("account", String(200), nullable=False),
    Column("expires", String(40), nullable=False),
    Column("record", Text, nullable=False),
)
attempts = Table(
    "signoff_attempts",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("about", String(200), nullable=False),
    Column("moment", String(40), nullable=False),
)
Index("signoff_attempts_about", attempts.c.about, attempts.c.moment)
access = Table(
    "signoff_access",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("moment", String(40), nullable=False),
    Column("actor", String(200), nullable=False),
    Column("record", Text, nullable=False),
)
comments = Table(
    "signoff_comments",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("project", String(80), nullable=False),
    Column("review", String(120), nullable=False),
    Column("record", Text, nullable=False),
)
Index("signoff_comments_review", comments.c.project, comments.c.review)
notices = Table(
    "signoff_notices",
    metadata,
    Column("project", String(80), primary_key=True),
    Column("id", String(160), primary_key=True),
    Column("state", String(20), nullable=False),
    Column("due", String(40), nullable=False),
    Column("record", Text, nullable=False),
)
Index("signoff_notices_due", notices.c.state, notices.c.due)
drills = Table(
    "signoff_drills",
    metadata,
    Column("project", String(80), primary_key=True),
    Column("review", String(120), primary_key=True),
    Column("record", Text, nullable=False),
)
Index("signoff_reviews_state", reviews.c.state, reviews.c.project)
# Since version 3: what lists are sorted and narrowed by, so that no list reads the records it does not show.
asked = Table(
    "signoff_asked",
    metadata,
    Column("project", String(80), primary_key=True),
    Column("id", String(120), primary_key=True),
    Column("opened", String(40), nullable=False),
    Column("due", String(40), nullable=False),
    Column("seats", Text, nullable=False),
)
Index("signoff_asked_opened", asked.c.opened)
Index("signoff_asked_due", asked.c.due)
acts = Table(
    "signoff_acts",
    metadata,
    Column("project", String(80), primary_key=True),
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("actor", String(200), nullable=False),
    Column("moment", String(40), nullable=False),
)
Index("signoff_acts_actor", acts.c.actor, acts.c.moment)

_SQLITE_GUARD = (
    """CREATE TRIGGER IF NOT EXISTS signoff_ledger_no_update BEFORE UPDATE ON signoff_ledger
       BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END""",
    """CREATE TRIGGER IF NOT EXISTS signoff_ledger_no_delete BEFORE DELETE ON signoff_ledger
       BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END""",
    # INSERT OR REPLACE fires no delete trigger, so an insert must be the next in line.
    """CREATE TRIGGER IF NOT EXISTS signoff_ledger_next BEFORE INSERT ON signoff_ledger
       WHEN NEW.sequence <> 1 + coalesce((SELECT max(sequence) FROM signoff_ledger WHERE project = NEW.project), 0)
       BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END""",
)
_POSTGRES_GUARD = (
    """CREATE OR REPLACE FUNCTION signoff_ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$""",
    """CREATE OR REPLACE FUNCTION signoff_ledger_in_line() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN
         IF NEW.sequence <> 1 + coalesce((SELECT max(sequence) FROM signoff_ledger WHERE project = NEW.project), 0)
         THEN RAISE EXCEPTION 'the ledger is append-only'; END IF;
         RETURN NEW;
       END $$""",
    """CREATE TRIGGER signoff_ledger_no_change BEFORE UPDATE OR DELETE ON signoff_ledger
       FOR EACH ROW EXECUTE FUNCTION signoff_ledger_refuse()""",
    """CREATE TRIGGER signoff_ledger_no_truncate BEFORE TRUNCATE ON signoff_ledger
       FOR EACH STATEMENT EXECUTE FUNCTION signoff_ledger_refuse()""",
    """CREATE TRIGGER signoff_ledger_next BEFORE INSERT ON signoff_ledger
       FOR EACH ROW EXECUTE FUNCTION signoff_ledger_in_line()""",
)


def is_prepared(connection: Connection) -> bool:
    """Whether the tables are there in this version; asked without the write lock."""
    return inspect(connection).has_table(meta.name) and version_of(connection) == VERSION


def prepare(connection: Connection, where: str) -> None:
    """Create the tables where there are none. The caller holds the database's write lock.

    Raises:
        WorkspaceError: the tables belong to a newer Signoff.
    """
    if not inspect(connection).has_table(meta.name):
        metadata.create_all(connection)
        guard = _SQLITE_GUARD if connection.dialect.name == "sqlite" else _POSTGRES_GUARD
        for statement in guard:
            connection.execute(text(statement))
        connection.execute(insert(meta).values(project="", name="version", value=str(VERSION)))
    found = version_of(connection)
    if found in (1, 2):
        _upgrade(connection)
        found = VERSION
    if found != VERSION:
        raise WorkspaceError(
            "the state database was made by another version of Signoff",
            where=where,
            got=f"version {found}",
            allowed=f"version {VERSION}",
            next_step="install the Signoff that made it (signoff --version says which this is)",
        )


def _upgrade(connection: Connection) -> None:
    """Versions 2 and 3 added tables and changed none; those of version 3 are filled from what stands."""
    metadata.create_all(connection)
    for row in connection.execute(select(reviews.c.project, reviews.c.id, reviews.c.record)).all():
        if facts := facts_of_review_text(row.record):
            connection.execute(insert(asked).values(project=row.project, id=row.id, **facts))
    for row in connection.execute(select(ledger.c.project, ledger.c.sequence, ledger.c.record)).all():
        if facts := facts_of_act_text(row.record):
            connection.execute(insert(acts).values(project=row.project, sequence=row.sequence, **facts))
    for index in reviews.indexes:
        index.create(connection, checkfirst=True)
    connection.execute(update(meta).where(meta.c.project == "", meta.c.name == "version").values(value=str(VERSION)))


def version_of(connection: Connection) -> int | None:
    """The version that the tables say they have."""
    value = connection.execute(select(meta.c.value).where(meta.c.project == "", meta.c.name == "version")).scalar()
    return int(value) if value is not None and value.isdigit() else None


def guards(connection: Connection) -> frozenset[str]:
    """Names of the ledger's triggers that stand."""
    query = (
        "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'signoff_ledger'"
        if connection.dialect.name == "sqlite"
        else "SELECT tgname FROM pg_trigger WHERE tgrelid = 'signoff_ledger'::regclass AND NOT tgisinternal"
        " AND tgenabled <> 'D'"
    )
    return frozenset(connection.execute(text(query)).scalars())


def wanted_guards(dialect: str) -> frozenset[str]:
    """Names of the triggers that should stand."""
    if dialect == "sqlite":
        return frozenset({"signoff_ledger_no_update", "signoff_ledger_no_delete", "signoff_ledger_next"})
    return frozenset({"signoff_ledger_no_change", "signoff_ledger_no_truncate", "signoff_ledger_next"})
