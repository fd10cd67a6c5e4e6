"""Records about served traffic: predictions, windows, drift, performance, alerts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import Field

from signoff.core.data import FailedExpectation
from signoff.core.decision import CheckResult
from signoff.core.digest import sha256_json
from signoff.core.evidence import Table, Value
from signoff.core.record import Moment, Record
from signoff.core.settings import Check

Origin = Literal["served", "file", "replay"]
Aspect = Literal["values", "missing", "length"]


class Prediction(Record):
    """One served answer, as it stands in .signoff/predictions/*.jsonl."""

    id: str
    time: Moment
    model: str = Field(description="model digest")
    inputs: dict[str, Any]
    probability: dict[str, float] | float | None = Field(None, description="of yes (binary), by class (multiclass)")
    label: Any


class WindowRequest(Record):
    """Which slice of traffic a person or a schedule wants looked at."""

    as_of: Moment | None = Field(None, description="the window's end; the end of the present hour when empty")
    days: int | None = Field(None, ge=1, description="length of the window; monitoring.window_days when empty")
    file: str | None = Field(None, description="CSV or Parquet file of rows to be scored and looked at")
    origin: Origin | None = Field(
        None,
        description="served, file or replay; when empty: the file, else served traffic, else (with as_of) a replay",
    )
    html: bool = Field(True, description="also make report.html; it costs the import of Evidently")


class Window(Record):
    """A slice of traffic."""

    start: Moment | None
    end: Moment | None
    rows: int
    origin: Origin = Field(
        description="served: the endpoint's log; file: given by hand; replay: the sources between two clocks"
    )
    model: str = Field(description="model digest")
    file_sha256: str | None = Field(None, description="of the file that was given by hand")

    @property
    def name(self) -> str:
        """The window's folder below reports/monitoring: sortable, and the same for the same window and model."""
        moments = [f"{moment:%Y%m%dT%H%M%S}" for moment in (self.start, self.end) if moment]
        given = [self.file_sha256[:8]] if self.file_sha256 else []
        return "-".join([*moments, self.origin, *given, self.model[:8]])


class ColumnDrift(Record):
    """One aspect of one column of the window against the champion's training data.

    A column has drifted when the distance reaches its threshold and chance alone does not explain it.
    """

    column: str
    drifted: bool
    method: str = Field(description="distance and test, in words")
    score: float = Field(description="distance between the two distributions")
    threshold: float = Field(description="smallest distance that matters")
    aspect: Aspect = Field("values", description="what was compared: the values, the missing share, the text's length")
    p_value: float | None = Field(None, description="chance of such a difference when nothing has changed")
    level: float | None = Field(None, description="p-value below which chance is ruled out, for this many columns")
    note: str = Field("", description="in plain words, what changed")


class Performance(Record):
    """How the answers came true. Empty values when no outcomes are in."""

    rows: int = Field(description="rows whose outcome is known")
    values: tuple[Value, ...] = ()
    calibration: Table | None = Field(
        None, description="foretold and observed mean and rows of each bin of the prediction"
    )


class NotJudged(Record):
    """A check that could not be held against anything. It raises no alert, and says why."""

    check: Check
    reason: str


class Alert(Record):
    """A window's finding that wants a person or a policy."""

    id: str
    project: str
    opened: Moment
    finding: str = Field(description="one sentence")
    checks: tuple[CheckResult, ...]
    model: str
    state: Literal["open", "acknowledged", "retraining", "closed"] = "open"
    came: str = Field("", description="what has come of it, in one sentence")
    review: str | None = Field(None, description="id of the review that answered it, or asks about it or its candidate")
    answered: str | None = Field(
        None, description="review or run by which its retrain ended without a new champion: no other starts by itself"
    )

    @property
    def question(self) -> str:
        """Digest of what the alert gate asks; after a retrain that led to nothing it is another question."""
        asked = {"alert": self.id, "model": self.model}
        return sha256_json(asked | ({"answered": self.answered} if self.answered else {}))


class WindowReport(Record):
    """What monitoring found in one window."""

    window: Window
    drift: tuple[ColumnDrift, ...]
    prediction: ColumnDrift | None = Field(None, description="the answers against those to the champion's holdout")
    invalid: tuple[FailedExpectation, ...] = ()
    performance: Performance
    values: tuple[Value, ...] = Field(description="all numbers that alert checks may name, such as drift.share")
    checks: tuple[CheckResult, ...] = Field(description="the checks that could be held against a number")
    not_judged: tuple[NotJudged, ...] = ()
    notes: tuple[str, ...] = Field((), description="what a reader must know: left-out rows, sampling, damaged lines")
    alert: Alert | None = Field(None, description="there when a judged check does not hold")
    retrain: bool = Field(False, description="the policy says that the alert starts a retrain")

    @property
    def drifted_columns(self) -> tuple[str, ...]:
        """Names of the columns that drifted in any aspect, in order."""
        return tuple(dict.fromkeys(drift.column for drift in self.drift if drift.drifted))


def already_open(alert: Alert, others: Iterable[Alert]) -> Alert | None:
    """The alert that says the same already: the same id, or open for the same model with the same broken checks.

    Windows overlap when the schedule is tighter than the window; one break must not raise an alert every morning.
    """
    broken = {result.check for result in alert.checks}
    for other in others:
        same_finding = other.model == alert.model and {result.check for result in other.checks} == broken
        if other.id == alert.id or (other.state in ("open", "retraining") and same_finding):
            return other
    return None
