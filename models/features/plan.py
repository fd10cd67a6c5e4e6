"""Propose what happens to each column before a model sees it, with the reason; people may change every line."""

from __future__ import annotations

import pandas as pd

from models.features.columns import kind_of, texts
from signoff.core.data import FeaturePlan, FeatureStep
from signoff.core.errors import SettingsError, did_you_mean
from signoff.core.run import Steering
from signoff.core.settings import Project

UNIQUE_SHARE = 0.95
"""From this share of different values a column of names or codes tells rows apart and says nothing about new ones."""
FEWEST_ROWS_TO_CALL_UNIQUE = 50


def propose_plan(train: pd.DataFrame, project: Project) -> FeaturePlan:
    """One step for each column of the training part but the target, in the table's order."""
    names = [str(name) for name in train.columns if name != project.target]
    return FeaturePlan(steps=tuple(propose_step(train, name, project) for name in names))


def propose_step(train: pd.DataFrame, name: str, project: Project) -> FeatureStep:
    """What to do with one column, and why.

    Args:
        train: rows of the training part alone, so that the holdout decides nothing.
        name: a column of it.
        project: says which columns may never be features.
    """
    values = train[name]
    role = _role(name, project)
    reason = f"{role}, never a feature" if role else _useless(values, train[project.target])
    if reason:
        return FeatureStep(column=name, action="drop", reason=reason)
    kind = kind_of(values)
    distinct = int(values.nunique())
    missing = float(values.isna().mean())
    seen = f", missing in {_few(missing)} of rows" if missing else ""
    if kind == "category":
        return FeatureStep(column=name, action="category", reason=f"{distinct} different values{seen}")
    if kind == "text":
        return FeatureStep(column=name, action="text", reason=f"sentences of several words, mostly different{seen}")
    if kind == "datetime":
        return FeatureStep(column=name, action="datetime", reason=f"moments, read as parts of the calendar{seen}")
    return FeatureStep(column=name, action="keep", reason=("yes or no" if kind == "boolean" else "a number") + seen)


def _few(share: float) -> str:
    return "under 0.1%" if share < 0.001 else f"{share:.1%}"


def apply_steering(plan: FeaturePlan, steering: Steering) -> FeaturePlan:
    """The plan without the features that a reviewer asked to leave out.

    Raises:
        SettingsError: a name is not a column of the plan, or no feature would be left.
    """
    known = {step.column for step in plan.steps}
    for name in steering.exclude_features:
        if name not in known:
            raise SettingsError(
                f"the feature {name!r} that should be left out is not a column",
                where="run.yaml: steering.exclude_features",
                allowed=did_you_mean(name, known),
            )
    left = FeaturePlan(
        steps=tuple(
            step.model_copy(update={"action": "drop", "reason": "excluded by request"})
            if step.column in steering.exclude_features
            else step
            for step in plan.steps
        )
    )
    if not left.used():
        raise SettingsError(
            "no feature is left to learn from",
            where="features.yaml and run.yaml: steering.exclude_features",
            next_step="keep at least one column in features.yaml",
        )
    return left


def _role(name: str, project: Project) -> str | None:
    data = project.data
    if name in data.id_columns:
        return "identifies a row"
    if name in data.pseudonymise:
        return "a pseudonym"
    roles = {
        data.time_column: "when the question is asked",
        data.known_column: "known only after the question",
        data.group_column: "names the group of a row",
    }
    return roles.get(name)


def _useless(values: pd.Series, target: pd.Series) -> str | None:
    """Why nothing can be learned from a column, or None."""
    if values.isna().all():
        return "missing in all training rows"
    kind = kind_of(values)
    if kind is None:
        return f"values of type {type(values.dropna().iloc[0]).__name__}, which no model can use"
    comparable = texts(values) if values.dtype == object else values
    distinct = int(comparable.nunique())
    if distinct == 1 and not values.isna().any():
        return f"the same in all training rows: {str(values.iloc[0])[:40]}"
    if kind == "category" and distinct == 1:
        return None
    if _says_the_same(comparable, target):
        return "says the same as the target in every row: known only when the outcome is"
    rows = int(values.notna().sum())
    if rows >= FEWEST_ROWS_TO_CALL_UNIQUE and kind == "category" and distinct > UNIQUE_SHARE * rows:
        return f"nearly every row has its own value ({distinct} in {rows} rows)"
    if rows >= FEWEST_ROWS_TO_CALL_UNIQUE and kind == "number" and _counts_rows(values, distinct):
        return "numbers the rows: whole numbers, each once, without gaps"
    return None


def _says_the_same(values: pd.Series, target: pd.Series) -> bool:
    """Whether the column is the target in other words: the same amounts, or a value of its own for each class."""
    distinct = target.nunique()
    if values.isna().any() or values.nunique() != distinct:
        return False
    number = pd.api.types.is_numeric_dtype
    if number(values.dtype) and number(target.dtype) and distinct > 2:
        return bool((values.astype("float64") == target.astype("float64")).all())
    if distinct > len(target) // 2:
        return bool((texts(values) == texts(target)).all())
    pairs = pd.factorize(values)[0] * (distinct + 1) + pd.factorize(target)[0]
    return pd.Series(pairs).nunique() == distinct


def _counts_rows(values: pd.Series, distinct: int) -> bool:
    known = values.dropna()
    if not pd.api.types.is_integer_dtype(known.dtype) or distinct < len(known):
        return False
    return int(known.max()) - int(known.min()) + 1 <= 1.1 * distinct
