"""champion_data: the training rows against those that the champion learned from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.evaluation.case import Case
from models.evaluation.charts import MAIN, QUIET, SECOND, figure
from models.evaluation.distances import MATTERS, SAMPLE, Moved, level_of, moved
from models.evaluation.words import listed, sentence
from signoff.core.data import Snapshot
from signoff.core.evidence import Evidence, Table, Value
from signoff.core.numbers import number, percent

MISSING_MATTERS = 0.05
"""Change of a column's missing share that is worth a word."""
SHOWN = 15


@dataclass(frozen=True)
class Column:
    """One column then and now."""

    name: str
    before: str
    after: str
    missing: tuple[float, float]
    moved: Moved | None
    gone: bool = False
    new: bool = False
    drifted: bool = False

    @property
    def retyped(self) -> bool:
        return not self.gone and not self.new and self.before != self.after

    @property
    def note(self) -> str:
        """What a reader should see first; empty where nothing changed."""
        change = self.missing[1] - self.missing[0]
        notes = [
            "gone" if self.gone else "",
            "new" if self.new else "",
            f"was {self.before}" if self.retyped else "",
            "moved" if self.drifted else "",
            ("more missing" if change > 0 else "less missing")
            if abs(change) >= MISSING_MATTERS and not (self.gone or self.new)
            else "",
        ]
        return ", ".join(note for note in notes if note)

    @property
    def badness(self) -> tuple[bool, bool, float]:
        """Worst first: what is gone, new or of another type, then the largest move."""
        change = abs(self.missing[1] - self.missing[0])
        distance = self.moved.distance if self.moved and self.drifted else 0.0
        return (self.gone or self.new or self.retyped, self.drifted, max(distance, change))


def champion_data(case: Case) -> Evidence | None:
    """Rows, span, schema, missing shares and drift of each column; None without a champion, or where it is the same."""
    if case.champion.digest is None or case.champion.same:
        return None
    if case.past.rows is None:
        return _not_kept(case)
    columns = compared(case.past.rows, case.train, _inputs(case), case.recipe.features.used())
    drifted = [one for one in columns if one.drifted]
    gone, new = [one.name for one in columns if one.gone], [one.name for one in columns if one.new]
    retyped = [one.name for one in columns if one.retyped]
    return Evidence(
        kind="champion_data",
        title="The data against the champion's",
        business=_business(case, drifted, gone, new, retyped),
        expert=f"{_sizes(case)} Per column: first Wasserstein distance in standard deviations and Kolmogorov-Smirnov "
        f"test, or Jensen-Shannon distance and chi-square test, on up to {SAMPLE:,} rows of each side; moved from "
        f"{MATTERS} on where chance is ruled out (false discovery rate 5 %, Benjamini and Hochberg 1995).{_why(case)}",
        values=_values(case, columns, drifted, (gone, new, retyped)),
        table=Table(
            columns=("column", "", "distance", "missing then", "missing now", "type then", "type now", "measured by"),
            rows=tuple(
                (one.name, one.note, one.moved.distance if one.moved else None, one.missing[0] if one.before else None,
                 one.missing[1] if one.after else None, one.before or None, one.after or None,
                 one.moved.method if one.moved else None)
                for one in columns
            ),
        ),
        chart=_chart(columns),
        matters="Checks on champion_data.drifted or champion_data.worst_drift limit how far the data may have moved "
        "since the champion.",
    )  # fmt: skip


def compared(before: pd.DataFrame, after: pd.DataFrame, inputs: dict[str, str], used: tuple[str, ...]) -> list[Column]:
    """Each column of either side, the worst first.

    Args:
        before: rows that the champion learned from.
        after: rows that the new model learned from.
        inputs: columns that the champion reads.
        used: columns that the new model reads.
    """
    first, second = _drawn(before), _drawn(after)
    found = []
    for name in dict.fromkeys((*used, *inputs)):
        then, now = name in inputs and name in first, name in used and name in second
        both = then and now
        time = now and pd.api.types.is_datetime64_any_dtype(second[name])
        found.append(
            Column(
                name=name,
                before=_type(first[name]) if then else "",
                after=_type(second[name]) if now else "",
                missing=(
                    float(first[name].isna().mean()) if then else 1.0,
                    float(second[name].isna().mean()) if now else 1.0,
                ),
                moved=moved(first[name], second[name]) if both and not time else None,
                gone=then and not now,
                new=now and not then,
            )
        )
    level = level_of([one.moved.p_value for one in found if one.moved])
    judged = [_judged(one, level) for one in found]
    return sorted(judged, key=lambda one: one.badness, reverse=True)


