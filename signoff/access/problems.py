"""Why somebody may not come in. None of these says whether an account of a name exists."""

from __future__ import annotations

from typing import ClassVar

from signoff.core.errors import RefusedError


class LogInError(RefusedError):
    """Name and password, token or identity do not open anything."""

    http_status: ClassVar[int] = 401


class TooManyTriesError(RefusedError):
    """Too many log-ins failed; the next one has to wait."""

    http_status: ClassVar[int] = 429
