"""A candidate's dossier: exactly the bytes that its release review is about, locked into a sandbox."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import Annotated

import yaml
from fastapi import APIRouter, Path, Response

from signoff.console.deps import CallerDep, HomeDep
from signoff.console.home import Home
from signoff.console.page import raw
from signoff.core.account import Caller, Permission
from signoff.core.digest import expect_file, sha256_file
from signoff.core.errors import NotFoundError
from signoff.core.paths import Paths
from signoff.store import StoredCandidate
from signoff.workspace.git import Git
from signoff.workspace.objects import is_tracked, read_files

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
            next_step="dvc fetch --all-tags in its workspace brings old dossiers from the remote",
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
    """The file in the workspace, or in DVC's cache under the name that the candidate's tag gives it."""
    current = Paths(root).dossier
    if current.is_file() and sha256_file(current) == expected:
        return current
    git = Git(root)
    lock = read_files(git, candidate.tag, ["dvc.lock"]).get("dvc.lock") if is_tracked(git) else None
    outs = yaml.safe_load(lock)["stages"]["evaluate"]["outs"] if lock else []
    wanted = current.relative_to(root).as_posix()
    md5 = next((str(out.get("md5", "")) for out in outs if out.get("path") == wanted), "")
    cached = root / ".dvc" / "cache" / "files" / "md5" / md5[:2] / md5[2:]
    return cached if len(md5) == 32 and md5.isalnum() and cached.is_file() else None
