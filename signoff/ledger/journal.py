"""The ledger as files: decisions/NNNN-decision.json and NNNN-release.json, each exactly one entry."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from pydantic import ValidationError

from signoff.core.decision import Entry, EntryKind
from signoff.core.errors import IntegrityError, WorkspaceError
from signoff.core.files import write_bytes

_NAME = re.compile(rf"^(\d{{4,}})-({'|'.join(get_args(EntryKind))})\.json$")


@dataclass(frozen=True)
class EntryFile:
    """One file as it stands."""

    path: Path
    sequence: int
    kind: str
    data: bytes

    def entry(self) -> Entry | None:
        """The entry, or None where the file holds none, or not in the one form in which it is written.

        The form counts too: a key that stands twice would show a person something else than the parser sees.
        """
        try:
            entry = Entry.model_validate_json(self.data)
        except ValidationError:
            return None
        return entry if entry_bytes(entry) == self.data else None


def entry_bytes(entry: Entry) -> bytes:
    """The one form of an entry on disk: sorted keys, two spaces, UTF-8, a line end."""
    return (json.dumps(entry.as_json(), sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def file_of(folder: Path, sequence: int, kind: str) -> Path:
    """Where an entry stands."""
    return folder / f"{sequence:04d}-{kind}.json"


def write_entry(folder: Path, entry: Entry) -> Path:
    """Write an entry's file, unless it is there already; on disk, name and all, when this returns.

    Raises:
        IntegrityError: another file stands in its place.
        WorkspaceError: the file cannot be written.
    """
    path, data = file_of(folder, entry.sequence, entry.kind), entry_bytes(entry)
    if not path.exists():
        write_bytes(path, data)
        _sync_folder(folder)
    elif path.read_bytes() != data:
        raise IntegrityError(
            "the decision's file holds something else than the ledger", where=str(path), next_step="signoff verify"
        )
    return path


def anchor_line(entry: Entry | None) -> str:
    """What a git tag says of the newest entry: `Ledger: NUMBER HASH`."""
    return f"Ledger: {entry.sequence} {entry.hash}" if entry is not None else "Ledger: 0"


def newest_file(folder: Path) -> Entry | None:
    """The entry of the highest number among the files, where it can be read."""
    files = [(int(name[1]), path, name[2]) for path in folder.glob("*.json") if (name := _NAME.match(path.name))]
    if not files:
        return None
    number, path, kind = max(files)
    return EntryFile(path, number, kind, _bytes_of(path)).entry()


def write_pointer(path: Path, entry: Entry) -> None:
    """Write decisions/release.json: the approving entry again, under the name on which packaging depends."""
    data = entry_bytes(entry)
    if not path.exists() or path.read_bytes() != data:
        write_bytes(path, data)
        _sync_folder(path.parent)


def read_pointer(path: Path) -> Entry | None:
    """The entry in decisions/release.json; None where there is no such file.

    Raises:
        IntegrityError: the file holds no entry in the form in which it is written.
    """
    if not path.exists():
        return None
    entry = EntryFile(path, 0, "decision", _bytes_of(path)).entry()
    if entry is None:
        raise IntegrityError("the release decision was edited", where=str(path), next_step="signoff verify")
    return entry


def entry_files(folder: Path) -> tuple[EntryFile, ...]:
    """All entries' files in the order of their numbers."""
    found = [(path, _NAME.match(path.name)) for path in folder.glob("*.json")]
    files = [EntryFile(path, int(name[1]), name[2], _bytes_of(path)) for path, name in found if name]
    return tuple(sorted(files, key=lambda file: (file.sequence, file.kind)))


def key_entry_files(folder: Path) -> tuple[EntryFile, ...]:
    """The first entry's file and those of the changes of keys, in order: all that says whom a ledger trusts."""
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    found = sorted((int(name[1]), name[2], name[0]) for name in map(_NAME.match, names) if name)
    wanted = [one for index, one in enumerate(found) if index == 0 or one[1] == "key"]
    return tuple(EntryFile(folder / name, sequence, kind, _bytes_of(folder / name)) for sequence, kind, name in wanted)


def numbers(folder: Path) -> frozenset[int]:
    """The sequence numbers that have a file."""
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return frozenset(int(name[1]) for name in map(_NAME.match, names) if name)


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise WorkspaceError("a decision's file cannot be read", where=str(path), got=error) from error


def _sync_folder(folder: Path) -> None:
    """A rename is on disk only when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
