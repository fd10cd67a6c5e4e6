"""Make features.yaml exist and cover every column, before the stages that depend on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from models.features.plan_file import append_steps, check_plan, load_plan, write_plan
from signoff.core.data import FeaturePlan
from signoff.core.errors import DataError
from signoff.core.stage import StageContext
from signoff.core.tables import read_table

if TYPE_CHECKING:
    import pandas as pd


def ensure_plan(context: StageContext, train: pd.DataFrame | None = None) -> bool:
    """Write features.yaml where there is none, add lines for new columns, and check the rest against the data.

    Args:
        context: its paths.raw is read only when something must be proposed.
        train: the training part, when it is at hand.

    Returns:
        Whether the file changed.

    Raises:
        SettingsError: features.yaml names a column that is not there any more, or says what is not allowed.
        DataError: the data cannot be read or learned from.
    """
    paths, project = context.paths, context.project
    columns = [str(name) for name in train.columns] if train is not None else _columns(context)
    plan = load_plan(paths.features) if paths.features.exists() else None
    if plan is not None:
        check_plan(plan, columns, project, paths.features)
        planned = {step.column for step in plan.steps}
        new = [name for name in columns if name not in planned and name != project.target]
        if not new:
            return False
    from models.features.plan import propose_plan, propose_step

    if train is None:
        from models.features.split import split_rows

        train = split_rows(read_table(paths.raw), project)[0]
    if plan is None:
        proposed = propose_plan(train, project)
        _require_features(proposed)
        write_plan(paths.features, proposed)
    else:
        append_steps(paths.features, [propose_step(train, name, project) for name in new])
    return True


def _columns(context: StageContext) -> list[str]:
    """The columns of the snapshot, without reading its rows."""
    try:
        return [str(name) for name in pq.read_schema(context.paths.raw).names]
    except (OSError, pa.ArrowException):
        return [str(name) for name in read_table(context.paths.raw).columns]


def _require_features(plan: FeaturePlan) -> None:
    if not plan.used():
        reasons = "; ".join(f"{step.column}: {step.reason}" for step in plan.steps[:5])
        raise DataError("no column of the data can be a feature", got=reasons or "no column but the target")
