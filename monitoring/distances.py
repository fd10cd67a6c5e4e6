"""How far two samples lie apart, and whether chance explains it.

Each comparison answers two questions. Is the difference large enough to matter? A distance in units of the
reference: the first Wasserstein distance over the standard deviation for numbers, the Jensen-Shannon distance for
categories, both from 0.1, as Evidently's defaults for large data have it. Is it more than chance? The two-sample
Kolmogorov-Smirnov test, or Pearson's chi-square test of homogeneity, which takes both samples as uncertain. Distances
alone raise false alarms in small windows (the expected distance without drift grows with categories and shrinks with
rows), tests alone do so in large ones, where any difference is significant, and wherever rows are not independent of
each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

MATTERS = 0.1
"""Smallest distance that matters, for both distances."""

CELLS = 50
"""About how many groups of categories are compared."""

EXPECTED = 5.0
"""Smallest expected count of a cell; below it the chi-square approximation is poor (Cochran 1954, Biometrics 10)."""


class Comparison(NamedTuple):
    """Two samples of one thing, compared."""

    distance: float
    p_value: float

    def drifted(self, level: float) -> bool:
        """Large enough to matter, and chance ruled out at `level`."""
        return self.distance >= MATTERS and self.p_value < level


def compare_numbers(reference: NDArray[np.float64], window: NDArray[np.float64]) -> Comparison:
    """Two samples of numbers without missing values, of shapes (m,) and (n,), neither empty.

    The distance is Wasserstein's first, in standard deviations of the reference; the test is Kolmogorov and Smirnov's
    with its asymptotic law (Hodges 1958); with ties, as in whole numbers, it says "chance" rather too often than too
    seldom.
    """
    reference, window = np.sort(reference), np.sort(window)
    support = np.concatenate([reference, window])
    support.sort()
    below_reference = np.searchsorted(reference, support, side="right") / reference.size
    below_window = np.searchsorted(window, support, side="right") / window.size
    gap = np.abs(below_reference - below_window)
    scale = float(np.std(reference))
    area = float(np.sum(gap[:-1] * np.diff(support)))
    return Comparison(_over(area, scale), _kolmogorov_tail(float(gap.max()), reference.size, window.size))


def _over(area: float, scale: float) -> float:
    """A reference without spread: any difference at all is one whole unit, as no spread says how much is much."""
    if area == 0:
        return 0.0
    return area / scale if scale > 1e-12 * max(1.0, area) else 1.0


def _kolmogorov_tail(gap: float, reference: int, window: int) -> float:
    from scipy.special import kolmogorov

    return float(kolmogorov(gap * np.sqrt(reference * window / (reference + window))))


def compare_categories(reference: pd.Series, window: pd.Series) -> Comparison:
    """Two samples of labels without missing values, neither empty.

    The distance is Jensen and Shannon's (the square root of the divergence in nats, Endres and Schindelin 2003; from
    0 to 0.83) over the cells of `table_of`; the test is Pearson's chi-square of homogeneity on the same cells.
    """
    return compare_counts(table_of(reference, window))


def compare_counts(table: NDArray[np.float64]) -> Comparison:
    """Counts of shape (2, cells): the reference's row and the window's row, each with a positive sum."""
    from scipy.special import chdtrc

    table = table[:, table.sum(axis=0) > 0]
    cells = table.shape[1]
    if cells < 2:
        return Comparison(0.0, 1.0)
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0, keepdims=True) / table.sum()
    statistic = float(np.sum((table - expected) ** 2 / expected))
    shares = table / table.sum(axis=1, keepdims=True)
    middle = shares.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(shares > 0, shares * np.log(shares / middle), 0.0)
    divergence = max(0.0, float(terms.sum()) / 2)
    return Comparison(float(np.sqrt(divergence)), float(chdtrc(cells - 1, statistic)))


def table_of(reference: pd.Series, window: pd.Series) -> NDArray[np.float64]:
    """Counts of shape (2, cells), commonest first; rare categories share cells with others as rare as they are.

    Each cell expects at least `EXPECTED` rows of the smaller sample, and there are about `CELLS` of them at most.
    Cells are formed on both samples together, so that without drift neither sample is favoured; a flood of new
    categories fills cells that hardly hold anything else.
    """
    counts = reference.value_counts().to_frame("reference").join(window.value_counts().rename("window"), how="outer")
    both = counts.fillna(0.0).sort_index(key=lambda index: index.astype(str)).to_numpy(dtype=float).T
    both = both[:, np.argsort(-both.sum(axis=0), kind="stable")]
    rows = both.sum(axis=1)
    expected = both.sum(axis=0) * rows.min() / rows.sum()
    starts = _cell_starts(expected, max(EXPECTED, float(rows.min()) / CELLS))
    return np.add.reduceat(both, starts, axis=1)


def _cell_starts(expected: NDArray[np.float64], least: float) -> list[int]:
    starts, held = [0], 0.0
    for position, count in enumerate(expected):
        if held >= least:
            starts.append(position)
            held = 0.0
        held += count
    return starts if held >= least or len(starts) == 1 else starts[:-1]


def compare_shares(reference: tuple[int, int], window: tuple[int, int]) -> Comparison:
    """Two shares, each as (count, of how many): a comparison of two categories, yes and no."""
    rows = [[count, total - count] for count, total in (reference, window)]
    return compare_counts(np.array(rows, dtype=float))


def false_discovery_level(p_values: Sequence[float], rate: float) -> float:
    """The level below which a p-value counts, so that at most `rate` of what is called drift is none.

    Benjamini and Hochberg 1995 (Journal of the Royal Statistical Society B 57). When nothing has changed this is also
    the chance of any false alarm in the whole window.
    """
    ranked = np.sort(np.asarray(p_values, dtype=float))
    if ranked.size == 0:
        return rate
    cuts = rate * np.arange(1, ranked.size + 1) / ranked.size
    passing = np.flatnonzero(ranked < cuts)
    return float(cuts[passing[-1]] if passing.size else cuts[0])
