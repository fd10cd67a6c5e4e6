"""leak_check and leak_suspicion: whether one column alone answers the question."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from models.evaluation.answers import Answers
from models.evaluation.case import Case, encoded
from models.evaluation.words import listed
from signoff.core.evidence import Evidence, Table, Value
from signoff.core.numbers import number, percent
from signoff.core.settings import Task

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

SAMPLE, BINS, PRIOR = 10_000, 20, 10.0
DOMINANT = 0.6
"""Share of the summed permutation importance from which one column carries the model, and, of the model's skill, what
it must know by itself to be suspect for that: an hour of the day on which all else hangs knows little alone."""
ALONE, KNOWING = 0.85, 0.5
"""Share of the model's skill, and skill, from which one column by itself is suspect; two rows of leaked columns hide
each other from permutation, not from this."""
SHOWN = 10


def leak_check(case: Case) -> Evidence:
    """How much of the question each column answers by itself, with no model: the strongest is named.

    Binned target means learned on training rows (20 quantiles, or the commonest categories; missing is a bin) answer
    the holdout. Skill is 0 for knowing nothing and 1 for knowing all: 2 AUC - 1 for a binary task, else the share of
    the target's variation explained.
    """
    skills = single_skills(case)
    model = max(skill_of(case.task, case.answers.actual, _said(case.answers)), 0.0)
    first, best = skills[0] if skills else ("", 0.0)
    share = best / model if model > 0 else 0.0
    binary = case.task is Task.BINARY
    shown, of_model = ((best + 1) / 2, (model + 1) / 2) if binary else (best, model)
    measure = "ROC AUC" if binary else "share of variation explained"
    return Evidence(
        kind="leak_check",
        title="Does one column know the answer?",
        business=f"{first} alone answers the question with {percent(min(share, 9.99))} of the model's skill."
        if skills
        else "No column can be looked at alone.",
        expert=f"Binned target means of one column, learned on training rows and judged on the holdout: {measure} "
        f"{number(shown)} for {first or 'none'}, {number(of_model)} for the model.",
        values=(
            Value(name="leak.single_column", value=shown, unit=measure),
            Value(name="leak.single_share", value=share),
        ),
        table=Table(
            columns=("column by itself", measure, "share of the model's skill"),
            rows=tuple(
                (name, (skill + 1) / 2 if binary else skill, skill / model if model > 0 else None)
                for name, skill in skills[:SHOWN]
            ),
        ),
        matters="Checks on leak.single_share guard against a column that was written after the outcome.",
    )


def suspicion(case: Case, check: Evidence, drivers: Evidence) -> Evidence | None:
    """A warning when one column carries most of the model, or answers nearly as well by itself: it may be a leak."""
    assert drivers.table is not None
    assert check.table is not None
    names = []
    top = next(value.value for value in drivers.values if value.name == "importance.top_share")
    shares = {str(name): share for name, _, share in check.table.rows if isinstance(share, float)}
    first = str(drivers.table.rows[0][0]) if drivers.table.rows else ""
    if top >= DOMINANT and len(drivers.table.rows) >= 3 and shares.get(first, 0.0) >= DOMINANT:
        names.append(first)
    alone = [
        str(name)
        for name, strength, share in check.table.rows
        if isinstance(share, float) and share >= ALONE and _skill(case, strength) >= KNOWING
    ]
    if len(case.recipe.features.used()) >= 3:
        names += alone
    found = list(dict.fromkeys(names))
    if not found:
        return None
    metric = f"holdout.{case.metric.name}"
    carries = (
        f"{found[0]} carries {percent(top)} of the model's skill"
        if top >= DOMINANT and found[0] not in alone
        else f"{found[0]} carries most of the model's skill, all by itself"
    )
    return Evidence(
        kind="leak_suspicion",
        title="One column carries the model",
        business=f"{carries}. Ask whether {listed(found, 3)} {'is' if len(found) == 1 else 'are'} really known when "
        "the question is asked: a column written after the outcome makes a model look good and fail in use.",
        expert=f"From {DOMINANT:.0%} on both of the summed positive permutation importance and, by binned target means "
        f"of that column alone, of the model's skill; or from {ALONE:.0%} on of the latter: target leakage (Kaufman et "
        "al. 2012) or a single strong cause; this cannot be told from data alone.",
        matters=f"It puts {metric} and every check on it in doubt. If the column is not known in time, request changes "
        "and exclude it.",
    )


def single_skills(case: Case) -> list[tuple[str, float]]:
    """Each column that the model reads, with its skill alone on the holdout, the strongest first."""
    train, holdout = _thinned(case.train), _thinned(case.holdout)
    learned, actual = encoded(train, case.recipe), encoded(holdout, case.recipe)
    size = 0 if case.task is Task.REGRESSION else len(case.recipe.classes)
    found = []
    for name in case.recipe.features.used():
        if name in train and name in holdout and not pd.api.types.is_datetime64_any_dtype(train[name]):
            bins, asked, count = _bins(train[name], holdout[name])
            found.append((name, skill_of(case.task, actual, _means(bins, learned, count, size)[asked])))
    return sorted(found, key=lambda pair: -pair[1])


def skill_of(task: Task, actual: NDArray[np.generic], said: Numbers) -> float:
    """0 for knowing nothing, 1 for knowing all, below 0 for being wrong.

    Args:
        actual: positions of classes, or values, of shape (n,).
        said: of shape (n, classes), or (n, 1) for a regression.
    """
    if task is Task.BINARY:
        from models.evaluation.scores import roc_auc

        truth = np.asarray(actual == 1)
        if truth.all() or not truth.any():
            return 0.0
        return abs(2 * float(roc_auc(said[:, 1], truth)(np.ones((1, len(truth))))[0]) - 1)
    wanted = actual.astype(np.float64)[:, None] if task is Task.REGRESSION else np.eye(said.shape[1])[actual]
    spread = float(np.sum((wanted - wanted.mean(axis=0)) ** 2))
    return 1 - float(np.sum((wanted - said) ** 2)) / spread if spread > 0 else 0.0


def _said(answers: Answers) -> Numbers:
    return answers.predicted[:, None].astype(np.float64) if answers.probability is None else answers.probability


def _skill(case: Case, strength: str | float | int | bool | None) -> float:
    value = float(strength) if isinstance(strength, float | int) else 0.0
    return 2 * value - 1 if case.task is Task.BINARY else value


def _means(bins: NDArray[np.intp], learned: NDArray[np.generic], count: int, classes: int) -> Numbers:
    """Mean of the target in each bin, drawn to the mean of all by ten rows, of shape (bins, classes or 1)."""
    wanted = learned.astype(np.float64)[:, None] if classes == 0 else np.eye(classes)[learned]
    rows = np.bincount(bins, minlength=count)[:, None]
    sums = np.column_stack([np.bincount(bins, weights=column, minlength=count) for column in wanted.T])
    return np.asarray((sums + PRIOR * wanted.mean(axis=0)) / (rows + PRIOR))


def _bins(train: pd.Series, holdout: pd.Series) -> tuple[NDArray[np.intp], NDArray[np.intp], int]:
    if pd.api.types.is_numeric_dtype(train) and not pd.api.types.is_bool_dtype(train):
        known = train.to_numpy(dtype=float, na_value=np.nan)
        finite = known[np.isfinite(known)]
        edges = np.unique(np.quantile(finite, np.arange(1, BINS) / BINS)) if finite.size else np.array([0.0])
        return _place(known, edges), _place(holdout.to_numpy(dtype=float, na_value=np.nan), edges), len(edges) + 2
    names = train.astype(str).where(train.notna(), "")
    top = {name: code for code, name in enumerate(names.value_counts().index[: 10 * BINS])}
    others = holdout.astype(str).where(holdout.notna(), "")
    first, second = (found.map(top).fillna(len(top)).to_numpy(dtype=np.intp) for found in (names, others))
    return first, second, len(top) + 1


def _place(values: Numbers, edges: Numbers) -> NDArray[np.intp]:
    return np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values, side="right")).astype(np.intp)


def _thinned(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.iloc[:: max(1, -(-len(frame) // SAMPLE))]
