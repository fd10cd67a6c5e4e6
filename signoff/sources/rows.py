"""Rows of the project at a clock: sources, SQL, cuts, pseudonyms, in one reading."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from signoff.core.data import LeftOut, SourceFact
from signoff.core.errors import SettingsError
from signoff.core.progress import Progress, Silent
from signoff.core.record import now
from signoff.core.settings import Project
from signoff.sources.checks import check_left
from signoff.sources.cuts import EARLIEST, cut_rows, days_before
from signoff.sources.duck import Duck, open_duck
from signoff.sources.pseudonyms import pseudonym_key, pseudonymise
from signoff.sources.query import answer, relation
from signoff.sources.storage import plain_frame, require_columns, without_gaps
from signoff.sources.tables import load_sources


@dataclass(frozen=True)
class Rows:
    """What was read, what was kept of it, and where it stood."""

    frame: pd.DataFrame
    sources: tuple[SourceFact, ...]
    left_out: tuple[LeftOut, ...]
    where: str


def read_rows(
    project: Project,
    root: Path,
    as_of: datetime | None,
    *,
    start: datetime | None = None,
    progress: Progress | None = None,
) -> Rows:
    """All rows that were asked and whose outcome was known at the clock.

    Args:
        project: names sources, SQL and special columns.
        root: of the workspace.
        as_of: the clock; the present when None. UTC when it has no zone. $as_of and :as_of are bound to it.
        start: rows asked after it, instead of data.history_days; for windows. $since and :since are bound to it, or
            to the beginning of the history, or to 1753 when there is no limit.
        progress: told of each source.

    Returns:
        Rows in a fixed order, columns in the order of the SQL, types as `storage` states them, dropped columns gone
        and pseudonyms in place. May be empty only when `start` is given.

    Raises:
        SettingsError: signoff.yaml names what cannot be used.
        DataError: a source cannot be read, the SQL fails, a column is not there, or no rows are left.
    """
    _check_dropped(project)
    data = project.data
    clock = _naive(as_of or now())
    since = _since(clock if as_of else None, start, data.history_days)
    clocks = {"as_of": clock, "since": since}
    listener = progress or Silent()
    sql, path = relation(data.sql, root, tuple(data.sources))
    where = str(path or next(iter(data.sources)))
    with open_duck() as duck:
        sources = load_sources(duck, data, root, clocks, listener)
        listener.step("joining" if path else "reading rows", 0.6)
        table = answer(duck, sql, path, clocks)
        frame = plain_frame(table, where)
        require_columns(frame, _named_columns(project), where)
        read = len(frame)
        listener.step("cutting at the clock", 0.8)
        begin = None if start is None else _naive(start)
        frame, left_out = cut_rows(frame, project, clock, bound=as_of is not None, start=begin, where=where)
        if start is None:
            shown = clock.isoformat(sep=" ", timespec="minutes")
            first = _first_row(duck, sql, path, project, read)
            check_left(frame, read, left_out, shown + first, where)
    target = without_gaps(frame[project.target], table.schema.field(project.target).type)
    return Rows(_protect(frame.assign(**{project.target: target}), project, root), sources, left_out, where)


def _protect(frame: pd.DataFrame, project: Project, root: Path) -> pd.DataFrame:
    data = project.data
    frame = frame.drop(columns=list(data.drop))
    if not data.pseudonymise:
        return frame
    key = pseudonym_key(root)
    return frame.assign(**{name: pseudonymise(frame[name], key) for name in data.pseudonymise})


def _check_dropped(project: Project) -> None:
    data = project.data
    single = tuple(name for name in (data.time_column, data.group_column) if name)
    needed = {*single, *data.id_columns, *data.pseudonymise, *data.sensitive, *project.evaluate.slices}
    if both := sorted(needed & set(data.drop)):
        raise SettingsError(
            f"data.drop removes {both[0]!r}, which another setting needs",
            where="signoff.yaml",
            next_step="take it out of data.drop: columns with a role of their own are never features",
        )
    moments = {name for name in (data.time_column, data.known_column) if name}
    if hidden := sorted(moments & set(data.pseudonymise)):
        raise SettingsError(f"data.pseudonymise would hide the moments of {hidden[0]!r}", where="signoff.yaml")


def _named_columns(project: Project) -> dict[str, tuple[str, ...]]:
    data = project.data
    single = {
        "target": project.target,
        "data.time_column": data.time_column,
        "data.known_column": data.known_column,
        "data.group_column": data.group_column,
    }
    several = {
        "data.id_columns": data.id_columns,
        "data.drop": data.drop,
        "data.pseudonymise": data.pseudonymise,
        "data.sensitive": data.sensitive,
        "evaluate.slices": project.evaluate.slices,
    }
    return {key: (name,) for key, name in single.items() if name} | several


def _first_row(duck: Duck, sql: str, path: Path | None, project: Project, read: int) -> str:
    """Where the data begins, when the SQL itself left nothing at the clock."""
    if read or not project.data.time_column:
        return ""
    table = answer(duck, sql, path, {"as_of": _naive(now()), "since": EARLIEST})
    moments = table.column(project.data.time_column).to_pandas()
    return f" (the first row is of {moments.min()})" if len(moments) else " (nor at any other)"


def _since(clock: datetime | None, start: datetime | None, history_days: int | None) -> datetime:
    if start is not None:
        return _naive(start)
    return EARLIEST if clock is None or history_days is None else days_before(clock, history_days)


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
