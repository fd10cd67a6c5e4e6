"""What the console signs for itself: cookies, form tokens, flash messages. Its key is not the ledger's."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from pathlib import Path

from itsdangerous import BadSignature, TimestampSigner

from signoff.core.files import make_secret

KEY_BYTES = 32


class Seal:
    """Signs with one key, a purpose each, so that a cookie of one kind is never taken for another."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sign(self, purpose: str, text: str) -> str:
        """`text` with the present and a signature."""
        return self._signer(purpose).sign(text).decode()

    def read(self, purpose: str, signed: str | None, max_age: float | None = None) -> str | None:
        """The text of `sign`; None when it was changed, is for another purpose, or is older than `max_age` seconds."""
        if not signed:
            return None
        try:
            found: bytes = self._signer(purpose).unsign(signed, max_age=None if max_age is None else int(max_age))
            return found.decode()
        except (BadSignature, UnicodeError):
            return None

    def token(self, purpose: str, secret: str) -> str:
        """A form token for `secret` (a session's id). Masked anew each time, so that compressed pages do not
        give it away byte by byte (the BREACH attack, Gluck, Harris and Prado 2013).
        """
        mask = secrets.token_bytes(KEY_BYTES)
        plain = self._mac(purpose, secret)
        return base64.urlsafe_b64encode(mask + bytes(a ^ b for a, b in zip(mask, plain, strict=True))).decode()

    def fits(self, token: str | None, purpose: str, secret: str) -> bool:
        """Whether `token` was made for this purpose and secret; compared in constant time."""
        try:
            raw = base64.urlsafe_b64decode((token or "").encode("ascii"))
        except ValueError:
            return False
        if len(raw) != 2 * KEY_BYTES:
            return False
        plain = bytes(a ^ b for a, b in zip(raw[:KEY_BYTES], raw[KEY_BYTES:], strict=True))
        return hmac.compare_digest(plain, self._mac(purpose, secret))

    def _mac(self, purpose: str, secret: str) -> bytes:
        return hmac.digest(self._key, f"token:{purpose}:{secret}".encode(), "sha256")

    def _signer(self, purpose: str) -> TimestampSigner:
        return TimestampSigner(self._key, salt=f"signoff.console.{purpose}", digest_method=hashlib.sha256)


def open_seal(path: Path) -> Seal:
    """The seal of a deployment; its key is made at the first use, readable by its owner alone.

    Raises:
        OSError: the folder cannot be written.
    """
    if not path.exists():
        make_secret(path, secrets.token_bytes(KEY_BYTES))
    key = path.read_bytes()
    if len(key) < KEY_BYTES:
        # Cut off: a new one only logs everybody out.
        path.unlink(missing_ok=True)
        make_secret(path, secrets.token_bytes(KEY_BYTES))
        key = path.read_bytes()
    return Seal(key)
