"""How far a column has moved between two samples, and whether chance explains it: as monitoring measures windows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

MATTERS = 0.1
"""Smallest distance that matters, for both distances."""
CELLS, EXPECTED = 50, 5.0
"""Groups of categories compared at most, and the rows each must expect (Cochran 1954)."""
SAMPLE = 20_000


class Moved(NamedTuple):
    """A distance, its method, and the chance of it where nothing has changed."""

    distance: float
    method: str
    p_value: float


def moved(before: pd.Series, after: pd.Series) -> Moved | None:
    """The known values of a column on both sides; None where one side has none.

    Numbers: first Wasserstein distance over the standard deviation before, Kolmogorov and Smirnov's test. Others:
    Jensen and Shannon's distance (Endres and Schindelin 2003), Pearson's chi-square of homogeneity.
    """
    first, second = before.dropna(), after.dropna()
    if first.empty or second.empty:
        return None
    if is_number(before) and is_number(after):
        return _numbers(first.to_numpy(dtype=float), second.to_numpy(dtype=float))
    return _categories(first.astype(str), second.astype(str))


def is_number(column: pd.Series) -> bool:
    """Whether the values are compared as numbers."""
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def level_of(p_values: list[float], rate: float = 0.05) -> float:
    """The level below which a p-value counts: at most `rate` of what is found is chance (Benjamini, Hochberg 1995)."""
    ranked = np.sort(np.asarray(p_values, dtype=float))
    good = np.flatnonzero(ranked <= rate * np.arange(1, ranked.size + 1) / max(ranked.size, 1))
    return float(np.nextafter(ranked[good[-1]], 1)) if good.size else 0.0


def _numbers(first: Numbers, second: Numbers) -> Moved | None:
    from scipy.special import kolmogorov

    first, second = np.sort(first[np.isfinite(first)]), np.sort(second[np.isfinite(second)])
    if not first.size or not second.size:
        return None
    support = np.sort(np.concatenate([first, second]))
    gap = np.abs(
        np.searchsorted(first, support, side="right") / first.size
        - np.searchsorted(second, support, side="right") / second.size
    )
    area, scale = float(np.sum(gap[:-1] * np.diff(support))), float(np.std(first))
    # Without spread before, no spread says how much is much: any difference is one whole unit.
    distance = 0.0 if area == 0 else area / scale if scale > 1e-12 * max(1.0, area) else 1.0
    weight = np.sqrt(first.size * second.size / (first.size + second.size))
    return Moved(distance, "Wasserstein", float(kolmogorov(float(gap.max()) * weight)))


def _categories(first: pd.Series, second: pd.Series) -> Moved:
    from scipy.special import chdtrc

    counts = first.value_counts().to_frame("a").join(second.value_counts().rename("b"), how="outer").fillna(0.0)
    table = counts.sort_index().to_numpy(dtype=float).T
    table = _merged(table[:, np.argsort(-table.sum(axis=0), kind="stable")])
    if table.shape[1] < 2:
        return Moved(0.0, "Jensen-Shannon", 1.0)
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0, keepdims=True) / table.sum()
    statistic = float(np.sum((table - expected) ** 2 / expected))
    shares = table / table.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(shares > 0, shares * np.log(shares / shares.mean(axis=0)), 0.0)
    distance = float(np.sqrt(max(0.0, float(terms.sum()) / 2)))
    return Moved(distance, "Jensen-Shannon", float(chdtrc(table.shape[1] - 1, statistic)))


def _merged(table: Numbers) -> Numbers:
    """Rare categories share a cell with others as rare, formed on both samples together."""
    rows = table.sum(axis=1)
    expected = table.sum(axis=0) * rows.min() / rows.sum()
    least = max(EXPECTED, float(rows.min()) / CELLS)
    starts, held = [0], 0.0
    for position, count in enumerate(expected):
        if held >= least:
            starts.append(position)
            held = 0.0
        held += float(count)
    if held < least and len(starts) > 1:
        starts.pop()
    return np.asarray(np.add.reduceat(table, starts, axis=1))
