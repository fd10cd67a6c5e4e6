"""What people say beside a review: plain text that is shown as it was written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from signoff.core.record import Moment, Record

LONGEST = 10_000
"""Characters of one comment."""

_REFERENCE = re.compile(
    r"(?<![\w/:.-])(?:(?P<project>[a-z][a-z0-9_-]{0,62}):)?"
    r"(?:(?P<review>(?:data|features|search|release|rollout|alert)-\d{1,9})|(?P<run>\d{8}T?-?\d{6}[\w-]{0,40}))(?![\w-])"
)


def even_lines(text: str) -> str:
    """A text whose lines end as everywhere here, without outer white space."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def hidden_sign(text: str, allowed: str = "\n\t") -> str | None:
    """The first character that cannot be seen, such as U+202E: a NUL, a sign that turns the text around, half a pair.

    Args:
        text: what somebody wrote.
        allowed: those that may be there nevertheless.
    """
    found = next((sign for sign in text if not sign.isprintable() and sign not in allowed), None)
    return f"U+{ord(found):04X}" if found is not None else None


def _readable(text: str) -> str:
    text = even_lines(text)
    if not text:
        raise ValueError("a comment needs some words")
    hidden = hidden_sign(text)
    if hidden is not None:
        raise ValueError(f"a comment may hold no character that cannot be seen, such as {hidden}")
    return text


class Said(Record):
    """What is asked to be kept as a comment."""

    text: Annotated[str, AfterValidator(_readable)] = Field(max_length=LONGEST)


class Comment(Said):
    """One remark on a review; never changed."""

    number: int = Field(ge=0, description="its place in the table; 0 until it is kept")
    project: str
    review: str
    actor: str
    said: Moment


class Span(Record):
    """A piece of a comment: text, or the name of a review or a run that may be followed."""

    text: str
    kind: Literal["text", "review", "run"] = "text"
    project: str | None = None
    name: str = ""


def spans(text: str) -> Iterator[Span]:
    """The pieces of a comment in order; put together they are the comment."""
    end = 0
    for found in _REFERENCE.finditer(text):
        if found.start() > end:
            yield Span(text=text[end : found.start()])
        review, run = found["review"], found["run"]
        yield Span(text=found[0], kind="review" if review else "run", project=found["project"], name=review or run)
        end = found.end()
    if end < len(text):
        yield Span(text=text[end:])
