"""Search over everything that is kept: one bounded question a kind, in the words that people typed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Literal

from sqlalchemy import JSON, Column, ColumnElement, Select, Table, and_, cast, func, or_, select

from signoff.core.record import Record
from signoff.store.database import Database
from signoff.store.schema import candidates, comments, ledger, reviews, runs

HitKind = Literal["review", "decision", "run", "candidate", "release", "comment"]
ESCAPE = "\\"


class Hit(Record):
    """Something that contains what was looked for."""

    kind: HitKind
    project: str
    id: str
    text: str


_FIELDS: dict[HitKind, tuple[Table, str, tuple[str, ...], ColumnElement[str], str]] = {
    "review": (reviews, "id", ("subject", "cause.note", "note", "cause.actor"), reviews.c.id.desc(), ""),
    "decision": (ledger, "about", ("body.reasons", "body.actor"), ledger.c.sequence.desc(), "decision"),
    "release": (ledger, "about", ("body.tag", "body.candidate_tag"), ledger.c.sequence.desc(), "release"),
    "run": (runs, "id", ("cause.note", "message", "cause.actor"), runs.c.started.desc(), ""),
    "candidate": (candidates, "tag", ("tag",), candidates.c.number.desc(), ""),
    "comment": (comments, "review", ("text", "actor"), comments.c.id.desc(), ""),
}
"""Where it is kept, what it is called by, which parts of the record are looked through, the newest first."""


def find(database: Database, projects: Sequence[str], text: str, *, limit: int = 10) -> dict[HitKind, tuple[Hit, ...]]:
    """The newest of each kind whose name or words contain `text`, at most `limit` each; case does not matter.

    Args:
        database: of the state.
        projects: those that the asker may see.
        text: as typed; every sign stands for itself.
        limit: of each kind.
    """
    needle = " ".join(text.split())
    if not needle or "\0" in needle or not projects:
        return {}
    with database.reading() as connection:
        found: dict[HitKind, tuple[Hit, ...]] = {}
        for kind in _FIELDS:
            rows = connection.execute(_query(database, kind, projects, needle).limit(limit)).all()
            found[kind] = tuple(Hit(kind=kind, project=row[0], id=row[1], text=_words(kind, row[2])) for row in rows)
    return found


def _query(database: Database, kind: HitKind, projects: Sequence[str], needle: str) -> Select[tuple[str, str, str]]:
    table, name, fields, order, only = _FIELDS[kind]
    query = select(table.c.project, table.c[name], table.c.record).where(table.c.project.in_(projects))
    if only:
        query = query.where(table.c.kind == only)
    # A record holds its words as JSON does; whatever it does not contain, none of its fields contains.
    written = json.dumps(needle, ensure_ascii=False)[1:-1]
    parts = [_contains(database, _field(database, table.c.record, path), needle) for path in fields]
    if kind in ("review", "run", "candidate"):
        parts.append(_contains(database, table.c[name], needle))
    digest = [table.c.digest.startswith(needle.lower(), autoescape=True)] if "digest" in table.c else []
    said = and_(_contains(database, table.c.record, written), or_(*parts))
    return query.where(or_(said, *digest)).order_by(order)


def _contains(database: Database, column: ColumnElement[str], needle: str) -> ColumnElement[bool]:
    """SQLite's LIKE takes no notice of case by itself; lower() on top would copy every record."""
    signs = {sign: ESCAPE + sign for sign in (ESCAPE, "%", "_")}
    pattern = f"%{''.join(signs.get(sign, sign) for sign in needle)}%"
    return column.like(pattern, escape=ESCAPE) if database.sqlite else column.ilike(pattern, escape=ESCAPE)


def _field(database: Database, record: Column[str], path: str) -> ColumnElement[str]:
    if database.sqlite:
        return func.json_extract(record, f"$.{path}")
    # PostgreSQL takes no NUL out of JSON, and fails the whole query where one old row holds it.
    safe = func.replace(record, "\\u0000", "\\ufffd")
    return func.json_extract_path_text(cast(safe, JSON), *path.split("."))


def _words(kind: HitKind, record: str) -> str:
    """What is shown of a hit."""
    found = json.loads(record)
    if kind == "review":
        return str(found.get("subject", ""))
    if kind == "decision":
        body = found.get("body", {})
        return f"{body.get('actor', '')}, {body.get('verdict', '')}: {body.get('reasons', '')}"
    if kind == "release":
        body = found.get("body", {})
        return f"{body.get('tag', '')}, from {body.get('candidate_tag', '')}"
    if kind == "run":
        cause = found.get("cause", {})
        return f"{found.get('flow', '')} by {cause.get('actor', '')}: {cause.get('note') or found.get('message', '')}"
    if kind == "comment":
        return f"{found.get('actor', '')}: {found.get('text', '')}"
    return str(found.get("candidate", {}).get("model_digest", ""))[:12]
