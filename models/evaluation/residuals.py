"""errors and errors_distribution: how far a regression is off, where, and how often."""

from __future__ import annotations

import numpy as np

from models.evaluation.case import Case
from models.evaluation.charts import MAIN, QUIET, SECOND, dashed, figure, line, points
from signoff.core.evidence import Evidence, Table, Value
from signoff.core.numbers import number, percent

SHOWN = 1500
"""Rows drawn in the chart, evenly through the order of the prediction."""
QUANTILES = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
SIZES = (0.1, 0.25, 0.5, 0.75, 0.8, 0.9, 0.95, 0.99)


def errors(case: Case) -> Evidence:
    """Error against prediction, and quantiles of the error (observed minus predicted)."""
    predicted, actual = case.answers.predicted, case.answers.actual
    error = actual - predicted
    edges = np.quantile(error, QUANTILES)
    size = np.quantile(np.abs(error), [0.5, 0.9])
    unit = case.unit
    return Evidence(
        kind="errors",
        title="How far off the answers are",
        business=f"Nine of ten answers are within {number(size[1])} of the true {unit}, half are within "
        f"{number(size[0])}.",
        expert="Residuals (observed minus predicted) against the prediction, with their median and 80 % band by bins "
        "of the prediction.",
        values=(
            Value(name="errors.median_absolute", value=float(size[0]), unit=unit),
            Value(name="errors.p90_absolute", value=float(size[1]), unit=unit),
        ),
        table=Table(
            columns=("share of rows below", f"error in {unit}"),
            rows=tuple((f"{share:.0%}", float(edge)) for share, edge in zip(QUANTILES, edges, strict=True)),
        ),
        chart=_chart(predicted, error),
        matters="Checks on errors.p90_absolute limit the error of all but one answer in ten.",
    )


def distribution(case: Case) -> Evidence:
    """How often the answers are off by how much: model, champion where there is another one, and the baseline."""
    judged = {"model": case.answers, "baseline": case.baseline}
    if case.rival is not None:
        judged = {"model": case.answers, "champion": case.rival, "baseline": case.baseline}
    sizes = {who: np.sort(np.abs(answers.predicted - answers.actual)) for who, answers in judged.items()}
    half = float(np.quantile(sizes["model"], 0.5))
    shares = {who: float(np.searchsorted(size, half, side="right")) / len(size) for who, size in sizes.items()}
    others = [f"{percent(share)} of the {who}'s" for who, share in shares.items() if who != "model"]
    rows = tuple(
        (f"{share:.0%}", *(float(np.quantile(size, share)) for size in sizes.values())) for share in SIZES
    )  # fmt: skip
    return Evidence(
        kind="errors_distribution",
        title="How often it is off by how much",
        business=f"Half of the model's answers are within {number(half)} of the true {case.unit}; so are "
        f"{' and '.join(others)}.",
        expert="Distribution function of the absolute error on the same rows (the regression error characteristic, "
        "Bi and Bennett 2003): the higher the curve, the better.",
        table=Table(columns=("share of rows within", *(f"{who}, error in {case.unit}" for who in sizes)), rows=rows),
        chart=_curves(sizes),
    )


def _curves(sizes: dict[str, np.ndarray]) -> dict[str, object]:
    colours = {"model": MAIN, "champion": SECOND}
    farthest = max(float(np.quantile(size, 0.99)) for size in sizes.values())
    grid = np.linspace(0, farthest or 1.0, 101)
    lines = []
    for who, size in sizes.items():
        share = np.searchsorted(size, grid, side="right") / len(size)
        lines.append(line(grid, share, who, colours[who]) if who in colours else dashed(grid, share, who))
    return figure(lines, "error up to", "share of rows", yaxis={"range": [0, 1.02], "tickformat": ".0%"})


def _chart(predicted: np.ndarray, error: np.ndarray) -> dict[str, object]:
    order = np.argsort(predicted, kind="stable")
    shown = order[np.unique(np.linspace(0, len(order) - 1, min(len(order), SHOWN)).astype(int))]
    cloud = points(predicted[shown], error[shown], "rows", QUIET, marker={"color": QUIET, "size": 4, "opacity": 0.45})
    bins = np.array_split(order, min(20, max(1, len(order) // 30)))
    middle = [float(predicted[one].mean()) for one in bins]
    low, mid, high = (np.array([np.quantile(error[one], share) for one in bins]) for share in (0.1, 0.5, 0.9))
    thin = {"color": MAIN, "width": 1}
    lines = [line(middle, mid, "median error"), line(middle, low, "80 % band", line=thin),
             line(middle, high, "80 % band, upper", line=thin, showlegend=False)]  # fmt: skip
    ends = [float(predicted.min()), float(predicted.max())]
    return figure([cloud, dashed(ends, [0, 0], "no error"), *lines], "predicted", "error")
