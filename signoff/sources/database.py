"""SQL databases through SQLAlchemy: one SELECT, read and rolled back."""

from __future__ import annotations

import os
import re
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import pandas as pd
from sqlalchemy import DateTime, TextClause, bindparam, create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from signoff.core.errors import DataError, SettingsError
from signoff.core.settings import QuerySource

_SESSION_IN_UTC = {
    "postgresql": "SET TIME ZONE 'UTC'",
    "mysql": "SET time_zone = '+00:00'",
    "mariadb": "SET time_zone = '+00:00'",
}
SELECT = re.compile(r"^\s*(--[^\n]*\n\s*|/\*.*?\*/\s*)*(select|with|values|table)\b", re.IGNORECASE | re.DOTALL)


def read_query(name: str, source: QuerySource, root: Path, clocks: dict[str, datetime]) -> pd.DataFrame:
    """The answer to the query; `:as_of` and `:since` are bound when the query names them.

    Args:
        name: of the source, for messages.
        source: address and query.
        root: folder that a relative SQLite path starts from.
        clocks: naive UTC moments by parameter name.

    Raises:
        SettingsError: the address is not one, its environment variable is not set, or the query is not a SELECT.
        DataError: the database does not answer, or refuses the query.
    """
    key = f"data.sources.{name}"
    statement = _bound(source.query, key, clocks)
    address = _address(source.database, key)
    shown = _shown(address)
    address = _read_only(address, key, root)
    try:
        engine = create_engine(address)
    except (ImportError, SQLAlchemyError) as error:
        raise SettingsError(
            f"{key}.database cannot be used here",
            where="signoff.yaml",
            got=f"{shown}: {error}",
            next_step="pip install 'signoff[postgres]' for PostgreSQL, else the driver that the address names",
        ) from error
    try:
        with engine.connect() as connection:
            if address.get_backend_name() == "postgresql":
                connection = connection.execution_options(postgresql_readonly=True)
            if address.get_backend_name() in _SESSION_IN_UTC:
                # The clock is UTC without a zone; the server would read it in its own, hours too early or too late.
                connection.execute(text(_SESSION_IN_UTC[address.get_backend_name()]))
            result = connection.execute(statement)
            names = list(result.keys())
            _refuse_doubled(names, key)
            rows = [tuple(row) for row in result]
            return pd.DataFrame.from_records(rows, columns=names, coerce_float=True)
    except SQLAlchemyError as error:
        detail = str(error.orig if isinstance(error, DBAPIError) else error).strip()
        raise DataError(
            f"the database of source {name!r} refused the query or does not answer",
            where=f"{shown}, query: {' '.join(source.query.split())[:160]}",
            got=detail,
            next_step=f"try the query in the database itself, then correct {key} in signoff.yaml",
        ) from error
    finally:
        engine.dispose()


def _bound(query: str, key: str, clocks: dict[str, datetime]) -> TextClause:
    """The statement with its clocks."""
    if not SELECT.match(query):
        raise SettingsError(
            f"{key}.query must be one SELECT", where="signoff.yaml", got=query.strip()[:80], allowed="SELECT ..."
        )
    statement = text(query)
    for parameter in statement.compile().params:
        if parameter not in clocks:
            raise SettingsError(
                f"{key}.query names a parameter that nobody sets",
                where="signoff.yaml",
                got=f":{parameter}",
                allowed=", ".join(f":{known}" for known in clocks),
            )
        statement = statement.bindparams(bindparam(parameter, clocks[parameter], type_=DateTime()))
    return statement


def _refuse_doubled(names: list[str], key: str) -> None:
    lower = [name.lower() for name in names]
    twice = [name for name in names if lower.count(name.lower()) > 1]
    if twice:
        raise DataError(
            f"two columns of the answer to {key}.query have one name",
            where="signoff.yaml",
            got=", ".join(twice[:4]),
            allowed="each name once, upper and lower case not told apart",
            next_step="name each column of a join, and rename one of these with AS",
        )


def _address(given: str, key: str) -> URL:
    address = given
    if given.startswith("env:"):
        variable = given.removeprefix("env:")
        address = os.environ.get(variable, "")
        if not address:
            raise SettingsError(
                f"{key}.database is read from an environment variable that is not set",
                where="signoff.yaml",
                got=f"{variable} is empty",
                next_step=f"export {variable}=postgresql+psycopg://USER@HOST/DATABASE",
            )
    try:
        url = make_url(address)
        if url.drivername in ("postgres", "postgresql"):
            # The form that state.database takes too, and the driver that the extra brings.
            url = url.set(drivername="postgresql+psycopg")
        url.get_backend_name()
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        # The text may hold a password, so it is not shown.
        raise SettingsError(
            f"{key}.database is not a database address",
            where="signoff.yaml",
            allowed="sqlite:///FILE, postgresql+psycopg://USER@HOST/DATABASE, or env:NAME",
        ) from error
    return url


def _shown(url: URL) -> str:
    """Without passwords, wherever the driver takes them from; of the further options only the names."""
    bare = url.set(query={}).render_as_string(hide_password=True)
    return f"{bare}?{'&'.join(f'{name}=***' for name in sorted(url.query))}" if url.query else bare


def _read_only(url: URL, key: str, root: Path) -> URL:
    """A SQLite file below `root` opened for reading: it would else make an empty database of a mistyped name."""
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return url
    file = root / str(url.database)
    if not file.is_file():
        raise DataError(f"the database file of {key} is missing", where=str(file), next_step="correct the address")
    return url.set(database=f"file:{quote(str(file))}", query={"mode": "ro", "uri": "true"})
