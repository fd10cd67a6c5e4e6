"""What a dossier is about: the facts beside the evidence."""

from __future__ import annotations

from signoff.core.data import Profile, Snapshot
from signoff.core.record import Record
from signoff.core.search import ModelRecord, Recipe
from signoff.core.settings import Project


class Subject(Record):
    """One model of one project, made from one snapshot."""

    project: Project
    recipe: Recipe
    model: ModelRecord
    snapshot: Snapshot
    profile: Profile
    signoff: str
    """Signoff's version."""
