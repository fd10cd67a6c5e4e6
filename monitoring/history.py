"""The numbers of all windows, so that they can be drawn over time. Read from the windows' own folders: nothing to
fall behind."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from signoff.core.files import write_text
from signoff.core.monitoring import WindowReport

DRAWN = ("performance.calibration_gap", "performance.roc_auc", "performance.rmse", "drift.share", "prediction.drift")


@dataclass(frozen=True)
class Moment:
    """One window's numbers."""

    window: str
    end: str | None
    origin: str
    model: str
    values: dict[str, float]
    alert: str | None


def read_history(folder: Path, model: str | None = None) -> list[Moment]:
    """All windows below reports/monitoring, oldest first; of one model when it is named."""
    moments = []
    for path in sorted(folder.glob("*/window.json")):
        try:
            report = WindowReport.model_validate_json(path.read_bytes())
        except (ValidationError, OSError):
            continue  # a window of an older format has no place in the line
        if model in (None, report.window.model):
            moments.append(moment_of(report))
    return sorted(moments, key=lambda moment: (moment.end or "", moment.window))


def moment_of(report: WindowReport) -> Moment:
    """A report as one point in time."""
    window = report.window
    return Moment(
        window=window.name,
        end=window.end.isoformat() if window.end else None,
        origin=window.origin,
        model=window.model,
        values={value.name: value.value for value in report.values},
        alert=report.alert.id if report.alert else None,
    )


def write_history(folder: Path) -> None:
    """history.jsonl beside the windows: one line a window, for people's own plots."""
    lines = [json.dumps(vars(moment), sort_keys=True) + "\n" for moment in read_history(folder)]
    write_text(folder / "history.jsonl", "".join(lines))


def series_of(report: WindowReport, history: Sequence[Moment]) -> list[tuple[str, list[Moment]]]:
    """What is worth a line: the numbers that checks name and the usual ones, where at least two windows have them."""
    names = dict.fromkeys((*(result.check.metric for result in report.checks), *DRAWN))
    lines = [(name, [moment for moment in history if name in moment.values]) for name in names]
    return [(name, seen) for name, seen in lines if len(seen) > 1]
