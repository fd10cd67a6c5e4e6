"""threshold and confusion: from which probability a yes is said, what that costs, and who is taken for whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.evaluation.answers import Answers
from models.evaluation.case import Case
from models.evaluation.charts import MAIN, QUIET, SECOND, figure, line, points
from models.evaluation.resampling import Score
from models.evaluation.scores import mean_of, ratio_of
from models.evaluation.words import measured
from signoff.core.evidence import Evidence, Table, Value
from signoff.core.numbers import number, percent
from signoff.core.settings import ErrorCost
from signoff.core.verdict import UNPRICED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

PER_ROWS = 1000
GRID = np.round(np.arange(0, 1.0001, 0.01), 2)
UNPRICED_SENTENCE = (
    " No prices of mistakes are set, so yes begins where finding and false alarms balance, not where mistakes are "
    "fewest: name what a false alarm and a miss cost (evaluate.cost in signoff.yaml), and it moves."
)
LISTED = np.round(np.arange(0.02, 0.99, 0.02), 2)
"""Thresholds of the table, over which a slider may walk."""


def threshold(case: Case) -> Evidence:
    """Precision, recall, share flagged and cost by threshold; the one in force and the cheapest (binary)."""
    cost = cost_of(case)
    yes, truth = case.answers.yes, (case.answers.actual == 1).astype(np.float64)
    in_force = in_force_of(case)
    grid = np.unique(np.append(GRID, in_force))
    costs = costs_at(yes, truth, grid, cost)
    cheapest = float(grid[int(np.argmin(costs))])
    values = _values(case, cost, in_force, cheapest, float(costs.min()))
    now, never, always = (costs_at(yes, truth, np.array([at]), cost)[0] for at in (in_force, 2.0, 0.0))
    flagged = float(np.mean(yes >= in_force))
    business = (
        f"A yes is said from {number(in_force)} on: {percent(flagged)} of the {case.rows_are} are flagged, at "
        f"{number(now)} {money_of(case)}; never saying yes costs {number(never)}, always saying it {number(always)}."
    )
    priced = case.project.evaluate.cost is not None
    weights = (
        f"a false alarm weighs {cost.false_positive:g} and a miss {cost.false_negative:g} {cost.currency}"
        if priced
        else "without prices it is the one of the highest F1, and each mistake counts one here"
    )
    return Evidence(
        kind="threshold",
        title="Where yes begins, and what mistakes cost",
        business=f"{business}{_saving_sentence(values) if priced else UNPRICED_SENTENCE}",
        expert=f"The threshold comes from out-of-fold predictions in training, not from these rows; {weights}. The "
        f"cheapest on these rows is {number(cheapest)}, an optimistic choice, as it has seen the answers. Savings are "
        "paired on the same resamples, each model at its own threshold.",
        values=values,
        table=_table(case, np.unique(np.append(LISTED, [in_force, cheapest])), cost),
        chart=_chart(case, grid, costs, (in_force, cheapest), cost),
        matters="Checks on threshold.cost hold the price of mistakes at the threshold in force; checks on "
        "champion.saving what the change is worth.",
    )


def confusion_at(case: Case) -> Evidence:
    """Hits, false alarms, misses and the rest of each thousand rows at the threshold in force (binary)."""
    mine = _four(case.answers)
    theirs = _four(case.rival) if case.rival is not None else None
    values = []
    for name, part in mine.items():
        value, draws = case.resamples.value(mean_of(part)), case.resamples.draws(mean_of(part))
        unit = f"per {PER_ROWS:,} {case.rows_are}"
        found = measured(f"confusion.{name}", value * PER_ROWS, draws * PER_ROWS, case.interval, unit)
        values += [found] if found else []
    said = {name: number(float(part.mean()) * PER_ROWS) for name, part in mine.items()}
    words = {
        "hits": "yes, rightly",
        "false_alarms": "yes, a false alarm",
        "misses": "no, a miss",
        "quiet": "no, rightly",
    }
    rows: list[tuple[str | int | float, ...]] = []
    for name, part in mine.items():
        others = (int(theirs[name].sum()), float(theirs[name].mean() * PER_ROWS)) if theirs else ()
        rows.append((words[name], int(part.sum()), float(part.mean() * PER_ROWS), *others))
    heads = ("answer", case.rows_are, f"per {PER_ROWS:,}")
    return Evidence(
        kind="confusion",
        title="Right and wrong, of a thousand",
        business=f"Of {PER_ROWS:,} {case.rows_are} it finds {said['hits']} that are {case.positive} and misses "
        f"{said['misses']}; it raises {said['false_alarms']} false alarms and leaves {said['quiet']} in peace.",
        expert=f"Confusion matrix at the threshold in force, {number(in_force_of(case))}"
        + ("; the champion at its own threshold." if theirs else "."),
        values=tuple(values),
        table=Table(
            columns=(*heads, *((f"champion, {case.rows_are}", f"champion, per {PER_ROWS:,}") if theirs else ())),
            rows=tuple(rows),
        ),
        chart=_bars(mine, theirs, words, case.rows_are),
        matters="Checks on confusion.false_alarms and confusion.misses hold them per thousand.",
    )


def cost_of(case: Case) -> ErrorCost:
    """The project's prices; each mistake counts one where it names none."""
    return case.project.evaluate.cost or ErrorCost(currency=UNPRICED)


