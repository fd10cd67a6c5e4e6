"""The target as numbers that estimators take, and back as the labels that people know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from signoff.core.errors import DataError, SettingsError, did_you_mean
from signoff.core.labels import label_text, label_texts
from signoff.core.settings import Project, Task

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Target:
    """The column to predict, the task, and the classes in the order of a model's outputs."""

    column: str
    task: Task
    classes: tuple[str, ...]

    def encode(self, frame: pd.DataFrame) -> NDArray[Any]:
        """Class positions (int64) or values (float64) of shape (n,).

        Raises:
            DataError: the column is missing, has missing values, a label that training did not know, or text.
        """
        values = _column(frame, self.column)
        if self.task is Task.REGRESSION:
            return _numbers(values)
        positions = {label: position for position, label in enumerate(self.classes)}
        encoded = label_texts(values).map(positions)
        if encoded.isna().any():
            raise DataError(
                f"the target {self.column!r} has a label that is not one of the classes",
                got=str(values[encoded.isna()].iloc[0]),
                allowed=", ".join(self.classes[:20]),
            )
        return encoded.to_numpy(dtype=np.int64)


def read_target(frame: pd.DataFrame, project: Project) -> Target:
    """The classes of a training table: text, sorted; the positive one of a binary task comes last.

    Raises:
        DataError: the column is missing or its labels do not fit the task.
        SettingsError: `positive` is not one of the labels.
    """
    values = _column(frame, project.target)
    if project.task is Task.REGRESSION:
        _numbers(values)
        return Target(project.target, project.task, ())
    classes = sorted(set(label_texts(values)))
    if len(classes) < 2 or (project.task is Task.BINARY and len(classes) != 2):
        needed = "exactly two" if project.task is Task.BINARY else "at least two"
        raise DataError(
            f"a {project.task} task needs {needed} classes in the target {project.target!r}",
            got=f"{len(classes)}: {', '.join(classes[:5])}",
            next_step="check task and target in signoff.yaml",
        )
    if project.task is Task.BINARY and project.positive is not None:
        positive = label_text(project.positive)
        if positive not in classes:
            raise SettingsError(
                f"positive {positive!r} is not a label of {project.target!r}",
                where="signoff.yaml",
                allowed=did_you_mean(positive, classes),
            )
        classes.sort(key=lambda label: label == positive)
    return Target(project.target, project.task, tuple(classes))


def _column(frame: pd.DataFrame, name: str) -> pd.Series:
    if name not in frame.columns:
        raise DataError(f"the target {name!r} is not in the table", allowed=did_you_mean(name, map(str, frame.columns)))
    values = frame[name]
    if values.isna().any():
        raise DataError(f"the target {name!r} has missing values", got=f"{int(values.isna().sum())} rows")
    return values


def _numbers(values: pd.Series) -> NDArray[np.float64]:
    try:
        numbers = values.to_numpy(dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"the target {values.name!r} of a regression must be numbers", got=str(values.dtype)) from error
    if not np.isfinite(numbers).all():
        raise DataError(f"the target {values.name!r} has infinite values")
    return numbers
