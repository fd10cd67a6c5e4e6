"""The metrics of signoff.core.metrics on arrays, with a weight a row, so that a bootstrap resample is one more call."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

Weighted = Callable[["Numbers"], float | None]
"""Weights of shape (n,) in, the metric out; None where it is not defined, as ROC AUC on one class."""


def ranking(probability: Numbers, yes: Numbers) -> dict[str, Weighted]:
    """ROC AUC (Mann and Whitney) and average precision; rows are sorted once for all resamples.

    Args:
        probability: of yes, of shape (n,).
        yes: 0 or 1, of shape (n,).
    """
    order = np.argsort(-probability, kind="stable")
    ranked, came = probability[order], yes[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])

    def hits_and_misses(weights: Numbers) -> tuple[Numbers, Numbers]:
        weights = weights[order]
        return np.add.reduceat(weights * came, starts), np.add.reduceat(weights * (1 - came), starts)

    def roc_auc(weights: Numbers) -> float | None:
        hits, misses = hits_and_misses(weights)
        if not hits.sum() or not misses.sum():
            return None
        below = misses.sum() - np.cumsum(misses)
        return float(np.sum(hits * (below + misses / 2)) / (hits.sum() * misses.sum()))

    def average_precision(weights: Numbers) -> float | None:
        hits, misses = hits_and_misses(weights)
        if not hits.sum():
            return None
        flagged = np.cumsum(hits + misses)
        precision = np.cumsum(hits) / np.where(flagged > 0, flagged, 1.0)
        return float(np.sum(hits * precision) / hits.sum())

    return {"roc_auc": roc_auc, "average_precision": average_precision}


def mean_of(losses: Numbers) -> Weighted:
    """The weighted mean of a loss a row, of shape (n,): Brier score, log loss, accuracy, MAE."""
    return lambda weights: float(np.average(losses, weights=weights))


def log_losses(probability: Numbers) -> Numbers:
    """Minus the logarithm of the probability given to what happened, of shape (n,); zero counts as the smallest step
    from 0."""
    return -np.log(np.clip(probability, np.finfo(np.float64).eps, 1.0))


def balanced_accuracy(label: NDArray[np.intp], truth: NDArray[np.intp], classes: int) -> Weighted:
    """Mean over the classes that occur of the share that was recognised; labels are positions of classes."""
    right = (label == truth).astype(float)

    def metric(weights: Numbers) -> float | None:
        rows = np.bincount(truth, weights=weights, minlength=classes)
        found = np.bincount(truth, weights=weights * right, minlength=classes)
        return float(np.mean(found[rows > 0] / rows[rows > 0]))

    return metric


def rmse(predicted: Numbers, observed: Numbers) -> Weighted:
    """Root of the mean squared error."""
    squares = (predicted - observed) ** 2
    return lambda weights: float(np.sqrt(np.average(squares, weights=weights)))


def r2(predicted: Numbers, observed: Numbers) -> Weighted:
    """Share of the variation of `observed` that is explained; None when it does not vary."""
    squares = (predicted - observed) ** 2

    def metric(weights: Numbers) -> float | None:
        spread = np.average((observed - np.average(observed, weights=weights)) ** 2, weights=weights)
        return None if spread == 0 else float(1 - np.average(squares, weights=weights) / spread)

    return metric
