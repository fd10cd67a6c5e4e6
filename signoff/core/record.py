"""What all records share: frozen, closed, JSON in and out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict


class Record(BaseModel):
    """A frozen record that refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON types, fit for canonical JSON."""
        return self.model_dump(mode="json")


def _to_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


Moment = Annotated[datetime, AfterValidator(_to_utc)]
"""A point in time in UTC; one without a zone is taken as UTC."""


def now() -> datetime:
    """The present in UTC, to the millisecond."""
    present = datetime.now(UTC)
    return present.replace(microsecond=present.microsecond // 1000 * 1000)
