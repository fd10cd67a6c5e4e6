"""The log of one run: .signoff/runs/RUN_ID.jsonl, one line an event, written as it happens and read while it grows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from signoff.core.errors import NotFoundError
from signoff.core.record import Moment, Record

CHUNK_BYTES = 64 * 1024
"""How much of a log is read at once."""
_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,119}$")


class SearchPlan(Record):
    """What a search is about to do: its budget is a number of seconds or of trials."""

    metric: str
    greater_is_better: bool
    seconds: float | None = None
    trials: int | None = None
    spent: float = Field(0.0, description="seconds of the budget that an earlier passage used")


class TrialNews(Record):
    """A trial that has just ended."""

    number: int
    family: str
    state: str
    score: float | None = None
    best: float | None = Field(None, description="the best score of all trials so far")
    seconds: float
    spent: float = Field(description="search seconds gone by then, earlier passages included")
    reason: str = ""


class LogLine(Record):
    """One event of a run. Which fields are set goes by `kind`."""

    at: Moment
    kind: Literal["begin", "stage", "step", "search", "trial", "warning", "end"]
    text: str = ""
    stage: str | None = None
    state: str | None = Field(None, description="of a stage: started, done, skipped or failed; of the run at its end")
    seconds: float | None = None
    share: float | None = Field(None, description="how much of the stage is done, 0 to 1")
    search: SearchPlan | None = None
    trial: TrialNews | None = None


class LogPart(Record):
    """Lines of a log, and from where to read on."""

    lines: tuple[tuple[int, LogLine], ...] = Field(description="each line with the place in bytes after it")
    next: int = Field(description="place in bytes; what stands there is not there yet")


def run_log_path(runs: Path, run_id: str) -> Path:
    """Where a run's log stands; an id that is no plain name has none.

    Raises:
        NotFoundError: the id could lead elsewhere.
    """
    if not _ID.match(run_id) or ".." in run_id:
        raise NotFoundError(f"there is no run {run_id[:80]!r}")
    return runs / f"{run_id}.jsonl"


def read_run_log(path: Path, start: int = 0, *, most_bytes: int = CHUNK_BYTES) -> LogPart:
    """Whole lines from `start` on; a line that is still being written, or was torn by a kill, is left out.

    Args:
        path: of the log; one that is not there is empty.
        start: a place that an earlier answer gave; anything else is taken as the beginning.
        most_bytes: how much is read; a longer line is passed over.
    """
    try:
        with path.open("rb") as file:
            if start > 0:
                file.seek(start - 1)
                start = start if file.read(1) == b"\n" else 0
            file.seek(start)
            data = file.read(most_bytes)
            more = bool(file.read(1))
    except FileNotFoundError:
        return LogPart(lines=(), next=0)
    lines, place = [], start
    for raw in data.splitlines(keepends=True):
        if not raw.endswith(b"\n"):
            break
        place += len(raw)
        try:
            lines.append((place, LogLine.model_validate_json(raw)))
        except ValidationError:
            # A torn line tells nobody anything; those after it do.
            continue
    if place == start and more:
        place = start + len(data)
    return LogPart(lines=tuple(lines), next=place)


def whole_run_log(path: Path, *, most_bytes: int) -> tuple[LogLine, ...]:
    """All lines of a log, up to `most_bytes` of it."""
    return tuple(line for _, line in read_run_log(path, most_bytes=most_bytes).lines)
