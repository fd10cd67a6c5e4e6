"""What the clock and the target leave of the rows; each cut is counted with a plain reason."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from signoff.core.data import LeftOut
from signoff.core.settings import Project
from signoff.sources.storage import as_moments

EARLIEST = datetime(1753, 1, 1)
"""What $since is when there is no limit: the first moment that every database can say."""


def cut_rows(
    frame: pd.DataFrame, project: Project, clock: datetime, *, bound: bool, start: datetime | None, where: str
) -> tuple[pd.DataFrame, tuple[LeftOut, ...]]:
    """Leave out what was not asked or not known at the clock, what is too old, and rows without a target.

    Args:
        frame: all rows, special columns present.
        project: names the columns and the history.
        clock: naive UTC; nothing after it is seen.
        bound: the clock was set; else history is counted back from the newest row.
        start: naive UTC; rows asked at it or before are left out, in place of history_days.
        where: the SQL or file, for messages.

    Returns:
        The rows in a fixed order (time, then identifiers, then as they came), and a count a cut; a row counts once,
        for the first reason that holds.
    """
    data = project.data
    cuts: list[tuple[str, pd.Series]] = []
    if data.time_column:
        asked = as_moments(frame, data.time_column, "data.time_column", where)
        frame = frame.assign(**{data.time_column: asked})
        cuts.append((f"{data.time_column} is missing", asked.isna()))
        cuts.append((f"{data.time_column} lies after the clock", asked > pd.Timestamp(clock)))
    if data.known_column:
        known = as_moments(frame, data.known_column, "data.known_column", where)
        frame = frame.assign(**{data.known_column: known})
        cuts.append((f"the outcome was not known at the clock ({data.known_column})", (known > pd.Timestamp(clock))))
    if data.time_column and start is not None:
        cuts.append((f"{data.time_column} lies before the window", asked <= pd.Timestamp(start)))
    elif data.time_column and data.history_days:
        end = clock if bound else asked[asked <= pd.Timestamp(clock)].max()
        begin = EARLIEST if pd.isna(end) else days_before(end, data.history_days)
        cuts.append((f"older than {data.history_days} days of history", asked < pd.Timestamp(begin)))
    cuts.append((f"the target {project.target} is missing", frame[project.target].isna()))
    if data.known_column:
        # A target whose moment nobody knows would be seen too early at some clock.
        cuts.append((f"{data.known_column} is missing", frame[data.known_column].isna()))
    kept, left_out = _apply(frame, cuts)
    order = [name for name in (data.time_column, *data.id_columns) if name]
    ordered = kept.sort_values(order, kind="stable") if order else kept
    return ordered.reset_index(drop=True), left_out


def _apply(frame: pd.DataFrame, cuts: list[tuple[str, pd.Series]]) -> tuple[pd.DataFrame, tuple[LeftOut, ...]]:
    kept = np.ones(len(frame), dtype=bool)
    counted = []
    for reason, mask in cuts:
        out = kept & mask.to_numpy(dtype=bool)
        if out.any():
            counted.append(LeftOut(reason=reason, rows=int(out.sum())))
        kept &= ~out
    return frame[kept], tuple(counted)


def days_before(moment: datetime, days: int) -> datetime:
    """The moment that many days earlier, EARLIEST at the least."""
    try:
        return max(moment - timedelta(days=days), EARLIEST)
    except OverflowError:
        return EARLIEST
