"""What pages over several projects ask: runs, the ledger, alerts, and where each project stands; always a part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from sqlalchemy import ColumnElement, and_, func, select

from signoff.core.decision import Entry, EntryKind, Release, ReviewState
from signoff.core.errors import NotFoundError
from signoff.core.monitoring import Alert
from signoff.core.policy import name_key
from signoff.core.record import Record
from signoff.core.run import Run, RunState
from signoff.store.database import Database
from signoff.store.parts import from_text
from signoff.store.schema import acts, alerts, ledger, reviews, runs

R = TypeVar("R", bound=Record)


class Excerpt(Record, Generic[R]):
    """Some of a list, each with its project, and how long the list is."""

    rows: tuple[tuple[str, R], ...]
    total: int


class Standing(Record):
    """Where a project stands."""

    run: Run | None = None
    release: Release | None = None
    waiting: int = 0
    alerts: int = 0


def list_runs(
    database: Database, projects: Sequence[str], *, state: RunState | None = None, limit: int = 50, offset: int = 0
) -> Excerpt[Run]:
    """Runs of several projects, the newest first."""
    wanted: list[ColumnElement[bool]] = [runs.c.project.in_(projects)]
    if state is not None:
        wanted.append(runs.c.state == state.value)
    query = select(runs.c.project, runs.c.record).where(*wanted)
    with database.reading() as connection:
        total = connection.execute(select(func.count()).select_from(runs).where(*wanted)).scalar_one()
        rows = connection.execute(
            query.order_by(runs.c.started.desc(), runs.c.project, runs.c.id.desc()).limit(limit).offset(offset)
        ).all()
    found = tuple((row.project, from_text(Run, row.record, "a run", database)) for row in rows)
    return Excerpt[Run](rows=found, total=total)


def runs_of(database: Database, run_id: str, projects: Sequence[str]) -> tuple[tuple[str, Run], ...]:
    """The runs of this id, one a project at most."""
    query = select(runs.c.project, runs.c.record).where(runs.c.id == run_id, runs.c.project.in_(projects))
    with database.reading() as connection:
        rows = connection.execute(query.order_by(runs.c.project)).all()
    return tuple((row.project, from_text(Run, row.record, "a run", database)) for row in rows)


def list_entries(
    database: Database,
    project: str,
    *,
    kind: EntryKind | None = None,
    actor: str = "",
    limit: int = 50,
    offset: int = 0,
) -> Excerpt[Entry]:
    """A project's ledger, the newest entry first; `actor` narrows it down to the decisions of one name."""
    wanted: list[ColumnElement[bool]] = [ledger.c.project == project]
    if kind is not None:
        wanted.append(ledger.c.kind == kind)
    source = ledger
    if actor.strip():
        joined = and_(acts.c.project == ledger.c.project, acts.c.sequence == ledger.c.sequence)
        wanted += [joined, acts.c.actor == name_key(actor)[:200]]
    with database.reading() as connection:
        total = connection.execute(select(func.count(ledger.c.sequence)).where(*wanted)).scalar_one()
        query = select(source.c.record).where(*wanted).order_by(ledger.c.sequence.desc())
        texts = connection.execute(query.limit(limit).offset(offset)).scalars().all()
    rows = tuple((project, from_text(Entry, text, "a ledger row", database)) for text in texts)
    return Excerpt[Entry](rows=rows, total=total)


def entry_at(database: Database, project: str, sequence: int) -> Entry:
    """One entry of a project's ledger.

    Raises:
        NotFoundError: it has none of that number.
        IntegrityError: the row cannot be read.
    """
    query = select(ledger.c.record).where(ledger.c.project == project, ledger.c.sequence == sequence)
    with database.reading() as connection:
        text = connection.execute(query).scalar()
    if text is None:
        raise NotFoundError(
            f"the ledger of {project} has no entry {sequence}", next_step=f"open /ledger?project={project}"
        )
    return from_text(Entry, text, "a ledger row", database)


def entry_of_hash(database: Database, project: str, digest: str) -> Entry | None:
    """The entry that bears this hash."""
    query = select(ledger.c.record).where(
        ledger.c.project == project, ledger.c.record.contains(f'"hash":"{digest}"', autoescape=True)
    )
    with database.reading() as connection:
        texts = connection.execute(query.order_by(ledger.c.sequence.desc()).limit(5)).scalars().all()
    found = (from_text(Entry, text, "a ledger row", database) for text in texts)
    return next((entry for entry in found if entry.hash == digest), None)


