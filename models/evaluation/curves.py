"""The points that `dvc plots` draws."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

import numpy as np

from models.evaluation.answers import Answers
from models.evaluation.ranking import roc_points
from models.evaluation.reliability import reliability

ROC = ("false_positive_rate", "true_positive_rate", "threshold")
CALIBRATION = ("predicted", "observed", "rows")


def roc_csv(answers: Answers) -> str:
    """The ROC curve as CSV.

    Multiclass: macro average of each class against the rest, no threshold. Regression: the regression error
    characteristic (Bi and Bennett 2003): allowed share of the largest error, share of rows within it, allowed error.
    """
    points = _error_characteristic(answers) if answers.probability is None else roc_points(answers)
    return _csv(ROC, points)


def calibration_csv(answers: Answers) -> str:
    """Foretold mean, observed mean and rows of each bin of the prediction as CSV, for every task."""
    return _csv(CALIBRATION, reliability(answers))


def _error_characteristic(answers: Answers) -> Iterable[Sequence[float]]:
    size = np.sort(np.abs(answers.predicted - answers.actual))
    allowed = np.linspace(0, size[-1], 101)
    within = np.searchsorted(size, allowed, side="right") / len(size)
    return zip(allowed / (size[-1] or 1.0), within, allowed, strict=True)


def _csv(header: Sequence[str], rows: Iterable[Sequence[float]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([f"{cell:.6g}" if np.isfinite(cell) else "" for cell in row] for row in rows)
    return text.getvalue()
