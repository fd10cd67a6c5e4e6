"""What kind of values a column holds, and the one way in which values of each kind are turned into arrays."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from signoff.core.errors import DataError
from signoff.core.labels import label_texts

Kind = Literal["number", "category", "text", "datetime", "boolean"]
TEXT_WORDS = 3.0
"""Mean number of words from which a column of strings reads as sentences."""
TEXT_DISTINCT_SHARE = 0.3
_LOOK_ROWS = 5_000
_TRUTHS = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0, "yes": 1.0, "no": 0.0}
_INFERRED: dict[str, Kind] = {
    "boolean": "boolean",
    "integer": "number",
    "floating": "number",
    "mixed-integer-float": "number",
    "decimal": "number",
    "timedelta": "number",
    "timedelta64": "number",
    "date": "datetime",
    "datetime": "datetime",
    "datetime64": "datetime",
    "empty": "category",
    "mixed-integer": "category",
    "time": "category",
}


def kind_of(values: pd.Series) -> Kind | None:
    """The kind of a column, or None for values that no model can use (lists, mappings, bytes)."""
    kind = pd.api.types
    if kind.is_bool_dtype(values.dtype):
        return "boolean"
    if kind.is_complex_dtype(values.dtype):
        return None
    if kind.is_numeric_dtype(values.dtype) or kind.is_timedelta64_dtype(values.dtype):
        return "number"
    if kind.is_datetime64_any_dtype(values.dtype):
        return "datetime"
    if isinstance(values.dtype, pd.CategoricalDtype):
        return "category"
    inferred = kind.infer_dtype(values, skipna=True)
    if inferred == "string":
        return "text" if _reads_as_text(values) else "category"
    if inferred == "mixed":
        scalars = values.dropna().map(lambda value: isinstance(value, str | bool | int | float))
        return "category" if bool(scalars.all()) else None
    return _INFERRED.get(inferred)


def _reads_as_text(values: pd.Series) -> bool:
    sample = values.dropna().iloc[:_LOOK_ROWS].astype("str")
    if sample.empty or sample.nunique() < TEXT_DISTINCT_SHARE * len(sample):
        return False
    return float((sample.str.count(r"\S+")).mean()) >= TEXT_WORDS


def to_kind(values: pd.Series, kind: str) -> pd.Series:
    """The column as the type that its kind has in training.

    Args:
        values: of shape (n,), of any type that can mean the kind: "12" and 12 for a number, ISO 8601 text for a
            datetime, 0, 1, true and "true" for a boolean.
        kind: number (float64), boolean (float64 of 0, 1 and missing), datetime (naive UTC), category or text (str).

    Raises:
        DataError: a value cannot mean the kind; it names column, row and value.
    """
    if kind == "number":
        return _numbers(values)
    if kind == "boolean":
        return _booleans(values)
    if kind == "datetime":
        return _datetimes(values)
    return texts(values)


def texts(values: pd.Series) -> pd.Series:
    """A column as text (1.0 is "1", as in label_texts); missing values stay missing."""
    if pd.api.types.is_string_dtype(values.dtype) and values.dtype != object:
        return values
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    return label_texts(values).astype("str")


def number_matrix(columns: list[pd.Series]) -> NDArray[np.float64]:
    """Columns side by side as float64 of shape (n, columns); missing is NaN."""
    if not columns:
        return np.empty((0, 0))
    return np.column_stack([column.to_numpy(dtype=np.float64, na_value=np.nan) for column in columns])


def _numbers(values: pd.Series) -> pd.Series:
    dtype = values.dtype
    if dtype == np.float64:
        return values
    if pd.api.types.is_timedelta64_dtype(dtype):
        return pd.Series(values.dt.total_seconds())
    if pd.api.types.is_bool_dtype(dtype) or pd.api.types.is_numeric_dtype(dtype):
        return pd.Series(values.to_numpy(dtype=np.float64, na_value=np.nan), index=values.index, name=values.name)
    if pd.api.types.is_datetime64_any_dtype(dtype):
        raise _not_of_kind(values, values.notna(), "a number")
    numbers = pd.to_numeric(_empty_is_missing(values), errors="coerce").astype("float64")
    _refuse_lost(values, numbers, "a number")
    return numbers


def _booleans(values: pd.Series) -> pd.Series:
    if pd.api.types.is_bool_dtype(values.dtype):
        return _numbers(values)
    if pd.api.types.is_numeric_dtype(values.dtype):
        numbers = _numbers(values)
        _refuse_lost(values, numbers.where(numbers.isin((0.0, 1.0))), "true or false")
        return numbers
    known = _empty_is_missing(values)
    numbers = known.map(lambda value: _TRUTHS.get(str(value).strip().lower(), np.nan), na_action="ignore")
    numbers = numbers.astype("float64")
    _refuse_lost(values, numbers, "true or false")
    return numbers


def _datetimes(values: pd.Series) -> pd.Series:
    dtype = values.dtype
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return values.dt.tz_convert("UTC").dt.tz_localize(None) if getattr(dtype, "tz", None) is not None else values
    numeric = pd.api.types.is_numeric_dtype(dtype) or pd.api.types.infer_dtype(values, skipna=True) == "integer"
    if numeric and values.notna().any():
        raise _not_of_kind(values, values.notna(), "a date and time such as 2013-04-01T12:00:00")
    moments = pd.to_datetime(_empty_is_missing(values).astype("str"), format="ISO8601", errors="coerce", utc=True)
    _refuse_lost(values, moments, "a date and time such as 2013-04-01T12:00:00")
    return moments.dt.tz_localize(None)


def _empty_is_missing(values: pd.Series) -> pd.Series:
    """An empty cell of a text file means that nothing is known."""
    return values.mask(values == "") if values.dtype == object or pd.api.types.is_string_dtype(values.dtype) else values


def _refuse_lost(before: pd.Series, after: pd.Series, allowed: str) -> None:
    lost = after.isna() & before.notna() & (before != "")
    if lost.any():
        raise _not_of_kind(before, lost, allowed)


def _not_of_kind(values: pd.Series, wrong: pd.Series, allowed: str) -> DataError:
    position = int(np.flatnonzero(wrong.to_numpy())[0])
    count = int(wrong.sum())
    return DataError(
        f"{count} of {len(values)} values of {values.name} cannot be read as {allowed.split(' such')[0]}",
        where=f"column {values.name}, row {position + 1}",
        got=repr(values.iloc[position]),
        allowed=f"{allowed}, or empty",
    )
