"""What differs between the question that was seen and the one that stands, side by side."""

from __future__ import annotations

from signoff.console.review.asked import Pointer
from signoff.console.review.checks import amount_of
from signoff.console.review.found import evidence_of
from signoff.core.decision import Review, ReviewState
from signoff.core.evidence import Value
from signoff.core.record import Record
from signoff.core.vocabulary import vocabulary
from signoff.store import Store
from signoff.store.listing import later_review

MOST = 40
"""Differing numbers that are shown."""


class Difference(Record):
    """One fact before and after."""

    name: str
    label: str
    before: str
    after: str


class Changed(Record):
    """A later question of the same gate, and how it differs."""

    sentence: str
    later: Pointer
    differences: tuple[Difference, ...]
    more: int = 0


def changed_since(store: Store, review: Review) -> Changed | None:
    """What took a superseded or expired review's place; None while it stands or where nothing followed."""
    if review.state not in (ReviewState.SUPERSEDED, ReviewState.EXPIRED, ReviewState.CHANGES):
        return None
    later = later_review(store.database, review)
    if later is None:
        return None
    found = differences(store, review, later)
    return Changed(
        sentence=review.note or f"{later.id} asks about what came after it",
        later=Pointer(text=later.id, to=f"/reviews/{later.project}:{later.id}"),
        differences=found[:MOST],
        more=max(0, len(found) - MOST),
    )


def differences(store: Store, before: Review, after: Review) -> tuple[Difference, ...]:
    """Facts of two reviews that differ: what they are about, their policy, checks and numbers."""
    found = [
        Difference(name=name, label=label, before=one, after=other)
        for name, label, one, other in (
            ("subject", "what is judged", before.subject, after.subject),
            ("digest", "digest", before.digest[:16], after.digest[:16]),
            ("evidence", "evidence", before.evidence_sha256[:16], after.evidence_sha256[:16]),
            ("policy", "the gate's policy", _policy(before), _policy(after)),
            ("cause", "cause of the run", before.cause.sentence(), after.cause.sentence()),
        )
        if one != other
    ]
    one, other = _numbers(store, before), _numbers(store, after)
    for name in dict.fromkeys((*one, *other)):
        first, second = one.get(name), other.get(name)
        if first != second:
            label = vocabulary().label(name)
            found.append(Difference(name=name, label=label, before=_told(name, first), after=_told(name, second)))
    return tuple(found)


def _numbers(store: Store, review: Review) -> dict[str, float | None]:
    """The checks' numbers first, so that what decides stands at the top."""
    checked: dict[str, float | None] = {one.check.metric: one.value for one in review.checks}
    values: dict[str, Value] = evidence_of(store, review).values()
    return checked | {name: value.value for name, value in values.items()}


def _told(name: str, value: float | None) -> str:
    return "not there" if value is None else amount_of(name, value)


def _policy(review: Review) -> str:
    wanted = ", ".join(f"{one.count} {one.role}" for one in review.policy.approvals)
    checks = len(review.policy.checks)
    return f"{review.policy.mode.value}, {checks} check{'s' * (checks != 1)}, approvals: {wanted}"
