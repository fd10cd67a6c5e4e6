"""Where the dossier of a review can be opened: exactly the bytes that the review is about."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from signoff.core.digest import sha256_file
from signoff.core.files import write_bytes, write_text

if TYPE_CHECKING:
    from signoff.gates import Desk

FOLDER = "dossiers"


def dossier_of(desk: Desk, digest: str) -> Path | None:
    """The dossier of a candidate as a file; None where this machine has it no more.

    Always at the same kind of place, whatever became of the workspace since, and whether or not it was a drill.
    """
    stored = desk.store.candidate(digest)
    current = desk.paths.dossier
    if stored is None:
        return current if current.is_file() else None
    expected = stored.candidate.dossier_sha256
    kept = desk.paths.state / FOLDER / f"{expected[:16]}.html"
    if kept.is_file() and sha256_file(kept) == expected:
        return kept
    if current.is_file() and sha256_file(current) == expected:
        write_bytes(kept, current.read_bytes())
        return kept
    text = desk.store.evidence(expected)
    if text is None:
        return None
    write_text(kept, text)
    return kept
