"""Files of secrets: whole, the owner's alone, and one for all who make them at once."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from signoff.core.files import make_secret


def test_of_many_who_make_it_at_once_one_wins_for_all(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "some.key"

    def made(number: int) -> bytes:
        make_secret(path, f"{number:04d}".encode() * 1000)
        return path.read_bytes()

    with ThreadPoolExecutor(16) as pool:
        seen = set(pool.map(made, range(64)))
    assert len(seen) == 1
    assert len(seen.pop()) == 4000
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [one.name for one in path.parent.iterdir()] == ["some.key"]


def test_one_that_is_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "some.key"
    make_secret(path, b"first")
    make_secret(path, b"second")
    assert path.read_bytes() == b"first"


def test_where_there_can_be_no_folder_the_system_says_so(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("no folder")
    with pytest.raises(OSError, match="keys"):
        make_secret(tmp_path / "keys" / "some.key", b"first")
    assert [one.name for one in tmp_path.iterdir()] == ["keys"]
