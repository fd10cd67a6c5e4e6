"""Records about data: snapshot, validation, profile, features."""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import Field

from signoff.core.record import Moment, Record

MISSING_TEXTS = ("", "NA", "N/A", "#N/A", "NaN", "nan", "NULL", "null")
"""Cells of a CSV file that mean "not known", besides those that data.missing names."""


class SourceFact(Record):
    """One source as it was read."""

    name: str
    rows: int
    columns: int
    sha256: str | None = Field(None, description="of the file; None for a database")
    file: str | None = Field(None, description="path below data.folder; None for a database")
    bytes: int | None = Field(None, description="size of the file")


class LeftOut(Record):
    """Rows that were read and not kept, and why."""

    reason: str
    rows: int


class MixedColumn(Record):
    """A column of numbers in which some cells hold other text, so that all of it was read as text."""

    column: str
    share: float = Field(description="of the known cells that are no number, 0 to 1")
    rows: int
    examples: tuple[str, ...] = Field(description="the commonest of them, at most five")

    def sentence(self) -> str:
        """For screens: what was met, and the setting that mends it."""
        shown = ", ".join(repr(text) for text in self.examples)
        listed = ", ".join(json.dumps(text, ensure_ascii=False) for text in self.examples)
        again = (
            f"where a run has proposed them from the text, take {self.column} out of features.yaml and remove the file"
            " in expectations/, which the next run proposes anew"
        )
        return (
            f"{self.column} holds numbers but for {self.rows:,} cells ({self.share:.2%}) such as {shown}, so all of it "
            f'was read as text; if they mean "not known", set data.missing: [{listed}], and {again}'
        )


class Snapshot(Record):
    """What ingestion made: one content-addressed version of the data."""

    md5: str = Field(description="of data/raw.parquet, as DVC names it")
    rows: int
    columns: dict[str, str] = Field(description="name: type as pandas says it")
    as_of: Moment | None
    first: Moment | None = Field(None, description="earliest value of the time column")
    last: Moment | None = None
    sources: tuple[SourceFact, ...]
    left_out: tuple[LeftOut, ...] = ()
    dropped: tuple[str, ...] = ()
    pseudonymised: tuple[str, ...] = ()
    mixed: tuple[MixedColumn, ...] = ()


class FailedExpectation(Record):
    """One expectation that the data broke."""

    column: str | None
    expectation: str
    reason: str = Field(description="why the expectation exists, from its notes")
    observed: str
    unexpected_share: float | None = Field(None, description="share of rows, 0 to 1")
    examples: tuple[str, ...] = Field((), description="up to five values or rows that broke it")


class Validation(Record):
    """The outcome of one suite on one table."""

    suite: str
    rows: int
    expectations: int
    failures: tuple[FailedExpectation, ...] = ()

    @property
    def success(self) -> bool:
        return not self.failures


class ColumnProfile(Record):
    """One column in numbers."""

    name: str
    kind: Literal["number", "category", "text", "datetime", "boolean"]
    missing: float = Field(description="share, 0 to 1")
    distinct: int
    minimum: float | None = None
    mean: float | None = None
    maximum: float | None = None
    top: tuple[tuple[str, float], ...] = Field((), description="commonest values and their shares")


class Profile(Record):
    """All columns of the training part, and how the data was cut."""

    train_rows: int
    holdout_rows: int
    split: str = Field(description="one sentence: how the holdout was cut off")
    target: dict[str, Any] = Field(description="class shares, or mean, deviation, minimum and maximum")
    columns: tuple[ColumnProfile, ...]
    warnings: tuple[str, ...] = ()


class FeatureStep(Record):
    """What happens to one column before a model sees it."""

    column: str
    action: Literal["keep", "category", "text", "datetime", "drop"]
    reason: str


class FeaturePlan(Record):
    """features.yaml: proposed by prepare, edited by people. A person's line is never overwritten."""

    steps: tuple[FeatureStep, ...]

    def used(self) -> tuple[str, ...]:
        """Names of the columns that models see, in order."""
        return tuple(step.column for step in self.steps if step.action != "drop")
