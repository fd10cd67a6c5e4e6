"""Where the dossier of a review can be opened: exactly the bytes that the review is about."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from signoff.core.errors import WorkspaceError

if TYPE_CHECKING:
    from signoff.gates import Desk


def dossier_of(desk: Desk, digest: str) -> Path | None:
    """The dossier of a candidate as a file; None where this machine cannot get it any more.

    Always at the same kind of place, whatever became of the workspace since, and whether or not it was a drill; made
    from the workspace's own, the state database, DVC's cache or its remote.
    """
    from signoff.workspace.dossiers import find_dossier, keep_dossier

    stored = desk.store.candidate(digest)
    if stored is None:
        return desk.paths.dossier if desk.paths.dossier.is_file() else None
    expected = stored.candidate.dossier_sha256
    text = desk.store.evidence(expected)
    if text is not None:
        return keep_dossier(desk.paths, text.encode(), expected)
    try:
        return find_dossier(desk.paths, stored.tag, expected)
    except WorkspaceError:
        # A remote that is gone takes away a line of the review, not the review.
        return None
