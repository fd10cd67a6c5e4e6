"""Evidence: all that a decision rests on, as records that every screen renders alike."""

from __future__ import annotations

from typing import Any

from pydantic import Field, ValidationError

from signoff.core.record import Moment, Record


class Value(Record):
    """One number with its unit and interval. `name` is what gate checks refer to, such as holdout.roc_auc."""

    name: str = Field(pattern=r"^[a-z0-9_]+(\.[A-Za-z0-9_<>=:\- ]+)+$")
    value: float
    low: float | None = None
    high: float | None = None
    unit: str = ""


class Table(Record):
    """A small table: as shown, so cells are numbers, text or empty."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str | float | int | bool | None, ...], ...]


class Evidence(Record):
    """One finding: a sentence for the business, one for the expert, numbers, and what may be drawn of it."""

    kind: str = Field(pattern=r"^[a-z_]+$", description="stable name: holdout, calibration, threshold, slices, ...")
    title: str
    business: str = Field(description="one plain sentence")
    expert: str = Field(description="one sentence in the field's terms")
    values: tuple[Value, ...] = ()
    table: Table | None = None
    chart: dict[str, Any] | None = Field(None, description="a plotly figure as JSON")
    matters: str = Field("", description="what it means for which gate check")


class EvidenceSet(Record):
    """reports/evidence.json."""

    format: int = 1
    project: str
    made: Moment
    champion: str | None = Field(None, description="model digest of the champion it was compared with")
    records: tuple[Evidence, ...]

    def values(self) -> dict[str, Value]:
        """All numbers by name."""
        return {value.name: value for record in self.records for value in record.values}


def kept_evidence(text: str | None) -> EvidenceSet | None:
    """What was kept under a digest; None where nothing is here, or it is of another kind (a validation, a window)."""
    if text is None:
        return None
    try:
        return EvidenceSet.model_validate_json(text)
    except ValidationError:
        return None
