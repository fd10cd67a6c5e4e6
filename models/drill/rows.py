"""Faults of the rows: a column that tells the answer, shuffled answers, one group spoiled, old data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from models.drill.fault import Bench, Fault, Shown
from models.evaluation.groups import LEAST_ROWS, Group, groups_of
from models.evaluation.words import part_of_name
from signoff.core.errors import RefusedError
from signoff.core.evidence import EvidenceSet
from signoff.core.labels import label_texts
from signoff.core.numbers import number, percent
from signoff.core.settings import Project, Task

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAKING_NAMES = ("last_status", "closing_value", "checked_code", "final_flag", "settled_amount", "booked_result")
"""Names that columns written after the outcome often bear."""


LEAST_SHARE = 0.6
"""Of the model's skill, from which one column is said to carry it."""


class LeakedColumn(Fault):
    """A column that was written after the outcome, with a little noise: nearly the answer itself."""

    searches = True

    def __init__(self, bench: Bench, raw: pd.DataFrame) -> None:
        super().__init__(bench, raw)
        free = [name for name in LEAKING_NAMES if name not in raw.columns]
        self.column = str(self.random.choice(free)) if free else "leaked"

    def raw(self, frame: pd.DataFrame) -> pd.DataFrame:
        codes = _codes(frame[self.bench.project.target], self.bench.project.task)
        spread = float(np.std(codes)) or 1.0
        noise = self.random.normal(scale=0.35 * spread, size=len(frame))
        return frame.assign(**{self.column: np.round(codes + noise, 3)})

    def shown(self, evidence: EvidenceSet) -> Shown | None:
        values = evidence.values()
        for kind, name in (("leak_check", "leak.single_share"), ("importance", "importance.top_share")):
            record = next((one for one in evidence.records if one.kind == kind), None)
            first = record.table.rows[0][0] if record is not None and record.table and record.table.rows else None
            if first == self.column and name in values and values[name].value >= LEAST_SHARE:
                said = f"{self.column}, written after the outcome, alone carries {percent(values[name].value)}"
                return Shown(name, f"{said} of the model's skill.")
        return None


class ShuffledLabels(Fault):
    """Answers of the training rows in another order: there is nothing to learn."""

    searches = True

    def train(self, frame: pd.DataFrame) -> pd.DataFrame:
        order = self.random.permutation(len(frame))
        target = self.bench.project.target
        return frame.assign(**{target: frame[target].iloc[order].reset_index(drop=True)})

    def shown(self, evidence: EvidenceSet) -> Shown | None:
        metric = self.bench.metric
        name = f"holdout.{metric.name}"
        value, normal = evidence.values().get(name), self.bench.normal(name)
        if value is None or normal is None or not _clearly_worse(value.value, normal.low, normal.high, metric):
            return None
        said = f"{metric.label} is {number(value.value)}; the candidate before it had {number(normal.value)}."
        return Shown(name, said)


