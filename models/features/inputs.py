"""What a caller must send, and how a caller's rows become rows as training saw them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from models.features.columns import kind_of, to_kind
from signoff.core.data import FeaturePlan
from signoff.core.errors import DataError, did_you_mean


def input_kinds(frame: pd.DataFrame, plan: FeaturePlan) -> dict[str, str]:
    """Name and kind (number, category, text, datetime, boolean) of each column that the plan uses, in its order.

    Raises:
        DataError: the plan uses a column that `frame` lacks.
    """
    require_columns(frame, plan.used())
    kinds: dict[str, str] = {}
    for step in plan.steps:
        if step.action == "keep":
            kinds[step.column] = "boolean" if kind_of(frame[step.column]) == "boolean" else "number"
        elif step.action != "drop":
            kinds[step.column] = step.action
    return kinds


def coerce_inputs(frame: pd.DataFrame, inputs: dict[str, str]) -> pd.DataFrame:
    """A caller's rows with exactly the trained columns, in their order, as their trained types.

    Args:
        frame: of shape (n, anything); extra columns are left out, None and NaN are missing values.
        inputs: name and kind, as `input_kinds` gives them.

    Raises:
        DataError: a column is missing, or a value cannot mean its kind or is infinite (column, row and value named).
    """
    require_columns(frame, inputs)
    columns = {name: to_kind(frame[name], kind) for name, kind in inputs.items()}
    for name, kind in inputs.items():
        if kind == "number":
            refuse_infinite(columns[name], name)
    return pd.DataFrame(columns, index=frame.index)


def require_columns(frame: pd.DataFrame, names: Iterable[str]) -> None:
    """Refuse a frame that lacks one of `names`, naming all that it lacks."""
    missing = [name for name in names if name not in frame.columns]
    if missing:
        more = f" (and {len(missing) - 1} more: {', '.join(missing[1:6])})" if len(missing) > 1 else ""
        raise DataError(
            f"the column {missing[0]!r} is missing{more}",
            got=did_you_mean(str(missing[0]), map(str, frame.columns)),
        )


def refuse_infinities(frame: pd.DataFrame, names: Iterable[str]) -> None:
    """Refuse rows in which one of the numbers among the columns `names` is infinite."""
    for name in names:
        if pd.api.types.is_float_dtype(frame[name].dtype):
            refuse_infinite(frame[name], name)


def refuse_infinite(values: pd.Series, name: str) -> None:
    """Refuse a column of numbers that holds an infinity."""
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    infinite = np.isinf(numbers)
    if infinite.any():
        row = int(np.flatnonzero(infinite)[0])
        raise DataError(
            f"{int(infinite.sum())} values of {name} are infinite",
            where=f"column {name}, row {row + 1}",
            got=numbers[row],
            allowed="a finite number, or empty when it is not known",
        )
