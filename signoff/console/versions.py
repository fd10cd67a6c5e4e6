"""Candidates and releases of a project: the timeline, one of them, and any two side by side."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query
from fastapi import Path as InPath

from signoff.console.deps import CallerDep, HomeDep, Offset, ProjectPath, ProjectQuery
from signoff.console.page import page
from signoff.console.version_compare import Comparison, compare_versions
from signoff.console.version_facts import Asked, Made, Numbers, asked_about, find_candidate, made_of, numbers_of
from signoff.console.wording import Listed, narrowed
from signoff.core.account import Permission
from signoff.core.candidate import Candidate
from signoff.core.decision import Release, Review, ReviewState
from signoff.core.errors import NotFoundError
from signoff.core.evidence import Value
from signoff.core.record import Moment, Record
from signoff.core.run import Cause
from signoff.core.vocabulary import vocabulary
from signoff.store import Store, StoredCandidate
from signoff.store.overview import newest_releases

router = APIRouter()
SHOWN, HEADLINES = 20, 4
WIDTH, HEIGHT, EDGE = 640, 180, 14

Name = Annotated[str, InPath(pattern=r"^[cv][0-9]{1,9}$")]
Which = Annotated[str, Query(max_length=20)]
Metric = Annotated[str, Query(max_length=120)]


class VersionLine(Record):
    """One candidate in the timeline, and the release that it became."""

    tag: str
    name: str
    to: str
    digest: str
    made: Moment
    run: str
    cause: Cause | None
    released: Release | None
    serves: bool
    asked: Asked | None
    numbers: tuple[Value, ...]


class Point(Record):
    """A version in the history of one number."""

    x: float
    y: float
    low: float | None
    high: float | None
    tag: str
    value: float
    released: bool


class HistoryChart(Record):
    """One number over the shown versions, from the oldest to the newest, as SVG places."""

    metric: str
    label: str
    points: tuple[Point, ...]
    line: str
    low: float
    high: float


class VersionsContext(Listed):
    """A page of a project's versions, the newest first."""

    versions: tuple[VersionLine, ...]
    metrics: tuple[str, ...]
    chart: HistoryChart | None
    names: tuple[str, ...]


class VersionContext(Record):
    """One version, with all that is kept of it."""

    project: str
    line: VersionLine
    candidate: Candidate
    values: tuple[Value, ...]
    made: Made
    may_audit: bool
    others: tuple[str, ...]


class CompareContext(Record):
    """Any two versions of a project."""

    project: str
    a: VersionLine
    b: VersionLine
    comparison: Comparison
    names: tuple[str, ...]


@page(router, "/versions", template="versions.html", needs=Permission.SEE, title="Versions")
def versions(
    home: HomeDep,
    caller: CallerDep,
    project: ProjectQuery = None,
    metric: Metric = "",
    offset: Offset = 0,
) -> VersionsContext:
    """Candidates and releases of one project; of the console's own, or the first, where none is named."""
    seen = home.names_seen_by(caller)
    chosen = home.shown_to(caller, project)
    if chosen is None:
        return VersionsContext(
            projects=seen, project=None, versions=(), total=0, offset=0, limit=SHOWN, where="", metrics=(),
            chart=None, names=(),
        )  # fmt: skip
    store = home.store_of(chosen)
    known = store.candidates()[::-1]
    shown = _lines(store, chosen, known[offset : offset + SHOWN])
    numbers = [numbers_of(store, one) for one in known[offset : offset + SHOWN]]
    metrics = tuple(dict.fromkeys(value.name for found in numbers for value in found.values))
    leading = next((value.name for line in shown for value in line.numbers), "")
    named = metric if metric in metrics else leading
    where = narrowed("/versions", {"project": chosen, "metric": metric}) + "offset="
    return VersionsContext(
        projects=seen,
        project=chosen,
        versions=shown,
        total=len(known),
        offset=offset,
        limit=SHOWN,
        where=where,
        metrics=metrics,
        chart=_chart(named, shown[::-1], numbers[::-1]),
        names=_names(known, store),
    )


@page(router, "/versions/{project}/{name}", template="version.html", needs=Permission.SEE, title="Version")
def version(home: HomeDep, caller: CallerDep, project: ProjectPath, name: Name) -> VersionContext:
    """One candidate, or the one that a release became."""
    store = home.store_of(project)
    found = find_candidate(store, project, name)
    return VersionContext(
        project=project,
        line=_lines(store, project, (found,))[0],
        candidate=found.candidate,
        values=numbers_of(store, found).values,
        made=made_of(home, project, found),
        may_audit=caller.may(Permission.AUDIT, project),
        others=tuple(one for one in _names(store.candidates()[::-1], store) if one != name),
    )


