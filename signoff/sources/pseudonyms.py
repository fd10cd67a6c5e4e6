"""Pseudonyms: HMAC-SHA256 (RFC 2104) of a value under a key that never leaves the deployment.

Equal values get equal pseudonyms in all columns and snapshots of a workspace, so rows can be linked and joined;
without the key nobody can go back by trying all values.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
from pathlib import Path

import pandas as pd

from signoff.core.errors import SettingsError, WorkspaceError
from signoff.core.files import make_secret
from signoff.core.paths import Paths

VARIABLE = "SIGNOFF_PSEUDONYM_KEY"
MINIMUM_KEY_LENGTH = 16
PSEUDONYM_DIGITS = 32
"""Hex digits kept of the 64: 128 bits, so that no two values meet in practice."""


def pseudonymise(column: pd.Series, key: bytes) -> pd.Series:
    """The column with each value replaced by its pseudonym; missing stays missing."""
    distinct = column.dropna().unique()
    names = {value: hmac.new(key, _text(value), hashlib.sha256).hexdigest()[:PSEUDONYM_DIGITS] for value in distinct}
    return column.map(names).astype("str")


def pseudonym_key(root: Path) -> bytes:
    """The workspace's key: from the environment, else from .signoff/keys, where it is made on first use.

    Raises:
        SettingsError: the variable holds too short a key.
        WorkspaceError: the file cannot be made or read, or others may read it.
    """
    given = os.environ.get(VARIABLE)
    if given is not None:
        if len(given) < MINIMUM_KEY_LENGTH:
            raise SettingsError(
                f"{VARIABLE} is too short for a key",
                where="environment",
                got=f"{len(given)} characters",
                allowed=f"at least {MINIMUM_KEY_LENGTH}",
                next_step=f"export {VARIABLE}=$(openssl rand -hex 32)",
            )
        return given.encode()
    path = Paths(root).state / "keys" / "pseudonym.key"
    try:
        if not path.exists():
            make_secret(path, f"{secrets.token_hex(32)}\n".encode())
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise WorkspaceError(
                "others may read the pseudonym key", where=str(path), next_step=f"chmod 600 {path}, or replace the key"
            )
        key = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise WorkspaceError("the pseudonym key cannot be read or made", where=str(path), got=error) from error
    if len(key) < MINIMUM_KEY_LENGTH:
        raise WorkspaceError(
            "the pseudonym key was cut off",
            where=str(path),
            got=f"{len(key)} characters",
            next_step="restore the file; a new key gives new pseudonyms",
        )
    return key.encode()


def _text(value: object) -> bytes:
    """A whole number reads the same whether its column had gaps (float) or not (int)."""
    return str(int(value) if isinstance(value, float) and value.is_integer() else value).encode()
