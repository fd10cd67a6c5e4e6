"""What follows from a window: an alert once, and by the policy a retrain whose cause names it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from signoff.core.digest import canonical_json
from signoff.core.monitoring import Alert, WindowReport, WindowRequest, already_open
from signoff.core.record import Record
from signoff.core.run import Cause, Request
from signoff.core.settings import Mode
from signoff.gates import act_on_silence, pass_gate, settle_alerts
from tasks.monitor import monitor

if TYPE_CHECKING:
    from tasks.passage import Passage


class Watched(Record):
    """A window's report, the alert that stands for it, and the retrain that the policy wants."""

    report: WindowReport
    alert: Alert | None = None
    fresh: bool = False
    retrain: Cause | None = None
    request: Request = Request()

    @property
    def message(self) -> str:
        """One sentence."""
        rows = f"{self.report.window.rows:,} rows looked at"
        if self.alert is None:
            return f"{rows}: no alert"
        stands = "opened" if self.fresh else f"stands already, {self.alert.state}"
        why = f" ({self.why})" if self.why else ""
        return f"{rows}: alert {self.alert.id} {stands}: {self.alert.finding}{why}"

    @property
    def why(self) -> str:
        """Why an alert starts nothing now; '' where a retrain follows, or there is no alert."""
        if self.alert is None or self.retrain is not None:
            return ""
        came = self.alert.came or f"it is {self.alert.state}"
        again = "an alert starts one retrain by itself" if self.alert.answered and self.alert.state == "open" else ""
        return "; ".join(said for said in (came, again) if said)

    def facts(self) -> dict[str, Any]:
        """What `signoff monitor --json` prints."""
        report = self.report.as_json()
        return {
            "name": self.report.window.name,
            "window": report["window"],
            "drift": report["drift"],
            "performance": report["performance"],
            "values": report["values"],
            "checks": report["checks"],
            "not_judged": report["not_judged"],
            "notes": report["notes"],
            "alerts": [self.alert.as_json()] if self.alert else [],
            "fresh": self.fresh,
            "why": self.why,
            "retrain": self.retrain.as_json() if self.retrain else None,
        }


def watch(run: Passage, window: WindowRequest) -> Watched:
    """Monitor one window; open its alert unless one says the same; say whether a retrain follows.

    A retrain follows once an alert: from the run that opened it, or, when that was killed, from the next. Where it led
    to no new champion the break is still there: the alert gate asks people whether to try again.
    """
    act_on_silence(run.desk)
    settle_alerts(run.desk)
    report = monitor(run.context(), window=window)
    if report.alert is None:
        return Watched(report=report)
    standing = already_open(report.alert, run.store.alerts())
    alert = standing or report.alert
    if standing is None:
        run.store.add_alert(alert)
    watched = Watched(report=report, alert=alert, fresh=standing is None)
    if alert.state != "open":
        return watched
    cause = Cause(kind="alert", actor=run.run.cause.actor, reference=alert.id, note=alert.finding)
    if _follows(run, alert, cause, report):
        return watched.model_copy(update={"retrain": cause, "request": Request(as_of=window.as_of)})
    settle_alerts(run.desk)
    return watched.model_copy(update={"alert": run.store.alert(alert.id)})


def _follows(run: Passage, alert: Alert, cause: Cause, report: WindowReport) -> bool:
    if alert.answered is None:
        return report.retrain or _asked(run, alert, cause, report)
    if run.project.gates.alert.mode is Mode.MANUAL:
        # What an approval asks for is started by whoever follows decisions, not by the next window.
        _asked(run, alert, cause, report)
    return False


def _asked(run: Passage, alert: Alert, cause: Cause, report: WindowReport) -> bool:
    """Where no setting lets the alert start a retrain, the alert gate asks; its own mode may still answer yes."""
    outcome = pass_gate(
        run.desk,
        "alert",
        digest=alert.question,
        evidence_sha256=run.store.keep_evidence(canonical_json([value.as_json() for value in report.values])),
        values=report.values,
        run=run.run.id,
        cause=cause,
        subject=alert.finding,
    )
    return outcome.state == "passed"
