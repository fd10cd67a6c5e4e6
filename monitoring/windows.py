"""One window of traffic, looked at: inputs, drift, answers, performance, checks, alert."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from monitoring.answers import Answers
from monitoring.checks import alert_of, judge_checks, retrains
from monitoring.columns import Sample, kinds_of
from monitoring.drift import FALSE_ALARM_RATE, SAMPLE_ROWS, Pair, column_drift, pairs_of, sample_rows, verdict
from monitoring.performance import performance
from monitoring.reference import reference_answers, reference_inputs
from signoff.core.data import FailedExpectation
from signoff.core.errors import DataError, SettingsError, did_you_mean
from signoff.core.evidence import Value
from signoff.core.monitoring import ColumnDrift, Performance, Window, WindowReport
from signoff.core.settings import Project

if TYPE_CHECKING:
    from monitoring.columns import Kind

PREDICTION = "(prediction)"


@dataclass(frozen=True)
class Traffic:
    """The rows of a window, n of them, in one order throughout.

    `rows` holds the model's inputs, `outcomes` what came true, missing where it is not known.
    `invalid` is what the suite found; None when no suite was run.
    """

    rows: pd.DataFrame
    answers: Answers
    outcomes: pd.Series
    invalid: tuple[FailedExpectation, ...] | None = None
    notes: tuple[str, ...] = ()


def watch_window(
    reference: pd.DataFrame, traffic: Traffic, *, window: Window, project: Project, inputs: Mapping[str, str]
) -> WindowReport:
    """Hold a window against the champion's reference and the project's checks.

    Args:
        reference: as `make_reference` made it.
        traffic: the window's rows, answers and outcomes.
        window: what slice it is.
        project: its monitoring settings, task and resamples.
        inputs: the model's inputs and their kinds.

    Raises:
        SettingsError: monitoring.columns or a check names what does not exist.
        DataError: the reference is not one.
    """
    enough = window.rows >= project.monitoring.minimum_rows
    kinds = watched(project, inputs, reference)
    drift, prediction = _drift(reference, traffic, kinds) if enough else ((), None)
    judged, notes = performance(traffic.answers, traffic.outcomes, project) if enough else (_none(traffic), ())
    values = (*_counts(window, judged, traffic), *_drift_values(drift, prediction, len(kinds)), *judged.values)
    checks, not_judged = judge_checks(project, values, window.rows, judged.rows)
    alert = alert_of(project, window, checks, drift)
    return WindowReport(
        window=window,
        drift=drift,
        prediction=prediction,
        invalid=traffic.invalid or (),
        performance=judged,
        values=values,
        checks=checks,
        not_judged=not_judged,
        notes=(*traffic.notes, *notes, *_sampling(reference, window)),
        alert=alert,
        retrain=alert is not None and retrains(project),
    )


def watched(project: Project, inputs: Mapping[str, str], reference: pd.DataFrame) -> dict[str, Kind]:
    """The columns that are watched, and their kinds: monitoring.columns, else all inputs."""
    wanted: Iterable[str] = project.monitoring.columns or inputs
    for name in wanted:
        if name not in inputs:
            raise SettingsError(
                f"monitoring.columns names {name!r}, which is no input of the champion",
                where="signoff.yaml",
                allowed=did_you_mean(name, inputs),
            )
        if name not in reference.columns:
            raise DataError(f"the champion's reference has no column {name!r}", next_step="signoff run")
    return kinds_of(reference[list(wanted)], inputs)


def _drift(
    reference: pd.DataFrame, traffic: Traffic, kinds: Mapping[str, Kind]
) -> tuple[tuple[ColumnDrift, ...], ColumnDrift | None]:
    before, after = compared(reference, traffic.rows)
    pair = prediction_pair(reference, traffic.answers)
    prediction = verdict(pair, pair.compare(), FALSE_ALARM_RATE) if pair else None
    return column_drift(pairs_of(before, after, kinds)), prediction


def prediction_pair(reference: pd.DataFrame, answers: Answers) -> Pair | None:
    """The window's answers and those of the reference; None when one side has none."""
    known = reference_answers(reference, answers.classes)
    if known is None:
        return None
    before, after = (sample_rows(side.score().dropna().to_frame("score"))["score"] for side in (known, answers))
    if min(before.size, after.size) == 0:
        return None
    numeric = len(answers.classes) in (0, 2)
    return Pair(PREDICTION, "values", Sample(before, numeric), Sample(after, numeric))


def compared_pairs(
    report: WindowReport, reference: pd.DataFrame, traffic: Traffic, kinds: Mapping[str, Kind]
) -> tuple[list[Pair], list[ColumnDrift]]:
    """What was compared in a report, and the verdicts, side by side; for charts."""
    if not report.drift:
        return [], []
    pairs, verdicts = pairs_of(*compared(reference, traffic.rows), kinds), list(report.drift)
    pair = prediction_pair(reference, traffic.answers)
    if pair is not None and report.prediction is not None:
        return [pair, *pairs], [report.prediction, *verdicts]
    return pairs, verdicts


def compared(reference: pd.DataFrame, rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of both sides that are compared: the same draw whoever asks."""
    return sample_rows(reference_inputs(reference)), sample_rows(rows.reset_index(drop=True), seed=1)


def _none(traffic: Traffic) -> Performance:
    return Performance(rows=int(traffic.outcomes.notna().sum()))


def _counts(window: Window, judged: Performance, traffic: Traffic) -> tuple[Value, ...]:
    counts = (
        Value(name="window.rows", value=window.rows, unit="rows"),
        Value(name="performance.rows", value=judged.rows, unit="rows"),
    )
    if traffic.invalid is None:
        return counts
    return (*counts, Value(name="invalid.failed", value=len(traffic.invalid), unit="expectations"))


def _drift_values(drift: Sequence[ColumnDrift], prediction: ColumnDrift | None, columns: int) -> tuple[Value, ...]:
    if not drift:
        return ()
    drifted = len({found.column for found in drift if found.drifted})
    missing = sum(found.drifted for found in drift if found.aspect == "missing")
    values = [
        Value(name="drift.share", value=drifted / columns),
        Value(name="drift.count", value=drifted, unit="columns"),
        Value(name="drift.missing", value=missing, unit="columns"),
        Value(name="drift.worst", value=max(found.score for found in drift)),
    ]
    if prediction is not None:
        values.append(Value(name="prediction.drift", value=prediction.score))
        values.append(Value(name="prediction.drifted", value=float(prediction.drifted)))
    return tuple(values)


def _sampling(reference: pd.DataFrame, window: Window) -> tuple[str, ...]:
    notes = [
        f"{SAMPLE_ROWS:,} of {rows:,} {what} rows are compared for drift (a seeded draw)"
        for what, rows in (("reference", len(reference_inputs(reference))), ("window", window.rows))
        if rows > SAMPLE_ROWS
    ]
    return tuple(notes)
