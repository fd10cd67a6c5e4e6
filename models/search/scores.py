"""A fold's score, and the threshold from which a binary answer is yes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn import metrics as sk

from signoff.core.settings import ErrorCost

if TYPE_CHECKING:
    from numpy.typing import NDArray


def fold_score(metric: str, truth: NDArray[Any], predicted: NDArray[Any], classes: int) -> float:
    """The metric's value in its own direction.

    Args:
        metric: a name of signoff.core.metrics.
        truth: class positions or values, of shape (n,).
        predicted: probabilities of shape (n, classes), or values of shape (n,) for a regression.
        classes: number of classes, 0 for a regression.
    """
    if classes == 0:
        return _regression(metric, truth, predicted)
    labels = list(range(classes))
    if metric == "log_loss":
        return float(sk.log_loss(truth, predicted, labels=labels))
    if metric == "accuracy":
        return float(np.mean(predicted.argmax(axis=1) == truth))
    if metric == "balanced_accuracy":
        answers = predicted.argmax(axis=1)
        return float(np.mean([np.mean(answers[truth == label] == label) for label in labels if np.any(truth == label)]))
    yes = predicted[:, 1]
    if metric == "brier":
        return float(np.mean((yes - truth) ** 2))
    return float(sk.roc_auc_score(truth, yes) if metric == "roc_auc" else sk.average_precision_score(truth, yes))


def _regression(metric: str, truth: NDArray[Any], predicted: NDArray[Any]) -> float:
    if metric == "mae":
        return float(np.mean(np.abs(truth - predicted)))
    if metric == "r2":
        return float(sk.r2_score(truth, predicted))
    return float(np.sqrt(np.mean((truth - predicted) ** 2)))


def best_threshold(truth: NDArray[Any], yes: NDArray[np.float64], cost: ErrorCost | None) -> float:
    """The probability from which yes is the cheaper answer, or the one of the highest F1 when errors have no cost.

    Found by going through every distinct probability of the out-of-fold predictions, so it holds for a model that is
    not calibrated too (Elkan, The foundations of cost-sensitive learning, IJCAI 2001). Rounded down to four
    digits, since more than that would be noise.

    Args:
        truth: 0 or 1, of shape (n,).
        yes: probability of 1, of shape (n,).
        cost: what a false alarm and a miss cost.
    """
    order = np.argsort(-yes, kind="stable")
    ranked, hits = yes[order], np.cumsum(truth[order])
    flagged = np.arange(1, len(ranked) + 1)
    last_of_value = np.append(ranked[1:] != ranked[:-1], True)
    ranked, hits, flagged = ranked[last_of_value], hits[last_of_value], flagged[last_of_value]
    positives = int(truth.sum())
    if cost is None:
        gain = 2 * hits / (flagged + positives)
    else:
        gain = -((flagged - hits) * cost.false_positive + (positives - hits) * cost.false_negative)
        if gain.max() < -positives * cost.false_negative:
            return 1.0
    threshold = float(ranked[int(np.argmax(gain))])
    return float(np.floor(threshold * 10_000) / 10_000) if threshold >= 0.001 else threshold
