"""A folder that is gone when its maker is: removed at the end, or by the next one where a kill left it."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from signoff.core.errors import WorkspaceError
from signoff.core.files import explain_os_error

FOLDER, LOCK = "scratch", "maker.lock"


@contextmanager
def scratch_folder(state: Path) -> Iterator[Path]:
    """A new folder below `.signoff/scratch` for as long as the block runs.

    Raises:
        WorkspaceError: it cannot be made.
    """
    sweep_scratch(state)
    folder = state / FOLDER / uuid4().hex
    try:
        folder.mkdir(parents=True)
        # The kernel frees the lock when its holder dies, so that the next sweep can tell.
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise explain_os_error(error, folder) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def sweep_scratch(state: Path) -> int:
    """Remove the folders whose makers are dead; how many there were."""
    swept = 0
    for folder in sorted((state / FOLDER).glob("*")):
        if not folder.is_dir() or _alive(folder):
            continue
        shutil.rmtree(folder, ignore_errors=True)
        if folder.exists():
            raise WorkspaceError(
                "what a killed drill left behind cannot be removed", where=str(folder), next_step="remove the folder"
            )
        swept += 1
    return swept


def _alive(folder: Path) -> bool:
    try:
        lock = os.open(folder / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False
