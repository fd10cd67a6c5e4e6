"""How values stand in storage: few plain types, so that every later tool reads them alike.

Whole numbers int64; numbers, and whole numbers with gaps, float64; booleans bool, with gaps 1.0, 0.0 and NaN; text
str; moments datetime64[us] in UTC without a zone.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.types as kinds

from signoff.core.errors import DataError, SettingsError, did_you_mean


def plain_frame(table: Any, where: str) -> pd.DataFrame:
    """An Arrow table as a frame of plain types.

    Raises:
        DataError: a column is nested or binary, or two columns have one name.
    """
    names = table.column_names
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError("two columns have one name", where=where, got=twice[0], next_step="rename one with AS")
    return pd.DataFrame({name: _plain(table.column(name), name, where) for name in names}, index=range(len(table)))


def _plain(column: Any, name: str, where: str) -> pd.Series:
    kind = column.type
    if kinds.is_dictionary(kind):
        return _plain(column.cast(kind.value_type), name, where)
    target, dtype = _storage(kind, bool(column.null_count), name, where)
    series = pd.Series(column.cast(target, safe=False).to_pandas())
    return series.astype(pd.api.types.pandas_dtype(dtype))


def _storage(kind: Any, gaps: bool, name: str, where: str) -> tuple[Any, str]:
    """The Arrow type to cast to, and pandas' name of the type in storage."""
    if kinds.is_boolean(kind):
        return (pa.int8(), "float64") if gaps else (kind, "bool")
    if kinds.is_integer(kind) and not kinds.is_uint64(kind) and not gaps:
        return pa.int64(), "int64"
    if kinds.is_integer(kind) or kinds.is_floating(kind) or kinds.is_decimal(kind):
        return pa.float64(), "float64"
    if kinds.is_date(kind) or kinds.is_timestamp(kind):
        return pa.timestamp("us"), "datetime64[us]"
    if kinds.is_string(kind) or kinds.is_large_string(kind) or kinds.is_time(kind) or kinds.is_null(kind):
        return pa.large_string(), "str"
    raise DataError(
        f"column {name!r} holds {kind}, which no model reads",
        where=where,
        allowed="numbers, booleans, text, dates and times",
        next_step="make a number or text of it in the SQL: epoch() of an interval, the parts of a list in own columns",
    )


def without_gaps(column: pd.Series, kind: Any) -> pd.Series:
    """A column whose missing rows are gone, in the type that it has in the SQL (`kind`, Arrow's) again."""
    if kinds.is_boolean(kind):
        return column.astype("bool")
    return column.astype("int64") if kinds.is_integer(kind) and not kinds.is_uint64(kind) else column


def require_columns(frame: pd.DataFrame, wanted: dict[str, tuple[str, ...]], where: str) -> None:
    """Check that the columns that signoff.yaml names are there.

    Args:
        frame: the rows.
        wanted: key of signoff.yaml: the column names that it gives.
        where: the SQL or the file that should have them.

    Raises:
        DataError: one is not there; the answer names the nearest one.
    """
    for key, names in wanted.items():
        for name in names:
            if name not in frame.columns:
                raise DataError(
                    f"there is no column {name!r}, which {key} in signoff.yaml names",
                    where=where,
                    got=f"{len(frame.columns)} columns",
                    allowed=did_you_mean(name, [str(column) for column in frame.columns]),
                    next_step=f"add it to the SQL, or correct {key}",
                )


def as_moments(frame: pd.DataFrame, name: str, key: str, where: str) -> pd.Series:
    """A column as moments in UTC without a zone.

    Raises:
        DataError: a value is not a date or time; its row and text are shown.
        SettingsError: the column holds numbers, which could mean anything.
    """
    column = frame[name]
    if pd.api.types.is_datetime64_any_dtype(column):
        _expect_years(column, name, where)
        return column
    if not column.isna().all() and not pd.api.types.is_string_dtype(column):
        raise SettingsError(
            f"{key} must name a column of dates or times",
            where=where,
            got=f"{name} holds {column.dtype}",
            allowed="timestamp, or text such as 2013-04-01 10:00",
            next_step="make a timestamp of it in the SQL, for instance with make_timestamp or to_timestamp",
        )
    moments = pd.to_datetime(column, errors="coerce", utc=True, format="ISO8601").dt.tz_localize(None)
    wrong = moments.isna() & column.notna()
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        raise DataError(
            f"column {name!r} holds text that is not a date or time",
            where=f"{where}, row {row + 1}",
            got=f"{column.iloc[row]!r} ({int(wrong.sum())} rows like it)",
            allowed="ISO 8601, such as 2013-04-01 or 2013-04-01T10:00:00Z",
            next_step="parse it in the SQL, for instance with strptime",
        )
    _expect_years(moments, name, where)
    return moments.astype("datetime64[us]")


def _expect_years(moments: pd.Series, name: str, where: str) -> None:
    beyond = ~moments.dt.year.between(1, 9999) & moments.notna()
    if beyond.any():
        row = int(beyond.to_numpy().argmax())
        raise DataError(
            f"column {name!r} holds moments beyond the calendar",
            where=f"{where}, row {row + 1}",
            got=f"{moments.iloc[row]} ({int(beyond.sum())} rows like it)",
            allowed="years 1 to 9999",
            next_step="make them NULL in the SQL, for instance with CASE WHEN",
        )
