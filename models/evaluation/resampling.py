"""Bootstrap resamples as weights a row: drawn once, so that two models see the same resamples (paired)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from signoff.core.settings import Project

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

Score = Callable[["Numbers"], "Numbers"]
"""Weights of shape (b, n) in, the number for each of the b resamples out; NaN where it is not defined."""
CHUNK_CELLS, KEPT_CELLS = 2_000_000, 12_000_000
FEWEST_BLOCKS = 10
"""Below it whole days or groups are too few to resample."""


@dataclass(frozen=True)
class Resamples:
    """`count` resamples of n rows.

    Args:
        rows: n.
        blocks: block of each row, of shape (n,), 0 to the number of blocks - 1; None when rows are drawn one by one.
        unit: what is drawn, for the expert's sentence: rows, days or groups.
        count: number of resamples.
        seed: the same seed draws the same.
    """

    rows: int
    blocks: NDArray[np.intp] | None
    unit: str
    count: int
    seed: int

    def draws(self, score: Score) -> Numbers:
        """The number on each resample, of shape (count,)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.concatenate([score(weights) for weights in self._chunks()])

    def value(self, score: Score) -> float:
        """The number on the rows as they are."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(score(np.ones((1, self.rows)))[0])

    def sentence(self) -> str:
        """How the intervals were made."""
        how = "rows" if self.blocks is None else f"whole {self.unit}"
        return f"Intervals: {self.count} bootstrap resamples of {how}, percentiles (Efron and Tibshirani 1993)."

    def _chunks(self) -> Iterator[Numbers]:
        if self.count * self.rows <= KEPT_CELLS:
            yield from self._kept
        else:
            yield from self._drawn()

    @cached_property
    def _kept(self) -> list[Numbers]:
        return list(self._drawn())

    def _drawn(self) -> Iterator[Numbers]:
        random = np.random.default_rng(self.seed)
        size = self.rows if self.blocks is None else int(self.blocks.max()) + 1
        step = max(1, CHUNK_CELLS // max(self.rows, 1))
        for start in range(0, self.count, step):
            part = min(step, self.count - start)
            picked = random.integers(0, size, (part, size)) + np.arange(part)[:, None] * size
            weights = np.bincount(picked.ravel(), minlength=part * size).reshape(part, size).astype(np.float64)
            yield weights if self.blocks is None else weights[:, self.blocks]


def resamples_for(project: Project, frame: pd.DataFrame) -> Resamples:
    """Resamples that respect how rows hang together.

    Groups are drawn whole where the project has a group column; else days are, where it has a time column, since rows
    of one day share weather, prices or staff and rows drawn one by one would make intervals too narrow (block
    bootstrap: Künsch 1989; clusters: Field and Welsh 2007). With fewer than ten blocks, rows are drawn.
    """
    blocks, unit = None, "rows"
    data, clock = project.data, project.data.time_column
    if data.group_column and data.group_column in frame:
        blocks, unit = pd.factorize(frame[data.group_column], use_na_sentinel=False)[0], "groups"
    elif (
        data.time_column and data.time_column in frame and pd.api.types.is_datetime64_any_dtype(frame[data.time_column])
    ):
        blocks, unit = pd.factorize(frame[clock].dt.floor("D"), use_na_sentinel=False)[0], "days"
    if blocks is not None and blocks.max() + 1 < FEWEST_BLOCKS:
        blocks, unit = None, "rows"
    return Resamples(len(frame), blocks, unit, project.evaluate.bootstrap, project.search.seed)
