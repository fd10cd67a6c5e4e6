"""Locks of git that nobody holds any more: a kill leaves the file behind, and git itself never takes it away."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from pathlib import Path

IN_THE_WAY = re.compile(r"Unable to create '([^'\n]+\.lock)': File exists")
SETTLED_SECONDS = 3.0
"""A lock this old that no process can own is nobody's; a younger one is waited for."""

_PROCESSES = Path("/proc")


def lock_in_the_way(said: str) -> Path | None:
    """The lock that git's message names, if one kept it from its work."""
    found = IN_THE_WAY.search(said)
    return Path(found.group(1)) if found else None


def remove_abandoned(lock: Path, root: Path) -> bool:
    """Take a lock away whose owner is dead; also true when it has gone by itself meanwhile.

    An owner is any git that works in the repository, such as one whose editor waits for a commit message. Where the
    system does not tell of its processes nothing is taken away.

    Args:
        lock: as `lock_in_the_way` gives it; relative paths are below `root`.
        root: of the repository.
    """
    place = root / lock
    # Not longer than that: where the clock went backwards a lock may be of tomorrow.
    deadline = time.monotonic() + SETTLED_SECONDS
    while (age := _age_seconds(place)) is not None and age < SETTLED_SECONDS and time.monotonic() < deadline:
        time.sleep(0.2)
    if age is None:
        return True
    if not _PROCESSES.is_dir() or any(_is_git_in(process, root) for process in _PROCESSES.iterdir()):
        return False
    with suppress(OSError):
        place.unlink(missing_ok=True)
    return not place.exists()


def _age_seconds(place: Path) -> float | None:
    try:
        return time.time() - place.stat().st_mtime
    except FileNotFoundError:
        return None


def _is_git_in(process: Path, root: Path) -> bool:
    if not process.name.isdigit():
        return False
    try:
        if not (process / "comm").read_text(encoding="utf-8", errors="replace").startswith("git"):
            return False
        return (process / "cwd").readlink().is_relative_to(root.resolve())
    except PermissionError:
        return True
    except OSError:
        return False