def money_of(case: Case) -> str:
    """The unit of costs: 'USD per 1,000 flights'."""
    return f"{cost_of(case).currency} per {PER_ROWS:,} {case.rows_are}"


def in_force_of(case: Case) -> float:
    """The probability from which the model says yes."""
    return 0.5 if case.recipe.threshold is None else case.recipe.threshold


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
    return np.asarray(_costs(yes, truth, thresholds, cost)(np.ones((1, len(yes))))[0])


def _costs(yes: Numbers, truth: Numbers, thresholds: Numbers, cost: ErrorCost) -> Score:
    """Cost per 1000 rows at each of t thresholds on weights of shape (b, n): of shape (b, t).

    Rows are summed between neighbouring thresholds and then accumulated, so that memory is that of the weights.
    """
    order = np.argsort(yes, kind="stable")
    below = np.searchsorted(yes[order], thresholds, side="left")
    starts = np.unique(np.append(0, below[below < len(yes)]))
    at = np.searchsorted(starts, below)
    hit = truth[order]

    def score(weights: Numbers) -> Numbers:
        ranked = weights[:, order]
        lows = np.zeros((len(weights), 1))
        misses = np.hstack([lows, np.cumsum(np.add.reduceat(ranked * hit, starts, axis=1), axis=1)])[:, at]
        quiet = np.hstack([lows, np.cumsum(np.add.reduceat(ranked * (1 - hit), starts, axis=1), axis=1)])[:, at]
        alarms = (ranked @ (1 - hit))[:, None] - quiet
        total = ranked.sum(axis=1)[:, None]
        return np.asarray((alarms * cost.false_positive + misses * cost.false_negative) / total * PER_ROWS)

    return score


def _values(case: Case, cost: ErrorCost, in_force: float, cheapest: float, least: float) -> tuple[Value, ...]:
    truth = (case.answers.actual == 1).astype(np.float64)
    flagged = (case.answers.predicted == 1).astype(np.float64)
    spent, unit = _spent(case.answers, cost), money_of(case)
    constants = [_spent_on(np.full(len(truth), answer), truth, cost) for answer in (0.0, 1.0)]
    scores: list[tuple[str, Score, str]] = []
    if case.rival is not None:
        scores.append(("champion.saving", mean_of(_spent(case.rival, cost) - spent), unit))
    scores += [
        ("threshold.cost", mean_of(spent), unit),
        ("baseline.saving", mean_of(min(constants, key=lambda one: float(one.mean())) - spent), unit),
        ("threshold.precision", ratio_of(flagged * truth, flagged), ""),
        ("threshold.recall", ratio_of(flagged * truth, truth), ""),
        ("threshold.flagged", mean_of(flagged), ""),
    ]
    if case.rival is not None:
        scores.append(("threshold.champion_cost", mean_of(_spent(case.rival, cost)), unit))
    found = [
        measured(name, case.resamples.value(score), case.resamples.draws(score), case.interval, unit)
        for name, score, unit in scores
    ]
    fixed = [
        Value(name="threshold.in_force", value=in_force),
        Value(name="threshold.cheapest", value=cheapest),
        Value(name="threshold.cost_cheapest", value=least, unit=unit),
    ]
    return (*(value for value in found if value), *fixed)


def _spent(answers: Answers, cost: ErrorCost) -> Numbers:
    return _spent_on((answers.predicted == 1).astype(np.float64), (answers.actual == 1).astype(np.float64), cost)


