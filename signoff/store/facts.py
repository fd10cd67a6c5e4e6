"""What lists are sorted and narrowed by. A damaged record gives nothing here, and verify names it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from signoff.core.decision import Entry, Review
from signoff.core.policy import expires, name_key

NEVER = "9999"
"""Sorts after every moment: the due of a review that does not end by itself."""


def sortable(moment: datetime) -> str:
    """A moment in UTC as text whose order is that of time."""
    return moment.isoformat(timespec="milliseconds")


def seat_of_role(role: str) -> str:
    """How a role stands in `seats`."""
    return f"|role:{role}|"


def seat_of_name(name: str) -> str:
    """How somebody who stands in for a role stands in `seats`."""
    return f"|name:{name_key(name)}|"


def facts_of_review(review: Review) -> dict[str, Any]:
    """When it was opened, when it ends by itself, and who may sit down to answer."""
    due = expires(review)
    roles = {seat_of_role(approval.role) for approval in review.policy.approvals}
    names = {seat_of_name(name) for name in stand_ins_of(review)}
    return {
        "opened": sortable(review.opened),
        "due": sortable(due) if due is not None else NEVER,
        "seats": "".join(sorted(roles | names)),
    }


def stand_ins_of(review: Review) -> Iterable[str]:
    """Everybody who may stand in for a role, at whatever dates: the policy says at each decision whose counts."""
    given: Any = review.policy.stand_ins
    if isinstance(given, dict):
        return (name for names in given.values() for name in names)
    return (one.name for one in given)


def facts_of_review_text(text: str) -> dict[str, Any] | None:
    """The facts of a stored review; None where it cannot be read."""
    try:
        return facts_of_review(Review.model_validate_json(text))
    except ValidationError:
        return None


def facts_of_act(entry: Entry) -> dict[str, Any] | None:
    """Who decided and when; None for a release, which no person signs by name."""
    actor, decided = entry.body.get("actor"), entry.body.get("decided")
    if entry.kind != "decision" or not isinstance(actor, str) or not isinstance(decided, str):
        return None
    try:
        return {"actor": name_key(actor)[:200], "moment": sortable(datetime.fromisoformat(decided))}
    except ValueError:
        return None


def facts_of_act_text(text: str) -> dict[str, Any] | None:
    """The facts of a stored ledger entry; None where it cannot be read."""
    try:
        return facts_of_act(Entry.model_validate_json(text))
    except ValidationError:
        return None
