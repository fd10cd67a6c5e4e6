"""What was released by the decisions on a review."""

from __future__ import annotations

from collections.abc import Sequence

from signoff.core.decision import Entry, Release
from signoff.store import Store
from signoff.store.overview import newest_releases


def released_by(store: Store, project: str, entries: Sequence[Entry]) -> Release | None:
    """The newest release that stands on one of these entries; None where none does."""
    decisions = {entry.hash for entry in entries}
    return next((one for one in newest_releases(store.database, project) if one.decision in decisions), None)
