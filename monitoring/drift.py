"""Which columns of a window no longer look like the champion's training data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from monitoring.columns import Kind, Sample, missing_mask, sample_of
from monitoring.distances import (
    MATTERS,
    Comparison,
    compare_categories,
    compare_numbers,
    compare_shares,
    false_discovery_level,
)
from signoff.core.monitoring import Aspect, ColumnDrift

if TYPE_CHECKING:
    from numpy.typing import NDArray

FALSE_ALARM_RATE = 0.05
"""Chance of calling anything drift in a window in which nothing has changed."""

SAMPLE_ROWS = 20_000
"""Rows of each side that are compared; beyond it a distance of 0.1 is certain anyway."""

FEWEST_VALUES = 20
"""Values of a column, on each side, below which only its missing share is compared."""

NUMBERS = "normed Wasserstein distance, Kolmogorov-Smirnov test"
CATEGORIES = "Jensen-Shannon distance, chi-square test"


class Pair(NamedTuple):
    """One aspect of one column on both sides."""

    column: str
    aspect: Aspect
    reference: Sample
    window: Sample

    @property
    def method(self) -> str:
        return NUMBERS if self.reference.numeric else CATEGORIES

    def with_values(self, reference: pd.Series, window: pd.Series) -> Pair:
        """The same aspect of other values."""
        return self._replace(
            reference=Sample(reference, self.reference.numeric), window=Sample(window, self.window.numeric)
        )

    def compare(self) -> Comparison:
        """The distance and the chance of it."""
        if self.aspect == "missing":
            return compare_shares(_count(self.reference.values), _count(self.window.values))
        if self.reference.numeric:
            return compare_numbers(_floats(self.reference.values), _floats(self.window.values))
        return compare_categories(self.reference.values, self.window.values)


def sample_rows(frame: pd.DataFrame, rows: int = SAMPLE_ROWS, seed: int = 0) -> pd.DataFrame:
    """At most `rows` of the rows, drawn without replacement, in their order; the same seed gives the same rows."""
    if len(frame) <= rows:
        return frame
    chosen = np.random.default_rng(seed).choice(len(frame), rows, replace=False)
    return frame.iloc[np.sort(chosen)]


def pairs_of(reference: pd.DataFrame, window: pd.DataFrame, kinds: Mapping[str, Kind]) -> list[Pair]:
    """All that is compared: values (or lengths) of each column, and its missing share where anything is missing.

    A column that the window lacks counts as missing in every row of it.
    """
    pairs: list[Pair] = []
    for column, kind in kinds.items():
        before, after = reference[column], window[column] if column in window else _nothing(window)
        first, second = sample_of(before, kind), sample_of(after, kind)
        if first and second and min(first[1].values.size, second[1].values.size) >= FEWEST_VALUES:
            pairs.append(Pair(column, first[0], first[1], second[1]))
        missing = missing_mask(before, kind), missing_mask(after, kind)
        if missing[0].any() or missing[1].any():
            gone = (Sample(pd.Series(mask).map({True: "missing", False: "there"}), numeric=False) for mask in missing)
            pairs.append(Pair(column, "missing", *gone))
    return pairs


def column_drift(pairs: Sequence[Pair]) -> tuple[ColumnDrift, ...]:
    """The verdict on each pair, in their order, at one level for all of them."""
    compared = [pair.compare() for pair in pairs]
    level = false_discovery_level([comparison.p_value for comparison in compared], FALSE_ALARM_RATE)
    return tuple(verdict(pair, comparison, level) for pair, comparison in zip(pairs, compared, strict=True))


def verdict(pair: Pair, comparison: Comparison, level: float) -> ColumnDrift:
    """One comparison as a record."""
    return ColumnDrift(
        column=pair.column,
        drifted=comparison.drifted(level),
        method=pair.method,
        score=comparison.distance,
        threshold=MATTERS,
        aspect=pair.aspect,
        p_value=comparison.p_value,
        level=level,
        note=_note(pair, comparison, level),
    )


def _note(pair: Pair, comparison: Comparison, level: float) -> str:
    before, after = pair.reference.values, pair.window.values
    if pair.aspect == "missing":
        change = f"missing in {_share(after):.1%} of the rows, was {_share(before):.1%}"
    elif pair.reference.numeric:
        what = "mean length" if pair.aspect == "length" else "mean"
        spread = f", deviation {after.std():.3g}, was {before.std():.3g}" if pair.aspect == "values" else ""
        change = f"{what} {after.mean():.5g}, was {before.mean():.5g}{spread}"
    else:
        shares = pd.DataFrame({"now": after.value_counts(normalize=True), "was": before.value_counts(normalize=True)})
        moved = shares.fillna(0.0).sort_index()
        label = str((moved["now"] - moved["was"]).abs().idxmax())
        change = f"{label!r} in {moved['now'][label]:.1%} of the rows, was {moved['was'][label]:.1%}"
    if comparison.distance >= MATTERS and comparison.p_value >= level:
        return change + "; so few rows differ that much by chance"
    return change


def _nothing(window: pd.DataFrame) -> pd.Series:
    return pd.Series(np.full(len(window), np.nan), index=window.index)


def _floats(values: pd.Series) -> NDArray[np.float64]:
    return values.to_numpy(dtype="float64")


def _count(values: pd.Series) -> tuple[int, int]:
    return int((values == "missing").sum()), values.size


def _share(values: pd.Series) -> float:
    count, rows = _count(values)
    return count / rows
