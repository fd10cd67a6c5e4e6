"""Whole files or none: everything is written beside its place and renamed."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from signoff.core.errors import WorkspaceError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary name beside `path`; renamed over it when the block ends well, removed when it does not.

    Raises:
        WorkspaceError: the disk is full, or the folder may not be written.
    """
    temporary = path.with_name(f".{path.name}.{uuid4().hex[:8]}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise explain_os_error(error, path) from error
    finally:
        # Where the name cannot even be looked up there is nothing to remove, and the first error is the one to tell.
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def make_private(folder: Path) -> None:
    """Make a folder that only its owner may enter (0700); one that exists keeps the mode that somebody gave it.

    Raises:
        WorkspaceError: the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise explain_os_error(error, folder) from error


def make_secret(path: Path, content: bytes) -> None:
    """A file that its owner alone may read (0600), whole from its first byte on; one that is there stays as it is.

    Of several who make it at once one wins, for all: what counts is what can be read there afterwards.

    Raises:
        OSError: it cannot be written; the caller says what it was for.
    """
    temporary = path.with_name(f".{path.name}.{uuid4().hex[:8]}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # Not by renaming, which would put this one in the place of the first one's.
        with suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path`, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text to `path`, whole or not at all."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """Write `value` as readable JSON (sorted keys, two spaces), whole or not at all."""
    write_text(path, json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """The JSON in `path`.

    Raises:
        WorkspaceError: the file is missing or is not JSON.
    """
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise WorkspaceError(f"{path.name} is missing", where=str(path), next_step="signoff run") from error
    except (ValueError, OSError) as error:
        raise WorkspaceError(
            f"{path.name} cannot be read as JSON", where=str(path), got=error, next_step="signoff doctor"
        ) from error


def explain_os_error(error: OSError, path: Path) -> WorkspaceError:
    """What the system's refusal to write `path` means, and what to do about it."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return WorkspaceError(
            "no space is left on the disk", where=str(path), next_step="free some space, then run again"
        )
    if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
        return WorkspaceError(
            "the file may not be written", where=str(path), next_step=f"make {path.parent} writable, then run again"
        )
    return WorkspaceError("the file could not be written", where=str(path), got=error)
