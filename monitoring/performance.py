"""How the answers of a window came true: the task's metrics, calibration and bias, each with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from monitoring import metrics
from monitoring.answers import Answers, label_positions
from monitoring.calibration import calibration_gap, calibration_table
from signoff.core.evidence import Table, Value
from signoff.core.monitoring import Performance
from signoff.core.settings import Project, Task

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from monitoring.metrics import Numbers, Weighted

RESAMPLED_ROWS, FEWEST_RESAMPLES = 10_000_000, 40
"""Rows that are drawn for intervals in all, and resamples there are at least. Where that is fewer than the project
asks for, the interval is the normal one with the resamples' deviation, for which few are enough."""

LEAST_ROWS = 20
"""Outcomes below which no metric is computed."""


def performance(answers: Answers, outcomes: pd.Series, project: Project) -> tuple[Performance, tuple[str, ...]]:
    """The metrics of the rows whose outcome is known, and notes on what was left out.

    Intervals are bootstrap percentiles over rows (Efron and Tibshirani 1993, chapter 13), seeded; that of the
    calibration gap, which a resample biases upwards, is the estimate and the normal quantile of the resamples'
    deviation.

    Args:
        answers: what the model said, n rows.
        outcomes: what came true, of shape (n,), missing where it is not known.
        project: its task, and in `evaluate` the resamples and the share of the interval.
    """
    known = outcomes.notna().to_numpy()
    notes: list[str] = []
    if project.task is Task.REGRESSION:
        observed = pd.to_numeric(outcomes, errors="coerce").to_numpy(dtype=float)
        usable = known & np.isfinite(observed)
        truth: Numbers = observed
    else:
        truth = label_positions(outcomes, answers.classes).astype(float)
        usable = known & (truth >= 0)
    if (strange := int((known & ~usable).sum())) > 0:
        notes.append(f"{strange} outcomes are none that the model knows and were left out")
    rows = int(usable.sum())
    if rows < LEAST_ROWS:
        return Performance(rows=rows), tuple(notes)
    measure = _regression if project.task is Task.REGRESSION else _classes
    measured = measure(answers, truth, usable)
    found = Performance(
        rows=rows,
        values=_with_intervals(measured, rows, project),
        calibration=_calibration(answers, truth, usable),
    )
    return found, tuple(notes)


def _calibration(answers: Answers, truth: Numbers, usable: NDArray[np.bool_]) -> Table | None:
    if len(answers.classes) > 2:
        return None
    bins = calibration_table(answers.score().to_numpy(dtype=float)[usable], truth[usable])
    return Table(columns=("predicted", "observed", "rows"), rows=tuple(bins))


def _classes(answers: Answers, truth: Numbers, usable: NDArray[np.bool_]) -> dict[str, Weighted]:
    assert answers.probability is not None
    probability, came = answers.probability[usable], truth[usable].astype(np.intp)
    label = label_positions(answers.label, answers.classes)[usable]
    count = len(answers.classes)
    measured: dict[str, Weighted] = {
        "log_loss": metrics.mean_of(metrics.log_losses(probability[np.arange(came.size), came])),
        "accuracy": metrics.mean_of((label == came).astype(float)),
        "balanced_accuracy": metrics.balanced_accuracy(label, came, count),
    }
    if count == 2:
        yes = came.astype(float)
        measured |= metrics.ranking(probability[:, 1], yes)
        measured["brier"] = metrics.mean_of((probability[:, 1] - yes) ** 2)
        measured["bias"] = metrics.mean_of(probability[:, 1] - yes)
    happened = np.eye(count)[came]
    judged = [1] if count == 2 else list(range(count))
    measured["calibration_gap"] = lambda weights: float(
        np.mean([calibration_gap(probability[:, one], happened[:, one], weights) for one in judged])
    )
    return measured


def _regression(answers: Answers, truth: Numbers, usable: NDArray[np.bool_]) -> dict[str, Weighted]:
    observed = truth[usable]
    predicted = pd.to_numeric(answers.label[usable], errors="coerce").to_numpy(dtype=float)
    spread = float(np.std(observed)) or 1.0
    return {
        "rmse": metrics.rmse(predicted, observed),
        "mae": metrics.mean_of(np.abs(predicted - observed)),
        "r2": metrics.r2(predicted, observed),
        "bias": metrics.mean_of(predicted - observed),
        "calibration_gap": lambda weights: calibration_gap(predicted, observed, weights) / spread,
    }


def _with_intervals(measured: dict[str, Weighted], rows: int, project: Project) -> tuple[Value, ...]:
    random = np.random.default_rng(project.search.seed)
    once = np.ones(rows)
    estimates = {name: metric(once) for name, metric in measured.items()}
    resampled: dict[str, list[float]] = {name: [] for name in measured}
    for _ in range(_resamples(rows, project)):
        weights = np.bincount(random.integers(0, rows, rows), minlength=rows).astype(float)
        for name, metric in measured.items():
            if estimates[name] is not None and (value := metric(weights)) is not None:
                resampled[name].append(value)
    known = {name: estimate for name, estimate in estimates.items() if estimate is not None}
    return tuple(_value(name, estimate, resampled[name], project, rows) for name, estimate in known.items())


def _resamples(rows: int, project: Project) -> int:
    return min(project.evaluate.bootstrap, max(FEWEST_RESAMPLES, RESAMPLED_ROWS // rows))


def _value(name: str, estimate: float, resampled: Sequence[float], project: Project, rows: int) -> Value:
    tail = (1 - project.evaluate.interval) / 2
    if name == "calibration_gap" or _resamples(rows, project) < project.evaluate.bootstrap:
        from scipy.special import ndtri

        reach = float(ndtri(1 - tail)) * float(np.std(resampled))
        low, high = estimate - reach, estimate + reach
        low = max(0.0, low) if name == "calibration_gap" else low
    else:
        low, high = (float(edge) for edge in np.quantile(resampled, [tail, 1 - tail]))
    unit = project.target if project.task is Task.REGRESSION and name in ("rmse", "mae", "bias") else ""
    return Value(name=f"performance.{name}", value=estimate, low=low, high=high, unit=unit)