def _spent_on(flagged: Numbers, truth: Numbers, cost: ErrorCost) -> Numbers:
    """What each row's mistake costs, times 1000."""
    wrong = flagged * (1 - truth) * cost.false_positive + (1 - flagged) * truth * cost.false_negative
    return np.asarray(wrong * PER_ROWS)


def _saving_sentence(values: tuple[Value, ...]) -> str:
    saving = next((value for value in values if value.name == "champion.saving"), None)
    if saving is None or saving.low is None or saving.high is None:
        return ""
    if saving.low > 0:
        return f" That saves {number(saving.low)} to {number(saving.high)} {saving.unit} against the champion."
    if saving.high < 0:
        return f" That costs {number(-saving.high)} to {number(-saving.low)} {saving.unit} more than the champion."
    return " Whether that is cheaper than the champion cannot be told on these rows."


def _table(case: Case, thresholds: Numbers, cost: ErrorCost) -> Table:
    yes, truth = case.answers.yes, (case.answers.actual == 1).astype(np.float64)
    score = _costs(yes, truth, thresholds, cost)
    prices = score(np.ones((1, len(yes))))[0]
    tail = (1 - case.interval) / 2
    lows, highs = np.quantile(case.resamples.draws(score), [tail, 1 - tail], axis=0)
    columns = ["threshold", "share flagged", "precision", "recall", money_of(case), "low", "high"]
    parts = [*_rates(yes, truth, thresholds), prices, lows, highs]
    if case.rival is not None:
        columns += [f"champion: {name}" for name in columns[1:5]]
        theirs = case.rival.yes
        parts += [*_rates(theirs, truth, thresholds), costs_at(theirs, truth, thresholds, cost)]
    rows = tuple(
        (round(float(at), 4), *(_short(part[position]) for part in parts)) for position, at in enumerate(thresholds)
    )
    return Table(columns=tuple(columns), rows=rows)


def _rates(yes: Numbers, truth: Numbers, thresholds: Numbers) -> list[Numbers]:
    """Share flagged, precision and recall at each threshold, each of shape (t,); NaN where nothing is flagged."""
    order = np.argsort(yes, kind="stable")
    below = np.searchsorted(yes[order], thresholds, side="left")
    flagged = len(yes) - below
    hits = truth.sum() - np.concatenate([[0.0], np.cumsum(truth[order])])[below]
    with np.errstate(divide="ignore", invalid="ignore"):
        return [flagged / len(yes), np.asarray(hits / flagged), np.asarray(hits / truth.sum())]


def _short(value: float) -> float | None:
    """Five digits: a table of fifty rows is read by people and walked over by a slider."""
    return float(f"{value:.5g}") if np.isfinite(value) else None


def _chart(case: Case, grid: Numbers, costs: Numbers, marks: tuple[float, float], cost: ErrorCost) -> dict[str, object]:
    def mark(at: float, name: str, colour: str) -> dict[str, object]:
        return points([at], [float(np.interp(at, grid, costs))], name, colour, marker={"color": colour, "size": 11})

    lines = [line(grid, costs, "new model", MAIN)]
    if case.rival is not None:
        truth = (case.answers.actual == 1).astype(np.float64)
        lines.append(line(grid, costs_at(case.rival.yes, truth, grid, cost), "champion", SECOND))
    in_force, cheapest = marks
    dots = [mark(in_force, "in force", MAIN), mark(cheapest, "cheapest on these rows", QUIET)]
    return figure([*lines, *dots], "threshold", money_of(case), yaxis={"rangemode": "tozero"})


def _four(answers: Answers) -> dict[str, Numbers]:
    said, truth = answers.predicted == 1, answers.actual == 1
    parts = {"hits": said & truth, "false_alarms": said & ~truth, "misses": ~said & truth, "quiet": ~said & ~truth}
    return {name: part.astype(np.float64) for name, part in parts.items()}


def _bars(
    mine: dict[str, Numbers], theirs: dict[str, Numbers] | None, words: dict[str, str], rows_are: str
) -> dict[str, object]:
    both = [("new model", mine, MAIN), *([("champion", theirs, SECOND)] if theirs else [])]
    bars = [
        {"type": "bar", "name": who, "marker": {"color": colour}, "x": list(words.values()),
         "y": [float(f"{part[name].mean() * PER_ROWS:.5g}") for name in words]}
        for who, part, colour in both
    ]  # fmt: skip
    return figure(bars, "", f"of {PER_ROWS:,} {rows_are}", barmode="group", height=300)
