"""calibration: whether what is foretold comes true as often, or as much, as foretold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.evaluation.answers import Answers
from models.evaluation.case import Case
from models.evaluation.charts import MAIN, SECOND, dashed, figure, points
from models.evaluation.resampling import Score
from models.evaluation.scores import mean_of
from models.evaluation.words import measured
from signoff.core.evidence import Evidence, Table, Value
from signoff.core.numbers import number, percent
from signoff.core.settings import Task

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

BINS, BIN_ROWS = 10, 100
"""Equal-count bins, and the rows each should hold: with fewer there are fewer bins."""


def calibration(case: Case) -> Evidence:
    """Reliability by bins of the prediction, the gap, and the bias."""
    answers = case.answers
    predicted, observed = foretold(answers)
    gap = _gap_value(case, answers)
    bias = _bias_value(case)
    table = reliability(answers)
    regression = case.task is Task.REGRESSION
    said, came = float(np.mean(predicted)), float(np.mean(observed))
    if regression:
        business = f"On average it foretells {number(said)} where {number(came)} came true."
    elif case.task is Task.BINARY:
        business = f"It foretells {percent(said)} yes, and {percent(came)} came true. "
        business += f"A stated probability is typically {gap.value * 100:.1f} percentage points off what happens."
    else:
        business = f"It is sure to {percent(said)} on average, and right in {percent(came)} of the rows."
    return Evidence(
        kind="calibration",
        title="Can the numbers be taken at their word?",
        business=business,
        expert=_expert(case.task),
        values=tuple(value for value in (gap, bias, *_rival_gap(case)) if value),
        table=Table(columns=("predicted", "observed", "rows"), rows=tuple((p, o, n) for p, o, n in table)),
        chart=_chart(table, case),
        matters="Release checks on holdout.calibration_gap read the first number; decisions by cost rest on it.",
    )


def foretold(answers: Answers) -> tuple[Numbers, Numbers]:
    """What was foretold and what came: probability of yes (binary), of the answered class (multiclass), or value."""
    if answers.task is Task.BINARY:
        return answers.yes, answers.actual.astype(np.float64)
    if answers.task is Task.REGRESSION:
        return answers.predicted, answers.actual
    assert answers.probability is not None
    top = answers.probability.argmax(axis=1)
    return answers.probability.max(axis=1), (top == answers.actual).astype(np.float64)


def reliability(answers: Answers) -> list[tuple[float, float, int]]:
    """Foretold mean, observed mean and rows of each bin, lowest prediction first."""
    predicted, observed = foretold(answers)
    starts, order = _bins(predicted)
    rows = np.diff([*starts, predicted.size])
    means = (np.add.reduceat(column[order], starts) / rows for column in (predicted, observed))
    return [(float(p), float(o), int(n)) for p, o, n in zip(*means, rows, strict=True)]


def gap_of(answers: Answers) -> Score:
    """The calibration gap, at least 0: in shares of 1, or of the target's standard deviation for a regression.

    The expected calibration error (Naeini, Cooper and Hauskrecht 2015) on equal-count bins (Nguyen and O'Connor 2015),
    the variance of a bin's mean taken off the square of its distance (Kumar, Liang and Ma 2019), so that a perfect
    model is near 0 on few rows too. Multiclass: the mean over the classes of each class against the rest. Monitoring
    measures served traffic by the same definition.
    """
    if answers.task is Task.REGRESSION:
        spread = float(np.std(answers.actual)) or 1.0
        return _gap(answers.predicted, answers.actual, spread)
    if answers.task is Task.BINARY:
        return _gap(answers.yes, answers.actual.astype(np.float64), 1.0)
    assert answers.probability is not None
    gaps = [
        _gap(answers.probability[:, one], (answers.actual == one).astype(np.float64), 1.0)
        for one in range(answers.probability.shape[1])
    ]
    return lambda weights: np.mean([gap(weights) for gap in gaps], axis=0)


def _gap(predicted: Numbers, observed: Numbers, scale: float) -> Score:
    starts, order = _bins(predicted)
    errors = (observed - predicted)[order] / scale

    def score(weights: Numbers) -> Numbers:
        ranked = weights[:, order]
        rows = np.add.reduceat(ranked, starts, axis=1)
        least = np.maximum(rows, 1)
        error = np.add.reduceat(ranked * errors, starts, axis=1) / least
        square = np.add.reduceat(ranked * errors**2, starts, axis=1) / least
        chance = np.maximum(square - error**2, 0) / np.maximum(rows - 1, 1)
        gaps = np.sqrt(np.maximum(error**2 - chance, 0))
        return np.asarray(np.sum(rows * gaps, axis=1) / rows.sum(axis=1))

    return score


def _bins(predicted: Numbers) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where each bin starts in the order of the prediction; equal predictions never fall in two bins."""
    order = np.argsort(predicted, kind="stable")
    ranked = predicted[order]
    bins = min(BINS, max(2, ranked.size // BIN_ROWS))
    cuts = (np.arange(bins) * ranked.size) // bins
    return np.unique(np.searchsorted(ranked, ranked[cuts], side="left")), order


def _rival_gap(case: Case) -> list[Value]:
    return [] if case.rival is None else [_gap_value(case, case.rival, "champion.calibration_gap")]


def _gap_value(case: Case, answers: Answers, name: str = "holdout.calibration_gap") -> Value:
    """A resample biases the gap upwards, so its interval is the estimate and the deviation of the resamples."""
    score = gap_of(answers)
    value, spread = case.resamples.value(score), float(np.std(case.resamples.draws(score)))
    from scipy.special import ndtri

    reach = float(ndtri((1 + case.project.evaluate.interval) / 2)) * spread
    unit = f"deviations of {case.recipe.target}" if answers.task is Task.REGRESSION else ""
    return Value(name=name, value=value, low=max(0.0, value - reach), high=value + reach, unit=unit)


def _bias_value(case: Case) -> Value | None:
    predicted, observed = foretold(case.answers)
    score = mean_of(predicted - observed)
    draws = case.resamples.draws(score)
    return measured("holdout.bias", case.resamples.value(score), draws, case.project.evaluate.interval, case.unit)


def _expert(task: Task) -> str:
    what = {
        Task.BINARY: "of the probability of yes",
        Task.MULTICLASS: "averaged over classes, each against the rest (the chart shows the answered class)",
        Task.REGRESSION: "of the foretold value, in standard deviations of the target",
    }[task]
    return (
        f"Calibration gap: expected calibration error {what} on {BINS} equal-count bins, sampling variance taken off "
        "(Naeini et al. 2015; Kumar et al. 2019). Bias: mean foretold minus mean observed."
    )


def _chart(table: list[tuple[float, float, int]], case: Case) -> dict[str, object]:
    predicted, observed, rows = (list(column) for column in zip(*table, strict=True))
    text = [f"{count:,} rows" for count in rows]
    mine = points(predicted, observed, "model", MAIN, mode="lines+markers", text=text)
    lines = []
    if case.rival is not None:
        before, came, held = (list(column) for column in zip(*reliability(case.rival), strict=True))
        told = [f"{count:,} rows" for count in held]
        lines = [points(before, came, "champion", SECOND, mode="lines+markers", text=told)]
        predicted, observed = [*predicted, *before], [*observed, *came]
    edges = [min(*predicted, *observed), max(*predicted, *observed)]
    axis = {"tickformat": ".0%"} if case.task is not Task.REGRESSION else {}
    return figure([dashed(edges, edges, "as foretold"), mine, *lines], "foretold", "came true", xaxis=axis, yaxis=axis)
