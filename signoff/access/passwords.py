"""Passwords: argon2id with the second recommended option of RFC 9106 (3 passes, 64 MiB, 4 lanes)."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from itertools import pairwise
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from signoff.core.errors import UsageError
from signoff.core.policy import name_key

LEAST = 12
MOST = 1000
"""Longer ones are refused before they are hashed."""

FEWEST_SIGNS = 5
"""Different characters in a password: 'aaaaaaaaaaaa' and '121212121212' are of fewer."""

_WORDS = """
password passwort passw letmein welcome qwerty qwertyuiop qwertz azerty asdfgh asdfghjkl zxcvbn zxcvbnm
iloveyou admin administrator root login master monkey dragon sunshine princess football baseball superman
batman trustno changeme secret default guest signoff test testing abc abcd abcdef abcdefgh abcdefghijkl shadow
michael charlie hello freedom whatever starwars computer internet secretpassword mypassword passwordpassword
letmeinplease iloveyouforever correcthorsebatterystaple
"""
COMMON = frozenset(_WORDS.split())
"""What is left of the commonest passwords when digits and signs are taken away (after NIST SP 800-63B, 3.1.1.2)."""

_AT_ONCE = BoundedSemaphore(4)
"""Each comparison takes 64 MiB: a flood of log-ins waits in line instead of filling the memory."""

_EXTRAS = re.compile(r"[\W\d_]+")
_LEET = str.maketrans("013457@$!", "oleastasi")
_HASHER = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)


def hash_password(password: str) -> str:
    """The argon2id hash in PHC string format, salted."""
    with _AT_ONCE:
        return _HASHER.hash(_plain(password))


def matches(hashed: str | None, password: str) -> bool:
    """Whether the password is the one of the hash.

    Without a hash the work of one comparison is done all the same, so that the time taken does not tell whether an
    account exists.
    """
    against = hashed or _nobody()
    try:
        with _AT_ONCE:
            found = _HASHER.verify(against, _plain(password)[:MOST])
    except (VerificationError, InvalidHashError):
        return False
    return bool(found) and hashed is not None and len(password) <= MOST


def is_outdated(hashed: str) -> bool:
    """Whether the hash was made with other parameters than today's."""
    return _HASHER.check_needs_rehash(hashed)


def check_password(name: str, password: str) -> None:
    """Refuse a password that is guessed first.

    Raises:
        UsageError: it is short or endless, of few different characters, the name, or one of the commonest.
    """
    plain = _plain(password)
    if not LEAST <= len(plain) <= MOST:
        raise UsageError(
            "the password is too short" if len(plain) < LEAST else "the password is too long",
            got=f"{len(plain)} characters",
            allowed=f"{LEAST} to {MOST} characters",
        )
    letters = name_key(plain)
    rest = letters.replace(name_key(name), "")
    if len(name_key(name)) > 2 and len(rest) < LEAST / 2 and rest != letters:
        raise UsageError("the password is little more than the account's name", allowed="something nobody would guess")
    if len(set(letters)) < FEWEST_SIGNS or _is_row(letters):
        raise UsageError("the password repeats or counts a few characters", allowed="something nobody would guess")
    words = _EXTRAS.sub("", letters)
    leet = _EXTRAS.sub("", letters.strip("0123456789!?.,-_ ").translate(_LEET))
    if not {words, _doubled(words), leet}.isdisjoint(COMMON):
        raise UsageError("the password is one of the commonest", allowed="several words that do not belong together")


def _plain(password: str) -> str:
    """One spelling of a password whatever keyboard typed it (NIST SP 800-63B 3.1.1.2: NFKC).

    What cannot be encoded can be no password; it is compared as replaced text rather than told apart by an error.
    """
    return unicodedata.normalize("NFKC", password).encode("utf-8", "replace").decode("utf-8")


def _doubled(words: str) -> str:
    half = words[: len(words) // 2]
    return half if half * 2 == words else words


def _is_row(letters: str) -> bool:
    """Whether each character follows the one before it: 123456789012, abcdefghijkl."""
    steps = {
        (ord(right) - ord(left)) % 10 if left.isdigit() and right.isdigit() else ord(right) - ord(left)
        for left, right in pairwise(letters)
    }
    return len(steps) == 1 and steps <= {1, -1, 9, 0}


@cache
def _nobody() -> str:
    return _HASHER.hash("nobody has this password")
