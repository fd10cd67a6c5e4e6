"""How far new data may lie from what was seen: wide enough for a season, too narrow for another unit."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

INSIDE = 0.99
"""Share of rows that must lie in a range, so that a few freak values stop nobody."""
YEAR_DAYS = 300
"""A table that spans less has not seen every season."""
MOVES_WITH_TIME = 0.8
RATIO_FACTOR = 5.0


@dataclass(frozen=True)
class Bounds:
    """Where values, and their median, may lie; None where nothing sensible can be said."""

    low: float
    high: float
    median_low: float | None
    median_high: float | None


def number_bounds(values: NDArray[np.float64], *, seasons_seen: bool) -> Bounds:
    """Bounds for a column of finite numbers, of shape (n,), n > 0.

    Values may leave the seen range by its own width (half of it once all seasons were seen). Counts and amounts, which
    start at 0 or span more than a factor of ten above it with most rows near the low end, stay at or above it. The
    median may leave the range of the middle 98 % by that width too; where values span more than a factor of ten above
    0 it may change fivefold: no season does more, a change of unit does.
    """
    slack = 0.5 if seasons_seen else 1.0
    smallest, largest = float(values.min()), float(values.max())
    near, middle, far = (float(value) for value in np.quantile(values, [0.01, 0.5, 0.99]))
    width = largest - smallest
    if width == 0:
        distance = max(1.0, abs(smallest))
        return Bounds(_rounded(smallest - distance, False), _rounded(smallest + distance, True), None, None)
    counted = smallest == 0 or (smallest > 0 and bool((values == np.round(values)).all()))
    spans_tens = smallest >= 0 and middle > 0 and largest > 10 * max(smallest, 1e-12) and middle * 2 < largest
    low = 0.0 if counted or spans_tens else _rounded(smallest - slack * width, False)
    high = _rounded(largest + slack * width, True)
    if spans_tens:
        return Bounds(low, high, _rounded(middle / RATIO_FACTOR, False), _rounded(middle * RATIO_FACTOR, True))
    spread = far - near
    if spread == 0:
        return Bounds(low, high, None, None)
    median_low = max(low, _rounded(near - slack * spread, False))
    return Bounds(low, high, median_low, _rounded(far + slack * spread, True))


def moves_with_time(values: pd.Series, time: pd.Series) -> bool:
    """Whether a number mostly says how late it is (a month, a counter): tomorrow it will leave any range seen today.

    Source: Spearman's rank correlation above 0.8.
    """
    both = values.notna() & time.notna()
    if int(both.sum()) < 10 or values[both].nunique() < 2:
        return False
    first, second = values[both].astype("float64").rank(), time[both].rank()
    if second.nunique() < 2:
        return False
    return bool(abs(float(np.corrcoef(first, second)[0, 1])) > MOVES_WITH_TIME)


def missing_allowed(share: float) -> float:
    """How much may be missing when `share` was, both 0 to 1: never all.

    Two in a hundred more where little is missing, up to an eighth more where a half is; a column that is mostly empty
    (a wind that seldom gusts) may lose three quarters of what it had.
    """
    allowed = (3 + share) / 4 if share > 0.5 else share + max(0.02, 0.5 * share * (1 - share))
    return math.ceil(min(allowed, (3 + share) / 4) * 1000) / 1000


def new_values_allowed(values: pd.Series) -> float:
    """The share of rows that may hold a value never seen before: at least 2 %.

    Source: Good 1953: the chance that the next row holds an unseen value is the share of values seen once; five times
    it is allowed, up to a fifth.
    """
    counts = values.value_counts()
    once = float((counts == 1).sum()) / max(1, len(values))
    return min(0.2, max(0.02, math.ceil(5 * once * 1000) / 1000))


def _rounded(value: float, up: bool) -> float:
    """Two significant digits, away from the data: a limit that a person can read."""
    if value == 0:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(abs(value))) - 1)
    found = (math.ceil if up else math.floor)(value / step) * step
    return float(f"{found:.6g}")
