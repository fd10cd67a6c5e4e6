"""A real PostgreSQL server for the tests: own folder, free loopback port, ended with the session."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest


def _binaries() -> Path | None:
    found = shutil.which("initdb")
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    return Path(found).resolve().parent if found else (places[0].parent if places else None)


def _as_other_user() -> list[str]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return []
    import pwd

    names = {entry.pw_name for entry in pwd.getpwall()}
    return ["runuser", "-u", "postgres" if "postgres" in names else "nobody", "--"]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of the server, without a database name."""
    binaries = _binaries()
    if binaries is None:
        message = "PostgreSQL is not installed (apt-get install postgresql): its half of the contract is not tested"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    folder = Path(tempfile.mkdtemp(prefix="signoff-postgres-"))
    prefix = _as_other_user()
    if prefix:
        shutil.chown(folder, prefix[2])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = folder / "data"

    def run(*command: str) -> None:
        subprocess.run([*prefix, *command], check=True, capture_output=True, cwd=folder, timeout=120)

    try:
        run(str(binaries / "initdb"), "-D", str(data), "-U", "signoff", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder} -c fsync=off -c max_connections=60"
        run(
            str(binaries / "pg_ctl"),
            "-D",
            str(data),
            "-w",
            "-t",
            "60",
            "-l",
            str(folder / "log"),
            "-o",
            options,
            "start",
        )
        yield f"postgresql://signoff@127.0.0.1:{port}"
    finally:
        if (data / "postmaster.pid").exists():
            run(str(binaries / "pg_ctl"), "-D", str(data), "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> str | None:
    """What a test runs on, one after the other: SQLite where there is no address, else a PostgreSQL."""
    return None if request.param == "sqlite" else str(request.getfixturevalue("postgres_address"))


@pytest.fixture
def postgres_address(postgres_server: str) -> Iterator[str]:
    """The address of a database of its own."""
    with new_database(postgres_server) as address:
        yield address


@contextmanager
def new_database(postgres_server: str) -> Iterator[str]:
    """A database that is there for a while."""
    import psycopg

    name = f"t{uuid4().hex[:12]}"
    with psycopg.connect(f"{postgres_server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield f"{postgres_server}/{name}"
    with psycopg.connect(f"{postgres_server}/postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
