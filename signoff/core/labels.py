"""The one way in which a class label becomes text: True, 1 and 1.0 of one column never end as two classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def label_text(value: Any) -> str:
    """One label as text: 1.0 is "1", True is "True", text stays as it is."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    item = getattr(value, "item", None)
    return label_text(item()) if callable(item) else str(value)


def label_texts(values: pd.Series) -> pd.Series:
    """A column of labels as text, of the same length and index; a missing label stays missing."""
    codes = {value: label_text(value) for value in values.dropna().unique()}
    return values.map(codes)
