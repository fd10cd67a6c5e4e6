"""A candidate's dossier: exactly the bytes that its release review is about, locked into a sandbox."""

from __future__ import annotations

import logging
from pathlib import Path as FilePath
from typing import Annotated

from fastapi import APIRouter, Path, Response

from signoff.console.deps import CallerDep, HomeDep
from signoff.console.home import Home
from signoff.console.page import raw
from signoff.core.account import Caller, Permission
from signoff.core.digest import expect_file
from signoff.core.errors import NotFoundError, WorkspaceError
from signoff.core.paths import Paths
from signoff.store import StoredCandidate
from signoff.workspace.dossiers import find_dossier

log = logging.getLogger("signoff.console")
router = APIRouter()
SANDBOX = (
    "sandbox allow-scripts allow-popups; default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline';"
    " img-src data: blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""The dossier draws its charts by its own inline script. In a sandbox without allow-same-origin that script has no
cookie, no storage and no page of ours to reach, whatever text of the data might have made of it."""


@raw(router, "/dossier/{digest}", needs=Permission.SEE)
def dossier(home: HomeDep, caller: CallerDep, digest: Annotated[str, Path(pattern="^[0-9a-f]{64}$")]) -> Response:
    """The dossier of the candidate that has this digest, in a project that the caller sees."""
    project, candidate = _candidate(home, caller, digest)
    expected = candidate.candidate.dossier_sha256
    root = home.place(project).root
    kept = home.store_of(project).evidence(expected)
    if kept is not None:
        return _shown(kept.encode())
    place = _place(FilePath(root), candidate, expected) if root else None
    if place is None:
        raise NotFoundError(
            f"the dossier of {candidate.tag} is not on this machine",
            where=root,
            next_step="dvc remote list, then dvc fetch --all-tags in its workspace, where the remote still has it",
        )
    return _shown(expect_file(place, expected, "the dossier"))


def _shown(data: bytes) -> Response:
    return Response(data, headers={"Content-Security-Policy": SANDBOX}, media_type="text/html; charset=utf-8")


def _candidate(home: Home, caller: Caller, digest: str) -> tuple[str, StoredCandidate]:
    for place in home.seen_by(caller):
        found = home.store_of(place.name).candidate(digest)
        if found is not None:
            return place.name, found
    raise NotFoundError("no candidate of that digest can be seen", got=f"{digest[:16]}…")


def _place(root: FilePath, candidate: StoredCandidate, expected: str) -> FilePath | None:
    """A copy of it; where the remote cannot be read either, it is as little here as where it never was."""
    try:
        return find_dossier(Paths(root), candidate.tag, expected)
    except WorkspaceError as error:
        log.warning("the dossier of %s: %s", candidate.tag, error.sentence())
        return None
