"""What every page may reach: the store, the projects and their desks, the settings, and the starter."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from signoff.console.ports import Judge, Starter
from signoff.console.seal import Seal, open_seal
from signoff.core.account import Caller, Permission
from signoff.core.errors import NotFoundError, SignoffError, did_you_mean
from signoff.core.paths import Paths
from signoff.core.record import Record
from signoff.core.settings import Console, Project
from signoff.core.settings_file import load_project
from signoff.gates import Desk, open_desk
from signoff.ledger import open_ledger
from signoff.store import Store, open_store
from signoff.store.places import known_places
from signoff.store.store import place_of

FRESH_SECONDS = 2.0
"""How long the list of projects is taken as known."""


class ProjectPlace(Record):
    """A project that the state database holds, and where its workspace stands on this machine."""

    name: str
    root: str | None = None
    question: str = ""


class Home:
    """One console. Shared by threads; nothing is opened before its use."""

    def __init__(
        self,
        paths: Paths,
        project: Project,
        starter: Starter,
        seal: Seal | None = None,
        *,
        judge: Judge | None = None,
    ) -> None:
        self.paths = paths
        self.project = project
        self.settings: Console = project.console
        self.starter = starter
        self.judge = judge
        self.accounts: Store = open_store(project, paths)
        self.seal = seal or open_seal(paths.state / "keys" / "console.key")
        self._lock = threading.Lock()
        self._places: tuple[float, tuple[ProjectPlace, ...]] = (0.0, ())
        self._settings: dict[Path, tuple[int, Project]] = {}
        self._desks: dict[str, tuple[int, Desk]] = {}

    @property
    def secure(self) -> bool:
        """Whether browsers reach the console by TLS."""
        public = self.settings.public_url or ""
        return bool(self.settings.tls_certificate or self.settings.trusted_proxies or public.startswith("https:"))

    def projects(self) -> tuple[ProjectPlace, ...]:
        """Every project of the state database, by name; what a caller may see is `seen_by`."""
        made, places = self._places
        if time.monotonic() - made > FRESH_SECONDS:
            places = self._read_places()
            self._places = (time.monotonic(), places)
        return places

    def seen_by(self, caller: Caller, permission: Permission = Permission.SEE) -> tuple[ProjectPlace, ...]:
        """The projects in which a caller has a permission."""
        return tuple(place for place in self.projects() if caller.may(permission, place.name))

    def names_seen_by(self, caller: Caller) -> tuple[str, ...]:
        """The names of the projects that a caller may see."""
        return tuple(place.name for place in self.seen_by(caller))

    def shown_to(self, caller: Caller, wanted: str | None) -> str | None:
        """The project of a page about one: what is wanted, else the console's own, else the first that is seen."""
        seen = self.names_seen_by(caller)
        own = self.project.project
        return wanted or (own if own in seen else next(iter(seen), None))

    def place(self, project: str) -> ProjectPlace:
        """One project.

        Raises:
            NotFoundError: the state database holds no such project.
        """
        found = {place.name: place for place in self.projects()}
        if project not in found:
            raise NotFoundError(f"there is no project {project}")
        return found[project]

    def store_of(self, project: str) -> Store:
        """The tables of one project."""
        root = self.place(project).root
        paths = Paths(Path(root)) if root else self.paths
        return Store(self.accounts.database, project, lambda: place_of(paths))

    def settings_of(self, project: str) -> Project:
        """signoff.yaml of a project as it stands now.

        Raises:
            NotFoundError: its workspace is not on this machine.
            SettingsError: it says something that is not allowed.
        """
        return self._load(self._root(project))

    def desk(self, project: str) -> Desk:
        """Where a project is decided; opened at the first use and again when its signoff.yaml has changed.

        Raises:
            NotFoundError: its workspace is not on this machine, so nobody can sign here.
            SignoffError: its signoff.yaml or its ledger cannot be used.
        """
        root = self._root(project)
        settings = self._load(root)
        changed = (root / "signoff.yaml").stat().st_mtime_ns
        with self._lock:
            known = self._desks.get(project)
            if known is None or known[0] != changed:
                known = (changed, self._open(settings, Paths(root)))
                self._desks[project] = known
            return known[1]

    def close(self) -> None:
        """Let go of every connection; the next use opens them again."""
        with self._lock:
            for _, desk in self._desks.values():
                desk.store.close()
            self._desks.clear()
        self.accounts.close()

    def _open(self, settings: Project, paths: Paths) -> Desk:
        own = open_store(settings, paths)
        if own.database.url != self.accounts.database.url:
            return open_desk(settings, paths)
        # One pool of connections for all projects of a database.
        store = Store(self.accounts.database, settings.project, lambda: place_of(paths))
        return Desk(settings, paths, store, open_ledger(store, paths))

    def _root(self, project: str) -> Path:
        place = self.place(project)
        if place.root is None or not (Path(place.root) / "signoff.yaml").is_file():
            raise NotFoundError(
                f"the workspace of {project} is not on this machine",
                where=place.root,
                next_step="decide where it is: signoff console --workspace DIR there, or signoff run in a clone of it",
            )
        return Path(place.root)

    def _load(self, root: Path) -> Project:
        changed = (root / "signoff.yaml").stat().st_mtime_ns
        known = self._settings.get(root)
        if known is None or known[0] != changed:
            known = (changed, load_project(root))
            self._settings[root] = known
        return known[1]

    def _read_places(self) -> tuple[ProjectPlace, ...]:
        found = known_places(self.accounts.database)
        found[self.project.project] = self.paths.root
        return tuple(self._as_place(name, found[name]) for name in sorted(found))

    def _as_place(self, name: str, root: Path | None) -> ProjectPlace:
        if root is None or not (root / "signoff.yaml").is_file():
            return ProjectPlace(name=name, root=str(root) if root else None)
        try:
            question = self._load(root).question
        except SignoffError:
            # A broken signoff.yaml is told where it is needed; the list of projects does not fail by it.
            question = ""
        return ProjectPlace(name=name, root=str(root), question=question)


def unknown_project(name: str, seen: tuple[ProjectPlace, ...]) -> NotFoundError:
    """The same words for a project that is not there and one that may not be seen."""
    return NotFoundError(
        f"there is no project {name}", allowed=did_you_mean(name, [place.name for place in seen]) or "none"
    )
