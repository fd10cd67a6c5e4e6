"""Which files of the workspace belong to a candidate's story, beside those that its digest binds."""

from __future__ import annotations

from signoff.audit.verify import FILES


def released_files(project: str) -> tuple[str, ...]:
    """The files that a release signs by their SHA-256, by path in the workspace, as git keeps them."""
    return tuple(path.replace("PROJECT", project) for path in FILES.values())
