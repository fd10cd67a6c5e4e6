"""The snapshot: data/raw.parquet and the record that says what is in it."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path

import pandas as pd

from signoff.core.data import Snapshot
from signoff.core.files import write_json
from signoff.core.paths import Paths
from signoff.core.progress import Progress, Silent
from signoff.core.settings import Project
from signoff.core.tables import write_table
from signoff.sources.checks import check_rows
from signoff.sources.mixed import mixed_columns
from signoff.sources.rows import Rows, read_rows


def make_snapshot(project: Project, paths: Paths, as_of: datetime | None, progress: Progress | None = None) -> Snapshot:
    """Read the rows at the clock, check them, and write both files whole; nothing is written before all checks hold.

    Args:
        project: names sources, SQL and special columns.
        paths: of the workspace.
        as_of: the clock; the present when None.
        progress: told of each step.

    Returns:
        The record that was written.

    Raises:
        SettingsError: signoff.yaml names what cannot be used.
        DataError: the data cannot be read, or nothing can be learned from it.
        WorkspaceError: a file could not be written.
    """
    listener = progress or Silent()
    rows = read_rows(project, paths.root, as_of, progress=listener)
    listener.step("checking rows", 0.85)
    check_rows(rows.frame, project, rows.where)
    listener.step("writing the snapshot", 0.9)
    write_table(paths.raw, rows.frame)
    snapshot = _record(rows, project, as_of, paths.raw)
    write_json(paths.snapshot, snapshot.as_json())
    return snapshot


def _record(rows: Rows, project: Project, as_of: datetime | None, raw: Path) -> Snapshot:
    frame, time = rows.frame, project.data.time_column
    return Snapshot(
        md5=_md5(raw),
        rows=len(frame),
        columns={str(name): str(kind) for name, kind in frame.dtypes.items()},
        as_of=as_of,
        first=_moment(frame[time].min()) if time else None,
        last=_moment(frame[time].max()) if time else None,
        sources=rows.sources,
        left_out=rows.left_out,
        dropped=project.data.drop,
        pseudonymised=project.data.pseudonymise,
        mixed=mixed_columns(frame, project),
    )


def _moment(value: pd.Timestamp) -> datetime:
    return value.to_pydatetime()


def _md5(path: Path) -> str:
    """As DVC names a file; not a safeguard, so the weak hash does."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
