"""DuckDB: one private connection a reading, and its errors in our words."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

MEMORY = "1GB"
"""DuckDB spills to disk above this, so that a stage stays under 2 GB."""

CONFIG = {
    "autoinstall_known_extensions": "false",  # nothing is fetched from a network
    "autoload_known_extensions": "false",
    "errors_as_json": "true",
    "memory_limit": MEMORY,
    # More threads add floating-point numbers in another order: the same inputs would not give the same bytes.
    "threads": "1",
}

Problem = duckdb.Error
"""What DuckDB raises; `explain` says what it means."""


@dataclass(frozen=True)
class Duck:
    """An in-memory database and a folder for what does not fit; both end with the reading."""

    connection: Any
    folder: Path

    def run(self, sql: str, parameters: dict[str, Any] | None = None) -> Any:
        """The connection after `sql`, ready for fetch calls."""
        return self.connection.execute(sql, parameters) if parameters else self.connection.execute(sql)

    @contextmanager
    def all_cores(self) -> Iterator[None]:
        """For work whose result does not depend on the order of additions, such as reading files."""
        self.run(f"SET threads = {os.cpu_count() or 1}")
        try:
            yield
        finally:
            self.run("SET threads = 1")


@contextmanager
def open_duck() -> Iterator[Duck]:
    """A fresh database that forgets everything at the end."""
    with tempfile.TemporaryDirectory(prefix="signoff-") as folder:
        connection = duckdb.connect(":memory:", config={**CONFIG, "temp_directory": folder})
        try:
            connection.execute("SET TimeZone = 'UTC'")
            yield Duck(connection, Path(folder))
        finally:
            connection.close()


@dataclass(frozen=True)
class Explained:
    """DuckDB's message without its advice on its own options; `position` counts characters of the SQL from 0."""

    message: str
    position: int | None = None


def explain(error: duckdb.Error) -> Explained:
    """What DuckDB said, with the place in the SQL where it knows one."""
    text = str(error)
    start = text.find("{")
    if start >= 0:
        try:
            facts = json.loads(text[start:])
            place = facts.get("position")
            return Explained(facts["exception_message"], int(place) if place is not None else None)
        except (ValueError, KeyError, TypeError):
            return Explained(text)
    return Explained(re.sub(r"^[A-Za-z ]+ Error: ", "", text))


def quoted(name: str) -> str:
    """An SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """An SQL string."""
    return "'" + text.replace("'", "''") + "'"
