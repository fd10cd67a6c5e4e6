"""`signoff serve` and `signoff score`: the champion answers, after everything about it was verified."""

from __future__ import annotations

import os
import socket
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from signoff.commands.endpoint import LISTENER, READY
from signoff.core.environment import be_quiet
from signoff.core.errors import IntegrityError, NotFoundError
from signoff.core.paths import Paths
from signoff.core.settings import Project
from signoff.core.settings_file import load_project

if TYPE_CHECKING:
    from models.serving import Parcel
    from signoff.core.decision import Release


def serve(workspace: Path, port: int | None = None, host: str | None = None) -> int:
    """Serve the champion until Ctrl-C or SIGTERM.

    Args:
        workspace: root of the workspace.
        port: 0 takes a free one; the project's when None.
        host: address to listen on; the project's when None.

    Raises:
        NotFoundError: nothing has been released.
        IntegrityError: the ledger, the decision or a byte of the package is not as it was signed.
        ServiceError: the port is taken.
    """
    be_quiet()
    from models.serving.server import listen, serve_parcel

    project, paths = load_project(workspace), Paths(workspace.resolve())
    host = project.serving.host if host is None else host
    port = project.serving.port if port is None else port
    parcel, release = open_champion(project, paths)
    listener = _handed_down()
    if listener is None:
        listen(host, port).close()
    settings = parcel.serving.model_copy(update={"max_rows": project.serving.max_rows, "release": release.tag})

    def ready(url: str) -> None:
        sys.stdout.write(
            f"{release.tag} answers on {url}  (candidate {parcel.digest[:12]}, model {parcel.model.digest[:12]}, "
            f"approved by {' and '.join(parcel.entry.decision().by)}); Ctrl-C ends it\n"
        )
        sys.stdout.flush()
        if os.environ.get(READY):
            Path(os.environ[READY]).touch(mode=0o600)

    serve_parcel(replace(parcel, serving=settings), host, port, paths.predictions, ready, listener)
    return 0


def _handed_down() -> socket.socket | None:
    """The socket of a supervisor, on which the endpoint before this one may still be answering."""
    number = os.environ.get(LISTENER)
    return socket.socket(fileno=int(number)) if number else None


def score(workspace: Path, source_file: Path, target_file: Path) -> dict[str, Any]:
    """Let the champion answer every row of a CSV or Parquet file. Nothing is written to the prediction log.

    Returns:
        rows, source, target, tag, digest, model.

    Raises:
        NotFoundError: nothing has been released.
        IntegrityError: the ledger, the decision or a byte of the package is not as it was signed.
        DataError: the file cannot be read or does not fit the model.
    """
    be_quiet()
    from models.serving.batch import score_table
    from signoff.sources.given import form_of

    project, paths = load_project(workspace), Paths(workspace.resolve())
    parcel, release = open_champion(project, paths)
    form = form_of(source_file, project.data) if source_file.is_file() else None
    scored = score_table(parcel, source_file, target_file, form)
    return {
        "rows": scored.rows,
        "source": str(source_file),
        "target": str(target_file),
        "tag": release.tag,
        "digest": parcel.digest,
        "model": parcel.model.digest,
    }


def open_champion(project: Project, paths: Paths) -> tuple[Parcel, Release]:
    """The champion's package and its release, after the whole ledger and every byte of the package were verified.

    Raises:
        NotFoundError: nothing has been released.
        IntegrityError: an entry of the ledger or a part of the package is not as it was signed.
    """
    from models.serving import open_parcel
    from signoff.ledger import champion, expect_whole
    from signoff.store import open_store
    from tasks.releasing import check_champion

    with closing(open_store(project, paths)) as store:
        expect_whole(paths, store)
        release = champion(paths, store)
    if release is None:
        raise NotFoundError(
            "nothing has been released yet, so there is nothing to serve", next_step="signoff review list"
        )
    if not paths.champion.is_dir():
        raise IntegrityError(
            f"the package of {release.tag} is missing", where=str(paths.champion), next_step="signoff run"
        )
    parcel = open_parcel(paths.champion, paths.public_keys)
    if (parcel.digest, parcel.entry.hash) != (release.digest, release.decision):
        raise IntegrityError(
            f"the champion's package is not {release.tag}",
            where=str(paths.champion),
            got=f"candidate {parcel.digest[:16]}…, decision {parcel.entry.hash[:16]}…",
            allowed=f"candidate {release.digest[:16]}…, decision {release.decision[:16]}…",
            next_step="signoff verify",
        )
    if not check_champion(paths, release):
        sys.stderr.write(
            f"note: {release.tag} was released before the ledger named its package: model, recipe and decision were "
            "checked, its code and its reference could not be\n"
        )
    return parcel, release
