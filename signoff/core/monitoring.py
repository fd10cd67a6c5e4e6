"""Records about served traffic: predictions, windows, drift, performance, alerts."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from signoff.core.data import FailedExpectation
from signoff.core.decision import CheckResult
from signoff.core.evidence import Value
from signoff.core.record import Moment, Record


class Prediction(Record):
    """One served answer, as it stands in .signoff/predictions/*.jsonl."""

    id: str
    time: Moment
    model: str = Field(description="model digest")
    inputs: dict[str, Any]
    probability: dict[str, float] | float | None = Field(None, description="of yes (binary), by class (multiclass)")
    label: Any


class Window(Record):
    """A slice of traffic."""

    start: Moment | None
    end: Moment | None
    rows: int
    origin: Literal["served", "file", "replay"] = Field(
        description="served: the endpoint's log; file: given by hand; replay: the sources between two clocks, scored now"
    )
    model: str = Field(description="model digest")


class ColumnDrift(Record):
    """One column of the window against the training snapshot."""

    column: str
    drifted: bool
    method: str
    score: float
    threshold: float


class Performance(Record):
    """How the answers came true. Empty values when no outcomes are in."""

    rows: int = Field(description="rows whose outcome is known")
    values: tuple[Value, ...] = ()


class Alert(Record):
    """A window's finding that wants a person or a policy."""

    id: str
    project: str
    opened: Moment
    finding: str = Field(description="one sentence")
    checks: tuple[CheckResult, ...]
    model: str
    state: Literal["open", "acknowledged", "retraining", "closed"] = "open"


class WindowReport(Record):
    """What monitoring found in one window."""

    window: Window
    drift: tuple[ColumnDrift, ...]
    invalid: tuple[FailedExpectation, ...] = ()
    performance: Performance
    values: tuple[Value, ...] = Field(description="all numbers that alert checks may name, such as drift.share")
    checks: tuple[CheckResult, ...]
