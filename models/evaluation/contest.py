"""champion and champion_disagreement: the model against what answers now, on the same rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.evaluation.answers import Answers
from models.evaluation.case import Case, Whose
from models.evaluation.charts import MAIN, SECOND, figure
from models.evaluation.headline import paired, unit_of
from models.evaluation.scores import mean_of, metrics_of
from models.evaluation.words import measured, sentence
from signoff.core.evidence import Evidence, Table, Value
from signoff.core.metrics import METRICS
from signoff.core.numbers import number, percent, signed, span
from signoff.core.settings import Task

if TYPE_CHECKING:
    from numpy.typing import NDArray

FAR = 0.5
"""Two answers of a regression disagree when they lie further apart than this share of the target's deviation."""


def champion(case: Case) -> Evidence:
    """champion.delta: positive when the model is better. Without a champion that can answer, the baseline stands in."""
    stands_in = case.champion.answers is None
    whose: Whose = "baseline" if stands_in else "champion"
    delta = paired(case, "champion.delta", whose)
    if delta and stands_in:
        delta = delta.model_copy(update={"unit": f"{delta.unit} over the baseline".strip()})
    values = [delta] if delta else []
    if not stands_in:
        point, draws = case.score(case.metric.name, "champion")
        unit = unit_of(case, case.metric.name)
        value = measured(f"champion.{case.metric.name}", point, draws, case.interval, unit)
        values += [value] if value else []
    verdict = _verdict(case, delta)
    if stands_in:
        business = f"{sentence(f'{case.champion.why}; the constant baseline stands in for it')} {verdict}"
    elif case.champion.same:
        business = "The champion is this very model, byte for byte."
    else:
        business = verdict
    return Evidence(
        kind="champion",
        title="Against the champion",
        business=business,
        expert=_expert(case, delta, stands_in),
        values=tuple(values),
        table=_metrics_table(case, whose),
        matters="Release checks on champion.delta read this difference; positive means that the new model is better.",
    )


def disagreement(case: Case) -> Evidence | None:
    """Rows to which model and champion give different answers, and who is right there; None without a champion."""
    theirs = case.rival
    if theirs is None:
        return None
    apart = _apart(case, theirs)
    value, draws = case.resamples.value(mean_of(apart)), case.resamples.draws(mean_of(apart))
    share = measured("champion.disagree", value, draws, case.interval, f"of the {case.rows_are}")
    rows, mine_right, theirs_right = _sides(case, theirs, apart.astype(bool))
    count = int(apart.sum())
    regression = case.task is Task.REGRESSION
    how = f"by more than half a deviation of {case.recipe.target}" if regression else "in their answer"
    right = "closer" if regression else "right"
    business = (
        f"The two models give the same answer to all {len(apart):,} {case.rows_are}."
        if not count
        else f"They differ {how} on {count:,} of {len(apart):,} {case.rows_are}, {percent(value)}; there the new model "
        f"is {right} {mine_right:,} times and the champion {theirs_right:,} times."
    )
    heads = ("where they differ", case.rows_are, "new model " + right, "champion " + right)
    return Evidence(
        kind="champion_disagreement",
        title="Where the two models differ",
        business=business,
        expert=f"Each answers by its own threshold or highest probability. {_sign_test(mine_right, theirs_right)}",
        values=(share,) if share else (),
        table=Table(columns=heads, rows=tuple(rows)) if count else None,
        chart=_chart(rows, right) if count else None,
        matters="Checks on champion.disagree limit how many answers change at once on the day of the release.",
    )


def _metrics_table(case: Case, whose: Whose) -> Table:
    rows: list[tuple[str | float | None, ...]] = []
    for name in sorted(metrics_of(case.task), key=lambda one: one != case.metric.name):
        other = case.score(name, whose)[0]
        gap = paired(case, "champion.other", whose, name)
        if gap is not None:
            better = "new model" if (gap.low or 0) > 0 else whose if (gap.high or 0) < 0 else "not told apart"
            rows.append((METRICS[name].label, case.score(name)[0], other, gap.value, gap.low, gap.high, better))
    return Table(columns=("metric", "new model", whose, "lead", "low", "high", "better"), rows=tuple(rows))


