"""The inbox: what waits for me and why me, what waits for others, what I did; and the list of all reviews."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import get_args

from fastapi import APIRouter

from signoff.console.deps import CallerDep, HomeDep, Offset, ProjectQuery
from signoff.console.page import page
from signoff.console.review.asked import QUESTIONS, Urgency, remaining, urgency_of
from signoff.console.wording import Listed, narrowed
from signoff.core.account import Caller, Permission
from signoff.core.decision import Decision, Entry, GateName, Review, ReviewState, Verdict
from signoff.core.policy import acts_at, ends, missing_approvals, same_person, why_not
from signoff.core.policy_votes import AccountOf, still_counting
from signoff.core.record import Moment, Record, now
from signoff.core.vocabulary import vocabulary
from signoff.store.database import Database
from signoff.store.listing import Wanted, ambiguous_ids, entries_about, entries_by, list_reviews, list_waiting

router = APIRouter()
SHOWN, DONE, LISTED = 25, 15, 50
"""Reviews that wait, decisions of mine, and reviews of the list on one page."""


class Waiting(Record):
    """One open review in the queue."""

    ref: str
    id: str
    project: str
    gate: GateName
    subject: str
    question: str
    why: str
    by: str
    since: Moment
    until: Moment | None
    remaining: str
    urgency: Urgency
    checks: str
    failing: bool


class Done(Record):
    """One decision of mine."""

    ref: str
    project: str
    review: str
    verdict: Verdict
    reasons: str
    decided: Moment
    outcome: ReviewState
    sequence: int


class InboxContext(Record):
    """What waits, for whom, and what was done."""

    projects: tuple[str, ...]
    project: str | None
    mine: tuple[Waiting, ...]
    mine_total: int
    others: tuple[Waiting, ...]
    others_total: int
    done: tuple[Done, ...]


class Line(Record):
    """One review in the list."""

    ref: str
    id: str
    project: str
    gate: GateName
    state: ReviewState
    subject: str
    digest: str
    by: str
    opened: Moment
    closed: Moment | None
    until: Moment | None
    checks: str
    failing: bool


class Filter(Record):
    """A way to narrow the list, and whether it is chosen."""

    text: str
    to: str
    chosen: bool


class ReviewsContext(Listed):
    """A page of the list of reviews, the newest first."""

    state: ReviewState | None
    gate: GateName | None
    states: tuple[Filter, ...]
    gates: tuple[Filter, ...]
    reviews: tuple[Line, ...]


@page(router, "/", template="inbox.html", needs=Permission.SEE, title="Inbox")
def inbox(home: HomeDep, caller: CallerDep, project: ProjectQuery = None) -> InboxContext:
    """What waits for me, why me, until when; what others wait for; what I did."""
    seen, account_of = home.names_seen_by(caller), home.accounts.account_lookup()
    return inbox_of(home.accounts.database, caller, seen, project, now(), account_of)


@page(router, "/reviews", template="reviews.html", needs=Permission.SEE, title="Reviews")
def reviews(
    home: HomeDep,
    caller: CallerDep,
    project: ProjectQuery = None,
    state: ReviewState | None = None,
    gate: GateName | None = None,
    offset: Offset = 0,
) -> ReviewsContext:
    """All reviews that may be seen, the newest first."""
    return reviews_of(home.accounts.database, home.names_seen_by(caller), project, state, gate, offset)


def inbox_of(
    database: Database,
    caller: Caller,
    seen: Sequence[str],
    project: str | None,
    moment: datetime,
    account_of: AccountOf | None = None,
) -> InboxContext:
    """The inbox of one person.

    Args:
        database: of the state.
        caller: whose inbox.
        seen: projects that the caller may see.
        project: only this one of them.
        moment: now.
        account_of: finds the accounts whose approvals may count no more; None until they are in force.
    """
    names = [project] if project is not None else list(seen)
    deciding = {name: caller.roles_in(name) if caller.may(Permission.DECIDE, name) else () for name in names}
    seated = list_waiting(database, deciding, caller.name, mine=True, limit=SHOWN)
    rest = list_waiting(database, deciding, caller.name, mine=False, limit=SHOWN)
    shown = (*seated.reviews, *rest.reviews)
    entries = entries_about(database, [(one.project, one.id) for one in shown])
    doubled = ambiguous_ids(database, {one.id for one in shown}, seen)
    mine: list[Waiting] = []
    others: list[Waiting] = []
    for review in shown:
        given = _counting(review, entries[review.project, review.id], account_of)
        may, why = reason_of(review, given, caller)
        item = _waiting(review, why, moment, doubled)
        (mine if may and review in seated.reviews else others).append(item)
    return InboxContext(
        projects=tuple(seen),
        project=project,
        mine=tuple(mine),
        mine_total=seated.total - (len(seated.reviews) - len(mine)),
        others=tuple(sorted(others, key=lambda item: (item.until is None, item.until or item.since))),
        others_total=rest.total + len(seated.reviews) - len(mine),
        done=_done(database, caller, names, seen),
    )


def reviews_of(
    database: Database,
    seen: Sequence[str],
    project: str | None,
    state: ReviewState | None,
    gate: GateName | None,
    offset: int,
) -> ReviewsContext:
    """A page of the list of reviews that may be seen."""
    wanted = Wanted(
        projects=(project,) if project is not None else tuple(seen),
        states=(state,) if state is not None else (),
        gates=(gate,) if gate is not None else (),
    )
    found = list_reviews(database, wanted, limit=LISTED, offset=offset)
    doubled = ambiguous_ids(database, {one.id for one in found.reviews}, seen)
    filters = {"project": project, "state": state.value if state is not None else None, "gate": gate}
    return ReviewsContext(
        projects=tuple(seen),
        project=project,
        state=state,
        gate=gate,
        states=_filters("state", [one.value for one in ReviewState], filters),
        gates=_filters("gate", get_args(GateName), filters),
        reviews=tuple(_line(one, doubled) for one in found.reviews),
        total=found.total,
        offset=offset,
        limit=LISTED,
        where=narrowed("/reviews", filters) + "offset=",
    )


def _filters(name: str, values: Sequence[str], filters: dict[str, str | None]) -> tuple[Filter, ...]:
    """One link for each value, and one for all of them; the other filters stay."""
    every = Filter(text="all", to=narrowed("/reviews", filters | {name: None})[:-1], chosen=filters[name] is None)
    found = [
        Filter(text=value, to=narrowed("/reviews", filters | {name: value})[:-1], chosen=filters[name] == value)
        for value in values
    ]
    return (every, *found)


def reason_of(review: Review, decisions: Sequence[Decision], caller: Caller) -> tuple[bool, str]:
    """Whether it waits for this person, and why or why not."""
    roles = caller.roles_in(review.project)
    given = [one for one in decisions if one.verdict == "approve" and not one.automatic]
    missing = missing_approvals(review.policy, given)
    wanted = "; ".join(missing) or "an answer"
    if any(same_person(one.actor, caller.name) for one in given):
        return False, f"you have approved; it waits for {wanted}"
    if not caller.may(Permission.DECIDE, review.project):
        return False, f"it waits for {wanted}"
    forbidden = why_not(review, caller.name, roles)
    if forbidden is not None:
        return False, f"{forbidden}; it waits for {wanted}"
    seats = sorted({one.role for one in review.policy.approvals} & set(roles))
    if acts_at(review) is not None:
        wanted = "a refusal, if there is one: else it is approved by itself"
    seat = f"as {' or '.join(seats)}" if seats else "as a stand-in"
    return True, f"you may answer {seat}; it waits for {wanted}"


def ref_of(review: Review, doubled: frozenset[str]) -> str:
    """How addresses name a review: its id, with the project where that is needed."""
    return f"{review.project}:{review.id}" if review.id in doubled else review.id


def checks_of(review: Review) -> tuple[str, bool]:
    """'3 hold, 1 fails: calibration gap', and whether one fails."""
    failed = [vocabulary().label(one.check.metric) for one in review.checks if not one.holds]
    held = len(review.checks) - len(failed)
    if not review.checks:
        return "no checks", False
    if not failed:
        return ("the check holds" if held == 1 else f"all {held} checks hold"), False
    fails = f"{len(failed)} fail{'s' * (len(failed) == 1)}: {', '.join(failed)}"
    return f"{held} hold{'s' * (held == 1)}, {fails}", True


def _counting(review: Review, entries: Sequence[Entry], account_of: AccountOf | None) -> list[Decision]:
    return [entry.decision() for entry in still_counting(review, entries, account_of)[0]]


def _waiting(review: Review, why: str, moment: datetime, doubled: frozenset[str]) -> Waiting:
    until = ends(review)
    checks, failing = checks_of(review)
    return Waiting(
        ref=ref_of(review, doubled),
        id=review.id,
        project=review.project,
        gate=review.gate,
        subject=review.subject,
        question=QUESTIONS[review.gate],
        why=why,
        by=review.cause.sentence(),
        since=review.opened,
        until=until,
        remaining=remaining(until, moment) if until is not None else "",
        urgency=urgency_of(review, moment),
        checks=checks,
        failing=failing,
    )


def _done(database: Database, caller: Caller, names: Sequence[str], seen: Sequence[str]) -> tuple[Done, ...]:
    found = [
        (project, entry, entry.decision()) for project, entry in entries_by(database, caller.name, names, limit=DONE)
    ]
    doubled = ambiguous_ids(database, {decision.review for _, _, decision in found}, seen)
    return tuple(
        Done(
            ref=f"{project}:{one.review}" if one.review in doubled else one.review,
            project=project,
            review=one.review,
            verdict=one.verdict,
            reasons=one.reasons,
            decided=one.decided,
            outcome=one.outcome,
            sequence=entry.sequence,
        )
        for project, entry, one in found
    )


def _line(review: Review, doubled: frozenset[str]) -> Line:
    checks, failing = checks_of(review)
    return Line(
        ref=ref_of(review, doubled),
        id=review.id,
        project=review.project,
        gate=review.gate,
        state=review.state,
        subject=review.subject,
        digest=review.digest,
        by=review.cause.actor,
        opened=review.opened,
        closed=review.closed,
        until=ends(review) if review.state is ReviewState.OPEN else None,
        checks=checks,
        failing=failing,
    )
