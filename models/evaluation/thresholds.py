"""threshold: from which probability a yes is said, and what that costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.evaluation.case import Case
from models.evaluation.charts import MAIN, QUIET, SECOND, figure, line, points
from models.evaluation.scores import mean_of, ratio_of
from models.evaluation.words import measured
from signoff.core.evidence import Evidence, Table, Value
from signoff.core.numbers import number, percent
from signoff.core.settings import ErrorCost

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

PER_ROWS = 1000
GRID = np.round(np.arange(0, 1.0001, 0.01), 2)


def threshold(case: Case) -> Evidence:
    """Precision, recall, share flagged and cost by threshold; the one in force and the cheapest (binary)."""
    cost = case.project.evaluate.cost or ErrorCost(currency="errors")
    yes, truth = case.answers.yes, (case.answers.actual == 1).astype(np.float64)
    in_force = 0.5 if case.recipe.threshold is None else case.recipe.threshold
    grid = np.unique(np.append(GRID, in_force))
    costs = costs_at(yes, truth, grid, cost)
    cheapest = float(grid[int(np.argmin(costs))])
    values = _values(case, cost, in_force, cheapest, float(costs.min()))
    now, never, always = (costs_at(yes, truth, np.array([at]), cost)[0] for at in (in_force, 2.0, 0.0))
    money = f"{cost.currency} per {PER_ROWS:,} rows"
    flagged = float(np.mean(yes >= in_force))
    business = (
        f"A yes is said from {number(in_force)} on: {percent(flagged)} of rows are flagged, at {number(now)} {money}; "
        f"never saying yes costs {number(never)}, always saying it {number(always)}."
    )
    weights = f"a false alarm weighs {cost.false_positive:g} and a miss {cost.false_negative:g} {cost.currency}"
    return Evidence(
        kind="threshold",
        title="Where yes begins, and what mistakes cost",
        business=business,
        expert=f"The threshold comes from out-of-fold predictions in training, not from these rows; {weights}. The "
        f"cheapest on these rows is {number(cheapest)}, an optimistic choice, as it has seen the answers.",
        values=values,
        table=_table(yes, truth, np.unique(np.append(np.arange(1, 20) / 20, [in_force, cheapest])), cost),
        chart=_chart(grid, costs, in_force, cheapest, money),
        matters="Checks on threshold.cost hold the price of mistakes at the threshold in force.",
    )


def costs_at(yes: Numbers, truth: Numbers, thresholds: Numbers, cost: ErrorCost) -> Numbers:
    """Cost per 1000 rows at each threshold.

    Args:
        yes: probabilities of shape (n,).
        truth: 0 or 1, of shape (n,).
        thresholds: of shape (t,).
        cost: of a false alarm and of a miss.

    Returns:
        Of shape (t,).
    """
    order = np.argsort(yes, kind="stable")
    below = np.searchsorted(yes[order], thresholds, side="left")
    missed = np.concatenate([[0.0], np.cumsum(truth[order])])[below]
    alarms = len(yes) - below - (truth.sum() - missed)
    return np.asarray((alarms * cost.false_positive + missed * cost.false_negative) / len(yes) * PER_ROWS)


def _values(case: Case, cost: ErrorCost, in_force: float, cheapest: float, least: float) -> tuple[Value, ...]:
    truth = (case.answers.actual == 1).astype(np.float64)
    flagged = (case.answers.yes >= in_force).astype(np.float64)
    spent = (flagged * (1 - truth) * cost.false_positive + (1 - flagged) * truth * cost.false_negative) * PER_ROWS
    unit = f"{cost.currency} per {PER_ROWS} rows"
    scores = (
        ("threshold.cost", mean_of(spent), unit),
        ("threshold.precision", ratio_of(flagged * truth, flagged), ""),
        ("threshold.recall", ratio_of(flagged * truth, truth), ""),
        ("threshold.flagged", mean_of(flagged), ""),
    )
    share = case.project.evaluate.interval
    found = [
        measured(name, case.resamples.value(score), case.resamples.draws(score), share, unit)
        for name, score, unit in scores
    ]
    fixed = [
        Value(name="threshold.in_force", value=in_force),
        Value(name="threshold.cheapest", value=cheapest),
        Value(name="threshold.cost_cheapest", value=least, unit=unit),
    ]
    return (*(value for value in found if value), *fixed)


def _table(yes: Numbers, truth: Numbers, thresholds: Numbers, cost: ErrorCost) -> Table:
    rows = []
    for at, price in zip(thresholds, costs_at(yes, truth, thresholds, cost), strict=True):
        flagged = yes >= at
        hits = float(truth[flagged].sum())
        precision = hits / flagged.sum() if flagged.any() else None
        recall = hits / truth.sum() if truth.any() else None
        rows.append((round(float(at), 4), precision, recall, float(flagged.mean()), float(price)))
    unit = f"{cost.currency} per {PER_ROWS} rows"
    return Table(columns=("threshold", "precision", "recall", "share flagged", unit), rows=tuple(rows))


def _chart(grid: Numbers, costs: Numbers, in_force: float, cheapest: float, money: str) -> dict[str, object]:
    def mark(at: float, name: str, colour: str) -> dict[str, object]:
        return points([at], [float(np.interp(at, grid, costs))], name, colour, marker={"color": colour, "size": 11})

    marks = [mark(in_force, "in force", SECOND), mark(cheapest, "cheapest on these rows", QUIET)]
    return figure([line(grid, costs, "cost", MAIN), *marks], "threshold", money, yaxis={"rangemode": "tozero"})
