"""What lists are sorted and narrowed by. A damaged record gives nothing here, and verify names it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import ValidationError

from signoff.core.decision import Entry, Review
from signoff.core.policy import ends, name_key

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
    """When it was opened, when silence closes it, and who may sit down to answer.

    Whoever stands in is listed whatever the dates: the policy says at each decision whose answer counts.
    """
    due = ends(review)
    roles = {seat_of_role(approval.role) for approval in review.policy.approvals}
    roles |= {seat_of_role(review.policy.override.role)} if review.policy.override is not None else set()
    names = {seat_of_name(one.name) for one in review.policy.stand_ins}
    return {
        "opened": sortable(review.opened),
        "due": sortable(due) if due is not None else NEVER,
        "seats": "".join(sorted(roles | names)),
    }


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
