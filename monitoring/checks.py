"""The project's checks on a window, and the alert when one breaks.

A check is judged when its number is there and rests on enough rows. It is *not judged*, which raises no alert and is
said with its reason, when the window or the outcomes known so far are fewer than monitoring.minimum_rows, or when the
number does not exist for these rows (ROC AUC of one class). A name that no window can ever have is a mistake in the
settings.
"""

from __future__ import annotations

from collections.abc import Sequence

from signoff.core.decision import CheckResult
from signoff.core.digest import sha256_json
from signoff.core.errors import SettingsError, did_you_mean
from signoff.core.evidence import Value
from signoff.core.metrics import METRICS
from signoff.core.monitoring import Alert, ColumnDrift, NotJudged, Window
from signoff.core.policy import run_checks
from signoff.core.record import now
from signoff.core.settings import Check, Mode, Project

ALWAYS = ("window.rows", "performance.rows", "invalid.failed")
DRIFT = ("drift.share", "drift.count", "drift.missing", "drift.worst", "prediction.drift", "prediction.drifted")
LABELS = {
    "drift.share": "share of columns that drifted",
    "drift.count": "columns that drifted",
    "drift.missing": "columns whose missing share drifted",
    "drift.worst": "largest drift of a column",
    "prediction.drift": "drift of the predictions",
    "prediction.drifted": "predictions drifted",
    "invalid.failed": "failed expectations on the inputs",
    "window.rows": "rows in the window",
    "performance.rows": "rows with a known outcome",
    "performance.calibration_gap": "calibration gap",
    "performance.bias": "mean prediction minus mean outcome",
}


def number_names(project: Project) -> tuple[str, ...]:
    """All numbers that a check of this project's monitoring may name."""
    fitting = [f"performance.{metric.name}" for metric in METRICS.values() if project.task in metric.tasks]
    return (*ALWAYS, *DRIFT, *fitting, "performance.calibration_gap", "performance.bias")


def judge_checks(
    project: Project, values: Sequence[Value], rows: int, outcomes: int
) -> tuple[tuple[CheckResult, ...], tuple[NotJudged, ...]]:
    """The checks that could be held against a number, and the others with the reason.

    Raises:
        SettingsError: a check names a number that no window of this task can have.
    """
    known = {value.name: value for value in values}
    judged: list[Check] = []
    left: list[NotJudged] = []
    for check in project.monitoring.checks:
        if check.metric not in number_names(project):
            raise SettingsError(
                f"monitoring.checks names {check.metric!r}, which no window of a {project.task} task has",
                where="signoff.yaml",
                allowed=did_you_mean(check.metric, number_names(project)),
            )
        reason = _why_not(check.metric, known, rows, outcomes, project.monitoring.minimum_rows)
        if reason:
            left.append(NotJudged(check=check, reason=reason))
        else:
            judged.append(check)
    return run_checks(judged, known), tuple(left)


def _why_not(name: str, known: dict[str, Value], rows: int, outcomes: int, least: int) -> str | None:
    if name in ("window.rows", "performance.rows"):
        return None
    if rows < least:
        return f"the window has {rows} rows, fewer than monitoring.minimum_rows ({least})"
    if name.startswith("performance.") and outcomes < least:
        waiting = "no outcomes are known yet" if outcomes == 0 else f"only {outcomes} outcomes are known so far"
        return f"{waiting}; {least} are needed (signoff feedback FILE)"
    if name not in known:
        return (
            "no suite of expectations was run"
            if name == "invalid.failed"
            else "the number does not exist for these rows"
        )
    return None


def alert_of(
    project: Project, window: Window, checks: Sequence[CheckResult], drift: Sequence[ColumnDrift]
) -> Alert | None:
    """The alert of a window in which a check does not hold; its id depends on project, model and window alone."""
    broken = tuple(result for result in checks if not result.holds)
    if not broken:
        return None
    said = "; ".join(f"{label_of(result.check.metric)} {result.value:.3g}, allowed {result.limit}" for result in broken)
    furthest = sorted((found for found in drift if found.drifted), key=lambda found: -found.score)
    drifted = tuple(dict.fromkeys(found.column for found in furthest))
    more = f" and {len(drifted) - 8} more" if len(drifted) > 8 else ""
    columns = f"; drifted: {', '.join(drifted[:8])}{more}" if drifted else ""
    return Alert(
        id="a" + sha256_json({"project": project.project, "window": window.name, "model": window.model})[:11],
        project=project.project,
        opened=window.end or now(),
        finding=said + columns,
        checks=broken,
        model=window.model,
    )


def label_of(name: str) -> str:
    """A number's name as people say it."""
    metric = METRICS.get(name.removeprefix("performance."))
    return LABELS.get(name) or (metric.label if metric else name)


def retrains(project: Project) -> bool:
    """Whether an alert starts a retrain without asking anybody."""
    return project.monitoring.retrain_on_alert or project.gates.alert.mode is Mode.AUTO
