"""importance: what the answers hang on, by shuffling one column at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from models.evaluation.answers import Answers, Model, ask
from models.evaluation.case import Case
from models.evaluation.charts import MAIN, figure, lying_bars
from models.evaluation.resampling import Resamples, resamples_for
from models.evaluation.scores import difference, score_of
from models.evaluation.words import listed, measured, part_of_name
from signoff.core.evidence import Evidence, Table, Value
from signoff.core.numbers import percent

if TYPE_CHECKING:
    from numpy.typing import NDArray

ASKED_ROWS = 30_000
"""Rows asked in all: the sample is this over the number of features, within these two."""
LEAST_SAMPLE, MOST_SAMPLE = 300, 2_000
SECONDS = 10.0
"""A model so slow that the rows would take longer gets a smaller sample, and the evidence says so."""
SHOWN = 20
LISTED = 300
"""The chart shows the first; the table lists what a reviewer may want to leave out, which is any of them."""


def importance(case: Case) -> Evidence:
    """Permutation importance on a holdout sample: how much the metric loses when a column is shuffled.

    Breiman, Random Forests, 2001; Fisher, Rudin and Dominici 2019. Columns that say the same hide each other.
    """
    rows, found = losses(case, case.model, case.answers)
    shown = found[:SHOWN]
    total = sum(max(value.value, 0.0) for _, value in found)
    share = max(found[0][1].value, 0.0) / total if found and total > 0 else 0.0
    label = case.metric.label
    helpful = [name for name, value in found if value.low is not None and value.low > 0]
    business = f"The answers hang most on {listed(helpful, 3)}." if helpful else "No single column matters by itself."
    if found and total > 0:
        business += f" {found[0][0]} alone carries {percent(share)} of what the columns add one by one."
    return Evidence(
        kind="importance",
        title="What the answers hang on",
        business=business,
        expert=f"Permutation importance on {len(rows):,} holdout rows (Breiman 2001): loss of {label} when one column "
        "is shuffled, one shuffle a column, bootstrap intervals over rows. Correlated columns share their importance.",
        values=(*(value for _, value in shown), Value(name="importance.top_share", value=share)),
        table=Table(
            columns=("column", f"loss of {label}", "low", "high"),
            rows=tuple((name, value.value, value.low, value.high) for name, value in found[:LISTED]),
        ),
        chart=_chart(shown, label),
        matters="Checks on importance.top_share guard against a model that hangs on one column.",
    )


def _sample(case: Case, features: int) -> NDArray[np.intp]:
    size = int(np.clip(ASKED_ROWS // max(features, 1), LEAST_SAMPLE, MOST_SAMPLE))
    per_row = case.seconds / len(case.answers)
    affordable = int(SECONDS / max(per_row * max(features, 1), 1e-9))
    size = min(size, max(affordable, 50), len(case.holdout))
    random = np.random.default_rng(case.project.search.seed)
    return np.sort(random.permutation(len(case.holdout))[:size])


def losses(case: Case, model: Model, answers: Answers) -> tuple[NDArray[np.intp], list[tuple[str, Value]]]:
    """The rows that were asked, and what a model loses on them without each column, the most first.

    Two models of one case are asked about the same rows, unless one reads far more columns.
    """
    features = [name for name in model.recipe.features.used() if name in case.holdout]
    rows = _sample(case, len(features))
    return rows, sorted(_losses(case, model, answers.take(rows), features, rows), key=lambda pair: -pair[1].value)


def _losses(
    case: Case, model: Model, truth: Answers, features: list[str], rows: NDArray[np.intp]
) -> list[tuple[str, Value]]:
    sample = case.holdout.iloc[rows].reset_index(drop=True)
    resamples = resamples_for(case.project, sample)
    names: dict[str, str] = {}
    for name in features:
        base = part_of_name(name)
        names[name] = base if base not in names.values() else f"{base}-{len(names)}"
    answered = _shuffled_answers(case, model, features, sample, truth)
    return [
        (name, value)
        for name, answers in zip(features, answered, strict=True)
        if (value := _loss(case, names[name], truth, answers, resamples)) is not None
    ]


def _shuffled_answers(
    case: Case, model: Model, features: list[str], sample: pd.DataFrame, truth: Answers
) -> list[Answers]:
    """One call for all columns: most of a small call's time is not spent on its rows."""
    random = np.random.default_rng(case.project.search.seed + 1)
    parts = []
    for name in features:
        part = sample.copy(deep=False)
        part[name] = sample[name].to_numpy()[random.permutation(len(sample))] if _plain(sample[name]) else (
            sample[name].iloc[random.permutation(len(sample))].reset_index(drop=True)
        )  # fmt: skip
        parts.append(part)
    if not parts:
        return []
    whole = ask(model, pd.concat(parts, ignore_index=True), np.tile(truth.actual, len(parts)))
    size = len(sample)
    return [whole.take(np.arange(at * size, (at + 1) * size)) for at in range(len(parts))]


def _plain(column: pd.Series) -> bool:
    return isinstance(column.dtype, np.dtype)


def _loss(case: Case, name: str, truth: Answers, answers: Answers, resamples: Resamples) -> Value | None:
    mine, shuffled = score_of(case.metric.name, truth), score_of(case.metric.name, answers)
    loss = difference(mine, shuffled) if case.metric.greater_is_better else difference(shuffled, mine)
    interval = case.project.evaluate.interval
    return measured(f"importance.{name}", resamples.value(loss), resamples.draws(loss), interval)


def _chart(shown: list[tuple[str, Value]], label: str) -> dict[str, object] | None:
    if not shown:
        return None
    values = [value.value for _, value in shown]
    lows = [value.value if value.low is None else value.low for _, value in shown]
    highs = [value.value if value.high is None else value.high for _, value in shown]
    bars = lying_bars([name for name, _ in shown], values, lows, highs, MAIN)
    return figure([bars], f"loss of {label}", "", height=max(220, 60 + 24 * len(shown)))
