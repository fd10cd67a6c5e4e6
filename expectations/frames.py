"""A table as Great Expectations should see it: few types, the same for every source."""

from __future__ import annotations

import pandas as pd

TYPE_LISTS = {
    "number": ["int64", "float64"],
    "boolean": ["bool"],
    "datetime": ["datetime64[us]", "Timestamp"],
    "text": ["str"],
}
"""What expect_column_values_to_be_in_type_list is told for each kind, after `plain_frame`."""


def plain_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """The same rows with whole numbers as int64 (float64 with gaps), text as str objects, and times without a zone.

    Great Expectations does not know pandas' str, nullable and category types, and would call them wrong.
    """
    return pd.DataFrame({name: _plain(frame[name]) for name in frame.columns}).reset_index(drop=True)


def column_kind(values: pd.Series) -> str | None:
    """number, boolean, datetime or text; None for what is none of them or not known, as in an empty column."""
    dtype = values.dtype
    if values.isna().all():
        return None
    if pd.api.types.is_bool_dtype(dtype):
        return "boolean"
    if pd.api.types.is_numeric_dtype(dtype):
        return "number"
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return "datetime"
    inferred = pd.api.types.infer_dtype(values, skipna=True)
    return {"string": "text", "boolean": "boolean"}.get(inferred)


def kind_name(values: pd.Series) -> str:
    """What a person would call the values of a column."""
    return column_kind(values) or ("nothing but gaps" if values.isna().all() else str(values.dtype))


def _plain(values: pd.Series) -> pd.Series:
    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return _plain(values.astype(dtype.categories.dtype))
    if pd.api.types.is_bool_dtype(dtype):
        return values.astype(object) if values.isna().any() else values.astype(bool)
    if pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_complex_dtype(dtype):
        whole = pd.api.types.is_integer_dtype(dtype) and not values.isna().any()
        return values.astype("int64") if whole else values.astype("float64")
    if pd.api.types.is_timedelta64_dtype(dtype):
        return pd.Series(values.dt.total_seconds())
    if pd.api.types.is_datetime64_any_dtype(dtype):
        naive = values.dt.tz_convert("UTC").dt.tz_localize(None) if getattr(dtype, "tz", None) is not None else values
        return naive.astype("datetime64[us]")
    if pd.api.types.infer_dtype(values, skipna=True) in ("integer", "floating", "decimal", "mixed-integer-float"):
        return pd.to_numeric(values).astype("float64")
    return values.astype(object)
