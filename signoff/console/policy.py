"""Each gate's policy in words: who may open it, what is checked, when it waits; and how it changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from fastapi import APIRouter

from signoff.console.deps import CallerDep, HomeDep, ProjectQuery
from signoff.console.home import Home
from signoff.console.page import page
from signoff.core.account import Permission
from signoff.core.decision import GateName, Review
from signoff.core.errors import NotFoundError
from signoff.core.policy import same_person
from signoff.core.policy_freeze import frozen
from signoff.core.policy_settings import Approvals, Check, GatePolicy, Mode
from signoff.core.policy_words import bounds_of, course_of
from signoff.core.record import Moment, Record, now
from signoff.core.settings import Project
from signoff.core.vocabulary import vocabulary
from signoff.gates.standing import holds_now
from signoff.store.listing import Wanted, list_reviews

router = APIRouter()
GATES: tuple[GateName, ...] = ("data", "features", "search", "release", "rollout", "alert")
LOOKED_AT, CHANGES_SHOWN, STRETCHES = 200, 20, 4
AHEAD, WEEK = timedelta(days=60), timedelta(days=7)


class Seat(Record):
    """A seat that has to be filled, and who could fill it today."""

    role: str
    count: int
    people: tuple[str, ...]
    stand_ins: tuple[str, ...]
    enough: bool


class Stretch(Record):
    """A time in which nothing is released."""

    begins: Moment
    ends: Moment
    reason: str


class GateView(Record):
    """One gate's policy in force."""

    gate: GateName
    mode: Mode
    sentences: tuple[str, ...]
    checks: tuple[Check, ...]
    seats: tuple[Seat, ...]
    override: Seat | None
    frozen: str
    freezes: tuple[str, ...]
    stretches: tuple[Stretch, ...]
    stand_ins: tuple[str, ...]
    taken_back: tuple[str, ...] = ()
    """What signoff.yaml no longer asks for, and what holds all the same until people agree."""


class PolicyChange(Record):
    """From one review to the next the gate's policy was another one."""

    gate: GateName
    since: Moment
    ref: str
    review: str
    fields: tuple[str, ...]


class PolicyContext(Record):
    """The policies of one project."""

    projects: tuple[str, ...]
    project: str | None
    gates: tuple[GateView, ...]
    changes: tuple[PolicyChange, ...]
    people_from: str
    problem: str
    may_try: bool


@page(router, "/policy", template="policy.html", needs=Permission.SEE, title="Policy")
def policy(home: HomeDep, caller: CallerDep, project: ProjectQuery = None) -> PolicyContext:
    """The policy of each gate as it will be asked next; an open review keeps the one it was opened under."""
    seen = home.names_seen_by(caller)
    chosen = home.shown_to(caller, project)
    if chosen is None:
        return PolicyContext(
            projects=seen, project=None, gates=(), changes=(), people_from="", problem="", may_try=False
        )
    gates, problem, people_from = tuple[GateView, ...](), "", ""
    try:
        settings = home.settings_of(chosen)
        holders, people_from = _holders(home, settings)
        desk = home.desk(chosen)
        asked = [(gate, holds_now(desk, gate, found)) for gate, found in _policies(settings)]
        gates = tuple(_view(gate, kept.policy, holders, kept.changed) for gate, kept in asked)
    except NotFoundError as error:
        problem = error.what
    return PolicyContext(
        projects=seen,
        project=chosen,
        gates=gates,
        changes=_changes(home, chosen),
        people_from=people_from,
        problem=problem,
        may_try=caller.may(Permission.AUDIT, chosen),
    )


def _policies(settings: Project) -> Iterator[tuple[GateName, GatePolicy]]:
    for gate in GATES:
        found = getattr(settings.gates, gate, None)
        if isinstance(found, GatePolicy):
            yield gate, found


class Holders(Record):
    """Who has which role in a project."""

    roles: dict[str, tuple[str, ...]]
    everybody: bool = False

    def of(self, role: str) -> tuple[str, ...]:
        """The names that have a role."""
        return tuple(name for name, roles in self.roles.items() if role in roles)


