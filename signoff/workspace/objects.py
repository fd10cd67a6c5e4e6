"""git's objects as bytes: tags with their messages, files as they stood at a commit. One process each, however many."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from signoff.core.errors import WorkspaceError
from signoff.core.record import Record
from signoff.workspace.git import Git

_END = "\x1e"


class TagFact(Record):
    """One tag as it stands."""

    name: str
    annotated: bool
    commit: str
    message: str

    def line(self, label: str) -> str | None:
        """What follows `LABEL: ` in the message."""
        found = [line.partition(": ")[2] for line in self.message.splitlines() if line.startswith(f"{label}: ")]
        return found[0].strip() if found else None


def is_tracked(git: Git) -> bool:
    """Whether the folder lies in a git repository, at its top or below."""
    return bool(git.run("rev-parse", "--git-dir", check=False))


def read_tags(git: Git, prefix: str) -> dict[str, TagFact]:
    """All tags whose names begin with `prefix` (flights/v), by name."""
    form = f"%(refname:strip=2)%00%(objecttype)%00%(objectname)%00%(*objectname)%00%(contents){_END}"
    found: dict[str, TagFact] = {}
    for record in git.run("for-each-ref", f"refs/tags/{prefix}*", f"--format={form}").split(_END):
        if not record.strip():
            continue
        name, kind, own, peeled, message = record.lstrip("\n").split("\x00", 4)
        found[name] = TagFact(name=name, annotated=kind == "tag", commit=peeled or own, message=message.strip())
    return found


def read_objects(git: Git, names: Sequence[str]) -> tuple[bytes | None, ...]:
    """The bytes of objects such as `flights/v1:signoff.yaml`, in order; None where there is none of that name.

    Raises:
        WorkspaceError: git failed.
    """
    if not names:
        return ()
    asked = "".join(f"{name}\n" for name in names).encode()
    try:
        done = subprocess.run(
            ["git", "cat-file", "--batch"], cwd=git.root, input=asked, capture_output=True, timeout=120, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise WorkspaceError("git cat-file failed", where=str(git.root), got=error) from error
    rest = done.stdout
    found: list[bytes | None] = []
    for _ in names:
        header, _, rest = rest.partition(b"\n")
        words = header.rsplit(b" ", 2)
        if len(words) == 3 and words[2].isdigit():
            size = int(words[2])
            found.append(rest[:size])
            rest = rest[size + 1 :]
        else:
            found.append(None)
    return tuple(found)


def read_files(git: Git, revision: str, paths: Sequence[str]) -> dict[str, bytes]:
    """The files of the workspace that stood in git at a revision, by path; those that did not are left out."""
    below = git.run("rev-parse", "--show-prefix", check=False)
    found = read_objects(git, [f"{revision}:{below}{path}" for path in paths])
    return {path: data for path, data in zip(paths, found, strict=True) if data is not None}
