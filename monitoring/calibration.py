"""Whether what was foretold came true as often, or as much, as foretold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

BINS = 10
BIN_ROWS = 100
"""Rows a bin should hold; with fewer than ten times as many there are fewer bins, as a bin of 50 rows is 0.06 off by
chance."""


def calibration_gap(predicted: Numbers, observed: Numbers, weights: Numbers | None = None) -> float:
    """Mean distance between foretold and observed means over equal-count bins of the prediction, what chance adds
    taken off.

    The expected calibration error of Naeini, Cooper and Hauskrecht 2015 (AAAI) on equal-count bins (Nguyen and O'Connor
    2015). Of few rows it is far from 0 for a perfect model too (0.05 at 500 rows), so the variance of a bin's mean is
    taken off the square of its distance, as Kumar, Liang and Ma 2019 (NeurIPS) do it for the squared error. With many
    rows both are the same.

    Args:
        predicted: probabilities or values, of shape (n,), n >= 1.
        observed: 0 and 1, or values, of shape (n,).
        weights: how often each row counts, of shape (n,); once when not given.

    Returns:
        At least 0; in the unit of `observed`.
    """
    starts, order = _bins(predicted)
    counts = np.ones(predicted.size) if weights is None else weights[order]
    predicted, observed = predicted[order], observed[order]
    rows = np.add.reduceat(counts, starts)
    errors = np.add.reduceat(counts * (observed - predicted), starts) / np.maximum(rows, 1)
    squares = np.add.reduceat(counts * (observed - predicted) ** 2, starts) / np.maximum(rows, 1)
    chance = np.maximum(squares - errors**2, 0.0) / np.maximum(rows - 1, 1)
    gaps = np.sqrt(np.maximum(errors**2 - chance, 0.0))
    return float(np.sum(rows * gaps) / rows.sum())


def calibration_table(predicted: Numbers, observed: Numbers) -> list[tuple[float, float, int]]:
    """Foretold mean, observed mean and rows of each bin, from the lowest prediction to the highest."""
    starts, order = _bins(predicted)
    rows = np.diff([*starts, predicted.size])
    foretold = np.add.reduceat(predicted[order], starts) / rows
    came = np.add.reduceat(observed[order], starts) / rows
    return [(float(p), float(o), int(n)) for p, o, n in zip(foretold, came, rows, strict=True)]


def _bins(predicted: Numbers) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where each bin starts in the order of the prediction; equal predictions never fall in two bins."""
    order = np.argsort(predicted, kind="stable")
    ranked = predicted[order]
    bins = min(BINS, max(2, ranked.size // BIN_ROWS))
    cuts = (np.arange(bins) * ranked.size) // bins
    starts = np.unique(np.searchsorted(ranked, ranked[cuts], side="left"))
    return starts, order