def _judged(column: Column, level: float) -> Column:
    far = column.moved is not None and column.moved.distance >= MATTERS and column.moved.p_value < level
    return Column(**{**column.__dict__, "drifted": far})


def _drawn(frame: pd.DataFrame) -> pd.DataFrame:
    if len(frame) <= SAMPLE:
        return frame
    return frame.iloc[np.sort(np.random.default_rng(0).choice(len(frame), SAMPLE, replace=False))]


def _type(column: pd.Series) -> str:
    kinds = pd.api.types
    if kinds.is_bool_dtype(column):
        return "boolean"
    if kinds.is_numeric_dtype(column):
        return "number"
    return "datetime" if kinds.is_datetime64_any_dtype(column) else "text"


def _inputs(case: Case) -> dict[str, str]:
    assert case.past.rows is not None
    known = case.champion.model.record.inputs if case.champion.model else {}
    return dict(known) or {str(name): "" for name in case.past.rows.columns}


def _trained_on(case: Case) -> int:
    assert case.past.rows is not None
    return case.champion.model.record.rows if case.champion.model else len(case.past.rows)


def _business(case: Case, drifted: list[Column], gone: list[str], new: list[str], retyped: list[str]) -> str:
    before, now = _trained_on(case), case.profile.train_rows
    said = [f"The new model learned from {now:,} {case.rows_are}, the champion from {before:,}"]
    if drifted:
        names = listed([one.name for one in drifted], 3)
        said.append(f"{len(drifted)} of the columns they share have moved since, most of all {names}")
    else:
        said.append("no column that they share has moved")
    said += [f"{listed(names, 3)} {what}" for names, what in ((new, "came in"), (gone, "went out")) if names]
    said += [f"{listed(retyped, 3)} changed type"] if retyped else []
    return f"{'; '.join(said)}."


def _sizes(case: Case) -> str:
    def said(snapshot: Snapshot | None) -> str:
        if snapshot is None or snapshot.first is None or snapshot.last is None:
            return ""
        return f" ({snapshot.first:%Y-%m-%d} to {snapshot.last:%Y-%m-%d})"

    before, now = said(case.past.snapshot), said(case.snapshot)
    known = case.past.snapshot
    snapshots = f" Snapshot {known.md5[:12]}{before} then, {case.snapshot.md5[:12]}{now} now." if known else ""
    assert case.past.rows is not None
    return f"{len(case.past.rows):,} of the champion's training rows were kept beside it at its release.{snapshots}"


def _why(case: Case) -> str:
    return f" {sentence(case.past.why)}" if case.past.why else ""


def _values(
    case: Case, columns: list[Column], drifted: list[Column], changes: tuple[list[str], list[str], list[str]]
) -> tuple[Value, ...]:
    gone, new, retyped = changes
    values = [
        Value(name="champion_data.drifted", value=len(drifted)),
        Value(
            name="champion_data.worst_drift", value=max((one.moved.distance for one in columns if one.moved), default=0)
        ),
        Value(name="champion_data.rows", value=_trained_on(case), unit=case.rows_are),
    ]
    counts = {"columns_added": new, "columns_gone": gone, "types_changed": retyped}
    values += [Value(name=f"champion_data.{name}", value=len(found)) for name, found in counts.items()]
    return tuple(values)


def _not_kept(case: Case) -> Evidence:
    return Evidence(
        kind="champion_data",
        title="The data against the champion's",
        business="What the champion learned from is not kept here, so nothing can be said about how the data changed.",
        expert=sentence(case.past.why or "the reference beside the champion is missing"),
        matters="Checks whose name begins with champion_data fail until it is there.",
    )


def _chart(columns: list[Column]) -> dict[str, object] | None:
    shown = [one for one in columns if one.moved][:SHOWN]
    shown.sort(key=lambda one: -(one.moved.distance if one.moved else 0))
    if not shown:
        return None
    bar = {
        "type": "bar",
        "orientation": "h",
        "y": [one.name for one in shown][::-1],
        "x": [float(f"{one.moved.distance:.5g}") for one in shown if one.moved][::-1],
        "marker": {"color": [SECOND if one.drifted else MAIN for one in shown][::-1]},
        "hovertext": [f"missing {percent(one.missing[0])}, now {percent(one.missing[1])}" for one in shown][::-1],
    }
    limit = {"type": "line", "x0": MATTERS, "x1": MATTERS, "y0": 0, "y1": 1, "yref": "paper",
             "line": {"color": QUIET, "dash": "dot", "width": 1.5}}  # fmt: skip
    title = f"distance (dotted: {number(MATTERS)}, from which it matters)"
    return figure([bar], title, "", height=max(220, 80 + 24 * len(shown)), shapes=[limit], yaxis={"type": "category"})
