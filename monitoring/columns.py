"""Columns as monitoring sees them: the kind, the values without the missing ones, and what is compared of each kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple, cast, get_args

import numpy as np
import pandas as pd

from signoff.core.monitoring import Aspect

if TYPE_CHECKING:
    from numpy.typing import NDArray

Kind = Literal["number", "category", "text", "datetime", "boolean"]

TEXT_DISTINCT_SHARE = 0.5
"""A column of strings with more distinct values than this share of its rows is text, when nobody says what it is."""


class Sample(NamedTuple):
    """One aspect of one column in one frame, ready to be compared."""

    values: pd.Series
    numeric: bool


def kinds_of(frame: pd.DataFrame, known: Mapping[str, str] | None = None) -> dict[str, Kind]:
    """The kind of each column: as the model's record has it, else by the column's type."""
    known = known or {}
    return {
        str(name): cast(Kind, known[str(name)]) if known.get(str(name)) in get_args(Kind) else _guess(frame[name])
        for name in frame.columns
    }


def _guess(column: pd.Series) -> Kind:
    kinds = pd.api.types
    if kinds.is_bool_dtype(column):
        return "boolean"
    if kinds.is_numeric_dtype(column):
        return "number"
    if kinds.is_datetime64_any_dtype(column):
        return "datetime"
    present = column.dropna()
    is_text = present.size > 20 and present.nunique() > TEXT_DISTINCT_SHARE * present.size
    return "text" if is_text else "category"


def missing_mask(column: pd.Series, kind: Kind) -> NDArray[np.bool_]:
    """Where a value is missing, of shape (n,); for numbers also what is infinite or is no number."""
    if kind == "number":
        return ~np.isfinite(_numbers(column))
    return column.isna().to_numpy(dtype=bool)


def sample_of(column: pd.Series, kind: Kind) -> tuple[Aspect, Sample] | None:
    """The values that are compared, missing ones left out; None for points in time, which only ever move on."""
    if kind == "datetime":
        return None
    present = column[~missing_mask(column, kind)]
    if kind == "number":
        return "values", Sample(pd.Series(_numbers(present)), numeric=True)
    labels = labels_of(present, kind)
    if kind == "text":
        return "length", Sample(labels.str.len().astype(float), numeric=True)
    return "values", Sample(labels, numeric=False)


def labels_of(column: pd.Series, kind: Kind) -> pd.Series:
    """Values as text, so that a log of JSON and a Parquet file say the same: 1 and 1.0, True and true."""
    text = column.astype(str)
    if kind == "boolean":
        return text.str.lower().replace({"1": "true", "0": "false", "1.0": "true", "0.0": "false"})
    return text.str.removesuffix(".0") if pd.api.types.is_numeric_dtype(column) else text


def _numbers(column: pd.Series) -> NDArray[np.float64]:
    numbers = pd.to_numeric(column, errors="coerce")
    return np.asarray(numbers.to_numpy(dtype="float64", na_value=np.nan), dtype="float64")


def typed(frame: pd.DataFrame, inputs: Mapping[str, str]) -> pd.DataFrame:
    """The model's inputs of rows that came as JSON, each column in the type of its kind; a column that nobody sent is
    empty."""
    return pd.DataFrame({name: _typed(frame, name, kind) for name, kind in inputs.items()}, index=frame.index)


def _typed(frame: pd.DataFrame, name: str, kind: str) -> pd.Series:
    if name not in frame:
        return pd.Series(np.full(len(frame), np.nan), index=frame.index)
    if kind == "number":
        return pd.Series(_numbers(frame[name]), index=frame.index)
    if kind == "datetime":
        return pd.to_datetime(frame[name], errors="coerce", utc=True, format="ISO8601").dt.tz_localize(None)
    return frame[name]
