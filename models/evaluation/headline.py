"""holdout and baseline: how good the answers are on rows that training never saw."""

from __future__ import annotations

import numpy as np

from models.evaluation.case import Case, Whose
from models.evaluation.scores import metrics_of
from models.evaluation.words import measured, sentence
from signoff.core.evidence import Evidence, Value
from signoff.core.metrics import METRICS
from signoff.core.numbers import number, percent, span, told
from signoff.core.settings import Task


def holdout(case: Case) -> Evidence:
    """All metrics that fit the task, each with its interval; the project's own metric first."""
    names = sorted(metrics_of(case.task), key=lambda name: name != case.metric.name)
    values = [value for name in names if (value := _metric(case, name)) is not None]
    label = case.metric.label
    first = next((value for value in values if value.name == f"holdout.{case.metric.name}"), None)
    if first is None:
        business = f"On these {len(case.answers):,} {case.rows_are} {label} is not defined: only one class occurs."
    else:
        business = f"On {len(case.answers):,} {case.rows_are} it never saw, the model's {label} is {told(first)}."
    return Evidence(
        kind="holdout",
        title="Quality on unseen rows",
        business=f"{business} {_in_plain_words(case, first)}",
        expert=f"{sentence(case.profile.split)} {case.resamples.sentence()}",
        values=tuple(values),
        matters="Release checks whose name begins with holdout read these numbers.",
    )


def baseline(case: Case) -> Evidence:
    """Against the constant answer: the least that any model has to beat."""
    delta = paired(case, "baseline.delta", "baseline")
    mine, constant = case.score(case.metric.name)[0], case.score(case.metric.name, "baseline")[0]
    name, label = case.metric.name, case.metric.label
    values = [
        value for value in (delta, measured(f"baseline.{name}", constant, None, 0.95, unit_of(case, name))) if value
    ]
    answer = "the average" if case.task is Task.REGRESSION else "the same probability"
    if delta is None:
        verdict = f"{label} cannot be compared on these rows."
    elif delta.low is not None and delta.low > 0:
        verdict = f"The model beats a constant answer: {label} {number(mine)} against {number(constant)}."
    elif delta.high is not None and delta.high < 0:
        verdict = f"The model is worse than a constant answer: {label} {number(mine)} against {number(constant)}."
    else:
        verdict = "The model cannot be told apart from a constant answer."
    return Evidence(
        kind="baseline",
        title="Against knowing nothing",
        business=verdict,
        expert=f"The baseline gives every row {answer} seen in training; the difference is paired on the same "
        f"resamples and positive when the model is better{span(delta) if delta else ''}.",
        values=tuple(values),
        matters="A model that is no better than its baseline should not be released.",
    )


def paired(case: Case, name: str, whose: Whose, metric: str | None = None) -> Value | None:
    """The model minus another on the same rows and resamples; positive means that the model is better."""
    wanted = METRICS[metric or case.metric.name]
    mine, other = case.score(wanted.name), case.score(wanted.name, whose)
    sign = 1.0 if wanted.greater_is_better else -1.0
    draws = sign * (mine[1] - other[1])
    return measured(name, sign * (mine[0] - other[0]), draws, case.interval, unit_of(case, wanted.name))


def _metric(case: Case, name: str) -> Value | None:
    value, draws = case.score(name)
    return measured(f"holdout.{name}", value, draws, case.interval, unit_of(case, name))


def unit_of(case: Case, metric: str) -> str:
    """The unit of a metric of this case."""
    return case.unit if metric in ("rmse", "mae") else ""


def _in_plain_words(case: Case, first: Value | None) -> str:
    answers = case.answers
    if case.task is Task.REGRESSION:
        error = float(np.median(np.abs(answers.predicted - answers.actual)))
        return f"Half of its answers are within {number(error)} of the true {case.recipe.target}."
    right = float(np.mean(answers.predicted == answers.actual))
    if case.task is Task.MULTICLASS:
        return f"It names the right class for {percent(right)} of them."
    share = float(np.mean(answers.actual == 1))
    pairs = (
        f"It ranks a yes above a no in {first.value * 100:.0f} of 100 pairs. "
        if first is not None and first.name == "holdout.roc_auc"
        else ""
    )
    return f"{pairs}{percent(share)} of the {case.rows_are} are {case.positive}."
