"""The project's SQL: one SELECT over its sources, run in DuckDB at the clock."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any

from signoff.core.errors import DataError, SettingsError
from signoff.sources.duck import Duck, Problem, explain, quoted


def relation(data_sql: str | None, root: Path, sources: tuple[str, ...]) -> tuple[str, Path | None]:
    """The SELECT that makes the rows, and the file that it stands in; the table itself when there is no SQL.

    Raises:
        SettingsError: the SQL file is missing or is not UTF-8 text.
    """
    if data_sql is None:
        return f"SELECT * FROM {quoted(sources[0])}", None
    path = root / data_sql
    try:
        return path.read_text(encoding="utf-8"), path
    except FileNotFoundError as error:
        raise SettingsError(
            "the file of data.sql is missing", where=str(path), next_step="write it, or correct data.sql"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError("the file of data.sql cannot be read as UTF-8 text", where=str(path), got=error) from error


def answer(duck: Duck, sql: str, path: Path | None, clocks: dict[str, datetime]) -> Any:
    """The answer of `sql` as an Arrow table.

    Args:
        duck: with all sources loaded.
        sql: one SELECT; may name $as_of and $since.
        path: of the file that holds it, for messages.
        clocks: naive UTC moments by parameter name.

    Raises:
        DataError: DuckDB refuses the SQL, or a value in it. The message names file and line.
        SettingsError: the file holds no or several statements, or names another parameter.
    """
    where = str(path) if path else "the source"
    try:
        statements = duck.connection.extract_statements(sql)
        if len(statements) != 1 or statements[0].type.name != "SELECT":
            raise SettingsError(
                "data.sql must hold one SELECT",
                where=where,
                got=", ".join(statement.type.name for statement in statements) or "nothing",
                allowed="one statement; WITH ... SELECT ... for several steps",
            )
        named = statements[0].named_parameters
        if unknown := sorted(named - set(clocks)):
            raise SettingsError(
                "data.sql names a parameter that nobody sets",
                where=_place(path, sql, sql.find(f"${unknown[0]}")),
                got=f"${unknown[0]}",
                allowed=", ".join(f"${known}" for known in clocks),
            )
        return duck.connection.sql(sql, params={key: clocks[key] for key in named}).to_arrow_table()
    except Problem as error:
        raise _damaged_source(duck) or _explain(error, sql, path) from error


def _damaged_source(duck: Duck) -> DataError | None:
    """The source that cannot be read to its end, if that is why: a Parquet file may have a sound head only."""
    for (name,) in duck.run("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall():
        try:
            duck.run(f"SELECT max(hash(COLUMNS(*))) FROM {quoted(name)}").fetchall()
        except Problem as error:
            return DataError(
                f"source {name!r} cannot be read to its end",
                where=name,
                got=" ".join(explain(error).message.split()),
                next_step="copy its file again",
            )
    return None


def _explain(error: Problem, sql: str, path: Path | None) -> DataError:
    found = explain(error)
    position = found.position
    if position is None:
        wrong = re.search(r'(?:column|name) "?([\w.]+)"? (?:not|does)', found.message)
        word = re.search(rf"\b{re.escape(wrong.group(1))}\b", sql) if wrong else None
        position = word.start() if word else None
    return DataError(
        "the project's SQL failed" if path else "the source cannot be read",
        where=_place(path, sql, position),
        got=" ".join(found.message.split()),
        next_step=f"correct {path.name}" if path else "look at the file itself",
    )


def _place(path: Path | None, sql: str, position: int | None) -> str:
    if path is None:
        return "the source"
    return f"{path}:{sql.count(chr(10), 0, position) + 1}" if position is not None and position >= 0 else str(path)
