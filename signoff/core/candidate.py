"""The candidate: recipe, fitted model and evidence under one digest."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from signoff.core.digest import sha256_json
from signoff.core.record import Record


class Code(Record):
    """Which code made it."""

    commit: str
    dirty: bool = Field(description="the user's own files had uncommitted changes")
    signoff: str


class Candidate(Record):
    """What a release decision signs. Every part is named by its digest."""

    format: Literal[1] = 1
    project: str
    data_md5: str
    recipe_sha256: str
    model_sha256: str
    model_record_sha256: str = Field(description="of model.json, which names the inputs and their kinds")
    evidence_sha256: str
    dossier_sha256: str = Field(description="of dossier.html, so that what a reviewer read is what was signed")
    environment_sha256: str
    code: Code
    model_digest: str = Field(description="over recipe and model bytes alone")

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON of all parts."""
        return sha256_json(self.as_json())
