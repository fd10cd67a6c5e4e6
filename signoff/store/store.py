"""All tables of one project, in one object."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from signoff.core.errors import WorkspaceError
from signoff.core.files import make_private, write_text
from signoff.core.paths import Paths
from signoff.core.settings import Project
from signoff.store.accounts import AccountTable
from signoff.store.alerts import AlertTable
from signoff.store.candidates import CandidateTable
from signoff.store.comments import CommentTable
from signoff.store.database import Database, address_of
from signoff.store.drills import DrillTable
from signoff.store.entries import LedgerTable
from signoff.store.evidence import EvidenceTable
from signoff.store.notices import NoticeTable
from signoff.store.places import PlaceTable
from signoff.store.reviews import ReviewTable
from signoff.store.runs import RunTable
from signoff.store.starts import StartTable


class Store(
    RunTable,
    ReviewTable,
    LedgerTable,
    AlertTable,
    CandidateTable,
    EvidenceTable,
    PlaceTable,
    CommentTable,
    NoticeTable,
    DrillTable,
    StartTable,
    AccountTable,
):
    """Runs, reviews, the ledger, alerts and candidates. May be shared by threads, not by forks."""

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that this thread writes in the block becomes true together, or not at all; others wait."""
        with self.database.writing():
            yield

    def close(self) -> None:
        """Let go of the connections; the next use opens them again."""
        self.database.close()


def open_store(project: Project, paths: Paths) -> Store:
    """The state of a workspace: SQLite in .signoff/, or what state.database names. Nothing is opened before its use.

    Raises:
        SettingsError: state.database is not an address that can be used.
    """
    database = Database(address_of(project.state.database, paths.state, paths.root))
    return Store(database, project.project, lambda: place_of(paths))


def place_of(paths: Paths) -> str:
    """The workspace's own id, so that two workspaces on one database do not end each other's runs."""
    file = paths.state / "place"
    if not file.exists():
        make_private(paths.state)
        write_text(file, uuid4().hex + "\n")
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise WorkspaceError("the workspace's id cannot be read", where=str(file), got=error) from error
