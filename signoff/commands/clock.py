"""--as-of: the project's clock as a person writes it."""

from __future__ import annotations

from datetime import UTC, datetime

from signoff.core.errors import UsageError
from signoff.core.run import Request


def clock_request(text: str | None) -> Request:
    """What `--as-of TEXT` asks of a run; nothing when it was not given, the present for 'now'.

    Raises:
        UsageError: the text is no date and no date with a time.
    """
    if text is None:
        return Request()
    if text.strip().lower() == "now":
        return Request(unset_clock=True)
    return Request(as_of=parse_clock(text))


def parse_clock(text: str) -> datetime:
    """A date or a moment in ISO 8601; UTC when it names no zone."""
    try:
        moment = datetime.fromisoformat(text.strip())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        # A moment of the first or last day there is may have none in UTC.
        raise UsageError(
            "--as-of is not a date",
            got=text,
            allowed="2013-04-01, 2013-04-01T06:00 or now",
            next_step="signoff run --as-of 2013-04-01",
        ) from error
