"""The groups of a column: categories as they are, numbers by their quartiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_GROUPS = 20
LEAST_ROWS = 30
"""Rows below which a group is listed and not judged."""


@dataclass(frozen=True)
class Group:
    """Some holdout rows that share a value."""

    name: str
    rows: NDArray[np.intp]

    @property
    def judged(self) -> bool:
        return len(self.rows) >= LEAST_ROWS


def groups_of(column: pd.Series) -> list[Group]:
    """At most 21 groups of a column of n rows, the largest first; small ones beyond 20 together as 'others'."""
    labels = _labels(column).to_numpy(dtype=object)
    codes, names = pd.factorize(labels)
    counts = np.bincount(codes, minlength=len(names))
    order = np.argsort(-counts, kind="stable")
    kept = [Group(str(names[code]), np.flatnonzero(codes == code)) for code in order[:MOST_GROUPS]]
    if len(order) > MOST_GROUPS:
        rest = np.flatnonzero(np.isin(codes, order[MOST_GROUPS:]))
        kept.append(Group(f"others: {len(order) - MOST_GROUPS}", rest))
    return kept


def _labels(column: pd.Series) -> pd.Series:
    number = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    if number and column.nunique() > MOST_GROUPS:
        edges = np.unique(np.nanquantile(column.to_numpy(dtype=float, na_value=np.nan), [0, 0.25, 0.5, 0.75, 1]))
        if len(edges) > 1:
            cut = pd.cut(column, edges.tolist(), include_lowest=True, precision=3)
            column = cut.astype(object).map(
                lambda one: f"{_edge(max(one.left, edges[0]))} to {_edge(one.right)}", na_action="ignore"
            )
    elif pd.api.types.is_datetime64_any_dtype(column):
        column = column.dt.strftime("%Y-%m")
    elif number:
        column = column.map(lambda value: f"{value:g}", na_action="ignore")
    return column.astype(object).where(column.notna(), "missing").astype(str)


def _edge(value: float) -> str:
    """Without an exponent and without commas: the name of a gate's check may hold it."""
    return f"{value:.4g}" if abs(value) < 10_000 else f"{value:.0f}"
