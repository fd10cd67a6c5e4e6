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


def profile_rows(train: pd.DataFrame, holdout_rows: int, split: str, project: Project, plan: FeaturePlan) -> Profile:
    """Each column of the training part but the target, the target, and warnings in plain words."""
    columns = tuple(_column(train[name], str(name)) for name in train.columns if name != project.target)
    return Profile(
        train_rows=len(train),
        holdout_rows=holdout_rows,
        split=split,
        target=_target(train[project.target], project.task),
        columns=columns,
        warnings=(*suspects(train, project, plan), *_warnings(columns, train, project, plan)),
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
    features = [name for name in train.columns if name in used]
    repeated = int(train.duplicated(subset=[*features, project.target]).sum()) if _hashable(train, features) else 0
    if repeated > 0.01 * len(train):
        found.append(f"{repeated} training rows repeat another row in every feature and the target")
    return found


def _hashable(train: pd.DataFrame, features: list[str]) -> bool:
    return bool(features) and all(kind_of(train[name]) is not None for name in features)
