"""A run, its cause, and what people asked of it: run.yaml."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field

from signoff.core.files import write_text
from signoff.core.record import Moment, Record
from signoff.core.settings import Budget, Family
from signoff.core.settings_file import load_record

CauseKind = Literal["hand", "schedule", "alert", "feedback", "request"]


class Cause(Record):
    """Why a run exists. `reference` is the alert's id or the decision's hash."""

    kind: CauseKind = "hand"
    actor: str
    reference: str | None = None
    note: str = ""

    def sentence(self) -> str:
        """For screens: 'alert a3 (calibration broke)'."""
        reference = f" {self.reference[:12]}" if self.reference else ""
        return f"{self.kind}{reference} by {self.actor}" + (f": {self.note}" if self.note else "")


class RunState(StrEnum):
    """Where a run stands."""

    RUNNING = "running"
    WAITING = "waiting"
    RELEASED = "released"
    REJECTED = "rejected"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    DONE = "done"


class Steering(Record):
    """What people asked of the next runs, on top of signoff.yaml (typed 'request changes')."""

    exclude_features: tuple[str, ...] = ()
    ban_families: tuple[Family, ...] = ()
    pin_family: Family | None = None
    budget: Budget | None = None

    def merged(self, later: Steering) -> Steering:
        """This steering with a later request on top of it."""
        return Steering(
            exclude_features=tuple(sorted({*self.exclude_features, *later.exclude_features})),
            ban_families=tuple(sorted({*self.ban_families, *later.ban_families})),
            pin_family=later.pin_family or self.pin_family,
            budget=later.budget or self.budget,
        )


class RunSettings(Record):
    """run.yaml: the clock and the steering of the current run. Stages depend on it through DVC params."""

    as_of: Moment | None = Field(None, description="the clock: nothing after it is seen; now when empty")
    steering: Steering = Steering()


class Request(Record):
    """What a run is asked to do differently: a clock, and steering on top of what holds."""

    as_of: Moment | None = None
    unset_clock: bool = Field(False, description="go back to the present")
    steering: Steering | None = None

    def applied(self, before: RunSettings) -> RunSettings:
        """The run settings before, with this request on top."""
        kept = None if self.unset_clock else before.as_of
        steering = before.steering.merged(self.steering) if self.steering else before.steering
        return RunSettings(as_of=self.as_of or kept, steering=steering)


class Run(Record):
    """One passage of a flow through the stages."""

    id: str
    flow: str
    cause: Cause
    state: RunState
    started: Moment
    ended: Moment | None = None
    as_of: Moment | None = None
    budget: Budget | None = Field(None, description="of its search, where people asked for another than signoff.yaml's")
    candidate: str | None = Field(None, description="digest of the candidate it made")
    review: str | None = Field(None, description="id of the review at which it ended")
    message: str = ""


def load_run_settings(path: Path) -> RunSettings:
    """run.yaml, or the defaults where there is none."""
    return load_record(path, RunSettings) if path.exists() else RunSettings()


def save_run_settings(path: Path, settings: RunSettings) -> None:
    """Write run.yaml only when it says something new, so that DVC sees no change where there is none."""
    text = yaml.safe_dump(settings.as_json(), sort_keys=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)