def _holders(home: Home, settings: Project) -> tuple[Holders, str]:
    """Who has which role, and where that is written."""
    if home.accounts.accounts_in_force():
        accounts = home.accounts.accounts()
        return Holders(roles={one.name: one.roles_in(settings.project) for one in accounts}), "the accounts"
    if settings.people:
        return Holders(roles={name: tuple(roles) for name, roles in settings.people.items()}), "people in signoff.yaml"
    return Holders(roles={}, everybody=True), "nobody was named, so everybody is operator and reviewer"


def _view(gate: GateName, found: GatePolicy, holders: Holders, taken_back: tuple[str, ...]) -> GateView:
    moment = now()
    hit = frozen(found.freeze, moment) if gate == "release" else None
    return GateView(
        gate=gate,
        mode=found.mode,
        sentences=course_of(found),
        checks=found.checks,
        seats=tuple(_seat(found, wanted, holders, moment) for wanted in found.approvals),
        override=_seat(found, found.override, holders, moment) if found.override else None,
        frozen=hit.sentence() if hit else "",
        freezes=tuple(window.sentence() for window in found.freeze),
        stretches=_stretches(found, moment),
        stand_ins=tuple(f"{one.name} for {one.role}, {one.days()}" for one in found.stand_ins),
        taken_back=taken_back,
    )


def _seat(found: GatePolicy, wanted: Approvals, holders: Holders, moment: datetime) -> Seat:
    people = holders.of(wanted.role)
    stand_ins = tuple(one.name for one in found.stand_ins if one.role == wanted.role and one.holds(moment))
    extra = tuple(name for name in stand_ins if not any(same_person(name, one) for one in people))
    enough = holders.everybody or len({*people, *extra}) >= wanted.count
    return Seat(role=wanted.role, count=wanted.count, people=people, stand_ins=extra, enough=enough)


def _stretches(found: GatePolicy, moment: datetime) -> tuple[Stretch, ...]:
    spans = {
        (begin, end, window.reason)
        for window in found.freeze
        for weeks in range(AHEAD // WEEK)
        for begin, end in window.stretches(moment + weeks * WEEK)
        if end > moment and begin < moment + AHEAD
    }
    return tuple(Stretch(begins=begin, ends=end, reason=reason) for begin, end, reason in sorted(spans)[:STRETCHES])


def _changes(home: Home, project: str) -> tuple[PolicyChange, ...]:
    """Where the newest reviews of a gate were asked under another policy than those before."""
    found: list[PolicyChange] = []
    for gate in GATES:
        wanted = Wanted(projects=(project,), gates=(gate,))
        part = list_reviews(home.accounts.database, wanted, limit=LOOKED_AT)
        found += _between(gate, part.reviews)
    return tuple(sorted(found, key=lambda change: change.since, reverse=True)[:CHANGES_SHOWN])


def _between(gate: GateName, newest_first: Sequence[Review]) -> Iterator[PolicyChange]:
    for later, earlier in pairwise(newest_first):
        fields = tuple(_differences(earlier.policy, later.policy))
        if fields:
            yield PolicyChange(
                gate=gate, since=later.opened, ref=f"{later.project}:{later.id}", review=later.id, fields=fields
            )


def _differences(before: GatePolicy, after: GatePolicy) -> Iterator[str]:
    old, new = before.as_json(), after.as_json()
    for name in type(after).model_fields:
        if old.get(name) != new.get(name):
            yield f"{name.replace('_', ' ')}: {_told(old.get(name))} became {_told(new.get(name))}"


def _told(value: Any) -> str:
    if value in (None, [], {}, ""):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_told(one) for one in value)
    if isinstance(value, dict):
        if "metric" in value:
            check = Check.model_validate(value)
            return f"{vocabulary().label(check.metric)} {bounds_of(check)}"
        return " ".join(f"{key} {_told(part)}" for key, part in value.items() if part not in (None, [], ""))
    return f"{value:g}" if isinstance(value, float) else str(value)
