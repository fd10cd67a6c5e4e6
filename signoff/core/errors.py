"""The errors a user may meet: each says what, where, got, allowed and the next command."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar


class SignoffError(Exception):
    """Base of every error that a person may be shown.

    Args:
        what: one sentence that names the fact, not the code.
        where: file, line, row or column, as a user would look for it.
        got: the value that was met.
        allowed: what would have been accepted.
        next_step: the command to type or the thing to change now.
    """

    exit_code: ClassVar[int] = 5
    http_status: ClassVar[int] = 500

    inner: bool = False
    """Whether `where` and `got` tell of the machinery behind a service: its log may say them, its answers may not."""

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        got: object = None,
        allowed: str | None = None,
        next_step: str | None = None,
    ) -> None:
        self.what = what
        self.where = where
        self.got = None if got is None else str(got)
        self.allowed = allowed
        self.next_step = next_step
        super().__init__(self.sentence())

    def sentence(self) -> str:
        """All parts in one line, for logs and for Python users."""
        parts = [self.what.rstrip(".")]
        labels = {"where": self.where, "got": self.got, "allowed": self.allowed, "next": self.next_step}
        parts += [f"{label}: {text}" for label, text in labels.items() if text]
        return "; ".join(parts)

    def as_record(self) -> dict[str, str]:
        """The parts as a flat mapping, for `--json` and for HTTP bodies."""
        parts = {
            "error": type(self).__name__,
            "what": self.what,
            "where": self.where,
            "got": self.got,
            "allowed": self.allowed,
            "next": self.next_step,
        }
        return {key: value for key, value in parts.items() if value}


class UsageError(SignoffError):
    """The command line was used wrongly."""

    exit_code = 2
    http_status = 400


class SettingsError(SignoffError):
    """signoff.yaml, features.yaml or an environment variable says something that is not allowed."""

    exit_code = 2
    http_status = 400


class DataError(SignoffError):
    """The data cannot be read or cannot be used for the question."""

    exit_code = 5
    http_status = 422


class WorkspaceError(SignoffError):
    """git, DVC or the file system refused."""


class WorkspaceBusyError(WorkspaceError):
    """Another run holds the workspace."""

    exit_code = 5
    http_status = 409


class RefusedError(SignoffError):
    """A policy, a signature or a digest forbids this."""

    exit_code = 4
    http_status = 403


class IntegrityError(RefusedError):
    """Bytes are not those that were signed."""


class ConflictError(RefusedError):
    """Somebody else was first, or what was decided on has changed."""

    http_status = 409


class NotFoundError(SignoffError):
    """A name that was given does not exist here."""

    exit_code = 2
    http_status = 404


class StageError(SignoffError):
    """A stage failed; the cause is chained."""


class ServiceError(SignoffError):
    """A server that we need did not start or does not answer."""

    http_status = 503


def did_you_mean(got: str, allowed: Iterable[str]) -> str:
    """The end of a sentence: the nearest allowed name, or all of them."""
    names = sorted(allowed)
    near = get_close_matches(got, names, n=1, cutoff=0.6)
    listing = ", ".join(names)
    return f"{listing} (did you mean {near[0]!r}?)" if near else listing
