"""The dossier of any candidate: exactly the bytes that it binds, wherever this workspace can get them from."""

from __future__ import annotations

from pathlib import Path

from signoff.core.digest import sha256_bytes, sha256_file
from signoff.core.files import write_bytes
from signoff.core.paths import Paths
from signoff.workspace.git import Git
from signoff.workspace.objects import is_tracked, read_tags
from signoff.workspace.pipeline import Pipeline

FOLDER = "dossiers"
"""In .signoff: copies of those that were looked at."""


def find_dossier(paths: Paths, tag: str, expected: str) -> Path | None:
    """A file that holds the dossier with this SHA-256: always a copy in .signoff, whatever it was made from.

    It is made from the workspace's own where it is that one, else from what DVC's cache or remote has for the
    candidate's tag.

    Args:
        paths: of the workspace.
        tag: of the candidate.
        expected: SHA-256 of the dossier.

    Returns:
        None where nobody here has these bytes any more.

    Raises:
        WorkspaceError: the remote cannot be read.
    """
    kept = kept_place(paths, expected)
    if kept.is_file() and sha256_file(kept) == expected:
        return kept
    if paths.dossier.is_file() and sha256_file(paths.dossier) == expected:
        return keep_dossier(paths, paths.dossier.read_bytes(), expected)
    git = Git(paths.root)
    if not is_tracked(git) or tag not in read_tags(git, tag):
        return None
    data = Pipeline(paths.root).read_at(tag, paths.dossier.relative_to(paths.root).as_posix())
    return keep_dossier(paths, data, expected) if data is not None else None


def keep_dossier(paths: Paths, data: bytes, expected: str) -> Path | None:
    """Keep a copy of these bytes, if they are the ones that are meant; where it stands."""
    if sha256_bytes(data) != expected:
        return None
    place = kept_place(paths, expected)
    if not place.is_file() or sha256_file(place) != expected:
        write_bytes(place, data)
    return place


def kept_place(paths: Paths, expected: str) -> Path:
    """Where the copy of a dossier stands, if there is one."""
    return paths.state / FOLDER / f"{expected[:16]}.html"
