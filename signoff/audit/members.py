"""Which files of the workspace belong to a candidate's story, beside those that its digest binds."""

from __future__ import annotations

WORKSPACE_FILES = (
    "signoff.yaml",
    "run.yaml",
    "features.yaml",
    "dvc.yaml",
    "dvc.lock",
    "data/snapshot.json",
    "reports/validation.json",
    "reports/profile.json",
    "reports/leaderboard.json",
    "reports/metrics.json",
    "reports/model_card.md",
    "reports/environment.txt",
    "reports/candidate.json",
    "artifacts/recipe.json",
)
"""Small files that git keeps at the candidate's tag."""


def released_files(project: str) -> tuple[str, ...]:
    """The files that a release signs by their SHA-256, by path in the workspace."""
    return (*WORKSPACE_FILES, f"expectations/{project}.json")
