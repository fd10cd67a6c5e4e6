"""What a stage function is given and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from signoff.core.paths import Paths
from signoff.core.progress import Progress, Silent
from signoff.core.record import Record
from signoff.core.run import RunSettings, load_run_settings
from signoff.core.settings import Project
from signoff.core.settings_file import load_project

STAGES = ("ingest", "validate", "prepare", "search", "fit", "evaluate", "package")


@dataclass(frozen=True)
class StageContext:
    """One workspace as a stage sees it."""

    paths: Paths
    project: Project
    run: RunSettings
    progress: Progress = field(default_factory=Silent)


class StageReport(Record):
    """What a stage did: one sentence, and a few facts for screens and `--json`."""

    stage: str
    summary: str
    facts: dict[str, str | float | int | bool | None] = {}


def open_context(root: Path, progress: Progress | None = None) -> StageContext:
    """Read signoff.yaml and run.yaml of the workspace at `root`.

    Raises:
        SettingsError: one of them says something that is not allowed.
    """
    paths = Paths(root)
    return StageContext(paths, load_project(root), load_run_settings(paths.run), progress or Silent())
