"""The manifest of a package in the champion's place: every file by its SHA-256, so that a signature binds them all."""

from __future__ import annotations

from pathlib import Path

from signoff.core.digest import sha256_file
from signoff.core.errors import IntegrityError
from signoff.core.files import read_json, write_json

MANIFEST = "manifest.json"


def write_manifest(folder: Path) -> str:
    """Write manifest.json of all that the folder holds; its own SHA-256, which the release signs."""
    write_json(folder / MANIFEST, {"files": _digests(folder)})
    return sha256_file(folder / MANIFEST)


def manifest_digest(folder: Path) -> str | None:
    """SHA-256 of the folder's manifest; None where it has none."""
    return sha256_file(folder / MANIFEST) if (folder / MANIFEST).is_file() else None


def check_manifest(folder: Path, expected: str) -> None:
    """Hold every file of a package against the manifest that was signed.

    Args:
        folder: the champion's package.
        expected: SHA-256 of its manifest, from the release's ledger entry.

    Raises:
        IntegrityError: the manifest is missing or another one, or a file differs, is missing or was added; says which.
    """
    got = manifest_digest(folder)
    if got != expected:
        raise IntegrityError(
            "the package's manifest is not the one that was signed" if got else "the package's manifest is missing",
            where=str(folder / MANIFEST),
            got=f"sha256 {got[:16]}…" if got else None,
            allowed=f"sha256 {expected[:16]}…",
            next_step="signoff run, which installs the released package again",
        )
    signed, found = read_json(folder / MANIFEST)["files"], _digests(folder)
    for name in sorted({*signed, *found}):
        if signed.get(name) != found.get(name):
            fate = "is missing" if name not in found else "was added" if name not in signed else "is not the one signed"
            raise IntegrityError(
                f"a file of the package {fate}",
                where=str(folder / name),
                got=f"sha256 {found[name][:16]}…" if name in found else None,
                allowed=f"sha256 {signed[name][:16]}…" if name in signed else "no such file",
                next_step="signoff run, which installs the released package again",
            )


def _digests(folder: Path) -> dict[str, str]:
    """A link is named by where it points: it must not smuggle in what stands elsewhere."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = f"link to {path.readlink()}"
        elif path.is_file() and name != MANIFEST:
            found[name] = sha256_file(path)
    return found