def decisions_about(database: Database, project: str, abouts: Sequence[str]) -> tuple[Entry, ...]:
    """The entries about these reviews or releases, in order."""
    query = select(ledger.c.record).where(ledger.c.project == project, ledger.c.about.in_(abouts))
    with database.reading() as connection:
        texts = connection.execute(query.order_by(ledger.c.sequence)).scalars().all()
    return tuple(from_text(Entry, text, "a ledger row", database) for text in texts)


def newest_releases(database: Database, project: str, *, limit: int = 500) -> tuple[Release, ...]:
    """The last releases of a project, the champion first."""
    query = select(ledger.c.record).where(ledger.c.project == project, ledger.c.kind == "release")
    with database.reading() as connection:
        texts = connection.execute(query.order_by(ledger.c.sequence.desc()).limit(limit)).scalars().all()
    return tuple(from_text(Entry, text, "a ledger row", database).release() for text in texts)


def ledger_head(database: Database, project: str) -> tuple[int, str]:
    """Number and hash of the newest entry; 0 and nothing for an empty ledger."""
    query = select(ledger.c.record).where(ledger.c.project == project).order_by(ledger.c.sequence.desc()).limit(1)
    with database.reading() as connection:
        text = connection.execute(query).scalar()
    entry = from_text(Entry, text, "the newest ledger row", database) if text is not None else None
    return (entry.sequence, entry.hash) if entry is not None else (0, "")


def list_alerts(
    database: Database, projects: Sequence[str], *, state: str | None = None, limit: int = 50, offset: int = 0
) -> Excerpt[Alert]:
    """Alerts of several projects, the newest first."""
    wanted: list[ColumnElement[bool]] = [alerts.c.project.in_(projects)]
    if state is not None:
        wanted.append(alerts.c.state == state)
    query = select(alerts.c.project, alerts.c.record).where(*wanted)
    with database.reading() as connection:
        total = connection.execute(select(func.count()).select_from(alerts).where(*wanted)).scalar_one()
        rows = connection.execute(
            query.order_by(alerts.c.opened.desc(), alerts.c.project, alerts.c.id).limit(limit).offset(offset)
        ).all()
    found = tuple((row.project, from_text(Alert, row.record, "an alert", database)) for row in rows)
    return Excerpt[Alert](rows=found, total=total)


def standings(database: Database, projects: Sequence[str]) -> dict[str, Standing]:
    """Where each of these projects stands, in four questions however many they are."""
    newest = (
        select(runs.c.project, func.max(runs.c.started).label("started"))
        .where(runs.c.project.in_(projects))
        .group_by(runs.c.project)
        .subquery()
    )
    last = (
        select(ledger.c.project, func.max(ledger.c.sequence).label("sequence"))
        .where(ledger.c.project.in_(projects), ledger.c.kind == "release")
        .group_by(ledger.c.project)
        .subquery()
    )
    same_run = and_(runs.c.project == newest.c.project, runs.c.started == newest.c.started)
    same_entry = and_(ledger.c.project == last.c.project, ledger.c.sequence == last.c.sequence)
    open_reviews = select(reviews.c.project, func.count()).where(
        reviews.c.state == ReviewState.OPEN.value, reviews.c.project.in_(projects)
    )
    open_alerts = select(alerts.c.project, func.count()).where(alerts.c.state != "closed")
    with database.reading() as connection:
        ran = connection.execute(select(runs.c.project, runs.c.record).join(newest, same_run)).all()
        served = connection.execute(select(ledger.c.project, ledger.c.record).join(last, same_entry)).all()
        waiting = dict(connection.execute(open_reviews.group_by(reviews.c.project)).tuples().all())
        alarmed = dict(connection.execute(open_alerts.group_by(alerts.c.project)).tuples().all())
    run_of = {row.project: from_text(Run, row.record, "a run", database) for row in ran}
    release_of = {row.project: from_text(Entry, row.record, "a ledger row", database).release() for row in served}
    return {
        name: Standing(
            run=run_of.get(name),
            release=release_of.get(name),
            waiting=waiting.get(name, 0),
            alerts=alarmed.get(name, 0),
        )
        for name in projects
    }
