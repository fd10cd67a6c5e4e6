"""Copy a new workspace's Prefect database from an empty one: making it by migrations takes ten seconds and more."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from importlib import metadata
from pathlib import Path
from uuid import uuid4

DATABASE = "prefect.db"


def template() -> Path:
    """Where this user's empty database of the installed Prefect is kept."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "signoff" / f"prefect-{metadata.version('prefect')}.db"


def furnish(home: Path) -> bool:
    """Give a home without a database the empty one, where there is one; whether the home is new.

    A template that cannot be read is not used: the server then makes its own.
    """
    database = home / DATABASE
    if database.exists():
        return False
    home.mkdir(parents=True, exist_ok=True)
    source = template()
    if source.is_file() and _whole(source):
        shutil.copyfile(source, database)
    return True


def keep_template(home: Path) -> None:
    """Keep the database of a server that has just come up for the first time, before any flow has run."""
    target = template()
    if target.exists() or not (home / DATABASE).exists():
        return
    partial = target.with_name(f".{target.name}.{uuid4().hex[:8]}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(home / DATABASE)) as source, closing(sqlite3.connect(partial)) as copy:
            source.backup(copy)
        partial.replace(target)
    except (OSError, sqlite3.Error):
        # Only speed is lost: the next new workspace migrates again.
        partial.unlink(missing_ok=True)


def _whole(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            return bool(database.execute("select count(*) from alembic_version").fetchone()[0])
    except sqlite3.Error:
        return False
