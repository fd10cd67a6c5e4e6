"""A suite as it stands in git: Great Expectations' own JSON, sorted so that a change reads well in a diff."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from signoff.core.errors import SettingsError
from signoff.core.files import read_json, write_json
from signoff.core.record import Record


class Expectation(Record):
    """One condition on the data, with the reason why it is there."""

    type: str = Field(description="Great Expectations' name, such as expect_column_values_to_be_between")
    kwargs: dict[str, Any] = {}
    notes: str | None = Field(None, description="the reason, in plain words")
    severity: str = "critical"
    meta: dict[str, Any] | None = None
    id: str | None = None
    description: str | None = None
    rendered_content: list[Any] | None = None
    windows: list[Any] | None = None

    def columns(self) -> tuple[str, ...]:
        """The columns that it looks into; empty when it is about the table."""
        named = [self.kwargs.get("column"), self.kwargs.get("column_A"), self.kwargs.get("column_B")]
        listed = self.kwargs.get("column_list") or []
        return tuple(str(name) for name in (*named, *listed) if name is not None)


class Suite(Record):
    """All expectations of a project."""

    name: str
    expectations: tuple[Expectation, ...]
    id: str | None = None
    meta: dict[str, Any] | None = None
    notes: Any = None
    suite_parameters: dict[str, Any] | None = None


def save_suite(path: Path, suite: Suite) -> None:
    """Write a suite in the form that Great Expectations reads."""
    listed = [
        {"kwargs": found.kwargs, "meta": found.meta or {}, "notes": found.notes, "severity": found.severity}
        | {"type": found.type}
        for found in suite.expectations
    ]
    write_json(path, {"expectations": listed, "meta": {}, "name": suite.name, "notes": None})


def load_suite(path: Path) -> Suite:
    """The suite of a file.

    Raises:
        WorkspaceError: the file is missing or is not JSON.
        SettingsError: it is JSON, but not a suite.
    """
    content = read_json(path)
    try:
        return Suite.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise SettingsError(
            f"{path.name} is not a suite of expectations: {where} {first['msg'].lower()}",
            where=str(path),
            allowed="Great Expectations' JSON: name, and expectations with type and kwargs",
            next_step=f"correct {path.name}, or remove it to have one proposed",
        ) from error