def _apart(case: Case, theirs: Answers) -> NDArray[np.float64]:
    mine = case.answers
    if case.task is Task.REGRESSION:
        far = FAR * (float(np.std(mine.actual)) or 1.0)
        return np.asarray(np.abs(mine.predicted - theirs.predicted) > far, dtype=np.float64)
    return np.asarray(mine.predicted != theirs.predicted, dtype=np.float64)


def _sides(case: Case, theirs: Answers, apart: NDArray[np.bool_]) -> tuple[list[tuple[str, int, int, int]], int, int]:
    """Rows of the table (which way, how many, new model right, champion right) and the sums of the last two."""
    mine, actual = case.answers, case.answers.actual
    if case.task is Task.REGRESSION:
        closer = np.abs(mine.predicted - actual) < np.abs(theirs.predicted - actual)
        higher = mine.predicted > theirs.predicted
        ways = {"new model foretells more": apart & higher, "new model foretells less": apart & ~higher}
        good, bad = closer, ~closer
    else:
        good, bad = mine.predicted == actual, theirs.predicted == actual
        ways = _class_ways(case, theirs, apart)
    rows = [
        (name, int(where.sum()), int((where & good).sum()), int((where & bad).sum())) for name, where in ways.items()
    ]
    return rows, int((apart & good).sum()), int((apart & bad).sum())


def _class_ways(case: Case, theirs: Answers, apart: NDArray[np.bool_]) -> dict[str, NDArray[np.bool_]]:
    mine = case.answers.predicted
    if case.task is Task.BINARY:
        return {
            "champion no, new model yes": apart & (mine == 1),
            "champion yes, new model no": apart & (mine == 0),
        }
    names, size = case.recipe.classes, len(case.recipe.classes)
    changes, counts = np.unique(theirs.predicted[apart] * size + mine[apart], return_counts=True)
    order = np.argsort(-counts, kind="stable")[:10]
    found = {}
    for change in changes[order]:
        before, after = divmod(int(change), size)
        found[f"{names[before]} to {names[after]}"] = apart & (theirs.predicted == before) & (mine == after)
    return found


def _sign_test(mine: int, theirs: int) -> str:
    """McNemar 1947, exact: on rows where just one is right, either is so by the toss of a coin."""
    if mine + theirs == 0:
        return "Neither is right where they differ."
    from scipy.stats import binomtest

    chance = float(binomtest(mine, mine + theirs).pvalue)
    told = "below 0.001" if chance < 0.001 else number(chance)
    return (
        f"Exact sign test on the rows where one of them is right (McNemar 1947): p {told}; rows count as independent."
    )


def _chart(rows: list[tuple[str, int, int, int]], right: str) -> dict[str, object]:
    names = [row[0] for row in rows]
    bars = [
        {"type": "bar", "x": names, "y": [row[at] for row in rows], "name": f"{who} {right}",
         "marker": {"color": colour}}
        for at, who, colour in ((2, "new model", MAIN), (3, "champion", SECOND))
    ]  # fmt: skip
    return figure(bars, "", "rows", xaxis={"type": "category"}, barmode="group", height=300)


def _verdict(case: Case, delta: Value | None) -> str:
    other = "the constant baseline" if case.champion.answers is None else f"the champion ({case.champion.family})"
    if delta is None:
        return f"{case.metric.label} is not defined on these rows, so it cannot be compared with {other}."
    amount = f"{case.metric.label} by {number(abs(delta.value))}"
    if delta.low is not None and delta.low > 0:
        return f"The new model is better than {other}: {amount}."
    if delta.high is not None and delta.high < 0:
        return f"The new model is worse than {other}: {amount}."
    return f"The new model cannot be told apart from {other} on these rows."


def _expert(case: Case, delta: Value | None, stands_in: bool) -> str:
    difference = f"{signed(delta.value)}{span(delta)}" if delta else "not defined"
    what = "the constant baseline" if stands_in else f"champion {(case.champion.digest or '')[:12]}"
    caveat = ""
    if not stands_in and not case.champion.same and case.project.split.kind != "time":
        caveat = " The champion may have been trained on some of these rows, which flatters it."
    threshold = " Each answers by its own threshold." if case.task is Task.BINARY else ""
    return (
        f"Paired bootstrap difference of {case.metric.label} to {what}, in the metric's good direction, on the same "
        f"{len(case.answers):,} rows: {difference}.{threshold}{caveat}"
    )
