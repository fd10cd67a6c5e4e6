"""Lists over every project of a database, a page at a time: ten thousand reviews must not slow the tenth."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select

from signoff.core.decision import Entry, GateName, Review, ReviewState
from signoff.core.policy import name_key
from signoff.core.record import Record
from signoff.store.database import Database
from signoff.store.facts import seat_of_name, seat_of_role
from signoff.store.parts import from_text
from signoff.store.schema import acts, asked, ledger, reviews

Order = Literal["newest", "due"]


class Wanted(Record):
    """Which reviews a list shows."""

    projects: tuple[str, ...]
    states: tuple[ReviewState, ...] = ()
    gates: tuple[GateName, ...] = ()


class Page(Record):
    """A part of a list, and how long the list is."""

    reviews: tuple[Review, ...]
    total: int


def list_reviews(
    database: Database, wanted: Wanted, *, order: Order = "newest", limit: int = 50, offset: int = 0
) -> Page:
    """Reviews of several projects, newest first or by when they end by themselves; `limit` of them from `offset` on.

    Raises:
        IntegrityError: a review that would be shown cannot be read.
    """
    return _page(database, _conditions(wanted), order, limit, offset)


def list_waiting(
    database: Database,
    roles_in: Mapping[str, Sequence[str]],
    name: str,
    *,
    mine: bool = True,
    limit: int = 50,
    offset: int = 0,
) -> Page:
    """Open reviews that this person may answer by role or as a stand-in (`mine`), or those that others must.

    The policy says in the end whose answer counts (four eyes, dates of a stand-in): this narrows down.

    Args:
        database: of the state.
        roles_in: the person's roles in each project that is shown.
        name: the account's name.
        mine: those that wait for this person, else the others.
        limit: reviews in one page.
        offset: reviews before it.
    """
    seated = _seated(roles_in, name)
    conditions = _conditions(Wanted(projects=tuple(roles_in), states=(ReviewState.OPEN,)))
    return _page(database, [*conditions, seated if mine else ~seated], "due", limit, offset)


def entries_by(
    database: Database, name: str, projects: Collection[str], *, limit: int = 20
) -> tuple[tuple[str, Entry], ...]:
    """The newest decisions of one person, each with its project."""
    query = (
        select(acts.c.project, ledger.c.record)
        .join(ledger, and_(ledger.c.project == acts.c.project, ledger.c.sequence == acts.c.sequence))
        .where(acts.c.actor == name_key(name)[:200], acts.c.project.in_(projects))
        .order_by(acts.c.moment.desc(), acts.c.project, acts.c.sequence.desc())
        .limit(limit)
    )
    with database.reading() as connection:
        rows = connection.execute(query).all()
    return tuple((row.project, from_text(Entry, row.record, "a ledger row", database)) for row in rows)


def entries_about(database: Database, about: Collection[tuple[str, str]]) -> dict[tuple[str, str], tuple[Entry, ...]]:
    """The decisions on several reviews at once, each named by project and id; in order."""
    found: dict[tuple[str, str], list[Entry]] = {one: [] for one in about}
    by_project: dict[str, list[str]] = {}
    for project, identity in about:
        by_project.setdefault(project, []).append(identity)
    if not by_project:
        return {}
    wanted = or_(*(and_(ledger.c.project == name, ledger.c.about.in_(ids)) for name, ids in by_project.items()))
    query = select(ledger.c.project, ledger.c.about, ledger.c.record).where(wanted, ledger.c.kind == "decision")
    with database.reading() as connection:
        rows = connection.execute(query.order_by(ledger.c.project, ledger.c.sequence)).all()
    for row in rows:
        found[row.project, row.about].append(from_text(Entry, row.record, "a ledger row", database))
    return {one: tuple(entries) for one, entries in found.items()}


def ambiguous_ids(database: Database, ids: Collection[str], projects: Collection[str]) -> frozenset[str]:
    """Those of the ids that more than one of these projects has."""
    query = (
        select(reviews.c.id)
        .where(reviews.c.id.in_(ids), reviews.c.project.in_(projects))
        .group_by(reviews.c.id)
        .having(func.count() > 1)
    )
    with database.reading() as connection:
        return frozenset(connection.execute(query).scalars())


def earlier_reviews(database: Database, review: Review, *, limit: int = 12) -> tuple[Review, ...]:
    """The reviews of the same gate before this one, the newest first."""
    number = int(review.id.rpartition("-")[2])
    query = select(reviews.c.record).where(
        reviews.c.project == review.project, reviews.c.gate == review.gate, reviews.c.number < number
    )
    with database.reading() as connection:
        texts = connection.execute(query.order_by(reviews.c.number.desc()).limit(limit)).scalars().all()
    return tuple(from_text(Review, text, "a review", database) for text in texts)


def later_review(database: Database, review: Review) -> Review | None:
    """The newest review of the same gate after this one."""
    number = int(review.id.rpartition("-")[2])
    query = select(reviews.c.record).where(
        reviews.c.project == review.project, reviews.c.gate == review.gate, reviews.c.number > number
    )
    with database.reading() as connection:
        text = connection.execute(query.order_by(reviews.c.number.desc()).limit(1)).scalar()
    return from_text(Review, text, "a review", database) if text is not None else None


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [reviews.c.project.in_(wanted.projects)]
    if wanted.states:
        found.append(reviews.c.state.in_([state.value for state in wanted.states]))
    if wanted.gates:
        found.append(reviews.c.gate.in_(wanted.gates))
    return found


def _seated(roles_in: Mapping[str, Sequence[str]], name: str) -> ColumnElement[bool]:
    """Projects with the same roles are asked about together."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for project, roles in roles_in.items():
        groups.setdefault(tuple(sorted(roles)), []).append(project)
    by_role = [
        and_(
            asked.c.project.in_(projects),
            or_(*(asked.c.seats.contains(seat_of_role(r), autoescape=True) for r in roles)),
        )
        for roles, projects in groups.items()
        if roles
    ]
    return or_(false(), *by_role, _has_seat(seat_of_name(name)))


def _has_seat(seat: str) -> ColumnElement[bool]:
    return asked.c.seats.contains(seat, autoescape=True)


def _page(database: Database, conditions: Sequence[ColumnElement[bool]], order: Order, limit: int, offset: int) -> Page:
    joined = and_(asked.c.project == reviews.c.project, asked.c.id == reviews.c.id)
    by: tuple[Any, ...] = (asked.c.opened.desc(), reviews.c.project, reviews.c.number.desc())
    if order == "due":
        by = (asked.c.due, asked.c.opened, reviews.c.project, reviews.c.number)
    query: Select[Any] = select(reviews.c.record).join(asked, joined).where(*conditions)
    with database.reading() as connection:
        counted = select(func.count()).select_from(reviews)
        counted = counted.join(asked, joined) if order == "due" else counted
        total = connection.execute(counted.where(*conditions))
        texts = connection.execute(query.order_by(*by).limit(limit).offset(offset)).scalars().all()
        return Page(
            reviews=tuple(from_text(Review, text, "a review", database) for text in texts), total=total.scalar_one()
        )
