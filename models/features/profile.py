"""The training part in numbers, and what somebody should look at before trusting it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.features.columns import kind_of, texts
from models.features.leaks import suspects
from signoff.core.data import ColumnProfile, FeaturePlan, Profile
from signoff.core.labels import label_texts
from signoff.core.settings import Project, Task

TOP_VALUES = 5
MOSTLY_MISSING = 0.5
RARE_CLASS = 0.02
REPEATED = 0.01
COARSE = 0.5
"""A table of which fewer rows than this share are different is coarse: its rows repeat without being copies."""


def profile_rows(
    train: pd.DataFrame, holdout: pd.DataFrame, split: str, project: Project, plan: FeaturePlan
) -> Profile:
    """Each column of the training part but the target, the target, and warnings in plain words.

    The holdout is counted and held against the training part for copies; nothing is learned from it.
    """
    columns = tuple(_column(train[name], str(name)) for name in train.columns if name != project.target)
    return Profile(
        train_rows=len(train),
        holdout_rows=len(holdout),
        split=split,
        target=_target(train[project.target], project.task),
        columns=columns,
        warnings=(
            *suspects(train, project, plan),
            *_warnings(columns, train, project, plan),
            *_copies(train, holdout, project, plan),
        ),
    )


def _column(values: pd.Series, name: str) -> ColumnProfile:
    kind = kind_of(values) or "text"
    plain = texts(values) if values.dtype == object else values
    numbers = _finite(values) if kind == "number" and values.dtype != object else np.empty(0)
    top: tuple[tuple[str, float], ...] = ()
    if kind in ("category", "boolean"):
        shares = label_texts(plain).value_counts(normalize=True)
        ordered = sorted(zip(shares.index, shares.to_numpy(), strict=True), key=lambda pair: (-pair[1], str(pair[0])))
        top = tuple((str(value), round(float(share), 6)) for value, share in ordered[:TOP_VALUES])
    return ColumnProfile(
        name=name,
        kind=kind,
        missing=float(values.isna().mean()),
        distinct=int(plain.nunique()),
        minimum=float(numbers.min()) if len(numbers) else None,
        mean=float(numbers.mean()) if len(numbers) else None,
        maximum=float(numbers.max()) if len(numbers) else None,
        top=top,
    )


def _finite(values: pd.Series) -> NDArray[np.float64]:
    if pd.api.types.is_timedelta64_dtype(values.dtype):
        values = values.dt.total_seconds()
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    known: NDArray[np.float64] = numbers[np.isfinite(numbers)]
    return known


def _target(values: pd.Series, task: Task) -> dict[str, Any]:
    if task is not Task.REGRESSION:
        shares = label_texts(values).value_counts(normalize=True)
        return {str(label): round(float(shares[label]), 6) for label in sorted(shares.index)}
    numbers = values.to_numpy(dtype=np.float64)
    return {
        "mean": float(numbers.mean()),
        "deviation": float(numbers.std()),
        "minimum": float(numbers.min()),
        "maximum": float(numbers.max()),
    }


def _warnings(
    columns: tuple[ColumnProfile, ...], train: pd.DataFrame, project: Project, plan: FeaturePlan
) -> list[str]:
    used = set(plan.used())
    found = [
        f"{column.name} is missing in {column.missing:.0%} of the training rows"
        for column in columns
        if column.name in used and column.missing >= MOSTLY_MISSING
    ]
    if project.task is not Task.REGRESSION:
        shares = label_texts(train[project.target]).value_counts(normalize=True)
        found += [
            f"only {shares[label]:.2%} of the training rows are of class {label}"
            for label in sorted(shares.index)
            if shares[label] < RARE_CLASS
        ]
    return found


def _copies(train: pd.DataFrame, holdout: pd.DataFrame, project: Project, plan: FeaturePlan) -> list[str]:
    """What rows that occur more than once do to learning and, on both sides of the cut, to every number."""
    used = set(plan.used())
    features = [name for name in train.columns if name in used]
    if not _hashable(train, features):
        return []
    whole = [*features, project.target]
    here, there = (pd.util.hash_pandas_object(_comparable(part[whole]), index=False) for part in (train, holdout))
    found = []
    repeated = int(here.duplicated().sum())
    if repeated > REPEATED * len(train):
        found.append(f"{repeated} training rows repeat another row in every feature and the target")
    met = int(there.isin(here).sum())
    if met > REPEATED * len(holdout) and len(train) - repeated > COARSE * len(train):
        found.append(
            f"{met} of {len(holdout)} holdout rows repeat a training row in every feature and the target, which "
            "flatters every number: if they are copies, keep one of each in the project's SQL (SELECT DISTINCT), or "
            "hold out whole groups (split.kind: group)"
        )
    return found


def _comparable(part: pd.DataFrame) -> pd.DataFrame:
    """Mixed columns as text, so that equal values have equal hashes on both sides."""
    return part.assign(**{str(name): texts(part[name]) for name in part if part[name].dtype == object})


def _hashable(train: pd.DataFrame, features: list[str]) -> bool:
    return bool(features) and all(kind_of(train[name]) is not None for name in features)
