"""slices and fairness: whether the model serves each group as well as the whole."""

from __future__ import annotations

import numpy as np

from models.evaluation.case import Case
from models.evaluation.charts import MAIN, QUIET, SECOND, figure, lying_bars
from models.evaluation.groups import LEAST_ROWS, Group, groups_of
from models.evaluation.headline import unit_of
from models.evaluation.resampling import Score
from models.evaluation.scores import on_rows, ratio_of, score_of
from models.evaluation.words import listed, measured, part_of_name
from signoff.core.evidence import Evidence, Table, Value
from signoff.core.numbers import number, told
from signoff.core.settings import Task

Cell = str | float | int | bool | None
Scored = tuple[float, np.ndarray]
"""A score on the rows as they are, and on each resample."""


def slices(case: Case, column: str) -> Evidence:
    """The project's metric in each group of one column, with intervals and counts."""
    if column not in case.holdout:
        return _absent(case, column)
    groups = groups_of(case.holdout[column])
    scored = {group.name: _scored(case, group) for group in groups if group.judged}
    values = {name: value for name, one in scored.items() if (value := _value(case, column, name, one))}
    label = case.metric.label
    small = sum(not group.judged for group in groups)
    rows = tuple(_row(case, group, values.get(group.name), scored.get(group.name), small > 0) for group in groups)
    worst, spread = _spread(case, column, values, scored)
    business = f"No group of {column} is large enough to be judged alone." if not values else ""
    if worst and spread:
        best = _best(case, values)
        business = (
            f"{label} is weakest where {column} is {worst}: {told(values[worst])}; the best, {best}, has "
            f"{number(values[best].value)}."
        )
    elif values:
        business = f"{column} has one group that can be judged."
    means = () if case.task is Task.MULTICLASS else ("observed", "foretold")
    gap = ("lead over all", "lead, low", "lead, high")
    columns = (
        "group",
        case.rows_are,
        *(("",) if small else ()),
        *means,
        label,
        "low",
        "high",
        *gap,
        *_rival_column(case),
    )
    if small:
        business += f" {small} of {len(groups)} groups are too small to be judged."
    return Evidence(
        kind="slices",
        title=f"By {column}",
        business=business,
        expert=f"{label} by group on the same resamples; groups under {LEAST_ROWS} rows, or where it is not defined, "
        "are listed without it. Leads are paired differences to all rows in the metric's good direction. With many "
        "groups, some differ by chance.",
        values=(
            *((spread,) if spread else ()),
            *values.values(),
            Value(name=f"slices.{part_of_name(column)}.small", value=small, unit="groups"),
        ),
        table=Table(columns=columns, rows=rows),
        chart=_chart(case, values),
        matters=f"Checks on slices.{part_of_name(column)}.spread limit how far the groups may lie apart.",
    )


def fairness(case: Case) -> Evidence | None:
    """Gaps between the groups of the sensitive columns; None when the project names none.

    Binary: selection rate (demographic parity; Dwork et al. 2012) and share of yes found (equal opportunity; Hardt,
    Price and Srebro 2016). Multiclass: share of right answers. Regression: mean error in deviations of the target.
    """
    values: list[Value] = []
    rows: list[tuple[Cell, ...]] = []
    for column in case.project.data.sensitive:
        groups = [group for group in groups_of(case.holdout[column]) if group.judged] if column in case.holdout else []
        for kind, title, scores in _rates(case, groups):
            name = f"fairness.{part_of_name(column)}.{kind}_gap"
            points = [case.resamples.value(score) for score in scores]
            if not np.isfinite(points).sum() > 1:
                continue
            gap = _gap(scores)
            draws = case.resamples.draws(gap)
            if value := measured(name, case.resamples.value(gap), draws, case.project.evaluate.interval):
                values.append(value)
                low, high = int(np.nanargmin(points)), int(np.nanargmax(points))
                rows.append((column, title, f"{groups[low].name} {number(points[low])}", len(groups[low].rows),
                             f"{groups[high].name} {number(points[high])}", len(groups[high].rows),
                             value.value, value.low, value.high))  # fmt: skip
    if not case.project.data.sensitive:
        return None
    return _fairness_record(case, values, rows)


def _fairness_record(case: Case, values: list[Value], rows: list[tuple[Cell, ...]]) -> Evidence:
    columns = listed(list(case.project.data.sensitive))
    worst = max(values, key=lambda value: value.value, default=None)
    if worst is None:
        business = f"Groups of {columns} are too small to be compared."
    else:
        at = rows[values.index(worst)]
        business = f"The widest gap is in {at[1]} by {at[0]}: lowest for {at[2]}, highest for {at[4]}."
        worst = worst.model_copy(update={"name": "fairness.worst_gap"})
    return Evidence(
        kind="fairness",
        title="Are groups treated alike?",
        business=business,
        expert="Largest difference between groups: selection rate (demographic parity) and true positive rate (equal "
        f"opportunity, Hardt et al. 2016) or the task's counterpart, for {columns}; both cannot be zero at once when "
        f"the groups' true rates differ (Chouldechova 2017). Groups under {LEAST_ROWS} rows are left out.",
        values=(*((worst,) if worst else ()), *values),
        table=Table(
            columns=(
                "column",
                "what",
                "lowest",
                case.rows_are,
                "highest",
                f"{case.rows_are} there",
                "gap",
                "low",
                "high",
            ),
            rows=tuple(rows),
        ),
        matters="Checks on fairness.worst_gap hold the widest of these gaps.",
    )


