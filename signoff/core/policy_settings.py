"""The policy of a gate as it stands in signoff.yaml, and as it is copied into each review."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from signoff.core.policy_freeze import Freeze
from signoff.core.record import Record

Role = Annotated[str, Field(min_length=1, max_length=41)]


class Check(Record):
    """One condition on one number of the evidence."""

    metric: str = Field(description="name of the number, such as holdout.roc_auc, champion.delta or validation.failed")
    at_least: float | None = None
    at_most: float | None = None
    name: str = Field("", max_length=80, description="what people call this check, such as 'no worse than today'")

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError("give at_least, at_most or both")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError("at_least is above at_most, so nothing can hold")
        return self

    @property
    def label(self) -> str:
        """The name with its metric, or the metric."""
        return f"{self.name} ({self.metric})" if self.name else self.metric


class Mode(StrEnum):
    """How far the machine may go alone at a gate."""

    MANUAL = "manual"
    GUARDED = "guarded"
    AUTO = "auto"


class Approvals(Record):
    """How many people of which role must approve."""

    role: Role = "reviewer"
    count: int = Field(1, ge=1, le=50)


class StandIn(Record):
    """Somebody who may act for a role, for a time or for good."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    role: Role
    name: str = Field(min_length=1, max_length=120)
    since: date | None = Field(None, alias="from", description="first day, in UTC; from the beginning when not given")
    until: date | None = Field(None, description="last day, in UTC; without end when not given")

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.since and self.until and self.until < self.since:
            raise ValueError("until is before from")
        return self

    def holds(self, moment: datetime) -> bool:
        """Whether a decision at that moment (UTC) counts for the role."""
        day = moment.date()
        return (self.since is None or self.since <= day) and (self.until is None or day <= self.until)

    @property
    def always(self) -> bool:
        """Whether it has no dates."""
        return self.since is None and self.until is None

    def days(self) -> str:
        """'from 2026-12-01 until 2026-12-14', or 'at any time'."""
        parts = [f"from {self.since}" if self.since else "", f"until {self.until}" if self.until else ""]
        return " ".join(part for part in parts if part) or "at any time"


def _as_list(value: Any) -> Any:
    """The older form `{role: [names]}` reads as stand-ins without dates."""
    if not isinstance(value, Mapping):
        return value
    return [{"role": role, "name": name} for role, names in value.items() for name in _names(names)]


def _names(names: Any) -> list[Any]:
    if isinstance(names, str) or not isinstance(names, list | tuple):
        raise ValueError("write stand_ins as a list of {role, name, from, until}, or as {role: [names]}")
    return list(names)


class GatePolicy(Record):
    """Who or what opens a gate."""

    mode: Mode = Mode.MANUAL
    checks: tuple[Check, ...] = ()
    approvals: tuple[Approvals, ...] = Field((Approvals(),), min_length=1)
    four_eyes: bool = Field(False, description="whoever started or steered the run may not approve")
    veto_hours: float | None = Field(
        None, gt=0, le=24 * 365, description="with guarded or auto: hours in which people may still refuse"
    )
    expires_days: float | None = Field(None, gt=0, le=3650, description="days after which an open review ends")
    on_expiry: Literal["reject", "approve"] = "reject"
    remind_days: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        (), description="days before the end at which those who are wanted are reminded"
    )
    stand_ins: Annotated[tuple[StandIn, ...], BeforeValidator(_as_list)] = Field(
        (), description="who may act for a role, and when"
    )
    freeze: tuple[Freeze, ...] = Field((), description="when approvals are kept and nothing is released")
    override: Approvals | None = Field(
        None, description="how many people of which role may release in a freeze, each saying so; nobody when not given"
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.veto_hours is not None and self.mode is Mode.MANUAL:
            raise ValueError("veto_hours needs mode guarded or auto: a manual gate acts by people only")
        if self.on_expiry == "approve" and self.expires_days is None:
            raise ValueError("on_expiry is approve, so expires_days is needed")
        if self.veto_hours is not None and self.expires_days is not None and self.veto_hours >= 24 * self.expires_days:
            raise ValueError("the review would end before its veto window; raise expires_days above veto_hours / 24")
        if self.remind_days and (self.expires_days is None or max(self.remind_days) >= self.expires_days):
            raise ValueError("remind_days are days before the end, so each is less than expires_days")
        if self.override is not None and not self.freeze:
            raise ValueError("there is no freeze to override")
        names = [check.name for check in self.checks if check.name]
        if len(set(names)) < len(names):
            raise ValueError("two checks bear one name")
        return self
