"""What a snapshot must hold before anything is learned from it. Refused here: what no later step could repair."""

from __future__ import annotations

import numpy as np
import pandas as pd

from signoff.core.data import LeftOut
from signoff.core.errors import DataError, SettingsError, did_you_mean
from signoff.core.settings import Project, Task

EXAMPLES = 3
MANY_CLASSES = 100


def check_rows(frame: pd.DataFrame, project: Project, where: str) -> None:
    """Refuse rows that cannot be a snapshot.

    Raises:
        DataError: duplicate identifiers, infinities, or a target with nothing to learn.
        SettingsError: the target does not fit the task, or `positive` is not one of its values.
    """
    _check_identifiers(frame, project, where)
    _check_infinities(frame, where)
    if project.task is Task.REGRESSION:
        _check_number(frame[project.target], project.target, where)
    else:
        _check_classes(frame[project.target], project, where)


def check_left(frame: pd.DataFrame, read: int, left_out: tuple[LeftOut, ...], clock: str, where: str) -> None:
    """Refuse an empty rest, and say where the rows went.

    Raises:
        DataError: no row is left.
    """
    if len(frame):
        return
    went = "; ".join(f"{cut.rows} rows: {cut.reason}" for cut in left_out)
    raise DataError(
        f"no rows are left at the clock {clock}",
        where=where,
        got=went or f"{read} rows were read",
        next_step="set a later --as-of ('now' unsets it), or look at data.history_days and the SQL",
    )


def _check_identifiers(frame: pd.DataFrame, project: Project, where: str) -> None:
    columns = list(project.data.id_columns)
    if not columns:
        return
    again = frame.duplicated(columns, keep="first")
    if again.any():
        few = frame.loc[again, columns].drop_duplicates().head(EXAMPLES)
        shown = "; ".join(", ".join(f"{name}={value}" for name, value in row.items()) for row in few.to_dict("records"))
        raise DataError(
            f"{int(again.sum())} rows repeat the identifier of another row ({', '.join(columns)})",
            where=where,
            got=shown,
            allowed="data.id_columns identify a row: unique together",
            next_step="look for a join that multiplies rows, or name more id_columns",
        )


def _check_infinities(frame: pd.DataFrame, where: str) -> None:
    for name in frame.select_dtypes("float64").columns:
        infinite = np.isinf(frame[name].to_numpy())
        if infinite.any():
            raise DataError(
                f"column {name!r} holds {int(infinite.sum())} infinite values",
                where=f"{where}, first in row {int(infinite.argmax()) + 1} of the kept rows",
                got=str(frame[name].iloc[int(infinite.argmax())]),
                allowed="finite numbers, or missing",
                next_step="make them NULL in the SQL, or repair what divides by zero",
            )


def _check_number(target: pd.Series, name: str, where: str) -> None:
    if not pd.api.types.is_numeric_dtype(target) or pd.api.types.is_bool_dtype(target):
        raise SettingsError(
            f"the target {name!r} is not a number, but task is regression",
            where=where,
            got=f"{target.dtype}, such as {target.iloc[0]!r}",
            next_step="set task to binary or multiclass, or repair the column",
        )
    if target.nunique() < 2:
        raise DataError(
            f"the target {name!r} has one value in all {len(target)} rows: there is nothing to learn",
            where=where,
            got=str(target.iloc[0]),
        )


def _check_classes(target: pd.Series, project: Project, where: str) -> None:
    counts = target.value_counts()
    if len(counts) < 2:
        raise DataError(
            f"the target {project.target!r} has one class in all {len(target)} rows: there is nothing to learn",
            where=where,
            got=str(counts.index[0]),
            next_step="take more history, or look at the SQL that makes the target",
        )
    shown = ", ".join(f"{label} ({count})" for label, count in counts.head(5).items())
    if project.task is Task.BINARY and len(counts) > 2:
        raise SettingsError(
            f"the target {project.target!r} has {len(counts)} classes, but task is binary",
            where=where,
            got=shown,
            next_step="set task to multiclass, or regression for a number",
        )
    if project.task is Task.MULTICLASS and len(counts) > MANY_CLASSES:
        raise SettingsError(
            f"the target {project.target!r} has {len(counts)} classes",
            where=where,
            got=shown,
            allowed=f"at most {MANY_CLASSES}",
            next_step="set task to regression if it is a number, or merge rare classes in the SQL",
        )
    if project.positive is not None and not (target == project.positive).any():
        raise SettingsError(
            f"positive is not a value of the target {project.target!r}",
            where="signoff.yaml, positive",
            got=repr(project.positive),
            allowed=did_you_mean(str(project.positive), [str(label) for label in counts.index]),
        )
