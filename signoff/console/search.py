"""Search over everything that the caller may see: what is kept in tables, columns and features, people, and words."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query

from signoff.console.deps import CallerDep, HomeDep
from signoff.console.home import Home, ProjectPlace
from signoff.console.page import page
from signoff.core.account import EVERYWHERE, Caller, Permission
from signoff.core.data import FeaturePlan, Snapshot
from signoff.core.errors import SignoffError
from signoff.core.files import read_json
from signoff.core.paths import Paths
from signoff.core.policy import name_key
from signoff.core.record import Record
from signoff.core.settings_file import load_record
from signoff.core.vocabulary import vocabulary
from signoff.store.text_search import Hit, find

router = APIRouter()
SHOWN, LONGEST = 10, 300
TITLES = {
    "review": "Reviews",
    "decision": "Decisions",
    "release": "Releases",
    "candidate": "Candidates",
    "run": "Runs",
    "comment": "Comments",
}
Text = Annotated[str, Query(max_length=200)]


class Piece(Record):
    """A part of what was found; `marked` is what was looked for."""

    text: str
    marked: bool = False


class Found(Record):
    """One hit and where it leads."""

    to: str | None
    name: str
    project: str
    pieces: tuple[Piece, ...]


class Group(Record):
    """Hits of one kind; `more` when there are others that are not shown."""

    title: str
    hits: tuple[Found, ...]
    more: bool = False


class SearchContext(Record):
    """What was looked for, and what was found of each kind."""

    q: str
    groups: tuple[Group, ...]


@page(router, "/search", template="search.html", needs=Permission.SEE, title="Search")
def search(home: HomeDep, caller: CallerDep, q: Text = "") -> SearchContext:
    """The newest hits of each kind; case does not matter and every sign stands for itself."""
    needle = " ".join("".join(sign for sign in q if sign.isprintable()).split())
    if not needle:
        return SearchContext(q="", groups=())
    places = home.seen_by(caller)
    kept = find(home.accounts.database, tuple(place.name for place in places), needle, limit=SHOWN + 1)
    groups = [_group(TITLES[kind], [_of_hit(hit, needle) for hit in hits]) for kind, hits in kept.items()]
    groups += [
        _group("Projects", _projects(places, needle)),
        _group("Columns and features", list(_columns(places, needle))),
        _group("People", _people(home, caller, needle)),
        _group("Words", _words(needle)),
    ]
    return SearchContext(q=needle, groups=tuple(group for group in groups if group.hits))


def _group(title: str, hits: list[Found]) -> Group:
    return Group(title=title, hits=tuple(hits[:SHOWN]), more=len(hits) > SHOWN)


def _of_hit(hit: Hit, needle: str) -> Found:
    project, identity = quote(hit.project), quote(hit.id)
    to = {
        "review": f"/reviews/{project}:{identity}",
        "decision": f"/reviews/{project}:{identity}",
        "comment": f"/reviews/{project}:{identity}",
        "run": f"/runs/{project}:{identity}",
    }.get(hit.kind, f"/versions/{identity}")
    return Found(to=to, name=hit.id, project=hit.project, pieces=pieces(hit.text, needle))


def _projects(places: tuple[ProjectPlace, ...], needle: str) -> list[Found]:
    return [
        Found(
            to=f"/versions?project={quote(place.name)}",
            name=place.name,
            project="",
            pieces=pieces(place.question, needle),
        )
        for place in places
        if _holds(place.name, needle) or _holds(place.question, needle)
    ]


def _columns(places: tuple[ProjectPlace, ...], needle: str) -> Iterator[Found]:
    for place in places:
        if place.root is None:
            continue
        for name, words in _columns_of(Path(place.root)):
            if _holds(name, needle):
                to = f"/versions?project={quote(place.name)}"
                yield Found(to=to, name=name, project=place.name, pieces=pieces(words, needle))


def _columns_of(root: Path) -> tuple[tuple[str, str], ...]:
    paths = Paths(root)
    stamps = tuple(path.stat().st_mtime_ns if path.exists() else 0 for path in (paths.snapshot, paths.features))
    return _read_columns(root, stamps)


@lru_cache(maxsize=256)
def _read_columns(root: Path, _stamps: tuple[int, ...]) -> tuple[tuple[str, str], ...]:
    """Each column of the newest snapshot and what is done with it; read again only when a file has changed."""
    paths, words = Paths(root), dict[str, str]()
    try:
        if paths.snapshot.exists():
            words |= Snapshot.model_validate(read_json(paths.snapshot)).columns
        if paths.features.exists():
            steps = load_record(paths.features, FeaturePlan).steps
            words |= {step.column: f"{step.action}: {step.reason}" for step in steps}
    except (SignoffError, ValueError):
        # A file that cannot be read is told by the run that needs it; the search goes on without it.
        return tuple(words.items())
    return tuple(words.items())


def _people(home: Home, caller: Caller, needle: str) -> list[Found]:
    """Names of accounts are for admins, as the people page is."""
    if not caller.may(Permission.ADMIN, EVERYWHERE):
        return []
    return [
        Found(
            to="/people",
            name=account.name,
            project="",
            pieces=pieces(", ".join(grant.role for grant in account.grants), needle),
        )
        for account in home.accounts.accounts()
        if _holds(account.name, needle)
    ]


def _words(needle: str) -> list[Found]:
    found = {**vocabulary().words}
    hits = [(word, said) for word, said in found.items() if _holds(word, needle)]
    return [Found(to=None, name=word, project="", pieces=pieces(said, needle)) for word, said in hits]


def _holds(text: str, needle: str) -> bool:
    return name_key(needle) in name_key(text)


def pieces(text: str, needle: str) -> tuple[Piece, ...]:
    """A text cut to LONGEST around the first place of what was looked for, which is marked where it stands."""
    text = " ".join(text.split())
    place = text.lower().find(needle.lower())
    start = max(0, place - LONGEST // 3) if place >= 0 and len(text) > LONGEST else 0
    shown = ("…" if start else "") + text[start : start + LONGEST] + ("…" if len(text) > start + LONGEST else "")
    found, rest = list[Piece](), shown
    # Lower case of some letters is longer than they are: then nothing is marked rather than something else.
    while len(rest.lower()) == len(rest) and (place := rest.lower().find(needle.lower())) >= 0:
        found += [Piece(text=rest[:place]), Piece(text=rest[place : place + len(needle)], marked=True)]
        rest = rest[place + len(needle) :]
    return tuple(piece for piece in (*found, Piece(text=rest)) if piece.text)