class UnfairSlice(Fault):
    """The answers of one group are turned round in the training rows."""

    searches = True

    def __init__(self, bench: Bench, raw: pd.DataFrame) -> None:
        super().__init__(bench, raw)
        found = next((pair for column in self._columns(raw) if (pair := self._group(raw, column))), None)
        if found is None:
            raise RefusedError(
                "no column has a group that can be judged by itself",
                where="features.yaml and evaluate.slices",
                allowed="a feature with a group of 5 to 45 % of the rows",
                next_step="signoff drill --list, for another kind",
            )
        self.column, self.group = found
        self.values = raw[self.column].iloc[self.group.rows]

    def project(self) -> Project:
        project = self.bench.project
        if self.column in (*project.evaluate.slices, *project.data.sensitive):
            return project
        slices = (*project.evaluate.slices, self.column)
        return project.model_copy(update={"evaluate": project.evaluate.model_copy(update={"slices": slices})})

    def train(self, frame: pd.DataFrame) -> pd.DataFrame:
        target, hit = self.bench.project.target, self._rows(frame[self.column])
        return frame.assign(**{target: _turned(frame[target], hit, self.bench.project.task)})

    def shown(self, evidence: EvidenceSet) -> Shown | None:
        metric, values = self.bench.metric, evidence.values()
        part = part_of_name(self.column)
        group = values.get(f"slices.{part}.{part_of_name(self.group.name)}")
        spread, whole = values.get(f"slices.{part}.spread"), values.get(f"holdout.{metric.name}")
        if group is None or spread is None or whole is None:
            return None
        if not _clearly_worse(group.value, whole.low, whole.high, metric):
            return None
        said = f"Where {self.column} is {self.group.name}, {metric.label} is {number(group.value)}"
        return Shown(spread.name, f"{said}; over all rows it is {number(whole.value)}.")

    def _columns(self, raw: pd.DataFrame) -> list[str]:
        """Features alone, as no model is unfair by a column that it does not see; the project's slices first."""
        project, used = self.bench.project, self.bench.recipe.features.used()
        wanted = [*project.evaluate.slices, *project.data.sensitive]
        kinds = {step.column: step.action for step in self.bench.recipe.features.steps}
        for action in ("category", "keep"):
            wanted += [name for name in used if kinds[name] == action]
        return [name for name in dict.fromkeys(wanted) if name in used and name in raw]

    def _group(self, raw: pd.DataFrame, column: str) -> tuple[str, Group] | None:
        project = self.bench.project
        least = max(0.05 * len(raw), 1.5 * LEAST_ROWS / project.split.holdout)
        fit = [group for group in groups_of(raw[column]) if least <= len(group.rows) <= 0.45 * len(raw)]
        fit = [group for group in fit if not group.name.startswith(("others", "missing"))]
        if project.task is not Task.REGRESSION:
            fit = [group for group in fit if raw[project.target].iloc[group.rows].nunique() > 1]
        return (column, fit[int(self.random.integers(len(fit)))]) if fit else None

    def _rows(self, values: pd.Series) -> NDArray[np.bool_]:
        ordered = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
        if ordered:
            return values.between(self.values.min(), self.values.max()).to_numpy(dtype=bool)
        return values.isin(self.values.unique().tolist()).to_numpy(dtype=bool)


class StaleData(Fault):
    """The older half of the rows alone: an export that stopped, and nobody saw it."""

    searches = True

    def raw(self, frame: pd.DataFrame) -> pd.DataFrame:
        column, half = self.bench.project.data.time_column, len(frame) // 2
        if column is None:
            return frame.iloc[:half].reset_index(drop=True)
        oldest = np.sort(np.argsort(frame[column].to_numpy(), kind="stable")[:half])
        return frame.iloc[oldest].reset_index(drop=True)

    def shown(self, evidence: EvidenceSet) -> Shown | None:
        values = evidence.values()
        age, usual = values.get("data.days_old"), self.bench.normal("data.days_old")
        if age is not None and usual is not None and age.value > 2 * usual.value + 1:
            said = (
                f"The newest row is {number(age.value)} days older than the clock; before it was {number(usual.value)}."
            )
            return Shown(age.name, said)
        name = "data.train_rows"
        rows, normal = values.get(name), self.bench.normal(name)
        if rows is None or normal is None or rows.value > 0.75 * normal.value:
            return None
        return Shown(name, f"It learned from {rows.value:,.0f} rows; the candidate before it had {normal.value:,.0f}.")


def _codes(target: pd.Series, task: Task) -> NDArray[np.float64]:
    if task is Task.REGRESSION:
        return target.to_numpy(dtype=np.float64)
    return pd.factorize(label_texts(target), sort=True)[0].astype(np.float64)


def _turned(target: pd.Series, hit: NDArray[np.bool_], task: Task) -> pd.Series:
    """Each label replaced by the next one; amounts mirrored at the mean of the hit rows and moved aside."""
    if task is Task.REGRESSION:
        amounts = target.to_numpy(dtype=np.float64).copy()
        amounts[hit] = 2 * amounts[hit].mean() - amounts[hit] + 1.5 * float(np.std(amounts))
        return pd.Series(amounts, index=target.index)
    labels = sorted(target.unique().tolist(), key=str)
    following: dict[Any, Any] = dict(zip(labels, [*labels[1:], labels[0]], strict=True))
    turned = target.map(following).astype(target.dtype)
    return target.where(~hit, turned)


def _clearly_worse(value: float, low: float | None, high: float | None, metric: Any) -> bool:
    if metric.greater_is_better:
        return low is not None and value < low
    return high is not None and value > high
