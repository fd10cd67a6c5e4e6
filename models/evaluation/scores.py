"""The metrics of signoff.core.metrics on weighted rows: sorted once, then every resample is a sum."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.evaluation.answers import Answers
from models.evaluation.resampling import Score
from signoff.core.settings import Task

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]


def score_of(metric: str, answers: Answers) -> Score:
    """The metric as a function of weights of shape (b, n), in its own direction."""
    if metric == "roc_auc":
        return roc_auc(answers.yes, answers.actual == 1)
    if metric == "average_precision":
        return average_precision(answers.yes, answers.actual == 1)
    if metric == "balanced_accuracy":
        return _balanced_accuracy(answers)
    if metric == "rmse":
        mean_square = mean_of(row_losses("mse", answers))
        return lambda weights: np.asarray(np.sqrt(mean_square(weights)))
    if metric == "r2":
        return _r2(answers)
    return mean_of(row_losses(metric, answers))


def row_losses(metric: str, answers: Answers) -> Numbers:
    """The part of a mean metric that each row adds, of shape (n,)."""
    actual = answers.actual
    if metric == "log_loss":
        assert answers.probability is not None
        given = answers.probability[np.arange(len(actual)), actual]
        return np.asarray(-np.log(np.clip(given, np.finfo(np.float64).eps, 1.0)))
    if metric == "brier":
        return np.asarray((answers.yes - actual) ** 2)
    if metric == "accuracy":
        return np.asarray(answers.predicted == actual, dtype=np.float64)
    error = answers.predicted - actual
    return np.asarray(np.abs(error) if metric == "mae" else error**2, dtype=np.float64)


def mean_of(losses: Numbers) -> Score:
    """The weighted mean of one number a row."""
    return lambda weights: np.asarray((weights @ losses) / weights.sum(axis=1))


def ratio_of(part: Numbers, whole: Numbers) -> Score:
    """Weighted sum of `part` over weighted sum of `whole`, as precision and recall are."""
    return lambda weights: np.asarray((weights @ part) / (weights @ whole))


def difference(better: Score, worse: Score) -> Score:
    """Paired: both on the same weights."""
    return lambda weights: better(weights) - worse(weights)


def on_rows(rows: NDArray[np.intp], score: Score) -> Score:
    """A score of some rows, given weights of all."""
    return lambda weights: score(weights[:, rows])


def roc_auc(yes: Numbers, truth: NDArray[np.bool_]) -> Score:
    """Mann and Whitney's statistic, ties counted half; NaN where a resample has one class."""
    order, starts = _ranked(yes)
    hit = truth[order].astype(np.float64)

    def score(weights: Numbers) -> Numbers:
        ranked = weights[:, order]
        hits = np.add.reduceat(ranked * hit, starts, axis=1)
        misses = np.add.reduceat(ranked * (1 - hit), starts, axis=1)
        total = misses.sum(axis=1)
        below = total[:, None] - np.cumsum(misses, axis=1)
        return np.asarray(np.sum(hits * (below + misses / 2), axis=1) / (hits.sum(axis=1) * total))

    return score


def average_precision(yes: Numbers, truth: NDArray[np.bool_]) -> Score:
    """Mean of precision over the recalled, each distinct probability one step."""
    order, starts = _ranked(yes)
    hit = truth[order].astype(np.float64)

    def score(weights: Numbers) -> Numbers:
        ranked = weights[:, order]
        hits = np.add.reduceat(ranked * hit, starts, axis=1)
        flagged = np.cumsum(np.add.reduceat(ranked, starts, axis=1), axis=1)
        precision = np.cumsum(hits, axis=1) / np.where(flagged > 0, flagged, 1.0)
        return np.asarray(np.sum(hits * precision, axis=1) / hits.sum(axis=1))

    return score


def _ranked(yes: Numbers) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    order = np.argsort(-yes, kind="stable")
    ranked = yes[order]
    return order, np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])


def _balanced_accuracy(answers: Answers) -> Score:
    classes = np.unique(answers.actual)
    member = (answers.actual[:, None] == classes).astype(np.float64)
    right = member * (answers.predicted == answers.actual)[:, None]
    return lambda weights: np.nanmean((weights @ right) / (weights @ member), axis=1)


def _r2(answers: Answers) -> Score:
    actual, squares = answers.actual, row_losses("mse", answers)
    centred = actual - actual.mean()

    def score(weights: Numbers) -> Numbers:
        total = weights.sum(axis=1)
        mean = (weights @ centred) / total
        spread = (weights @ centred**2) / total - mean**2
        return np.where(spread > 0, 1 - (weights @ squares) / total / np.where(spread > 0, spread, 1), np.nan)

    return score


def metrics_of(task: Task) -> tuple[str, ...]:
    """Names of the metrics that fit a task, in the order of signoff.core.metrics."""
    from signoff.core.metrics import METRICS

    return tuple(metric.name for metric in METRICS.values() if task in metric.tasks)
