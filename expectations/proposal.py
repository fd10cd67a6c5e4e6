"""Propose a suite from one snapshot: what must hold for the next one too, each with its reason."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from expectations.frames import TYPE_LISTS, column_kind, plain_frame
from expectations.ranges import (
    INSIDE,
    YEAR_DAYS,
    missing_allowed,
    moves_with_time,
    new_values_allowed,
    number_bounds,
)
from expectations.suite import Expectation, Suite
from signoff.core.numbers import closely
from signoff.core.settings import Project, Task

LISTED_VALUES = 200
"""Categories with more values are held to a number of values, not to a list that nobody reads."""
FEWEST_ROWS_SHARE = 0.6
"""Of a table without a clock: half a file is a table like any other, and only the number of rows gives it away."""
FEWEST_ROWS_SHARE_OF_A_PERIOD = 0.1
"""Where rows come with time, the clock and the history set how many there are."""
TIME_SLACK = pd.Timedelta(days=3653)


class _Proposal:
    """What is known while the columns are gone through one by one."""

    def __init__(self, frame: pd.DataFrame, project: Project) -> None:
        self.frame = plain_frame(frame)
        self.project = project
        self.found: list[Expectation] = []
        column = project.data.time_column
        times = self.frame[column] if column in self.frame.columns else None
        self.time = times if times is not None and column_kind(times) == "datetime" else None
        span = self.time.max() - self.time.min() if self.time is not None else None
        self.seasons_seen = bool(span is not None and span.days >= YEAR_DAYS)
        self.basis = f"the {len(frame):,} rows"
        if self.time is not None and self.time.notna().any():
            self.basis += f" of {self.time.min():%Y-%m-%d} to {self.time.max():%Y-%m-%d}"

    def add(self, kind: str, notes: str, **kwargs: Any) -> None:
        self.found.append(Expectation(type=kind, kwargs=kwargs, notes=notes))


def propose(frame: pd.DataFrame, project: Project) -> Suite:
    """A suite that the frame fulfils, and that a normal next month of the same source fulfils too.

    Column by column: type, share of missing values, values or range, median; for the table: rows, columns, unique
    identifiers. Limits leave room for seasons and for a few new values; another unit, a lost column, another type,
    an empty column or a flood of new values break them.

    Args:
        frame: all rows of a snapshot, at least one.
        project: says which columns identify a row, tell the time, or are the target.
    """
    proposal = _Proposal(frame, project)
    _table(proposal)
    special = project.never_features() - {project.target}
    for name in proposal.frame.columns:
        values = proposal.frame[name]
        kind = column_kind(values)
        _type(proposal, name, kind)
        _missing(proposal, name, values)
        if name == project.target:
            _target(proposal, values, kind)
        elif name in (project.data.time_column, project.data.known_column):
            _clock(proposal, name, values, kind)
        elif name not in special:
            _column(proposal, name, values, kind)
    return Suite(name=project.project, expectations=tuple(proposal.found))


def _table(proposal: _Proposal) -> None:
    rows, columns = len(proposal.frame), [str(name) for name in proposal.frame.columns]
    share = FEWEST_ROWS_SHARE if proposal.time is None else FEWEST_ROWS_SHARE_OF_A_PERIOD
    proposal.add(
        "expect_table_row_count_to_be_between",
        f"{share:.0%} of {proposal.basis} at least: fewer mean that a file was cut off or a source has dried up",
        min_value=max(1, int(rows * share)),
    )
    proposal.add(
        "expect_table_columns_to_match_set",
        f"the {len(columns)} columns that were there; new ones are welcome",
        column_set=sorted(columns),
        exact_match=False,
    )
    ids = [name for name in proposal.project.data.id_columns if name in proposal.frame.columns]
    reason = f"{' and '.join(ids)} identif{'y' if len(ids) > 1 else 'ies'} a row: no two rows may share it"
    if len(ids) == 1:
        proposal.add("expect_column_values_to_be_unique", reason, column=ids[0])
    elif ids:
        proposal.add("expect_compound_columns_to_be_unique", reason, column_list=ids)


def _type(proposal: _Proposal, name: str, kind: str | None) -> None:
    if kind is not None:
        proposal.add(
            "expect_column_values_to_be_in_type_list",
            f"{name} holds {'text' if kind == 'text' else kind + 's'}",
            column=name,
            type_list=TYPE_LISTS[kind],
        )


def _missing(proposal: _Proposal, name: str, values: pd.Series) -> None:
    project = proposal.project
    strict = {project.target, project.data.time_column, *project.data.id_columns}
    share = float(values.isna().mean())
    if name in strict and share == 0:
        proposal.add("expect_column_values_to_not_be_null", f"a row without {name} cannot be used", column=name)
    elif share < 1:
        allowed = missing_allowed(share)
        proposal.add(
            "expect_column_values_to_not_be_null",
            f"no more than {allowed:.1%} missing: {share:.1%} were missing in {proposal.basis}",
            column=name,
            mostly=round(1 - allowed, 4),
        )


def _target(proposal: _Proposal, values: pd.Series, kind: str | None) -> None:
    name = proposal.project.target
    if proposal.project.task is Task.REGRESSION:
        if kind == "number":
            _numbers(proposal, name, values)
        return
    classes = _listed(values)
    proposal.add(
        "expect_column_values_to_be_in_set",
        f"the answer is one of {len(classes)} classes; another one means that the question has changed",
        column=name,
        value_set=classes,
    )


def _column(proposal: _Proposal, name: str, values: pd.Series, kind: str | None) -> None:
    if kind == "number":
        _numbers(proposal, name, values)
    elif kind == "datetime":
        _moments(proposal, name, values)
    elif kind == "text":
        _words(proposal, name, values)


def _numbers(proposal: _Proposal, name: str, values: pd.Series) -> None:
    numbers = values.to_numpy(dtype=np.float64)
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers) or (proposal.time is not None and moves_with_time(values, proposal.time)):
        return
    bounds = number_bounds(numbers, seasons_seen=proposal.seasons_seen)
    low, high = float(numbers.min()), float(numbers.max())
    seen = f"always {closely(low)}" if low == high else f"{closely(low)} to {closely(high)}"
    room = "" if proposal.seasons_seen else ", with room for seasons that were not seen"
    proposal.add(
        "expect_column_values_to_be_between",
        f"{seen} in {proposal.basis}{room}; one row in a hundred may be a freak",
        column=name,
        min_value=bounds.low,
        max_value=bounds.high,
        mostly=INSIDE,
    )
    if bounds.median_low is not None:
        proposal.add(
            "expect_column_median_to_be_between",
            f"the median was {closely(float(np.median(numbers)))}; one outside these limits looks like another unit or "
            "source",
            column=name,
            min_value=bounds.median_low,
            max_value=bounds.median_high,
        )


def _clock(proposal: _Proposal, name: str, values: pd.Series, kind: str | None) -> None:
    """The first and the last moment of a column by which rows are put in order; one freak would spoil that."""
    if kind != "datetime":
        return
    first, last = values.min(), values.max()
    reason = f"{first:%Y-%m-%d} to {last:%Y-%m-%d} were seen; more than ten years away is a broken clock"
    limits = {"min_value": _day(first - TIME_SLACK), "max_value": _day(last + TIME_SLACK)}
    proposal.add("expect_column_min_to_be_between", reason, column=name, **limits)
    proposal.add("expect_column_max_to_be_between", reason, column=name, **limits)


def _moments(proposal: _Proposal, name: str, values: pd.Series) -> None:
    first, last = values.min(), values.max()
    proposal.add(
        "expect_column_values_to_be_between",
        f"{first:%Y-%m-%d} to {last:%Y-%m-%d} were seen; more than ten years away is a broken clock",
        column=name,
        min_value=_day(first - TIME_SLACK),
        max_value=_day(last + TIME_SLACK),
        mostly=INSIDE,
    )


def _words(proposal: _Proposal, name: str, values: pd.Series) -> None:
    known = values.dropna()
    distinct = int(known.nunique())
    if 0 < distinct <= LISTED_VALUES and distinct <= max(2, len(known) // 2):
        allowed = new_values_allowed(known)
        proposal.add(
            "expect_column_values_to_be_in_set",
            f"{distinct} values were seen; up to {allowed:.1%} of the rows may bring new ones",
            column=name,
            value_set=_listed(known),
            mostly=round(1 - allowed, 4),
        )
        return
    lengths = known.str.len()
    shortest, longest = int(lengths.min()), int(lengths.max())
    proposal.add(
        "expect_column_value_lengths_to_be_between",
        f"{shortest} to {longest} characters in {proposal.basis}; other lengths look like another kind of value",
        column=name,
        min_value=shortest // 2,
        max_value=longest * 2 + 10,
        mostly=INSIDE,
    )
    if distinct < 0.5 * len(known):
        proposal.add(
            "expect_column_unique_value_count_to_be_between",
            f"{distinct} different values were seen; three times as many would be a flood",
            column=name,
            max_value=distinct * 3 + 10,
        )


def _listed(values: pd.Series) -> list[Any]:
    """The values as JSON says them, in order."""
    return sorted((value.item() if hasattr(value, "item") else value for value in values.dropna().unique()), key=str)


def _day(moment: pd.Timestamp) -> str:
    return f"{moment:%Y-%m-%d}T00:00:00"
