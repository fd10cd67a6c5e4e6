"""What the pages of several lists say alike: what they are narrowed by, and how long something lasted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, TypeVar
from urllib.parse import quote

from pydantic import BeforeValidator

from signoff.core.record import Record

T = TypeVar("T")
Chosen = Annotated[T | None, BeforeValidator(lambda given: given or None)]
"""What a list is narrowed by; a form sends an empty text where nothing was chosen."""


class Listed(Record):
    """What every page of a list tells beside its rows."""

    projects: tuple[str, ...]
    project: str | None
    total: int
    offset: int
    limit: int
    where: str
    """The address of the same list, up to the number of rows before a page."""


def narrowed(path: str, choices: Mapping[str, str | None]) -> str:
    """The address of a list with what it is narrowed by, ready for one more such as `offset=50`."""
    return f"{path}?" + "".join(f"{name}={quote(value)}&" for name, value in choices.items() if value)


def lasted(seconds: float) -> str:
    """A length of time as people say it: '0.4 s', '12 s', '3 min 20 s', '2 h 5 min', '3 d 4 h'."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for size, unit, smaller_size, smaller in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // smaller_size
            return f"{whole // size} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{whole} s"
