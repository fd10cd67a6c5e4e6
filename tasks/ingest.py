"""ingest: from the sources to one snapshot."""

from __future__ import annotations

from signoff.core.stage import StageContext, StageReport
from signoff.sources import make_snapshot


def ingest(context: StageContext) -> StageReport:
    """Write data/raw.parquet and data/snapshot.json at the run's clock.

    Raises:
        SettingsError: signoff.yaml names what cannot be used.
        DataError: the data cannot be read, or nothing can be learned from it.
    """
    snapshot = make_snapshot(context.project, context.paths, context.run.as_of, context.progress)
    left_out = sum(cut.rows for cut in snapshot.left_out)
    span = f", {snapshot.first:%Y-%m-%d} to {snapshot.last:%Y-%m-%d}" if snapshot.first and snapshot.last else ""
    warning = "".join(f"; WARNING: {mixed.sentence()}" for mixed in snapshot.mixed[:3])
    return StageReport(
        stage="ingest",
        summary=f"{snapshot.rows} rows of {len(snapshot.columns)} columns{span}; {left_out} rows left out{warning}",
        facts={
            "rows": snapshot.rows,
            "columns": len(snapshot.columns),
            "left_out": left_out,
            "mixed_columns": len(snapshot.mixed),
            "md5": snapshot.md5,
            "first": snapshot.first.isoformat() if snapshot.first else None,
            "last": snapshot.last.isoformat() if snapshot.last else None,
        },
    )
