"""The discussion beside a review, as it is shown."""

from __future__ import annotations

from typing import Literal

from signoff.core.discussion import Comment, spans
from signoff.core.record import Moment, Record
from signoff.store import Store


class Piece(Record):
    """A piece of a line: text, or a link."""

    text: str
    kind: Literal["text", "link"] = "text"
    to: str = ""


class ShownComment(Record):
    """One comment, line by line."""

    number: int
    actor: str
    said: Moment
    lines: tuple[tuple[Piece, ...], ...]


def discussion(store: Store, review_id: str) -> tuple[ShownComment, ...]:
    """The comments of a review, oldest first."""
    return tuple(map(shown_comment, store.comments(review_id)))


def shown_comment(comment: Comment) -> ShownComment:
    """A comment with what it names as links; whoever follows one is asked there whether they may see it."""
    lines = tuple(tuple(_pieces(line, comment.project)) for line in comment.text.split("\n"))
    return ShownComment(number=comment.number, actor=comment.actor, said=comment.said, lines=lines)


def _pieces(line: str, project: str) -> list[Piece]:
    found = []
    for span in spans(line):
        whose = span.project or project
        if span.kind == "review":
            found.append(Piece(text=span.text, kind="link", to=f"/reviews/{whose}:{span.name}"))
        elif span.kind == "run":
            found.append(Piece(text=span.text, kind="link", to=f"/runs/{whose}:{span.name}"))
        else:
            found.append(Piece(text=span.text))
    return found