@page(router, "/compare", template="compare.html", needs=Permission.SEE, title="Compare")
def compare(home: HomeDep, project: ProjectQuery = None, a: Which = "", b: Which = "") -> CompareContext:
    """Two versions side by side; `a` is the one to be beaten."""
    if project is None:
        raise NotFoundError("name the project and two of its versions", next_step="open /versions")
    store = home.store_of(project)
    first, second = (find_candidate(store, project, one.rpartition("/")[2]) for one in (a, b))
    lines = _lines(store, project, (first, second))
    sides = [(numbers_of(store, one), made_of(home, project, one)) for one in (first, second)]
    return CompareContext(
        project=project,
        a=lines[0],
        b=lines[1],
        comparison=compare_versions(sides[0], sides[1]),
        names=_names(store.candidates()[::-1], store),
    )


def _lines(store: Store, project: str, shown: tuple[StoredCandidate, ...]) -> tuple[VersionLine, ...]:
    releases = newest_releases(store.database, project)
    newest = {release.digest: release for release in reversed(releases)}
    serving = releases[0].digest if releases else None
    reviews = {one.digest: review for one in shown if (review := _review(store, one.digest)) is not None}
    causes = {one.run: _cause(store, one.run) for one in shown}
    return tuple(
        VersionLine(
            tag=one.tag,
            name=one.tag.rpartition("/")[2],
            to=f"/versions/{quote(one.tag)}",
            digest=one.digest,
            made=one.added,
            run=one.run,
            cause=causes[one.run],
            released=newest.get(one.digest),
            serves=one.digest == serving,
            asked=asked_about(store, project, reviews, one.digest),
            numbers=_headline(numbers_of(store, one), reviews.get(one.digest)),
        )
        for one in shown
    )


def _review(store: Store, digest: str) -> Review | None:
    found = store.reviews(gate="release", digest=digest)
    standing = tuple(review for review in found if review.state is not ReviewState.SUPERSEDED)
    return (standing or found)[-1] if found else None


def _cause(store: Store, run: str) -> Cause | None:
    try:
        return store.run(run).cause
    except NotFoundError:
        # A clone has the candidate and not the run that made it.
        return None


def _headline(numbers: Numbers, review: Review | None) -> tuple[Value, ...]:
    """The first number of the holdout, then those that the gate's checks name."""
    known = numbers.by_name()
    leading = [value.name for value in numbers.values if value.name.startswith("holdout.")][:1]
    named = [result.check.metric for result in review.checks] if review is not None else []
    wanted = dict.fromkeys((*leading, *named))
    return tuple(known[name] for name in wanted if name in known)[:HEADLINES]


def _names(known: tuple[StoredCandidate, ...], store: Store) -> tuple[str, ...]:
    """What a person may compare: releases first."""
    releases = [release.tag.rpartition("/")[2] for release in newest_releases(store.database, store.project)]
    return (*releases, *(one.tag.rpartition("/")[2] for one in known[:500]))


def _chart(metric: str, lines: tuple[VersionLine, ...], numbers: list[Numbers]) -> HistoryChart | None:
    found = [(line, value) for line, own in zip(lines, numbers, strict=True) if (value := own.by_name().get(metric))]
    if len(found) < 2:
        return None
    edges = [edge for _, value in found for edge in (value.value, value.low, value.high) if edge is not None]
    low, high = min(edges), max(edges)
    room = (high - low) or 1.0

    def up(value: float | None) -> float | None:
        return None if value is None else round(HEIGHT - EDGE - (value - low) / room * (HEIGHT - 2 * EDGE), 1)

    points = tuple(
        Point(
            x=round(EDGE + index / (len(found) - 1) * (WIDTH - 2 * EDGE), 1),
            y=up(value.value) or 0.0,
            low=up(value.low),
            high=up(value.high),
            tag=line.released.tag if line.released else line.tag,
            value=value.value,
            released=line.released is not None,
        )
        for index, (line, value) in enumerate(found)
    )
    return HistoryChart(
        metric=metric,
        label=vocabulary().label(metric),
        points=points,
        line=" ".join(f"{point.x},{point.y}" for point in points),
        low=low,
        high=high,
    )
