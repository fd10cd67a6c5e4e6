"""Whether enough people are left to end a review: said on it, before its days are over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from signoff.core.account import Account, Grant
from signoff.core.decision import Decision, Review, Vote
from signoff.core.policy_left import too_few_left
from signoff.core.policy_settings import StandIn
from signoff.core.run import Cause
from signoff.core.settings import Approvals, GatePolicy

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
TWO = GatePolicy(approvals=(Approvals(role="reviewer", count=2),), four_eyes=True)


def a_review(*involved: str) -> Review:
    facts: dict[str, Any] = {"id": "release-1", "project": "demo", "gate": "release", "digest": "d", "run": "r"}
    told = {"evidence_sha256": "e", "checks": (), "cause": Cause(actor="ann"), "subject": "demo/c1", "opened": NOON}
    return Review.model_validate(facts | told | {"policy": TWO, "involved": involved})


def an_account(name: str, role: str = "reviewer", **more: Any) -> Account:
    return Account(name=name, grants=(Grant(role=role),), made=NOON, **more)


def approval(review: Review, actor: str) -> Decision:
    fields = ("project", "gate", "digest", "evidence_sha256", "policy", "opened", "checks", "started_by")
    facts = {"review": review.id} | {name: getattr(review, name) for name in fields}
    said = {"verdict": "approve", "actor": actor, "roles": ("reviewer",), "reasons": "because"}
    return Decision(**facts, **said, decided=NOON + timedelta(hours=1))


def test_four_eyes_may_leave_nobody_for_a_seat() -> None:
    people = [an_account(name) for name in ("ann", "bob", "carol")]
    rule = too_few_left(a_review("bob"), (), people, NOON)
    assert rule is not None
    assert (rule.state, rule.who) == ("blocks", ("carol",))
    assert "Only carol can still approve: 1 of the seats of reviewer stay empty" in rule.sentence
    assert too_few_left(a_review("bob"), (), [*people, an_account("dan")], NOON) is None
    assert too_few_left(a_review(), (), people, NOON) is None


def test_a_given_approval_fills_its_seat_once() -> None:
    review = a_review()
    people = [an_account(name) for name in ("ann", "bob", "carol")]
    assert too_few_left(review, [approval(review, "bob")], people, NOON) is None
    gone = too_few_left(review, [approval(review, "bob")], people[:2], NOON)
    assert gone is not None
    assert gone.sentence.startswith("Nobody is left who may approve: 1 of")


def test_disabled_accounts_and_other_roles_fill_nothing_and_stand_ins_do_on_their_days() -> None:
    review = a_review()
    people = [an_account("bob"), an_account("carol", disabled=True), an_account("eve", "viewer")]
    assert too_few_left(review, (), people, NOON) is not None
    days = {"since": NOON.date(), "until": NOON.date()}
    stand_in = StandIn(name="eve", role="reviewer", **days)
    policy = TWO.model_copy(update={"stand_ins": (stand_in,)})
    covered = review.model_copy(update={"policy": policy})
    assert too_few_left(covered, (), people, NOON) is None
    assert too_few_left(covered, (), people, NOON + timedelta(days=2)) is not None


def test_a_decision_stands_on_everybodys_word() -> None:
    votes = tuple(Vote(actor=name, entry="e") for name in ("carol", "dave", "carol"))
    last = approval(a_review(), "dave").model_copy(update={"votes": votes})
    assert last.by == ("carol", "dave")
