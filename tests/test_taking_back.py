"""An approval that a freeze keeps can be taken back until it is released; what was taken back is never released."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from signoff.console.review.context import review_context
from signoff.console.review.lenses import LENSES
from signoff.core.decision import Release, ReviewState
from signoff.core.errors import ConflictError, RefusedError
from signoff.core.policy_freeze import Freeze
from signoff.core.record import now
from signoff.core.run import Steering
from signoff.core.settings import Approvals, GatePolicy
from signoff.gates import decide, next_step, pending_steps, summarise
from signoff.ledger import read_pointer, verify
from tests.ledger_cases import approve, ask, caller, candidate, desk_at, release
from tests.test_gates_policy import frozen_today, hold, thaw

REFUSAL = {"verdict": "reject", "outcome": "rejected", "override": False, "votes": []}


def test_a_refusal_in_the_freeze_takes_the_approval_back(database: str | None, tmp_path: Path) -> None:
    desk = desk_at(tmp_path, frozen_today(override=Approvals()), address=database)
    ask(desk)
    hold(desk)
    approval = approve(desk)
    assert read_pointer(desk.paths.release_decision) == approval.entry
    back = decide(desk, "release-1", "reject", actor="cy", reasons="the data were wrong")
    assert back.judgement.outcome is back.review.state is ReviewState.REJECTED
    assert read_pointer(desk.paths.release_decision) is None
    assert ask(desk).state == "rejected"
    assert ask(desk, moment=thaw()).state == "rejected"
    assert next_step(back) is None
    assert pending_steps(desk, thaw()) == ()
    for override in (False, True):
        with pytest.raises(ConflictError, match="release-1 is closed: rejected by cy"):
            approve(desk, actor="dan", override=override)
    with pytest.raises(RefusedError, match=r"was approved and may not be released: cy refused it"):
        release(desk, approval)
    assert verify(desk.paths, desk.store) == []


def test_changes_asked_for_in_the_freeze_are_carried_out_at_once(tmp_path: Path) -> None:
    desk = desk_at(tmp_path, frozen_today())
    ask(desk)
    hold(desk)
    approve(desk)
    changes = Steering(exclude_features=("x",))
    back = decide(desk, "release-1", "request-changes", actor="cy", reasons="less", changes=changes)
    assert back.review.state is ReviewState.CHANGES
    step = next_step(back)
    assert step is not None
    assert (step.flow, step.request.steering) == ("retrain", changes)
    assert pending_steps(desk) == (step,)
    assert verify(desk.paths, desk.store) == []


def test_what_is_released_or_not_frozen_is_not_taken_back(tmp_path: Path) -> None:
    desk = desk_at(tmp_path / "open", GatePolicy())
    ask(desk)
    approve(desk)
    with pytest.raises(ConflictError, match="release-1 is closed: approved"):
        decide(desk, "release-1", "reject", actor="cy", reasons="late")
    desk = desk_at(tmp_path / "frozen", frozen_today(override=Approvals(count=2)))
    ask(desk)
    approve(desk)
    with pytest.raises(RefusedError, match="this gate asks for reviewer"):
        decide(desk, "release-1", "reject", actor="ed", reasons="late", caller=caller("ed", "operator"))
    approve(desk, override=True)
    over = approve(desk, actor="cy", override=True)
    release(desk, over)
    later = thaw() - timedelta(days=1)
    with pytest.raises(ConflictError, match="release-1 is closed: approved"):
        decide(desk, "release-1", "reject", actor="cy", reasons="late", moment=later)
    assert verify(desk.paths, desk.store) == []


def test_a_refusal_after_the_release_is_found_by_verify(tmp_path: Path) -> None:
    desk = desk_at(tmp_path, frozen_today(override=Approvals()))
    ask(desk)
    over = approve(desk, override=True)
    release(desk, over)
    desk.ledger.publish(desk.ledger.append("decision", over.entry.body | REFUSAL))
    assert "the review release-1 was closed before" in str(verify(desk.paths, desk.store))


@pytest.mark.parametrize("refused_first", [True, False])
def test_a_release_of_what_was_refused_is_found_by_verify(refused_first: bool, tmp_path: Path) -> None:
    desk = desk_at(tmp_path, frozen_today(override=Approvals()))
    ask(desk)
    if refused_first:
        decide(desk, "release-1", "reject", actor="cy", reasons="no")
        forged = desk.ledger.entries()[0].body | {"verdict": "approve", "outcome": "approved", "override": True}
        approval = desk.ledger.append("decision", forged)
    else:
        approval = approve(desk, override=True).entry
        approve_body = approval.body
        desk.ledger.append("decision", approve_body | REFUSAL)
    made = Release(
        project="demo",
        tag="demo/v1",
        candidate_tag="demo/a",
        digest=candidate().digest,
        model_digest=candidate().model_digest,
        decision=approval.hash,
        released=now(),
    )
    with pytest.raises(RefusedError, match="was approved and may not be released"):
        desk.ledger.record_release(made)
    desk.ledger.append("release", made.as_json())
    for entry in desk.ledger.entries():
        desk.ledger.publish(entry)
    assert "demo/v1 was released though its review was refused" in str(verify(desk.paths, desk.store))


def test_a_later_freeze_is_not_overridden_for_what_was_released_before(tmp_path: Path) -> None:
    later = thaw()
    freeze = Freeze(dates=(f"{later.date()}",), reason="inventory")
    desk = desk_at(tmp_path, GatePolicy(freeze=(freeze,), override=Approvals()))
    ask(desk)
    release(desk, approve(desk))
    review = desk.store.review("release-1")
    assert summarise(desk, review, later).rules == ()
    looks = review_context(desk.store, review, caller("bo", "reviewer"), LENSES["audit"], later)
    assert (looks.rules, looks.form) == ((), None), "the page asks nobody to override it"
    with pytest.raises(ConflictError, match="what was approved here is released"):
        approve(desk, actor="cy", override=True, moment=later)
    assert [entry.kind for entry in desk.ledger.entries()] == ["decision", "release"]
