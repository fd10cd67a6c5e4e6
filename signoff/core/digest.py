"""Canonical JSON and SHA-256: the one way in which Signoff names bytes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from signoff.core.errors import IntegrityError

CHUNK_BYTES = 1 << 20


def canonical_json(value: Any) -> bytes:
    """Sorted keys, no white space, UTF-8, no NaN: the same value always gives the same bytes.

    Raises:
        ValueError: a float is NaN or infinite, which JSON cannot say.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def sha256_bytes(data: bytes) -> str:
    """Hex SHA-256 of `data`."""
    return hashlib.sha256(data).hexdigest()


def sha256_json(value: Any) -> str:
    """Hex SHA-256 of the canonical JSON of `value`."""
    return sha256_bytes(canonical_json(value))


def sha256_file(path: Path) -> str:
    """Hex SHA-256 of a file, read in pieces of 1 MiB."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def model_digest(recipe_sha256: str, model_sha256: str) -> str:
    """The digest over recipe and model bytes alone: the same inputs give it again."""
    return sha256_json({"model": model_sha256, "recipe": recipe_sha256})


def expect_file(path: Path, expected: str, what: str) -> bytes:
    """The bytes of `path`, after checking them; nothing is parsed or unpickled before this.

    Raises:
        IntegrityError: the file is missing or its SHA-256 is not `expected`.
    """
    if not path.is_file():
        raise IntegrityError(f"{what} is missing", where=str(path), next_step="signoff verify")
    data = path.read_bytes()
    got = sha256_bytes(data)
    if got != expected:
        raise IntegrityError(
            f"{what} is not the one that was signed",
            where=str(path),
            got=f"sha256 {got[:16]}…",
            allowed=f"sha256 {expected[:16]}…",
            next_step="signoff verify",
        )
    return data
