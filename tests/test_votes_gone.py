"""An approval fills a seat only while its giver still may give it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from signoff.core.account import Account, Grant
from signoff.core.decision import ReviewState
from signoff.core.policy_settings import Approvals, GatePolicy
from signoff.gates import act_on_silence, summarise
from signoff.ledger import verify
from tests.ledger_cases import approve, ask, caller, desk_at

TWO = GatePolicy(approvals=(Approvals(count=2),))
DISABLED, GRANTLESS = {"disabled": True}, {"grants": (Grant(role="viewer"),)}


@pytest.mark.parametrize(
    ("changed", "why"), [(DISABLED, "the account is disabled"), (GRANTLESS, "the role reviewer was taken away")]
)
def test_a_vote_of_an_account_that_lost_its_say_fills_no_seat(
    tmp_path: Path, changed: dict[str, object], why: str
) -> None:
    desk = desk_at(tmp_path, TWO)
    people = {name: caller(name, "reviewer") for name in ("bo", "cy", "di")}
    for one in people.values():
        desk.store.add_account(one.account)
    ask(desk)
    approve(desk, actor="bo", caller=people["bo"])
    bo = desk.store.account("bo")
    desk.store.save_account(Account.model_validate(bo.model_dump() | changed))
    second = approve(desk, actor="cy", caller=people["cy"])
    assert second.review.state is ReviewState.OPEN
    assert second.judgement.reasons[-1] == f"the approval by bo (entry 1) counts no more: {why}"
    third = approve(desk, actor="di", caller=people["di"])
    assert third.review.state is ReviewState.APPROVED
    assert [vote.actor for vote in third.entry.decision().votes] == ["cy"]
    assert verify(desk.paths, desk.store) == []


def test_a_vote_of_an_account_that_kept_its_say_fills_its_seat(tmp_path: Path) -> None:
    desk = desk_at(tmp_path, TWO)
    for name in ("bo", "cy"):
        desk.store.add_account(caller(name, "reviewer").account)
    ask(desk)
    approve(desk, actor="bo", caller=caller("bo", "reviewer"))
    ruling = approve(desk, actor="cy", caller=caller("cy", "reviewer"))
    assert ruling.review.state is ReviewState.APPROVED
    assert not any("counts no more" in reason for reason in ruling.judgement.reasons)


def test_votes_that_were_not_enough_are_no_approval_when_the_review_ends(tmp_path: Path) -> None:
    desk = desk_at(tmp_path, TWO.model_copy(update={"expires_days": 1.0}))
    people = {name: caller(name, "reviewer") for name in ("bo", "cy", "di")}
    for one in people.values():
        desk.store.add_account(one.account)
    ask(desk)
    approve(desk, actor="bo", caller=people["bo"])
    bo = desk.store.account("bo")
    desk.store.save_account(bo.model_copy(update={"disabled": True}))
    review = approve(desk, actor="cy", caller=people["cy"]).review
    shown = summarise(desk, review)
    gone = "the approval by bo (entry 1) counts no more: the account is disabled"
    assert shown.wanted == ("1 more approval by a reviewer", gone)
    assert [rule.sentence for rule in shown.rules if rule.name == "approvals"] == [
        "Approved by cy.",
        "It waits for 1 more approval by a reviewer.",
        f"T{gone[1:]}.",
    ]
    desk.store.save_account(bo)
    (ended,) = act_on_silence(desk, review.opened + timedelta(days=1))
    assert ended.state is ReviewState.EXPIRED
    assert verify(desk.paths, desk.store) == []
    assert ask(desk).state == "expired"


def test_who_lost_their_say_and_has_it_again_may_say_it_again(tmp_path: Path) -> None:
    desk = desk_at(tmp_path, TWO)
    people = {name: caller(name, "reviewer") for name in ("bo", "cy")}
    for one in people.values():
        desk.store.add_account(one.account)
    ask(desk)
    approve(desk, actor="bo", caller=people["bo"])
    bo = desk.store.account("bo")
    desk.store.save_account(bo.model_copy(update={"disabled": True}))
    approve(desk, actor="cy", caller=people["cy"])
    desk.store.save_account(bo)
    ruling = approve(desk, actor="cy", caller=people["cy"])
    assert ruling.review.state is ReviewState.APPROVED
    assert verify(desk.paths, desk.store) == []