def _rates(case: Case, groups: list[Group]) -> list[tuple[str, str, list[Score]]]:
    answers = case.answers
    ones = np.ones(len(answers))
    if case.task is Task.REGRESSION:
        error = (answers.predicted - answers.actual) / (float(np.std(answers.actual)) or 1.0)
        wanted = [("error", "mean error", error, ones)]
    elif case.task is Task.MULTICLASS:
        wanted = [("accuracy", "share of right answers", (answers.predicted == answers.actual).astype(float), ones)]
    else:
        flagged, truth = (answers.predicted == 1).astype(float), (answers.actual == 1).astype(float)
        wanted = [
            ("selection", "share answered yes", flagged, ones),
            ("recall", "share of yes found", flagged * truth, truth),
        ]
    return [
        (kind, title, [on_rows(group.rows, ratio_of(part[group.rows], whole[group.rows])) for group in groups])
        for kind, title, part, whole in wanted
    ]


def _gap(scores: list[Score]) -> Score:
    def gap(weights: np.ndarray) -> np.ndarray:
        rates = np.array([score(weights) for score in scores])
        return np.asarray(np.nanmax(rates, axis=0) - np.nanmin(rates, axis=0))

    return gap


def _scored(case: Case, group: Group) -> Scored:
    score = on_rows(group.rows, score_of(case.metric.name, case.answers.take(group.rows)))
    return case.resamples.value(score), case.resamples.draws(score)


def _value(case: Case, column: str, name: str, scored: Scored) -> Value | None:
    unit = unit_of(case, case.metric.name)
    return measured(f"slices.{part_of_name(column)}.{part_of_name(name)}", *scored, case.interval, unit)


def _row(case: Case, group: Group, value: Value | None, scored: Scored | None, marked: bool) -> tuple[Cell, ...]:
    answers = case.answers.take(group.rows)
    numbers: list[Cell] = [value.value, value.low, value.high] if value else [None] * 3
    numbers += _lead(case, scored)
    if case.rival is not None:
        theirs = score_of(case.metric.name, case.rival.take(group.rows)) if value else None
        numbers.append(_finite(theirs(np.ones((1, len(group.rows))))[0]) if theirs else None)
    head = (group.name, len(group.rows), *(("" if group.judged else "too small",) if marked else ()))
    if case.task is Task.MULTICLASS:
        return (*head, *numbers)
    said = answers.yes if case.task is Task.BINARY else answers.predicted
    return (*head, float(np.mean(answers.actual)), float(np.mean(said)), *numbers)


def _lead(case: Case, scored: Scored | None) -> list[Cell]:
    """How far the group lies above all rows, with its interval."""
    if scored is None:
        return [None] * 3
    whole, sign = case.score(case.metric.name), 1.0 if case.metric.greater_is_better else -1.0
    lead = measured("slices.any.lead", sign * (scored[0] - whole[0]), sign * (scored[1] - whole[1]), case.interval)
    return [lead.value, lead.low, lead.high] if lead else [None] * 3


def _rival_column(case: Case) -> tuple[str, ...]:
    return () if case.rival is None else (f"{case.metric.label} of the champion",)


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _best(case: Case, values: dict[str, Value]) -> str:
    pick = max if case.metric.greater_is_better else min
    return pick(values, key=lambda name: values[name].value)


def _spread(
    case: Case, column: str, values: dict[str, Value], scored: dict[str, Scored]
) -> tuple[str | None, Value | None]:
    """The worst group, and the distance of the best to it: the interval is of these two groups, chosen beforehand."""
    if len(values) < 2:
        return None, None
    pick = min if case.metric.greater_is_better else max
    worst = pick(values, key=lambda name: values[name].value)
    best, sign = _best(case, values), 1.0 if case.metric.greater_is_better else -1.0
    distance, draws = (sign * (scored[best][at] - scored[worst][at]) for at in (0, 1))
    name = f"slices.{part_of_name(column)}.spread"
    return worst, measured(name, float(distance), np.asarray(draws), case.interval, values[worst].unit)


def _chart(case: Case, values: dict[str, Value]) -> dict[str, object] | None:
    if not values:
        return None
    shown = list(values.values())
    lows = [value.value if value.low is None else value.low for value in shown]
    highs = [value.value if value.high is None else value.high for value in shown]
    middles = [value.value for value in shown]
    bars = lying_bars(list(values), middles, lows, highs, MAIN)
    dots = {**bars, "type": "scatter", "mode": "markers", "marker": {"color": MAIN, "size": 9}}
    del dots["orientation"]
    whole = case.score(case.metric.name)[0]
    height = max(200, 70 + 24 * len(values))
    mark = {"type": "line", "x0": whole, "x1": whole, "y0": 0, "y1": 1, "yref": "paper",
            "line": {"color": SECOND if np.isfinite(whole) else QUIET, "dash": "dot", "width": 1.5}}  # fmt: skip
    shapes = [mark] if np.isfinite(whole) else []
    return figure([dots], f"{case.metric.label} (dotted: all rows)", "", height=height, shapes=shapes,
                  yaxis={"type": "category"})  # fmt: skip


def _absent(case: Case, column: str) -> Evidence:
    columns = [str(name) for name in case.holdout.columns]
    return Evidence(
        kind="slices",
        title=f"By {column}",
        business=f"{column} is not in the holdout, so its groups could not be judged.",
        expert=f"evaluate.slices or data.sensitive names {column!r}; the columns are {listed(columns, 30)}.",
        matters=f"Checks whose name begins with slices.{part_of_name(column)} fail until the column is there.",
    )
