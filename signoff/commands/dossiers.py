"""Where the dossier of a review can be opened: exactly the bytes that the review is about."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from signoff.core.digest import sha256_file
from signoff.core.files import write_text

if TYPE_CHECKING:
    from signoff.gates import Desk

FOLDER = "dossiers"


def dossier_of(desk: Desk, digest: str) -> Path | None:
    """The dossier of a candidate as a file; None where this machine has it no more.

    The workspace's own dossier where it is that one; else a copy of what the state database keeps.
    """
    stored = desk.store.candidate(digest)
    current = desk.paths.dossier
    if stored is None:
        return current if current.is_file() else None
    expected = stored.candidate.dossier_sha256
    if current.is_file() and sha256_file(current) == expected:
        return current
    text = desk.store.evidence(expected)
    if text is None:
        return None
    kept = desk.paths.state / FOLDER / f"{expected[:16]}.html"
    if not kept.is_file() or sha256_file(kept) != expected:
        write_text(kept, text)
    return kept
