"""Errors that only the console meets, and how every error becomes a page or a JSON body."""

from __future__ import annotations

from typing import ClassVar

from signoff.core.errors import RefusedError, SignoffError
from signoff.core.record import Record


class LoginNeededError(RefusedError):
    """Nobody has proved who asks."""

    http_status = 401


class NotAllowedError(RefusedError):
    """Who asks is known, and may not do this."""


class ForgedError(RefusedError):
    """The request does not come from a page of ours: no token, or another session's."""


class TooLargeError(SignoffError):
    """The body is larger than the console takes."""

    exit_code: ClassVar[int] = 2
    http_status: ClassVar[int] = 413


class InvalidError(SignoffError):
    """A field is missing or says what is not allowed."""

    exit_code: ClassVar[int] = 2
    http_status: ClassVar[int] = 422


class Problem(Record):
    """Why a request was not answered: what, where, what was got, what is allowed, what to do next."""

    error: str
    what: str
    where: str | None = None
    got: str | None = None
    allowed: str | None = None
    next: str | None = None


def problem_of(error: SignoffError) -> Problem:
    """The parts of an error as its caller may know them."""
    # Where it failed on our side may name the database, its user and its host: that is for the log alone.
    ours = error.inner or error.http_status >= 500
    return Problem(
        error=type(error).__name__,
        what=error.what,
        where=None if ours else error.where,
        got=None if ours else error.got,
        allowed=error.allowed,
        next=error.next_step,
    )
