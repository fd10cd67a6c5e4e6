"""One run at a time in a workspace. The kernel frees the lock when its holder dies, so none is ever stale."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from signoff.core.errors import WorkspaceBusyError
from signoff.core.files import explain_os_error
from signoff.core.record import now

POLL_SECONDS = 0.2
GRACE_SECONDS = 0.5
"""Nobody is refused sooner: who asks for the holder has the lock, shared, for a moment."""


@contextmanager
def workspace_lock(state: Path, purpose: str, actor: str, wait_seconds: float = 0.0) -> Iterator[None]:
    """Hold `.signoff/run.lock` while the block runs.

    Args:
        state: the workspace's `.signoff` folder.
        purpose: what the holder does, for whoever is told to wait.
        actor: who started it.
        wait_seconds: how long to wait for another holder; 0 refuses within GRACE_SECONDS.

    Raises:
        WorkspaceBusyError: somebody else holds it; says who, since when and which process.
    """
    path = state / "run.lock"
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise explain_os_error(error, path) from error
    try:
        _acquire(file, path, time.monotonic() + max(wait_seconds, GRACE_SECONDS))
        _name_holder(file, path, purpose, actor)
        yield
        os.ftruncate(file, 0)
    finally:
        os.close(file)


def holder_of(state: Path) -> dict[str, str] | None:
    """Who holds the workspace now, or None."""
    path = state / "run.lock"
    if not path.exists():
        return None
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _read_holder(path)
    return None


def _name_holder(file: int, path: Path, purpose: str, actor: str) -> None:
    holder = {"pid": os.getpid(), "purpose": purpose, "actor": actor, "since": now().isoformat()}
    try:
        os.ftruncate(file, 0)
        os.pwrite(file, json.dumps(holder).encode(), 0)
    except OSError as error:
        raise explain_os_error(error, path) from error


def _acquire(file: int, path: Path, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if time.monotonic() >= deadline:
                raise _busy(_read_holder(path), path) from error
            time.sleep(POLL_SECONDS)


def _read_holder(path: Path) -> dict[str, str]:
    try:
        holder: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return {}
    return holder


def _busy(holder: dict[str, str], path: Path) -> WorkspaceBusyError:
    who = (
        f"process {holder['pid']} of {holder['actor']}: {holder['purpose']}, since {holder['since']}"
        if holder
        else "another run"
    )
    return WorkspaceBusyError(
        "another run holds this workspace",
        where=str(path),
        got=who,
        next_step="wait for it (signoff run --wait 600) or end it",
    )
