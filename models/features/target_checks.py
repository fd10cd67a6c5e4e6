"""Whether a target can be learned from and judged at all, before anything is tried."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.features.inputs import refuse_infinite
from signoff.core.errors import DataError, SettingsError, did_you_mean
from signoff.core.labels import label_text, label_texts
from signoff.core.settings import Project, Task

REGRESSION_STRATA = 10
MINIMUM_ROWS = 20


def check_target(frame: pd.DataFrame, project: Project) -> None:
    """Refuse a target from which nothing can be learned.

    Raises:
        DataError: it is missing, has empty cells, one class only, too many classes, or too few rows of a class; or,
            for a regression, is not a number, is constant or infinite.
        SettingsError: `positive` is not one of the labels.
    """
    name = project.target
    if name not in frame.columns:
        raise DataError(f"the target {name!r} is not in the table", allowed=did_you_mean(name, map(str, frame.columns)))
    if len(frame) < MINIMUM_ROWS:
        raise DataError(
            "there are too few rows to learn from",
            got=f"{len(frame)} rows",
            allowed=f"{MINIMUM_ROWS} up",
            next_step="give more rows, a longer data.history_days or a smaller split.holdout in signoff.yaml",
        )
    values = frame[name]
    if values.isna().any():
        row = int(np.flatnonzero(values.isna())[0]) + 1
        count = int(values.isna().sum())
        raise DataError(f"{count} rows have no value of the target {name}", where=f"column {name}, row {row}")
    if project.task is Task.REGRESSION:
        _check_number(values)
    else:
        _check_classes(values, project)


def _check_number(values: pd.Series) -> None:
    if not pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.is_bool_dtype(values.dtype):
        raise DataError(
            f"a regression needs numbers, and the target {values.name} is not",
            got=f"{values.dtype} such as {values.iloc[0]!r}",
            next_step="correct task or target in signoff.yaml",
        )
    refuse_infinite(values, str(values.name))
    if values.nunique() < 2:
        raise DataError(f"the target {values.name} is the same in all rows", got=values.iloc[0])


def _check_classes(values: pd.Series, project: Project) -> None:
    counts = label_texts(values).value_counts()
    classes = sorted(counts.index)
    if len(classes) < 2:
        raise DataError(f"the target {values.name} has one class only", got=classes[0], allowed="two or more classes")
    if project.task is Task.BINARY and len(classes) > 2:
        raise DataError(
            f"a binary task needs two classes, and the target {values.name} has {len(classes)}",
            got=", ".join(classes[:6]),
            next_step="set task: multiclass in signoff.yaml",
        )
    if project.task is Task.BINARY and project.positive is not None and label_text(project.positive) not in classes:
        raise SettingsError(
            f"positive {project.positive!r} is not a label of {values.name}",
            where="signoff.yaml",
            allowed=did_you_mean(label_text(project.positive), classes),
        )
    needed = project.search.folds + 2
    rare = [f"{label} ({counts[label]})" for label in classes if counts[label] < needed]
    if rare:
        raise DataError(
            f"{len(rare)} of {len(classes)} classes of {values.name} have too few rows to learn and to judge",
            got=", ".join(rare[:5]),
            allowed=f"{needed} rows of each class or more (search.folds + 2)",
            next_step="bring more rows, join rare classes, or set task: regression if it is an amount",
        )


def check_parts(train: pd.DataFrame, holdout: pd.DataFrame, project: Project) -> None:
    """Refuse parts that are empty or do not hold every class.

    Raises:
        DataError: naming the part and the class.
    """
    for part, title in ((train, "the training part"), (holdout, "the holdout")):
        if part.empty:
            raise DataError(f"{title} would be empty", next_step="change split.holdout or split.kind in signoff.yaml")
    if project.task is Task.REGRESSION:
        return
    seen = {str(x) for x in label_texts(train[project.target])}, {str(x) for x in label_texts(holdout[project.target])}
    for (found, other), title in zip((seen, seen[::-1]), ("the training part", "the holdout"), strict=True):
        lacking = sorted(other - found)
        if lacking:
            raise DataError(
                f"{title} holds no row of class {lacking[0]!r} of {project.target}",
                got=", ".join(sorted(found)),
                allowed="every class in both parts",
                next_step="raise split.holdout, or choose split.kind: stratified in signoff.yaml",
            )


def strata(frame: pd.DataFrame, project: Project) -> NDArray[np.int64]:
    """The stratum of each row, of shape (n,): its class, or the tenth of the target's range by rank."""
    values = frame[project.target]
    if project.task is not Task.REGRESSION:
        return pd.factorize(label_texts(values), sort=True)[0].astype(np.int64)
    ranks = values.rank(method="first").to_numpy(dtype=np.float64) - 1
    count = max(1, min(REGRESSION_STRATA, len(values) // 10))
    return (ranks * count // len(values)).astype(np.int64)
