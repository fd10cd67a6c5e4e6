"""overfit: how much better the answers are on rows that the model learned from."""

from __future__ import annotations

import numpy as np

from models.evaluation.answers import Answers, ask, constant
from models.evaluation.case import Case, encoded
from models.evaluation.charts import MAIN, QUIET, figure, lying_bars
from models.evaluation.headline import unit_of
from models.evaluation.resampling import resamples_for
from models.evaluation.scores import score_of
from models.evaluation.words import measured
from signoff.core.evidence import Evidence, Table, Value
from signoff.core.numbers import number, percent, told

SAMPLE = 4_000
"""Training rows that are asked again."""
LARGE = 0.3
"""Share of the gain on training rows from which the sentence warns: a third of what was learned does not carry over."""


def overfit(case: Case) -> Evidence:
    """overfit.gap: the project's metric on a sample of training rows less that on the holdout, in its good direction.

    Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 2009, chapter 7 (optimism of the training
    error). The intervals of both sides are drawn independently, as the rows are other rows.
    """
    metric, sign = case.metric, 1.0 if case.metric.greater_is_better else -1.0
    sample = case.train.iloc[_positions(case)].reset_index(drop=True)
    actual = encoded(sample, case.recipe)
    learned = ask(case.model, sample, actual)
    resamples = resamples_for(case.project, sample)
    score = score_of(metric.name, learned)
    on_train, train_draws = resamples.value(score), resamples.draws(score)
    on_holdout, holdout_draws = case.score(metric.name)
    unit = unit_of(case, metric.name)
    gap = measured(
        "overfit.gap", sign * (on_train - on_holdout), sign * (train_draws - holdout_draws), case.interval, unit
    )
    train = measured("overfit.train", on_train, train_draws, case.interval, unit)
    known = resamples.value(score_of(metric.name, _constant(case, actual)))
    gained = sign * (on_train - known)
    share = measured("overfit.gap_share", sign * (on_train - on_holdout) / gained, None, 0.95) if gained > 0 else None
    values = [value for value in (gap, train, share) if value]
    return Evidence(
        kind="overfit",
        title="Has it learned, or learned by heart?",
        business=_business(case, gap, train, share),
        expert=f"{metric.label} on {len(sample):,} training rows less that on the holdout, in the metric's good "
        "direction; independent bootstrap on both sides. With a split by time the gap also holds what the world "
        "changed in between.",
        values=tuple(values),
        table=_table(case, train),
        chart=_chart(case, train),
        matters="Checks on overfit.gap or overfit.gap_share limit it.",
    )


def _positions(case: Case) -> np.ndarray:
    random = np.random.default_rng(case.project.search.seed + 2)
    return np.sort(random.permutation(len(case.train))[:SAMPLE])


def _constant(case: Case, actual: np.ndarray) -> Answers:
    return constant(case.task, encoded(case.train, case.recipe), actual, len(case.recipe.classes))


def _business(case: Case, gap: Value | None, train: Value | None, share: Value | None) -> str:
    if gap is None or train is None:
        return f"{case.metric.label} is not defined on one side, so nothing can be said about learning by heart."
    if gap.low is not None and gap.low <= 0:
        return "The answers are no better on rows it learned from than on rows it never saw."
    said = f"On rows it learned from {case.metric.label} is {told(train)}, on new ones worse by {number(gap.value)}"
    if share is None:
        return f"{said}."
    warning = "; much of it was learned by heart" if share.value >= LARGE else ""
    return f"{said}: {percent(min(max(share.value, 0.0), 9.99))} of what it gained in training is lost{warning}."


def _sides(case: Case, train: Value | None) -> list[tuple[str, Value]]:
    point, draws = case.score(case.metric.name)
    held = measured("overfit.holdout", point, draws, case.interval)
    return [(name, value) for name, value in (("rows it learned from", train), ("rows it never saw", held)) if value]


def _table(case: Case, train: Value | None) -> Table:
    rows = tuple((name, value.value, value.low, value.high) for name, value in _sides(case, train))
    return Table(columns=("where", case.metric.label, "low", "high"), rows=rows)


def _chart(case: Case, train: Value | None) -> dict[str, object] | None:
    sides = _sides(case, train)
    if not sides:
        return None
    points = [value.value for _, value in sides]
    lows = [value.value if value.low is None else value.low for _, value in sides]
    highs = [value.value if value.high is None else value.high for _, value in sides]
    bars = lying_bars([name for name, _ in sides], points, lows, highs, [QUIET, MAIN][: len(sides)])
    return figure([bars], case.metric.label, "", height=200)
