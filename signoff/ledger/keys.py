"""Ed25519 keys (RFC 8032): the deployment's private one, and the public ones that stand in git."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from signoff.core.digest import sha256_bytes
from signoff.core.errors import IntegrityError, RefusedError, SettingsError, WorkspaceError
from signoff.core.files import make_secret, write_bytes
from signoff.core.paths import Paths

VARIABLE = "SIGNOFF_LEDGER_KEY"
"""Environment variable that may hold the private key, as PEM or as 64 hexadecimal digits."""

PublicKeys = Mapping[str, Ed25519PublicKey]
"""Public keys by their id."""


class Signer:
    """Signs with one private key."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = private.public_key()
        self.key_id = key_id(self.public)

    def sign(self, digest: str) -> str:
        """Ed25519 over the 32 bytes that `digest` (64 hexadecimal digits) names, as hexadecimal digits."""
        return self._private.sign(bytes.fromhex(digest)).hex()


def fingerprint(public: Ed25519PublicKey) -> str:
    """Hex SHA-256 of the raw public key: what people compare."""
    return sha256_bytes(public.public_bytes_raw())


def key_id(public: Ed25519PublicKey) -> str:
    """The first 16 hexadecimal digits of the fingerprint."""
    return fingerprint(public)[:16]


def signature_holds(public: Ed25519PublicKey, digest: str, signature: str) -> bool:
    """Whether `signature` (hex) is that key's over `digest` (hex)."""
    try:
        public.verify(bytes.fromhex(signature), bytes.fromhex(digest))
    except (InvalidSignature, ValueError):
        return False
    return True


def key_place(paths: Paths) -> Path:
    """Where the deployment's private key stands, unless it is in the environment."""
    return paths.state / "keys" / "ledger.key"


def open_signer(paths: Paths, *, make: bool = True) -> Signer:
    """The deployment's key: from SIGNOFF_LEDGER_KEY, else from .signoff/keys/ledger.key.

    Args:
        paths: the workspace.
        make: the ledger has no entry yet, so this key becomes its root: made where it is missing, and its public
            half put into decisions/keys/, where git keeps it.

    Raises:
        SettingsError: SIGNOFF_LEDGER_KEY holds no key.
        RefusedError: others may read the key file.
        IntegrityError: the key file is damaged, or it is missing and may not be made.
    """
    text, place = os.environ.get(VARIABLE), key_place(paths)
    if not text and not make and not place.exists():
        raise IntegrityError(
            "this deployment has no key to sign with, and the ledger's other keys are not here",
            where=str(place),
            allowed=f"a private key that the ledger trusts, there or in {VARIABLE}",
            next_step="put the key back, or make one (signoff key make) and let a trusted key introduce it",
        )
    signer = Signer(_from_variable(text)) if text else read_signer(place)
    if make:
        publish_key(signer.public, paths.public_keys / f"{signer.key_id}.pub")
    return signer


def read_signer(path: Path) -> Signer:
    """The key in a file, which is made where there is none.

    Raises:
        RefusedError: others may read it.
        IntegrityError: it is damaged.
    """
    return Signer(_from_file(path))


def key_files(folder: Path) -> dict[str, Ed25519PublicKey]:
    """All public keys of a folder by their id, whether or not they are trusted.

    A file that is no Ed25519 key, or whose name is not its key's id, is left out: what it should have
    checked is then signed by an unknown key, which verification names.
    """
    keys: dict[str, Ed25519PublicKey] = {}
    for path in sorted(folder.glob("*.pub")):
        public = read_public(path)
        if public is not None and key_id(public) == path.stem:
            keys[path.stem] = public
    return keys


def bad_key_files(folder: Path) -> tuple[Path, ...]:
    """The files of a folder of public keys that `key_files` leaves out."""
    good = key_files(folder)
    return tuple(path for path in sorted(folder.glob("*.pub")) if path.stem not in good)


def read_public(path: Path) -> Ed25519PublicKey | None:
    """The key in a PEM file; None where it holds none of ours."""
    try:
        public = load_pem_public_key(path.read_bytes())
    except (ValueError, UnsupportedAlgorithm, OSError):
        return None
    return public if isinstance(public, Ed25519PublicKey) else None


def public_pem(public: Ed25519PublicKey) -> bytes:
    """The one form of a public key in a file."""
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def publish_key(public: Ed25519PublicKey, path: Path) -> None:
    """Put a public key where git keeps it.

    Raises:
        IntegrityError: another one stands there.
    """
    known = read_public(path)
    if known is None and path.exists():
        known = read_public(path)  # another process may have put it there between the two looks
    if known is None and not path.exists():
        write_bytes(path, public_pem(public))
    elif known is None or key_id(known) != key_id(public):
        raise IntegrityError(
            "the public key file was changed", where=str(path), next_step=f"git checkout -- {path.name}, then run again"
        )


def _from_variable(text: str) -> Ed25519PrivateKey:
    text = text.strip()
    try:
        if re.fullmatch(r"[0-9a-fA-F]{64}", text):
            return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text))
        key = load_pem_private_key(text.replace("\\n", "\n").encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _no_key(SettingsError, VARIABLE) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key(SettingsError, VARIABLE)
    return key


def _from_file(path: Path) -> Ed25519PrivateKey:
    if not path.exists():
        make_key(path)
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        data = path.read_bytes()
    except OSError as error:
        raise WorkspaceError("the ledger's key cannot be read", where=str(path), got=error) from error
    if mode & 0o077:
        raise RefusedError(
            "others may read the ledger's key",
            where=str(path),
            got=f"mode {mode:04o}",
            allowed="mode 0600",
            next_step=f"chmod 600 {path}",
        )
    try:
        key = load_pem_private_key(data, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _no_key(IntegrityError, str(path)) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key(IntegrityError, str(path))
    return key


def _no_key(kind: type[SettingsError | IntegrityError], where: str) -> SettingsError | IntegrityError:
    return kind(
        "the ledger's private key is no Ed25519 key",
        where=where,
        allowed=f"PEM (PKCS #8), or in {VARIABLE} also 64 hexadecimal digits",
        next_step="put the right key back; signoff key list names those that the ledger trusts",
    )


def make_key(path: Path) -> None:
    """A new private key; of two processes at once one wins, for both."""
    key = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        make_secret(path, key)
    except OSError as error:
        raise WorkspaceError(
            "the ledger's key could not be written", where=str(path), got=error, next_step="make .signoff writable"
        ) from error
