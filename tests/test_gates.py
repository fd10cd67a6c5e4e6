"""Gates: one question, one answer, whoever asks and however often."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from signoff.commands.reviews import ask_for_changes
from signoff.core.decision import Release, ReviewState
from signoff.core.errors import ConflictError, IntegrityError, NotFoundError, RefusedError, SettingsError, UsageError
from signoff.core.policy import POLICY_ACTOR
from signoff.core.policy_settings import StandIn
from signoff.core.record import now
from signoff.core.run import Cause, Steering
from signoff.core.settings import Approvals, GatePolicy
from signoff.gates import decide, expire_reviews, list_reviews, reopen, summarise
from signoff.ledger import check_release, read_pointer, verify
from tests.ledger_cases import AUTO, CHECKS, EVIDENCE, GUARDED, POOR, approve, ask, caller, candidate, desk_at, release


def test_a_manual_gate_waits_for_a_person_and_then_stays_passed(database: str | None, tmp_path: Path) -> None:
    desk = desk_at(tmp_path, address=database)
    first, second = ask(desk), ask(desk)
    assert first.state == second.state == "waiting"
    assert first.review == second.review
    assert first.reasons == ("the gate's mode is manual",)
    assert not desk.paths.release_decision.exists()
    ruling = approve(desk, digest=candidate().digest)
    passed = ask(desk)
    assert passed.state == "passed"
    assert passed.entry == ruling.entry
    assert desk.ledger.entries() == (ruling.entry,)
    pointer = read_pointer(desk.paths.release_decision)
    assert pointer == ruling.entry
    assert check_release(pointer, candidate(), desk.paths.public_keys).actor == "bo"
    assert verify(desk.paths, desk.store) == []


def test_a_guarded_gate_passes_alone_once_while_every_check_holds(database: str | None, tmp_path: Path) -> None:
    desk = desk_at(tmp_path, GUARDED, address=database)
    outcome = ask(desk)
    assert ask(desk) == outcome
    assert outcome.state == "passed"
    assert outcome.decision is not None
    assert (outcome.decision.actor, outcome.decision.automatic) == (POLICY_ACTOR, True)
    assert "holdout.roc_auc 0.8 holds >= 0.7" in outcome.decision.reasons
    assert len(desk.ledger.entries()) == 1
    assert check_release(desk.ledger.entries()[0], candidate(), desk.paths.public_keys).automatic
    assert ask(desk, "b", values=POOR).reasons == ("holdout.roc_auc 0.6 breaks >= 0.7",)
    assert ask(desk, "c", values=()).reasons == ("holdout.roc_auc is not in the evidence breaks >= 0.7",)
    assert verify(desk.paths, desk.store) == []


def test_a_question_that_repaired_data_made_idle_is_closed(tmp_path: Path) -> None:
    desk = desk_at(tmp_path, GUARDED)
    assert ask(desk, "good").state == "passed"
    assert ask(desk, "broken", values=POOR).state == "waiting"
    assert ask(desk, "good").state == "passed"
    assert list_reviews(desk) == ()
    assert desk.store.reviews()[-1].state is ReviewState.SUPERSEDED


def test_an_auto_gate_passes_broken_checks_and_says_so(tmp_path: Path) -> None:
    outcome = ask(desk_at(tmp_path, AUTO), values=POOR)
    assert outcome.state == "passed"
    assert outcome.reasons == ("the gate's mode is auto; holdout.roc_auc 0.6 breaks >= 0.7",)


def test_a_new_question_supersedes_older_ones_of_its_gate_only(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    ask(desk)
    ask(desk, "d", gate="data", values=())
    ask(desk, "x", gate="alert")
    ask(desk, "y", gate="alert")
    ask(desk, "b")
    states = {review.id: review.state.value for review in desk.store.reviews()}
    assert states == {
        "release-1": "superseded",
        "data-1": "open",
        "alert-1": "open",
        "alert-2": "open",
        "release-2": "open",
    }
    with pytest.raises(ConflictError, match=r"superseded, and release-2 is asked in its place.*got: another candidate"):
        approve(desk)
    assert ask(desk).review == desk.store.review("release-3")


def test_other_evidence_or_another_policy_is_another_question(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    ask(desk)
    approve(desk)
    again = ask(desk, evidence_sha256="f" * 64)
    assert again.state == "waiting"
    assert again.review is not None
    assert again.review.id == "release-2"
    strict = desk_at(tmp_path, GatePolicy(checks=CHECKS, approvals=(Approvals(count=2),)))
    stricter = ask(strict, evidence_sha256="f" * 64).review
    assert stricter is not None
    assert (stricter.id, stricter.policy.approvals[0].count) == ("release-3", 2)
    assert desk.store.review("release-2").note == "the gate's policy in signoff.yaml changed"


def test_a_rejection_and_a_request_stay_what_they_are(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    ask(desk)
    decide(desk, "release-1", "reject", actor="bo", reasons="too risky")
    assert ask(desk).state == "rejected"
    assert ask(desk).reasons == ("too risky",)
    ask(desk, "b")
    changes = Steering(exclude_features=("tailnum",))
    ruling = decide(desk, "release-2", "request-changes", actor="bo", reasons="leaks", changes=changes)
    outcome = ask(desk, "b")
    assert outcome.state == "changes"
    assert outcome.decision is not None
    assert outcome.decision.changes == changes
    assert not desk.paths.release_decision.exists()
    with pytest.raises(RefusedError, match="does not release this candidate"):
        check_release(ruling.entry, candidate("b"), desk.paths.public_keys)


@pytest.mark.parametrize(
    ("verdict", "more", "message"),
    [
        ("approve", {"reasons": "  "}, "a decision needs a reason"),
        ("approve", {"actor": " "}, "a decision needs an actor"),
        ("approve", {"actor": "bo\x1b[2J"}, "characters that cannot be seen"),
        ("approve", {"reasons": "\udc80"}, "not UTF-8 text"),
        ("approve", {"changes": Steering(exclude_features=("x",))}, "changes do not go with approve"),
        ("request-changes", {}, "names no change"),
        ("request-changes", {"changes": Steering()}, "names no change"),
        ("aprove", {}, "did you mean 'approve'"),
    ],
)
def test_a_decision_that_says_too_little_is_wrong_use(
    tmp_path: Path, verdict: str, more: dict[str, object], message: str
) -> None:
    desk = desk_at(tmp_path)
    ask(desk)
    with pytest.raises(UsageError, match=message):
        decide(desk, "release-1", verdict, **({"actor": "bo", "reasons": "fine"} | more))  # type: ignore[arg-type]
    assert desk.ledger.entries() == ()


def test_the_policy_refuses_by_name(tmp_path: Path) -> None:
    policy = GatePolicy(four_eyes=True, stand_ins=(StandIn(role="reviewer", name="eve"),))
    people = {"ada": ("reviewer",), "bo": ("operator",), "cy": ("reviewer",)}
    desk = desk_at(tmp_path, policy, people=people)
    ask(desk)
    with pytest.raises(RefusedError, match="bo has the roles operator; this gate asks for reviewer"):
        approve(desk, actor="bo")
    with pytest.raises(RefusedError, match="dan has the roles none"):
        approve(desk, actor="dan")
    with pytest.raises(RefusedError, match="four eyes: Ada started or steered"):
        approve(desk, actor="Ada")
    with pytest.raises(RefusedError, match="kept for automatic decisions"):
        approve(desk, actor="Policy", caller=caller("Policy", "reviewer"))
    with pytest.raises(RefusedError, match="cannot be answered by acknowledge"):
        decide(desk, "release-1", "acknowledge", actor="cy", reasons="seen")
    with pytest.raises(ConflictError, match="about another digest than the one that was seen"):
        approve(desk, actor="cy", digest="0" * 64)
    with pytest.raises(NotFoundError, match="there is no review release-9"):
        approve(desk, "release-9", "cy")
    assert desk.ledger.entries() == ()
    assert approve(desk, actor="eve").review.state is ReviewState.APPROVED


def test_four_eyes_hold_across_a_request_for_changes(tmp_path: Path) -> None:
    desk = desk_at(tmp_path, GatePolicy(four_eyes=True))
    ask(desk)
    asked = decide(
        desk, "release-1", "request-changes", actor="bo", reasons="less", changes=Steering(exclude_features=("x",))
    )
    ask(desk, "b", cause=Cause(kind="request", actor="bo", reference=asked.entry.hash))
    for actor in ("bo", "ada"):
        with pytest.raises(RefusedError, match=f"four eyes: {actor}"):
            approve(desk, "release-2", actor)
    assert approve(desk, "release-2", "cy").review.state is ReviewState.APPROVED


def test_two_of_two_roles_need_two_people_and_the_closing_entry_names_both(tmp_path: Path) -> None:
    policy = GatePolicy(approvals=(Approvals(), Approvals(role="risk")))
    desk = desk_at(tmp_path, policy)
    ask(desk)
    first = approve(desk, actor="bo", caller=caller("bo", "reviewer", "risk"))
    assert first.judgement.outcome is ReviewState.OPEN
    assert not desk.paths.release_decision.exists()
    assert ask(desk).state == "waiting"
    with pytest.raises(RefusedError, match="does not release this candidate"):
        check_release(first.entry, candidate(), desk.paths.public_keys)
    with pytest.raises(ConflictError, match="BO has approved release-1 already"):
        approve(desk, actor="BO", caller=caller("BO", "risk"))
    assert list_reviews(desk)[0].wanted == ("1 more approval by a risk",)
    second = approve(desk, actor="cy", caller=caller("cy", "reviewer"))
    assert second.review.state is ReviewState.APPROVED
    decision = check_release(second.entry, candidate(), desk.paths.public_keys)
    assert [(vote.actor, vote.entry) for vote in decision.votes] == [("bo", first.entry.hash)]
    assert verify(desk.paths, desk.store) == []


def test_whoever_approved_may_still_veto(tmp_path: Path) -> None:
    desk = desk_at(tmp_path, GatePolicy(approvals=(Approvals(count=2),)))
    ask(desk)
    approve(desk)
    decide(desk, "release-1", "reject", actor="bo", reasons="looked again")
    assert ask(desk).state == "rejected"


@pytest.mark.parametrize(
    ("on_expiry", "values", "state"),
    [("reject", None, "expired"), ("approve", None, "passed"), ("approve", POOR, "expired")],
)
def test_silence_is_a_signed_decision(tmp_path: Path, on_expiry: str, values: object, state: str) -> None:
    policy = GatePolicy.model_validate({"checks": CHECKS, "expires_days": 2, "on_expiry": on_expiry})
    desk = desk_at(tmp_path, policy)
    more = {} if values is None else {"values": values}
    ask(desk, **more)
    assert expire_reviews(desk, now() + timedelta(days=1.9)) == ()
    late = now() + timedelta(days=2.1)
    assert [review.id for review in expire_reviews(desk, late)] == ["release-1"]
    assert expire_reviews(desk, late) == ()
    outcome = ask(desk, **more)
    assert outcome.state == state
    assert outcome.decision is not None
    assert outcome.decision.automatic
    assert "nobody closed the review before" in outcome.decision.reasons
    assert desk.paths.release_decision.exists() == (state == "passed")
    assert verify(desk.paths, desk.store) == []


def test_a_decision_after_the_end_comes_too_late(tmp_path: Path) -> None:
    desk = desk_at(tmp_path, GatePolicy(expires_days=1))
    ask(desk)
    with pytest.raises(ConflictError, match=r"release-1 is closed: expired by policy \(entry 1\)"):
        approve(desk, moment=now() + timedelta(days=2))
    with pytest.raises(ConflictError, match="no longer expired"):
        reopen(desk, ask(desk, "b").review.id, actor="bo", reasons="holiday")  # type: ignore[union-attr]
    assert ask(desk).state == "expired"
    assert ask(desk).reasons[-1] == "to ask again: signoff review reopen release-1 --reason TEXT"
    reopen(desk, "release-1", actor="bo", reasons="holiday")
    assert ask(desk).review == desk.store.review("release-3")
    assert verify(desk.paths, desk.store) == []


def test_an_alert_may_be_acknowledged(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    ask(desk, gate="alert")
    decide(desk, "alert-1", "acknowledge", actor="bo", reasons="known outage")
    assert ask(desk, gate="alert").state == "acknowledged"


def test_a_gate_that_the_project_does_not_have_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no gate rollout; allowed: alert, data, release"):
        ask(desk_at(tmp_path), gate="rollout")


def test_a_review_edited_to_approved_opens_no_gate(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    ask(desk)
    desk.store.close_review("release-1", ReviewState.APPROVED)
    with pytest.raises(IntegrityError, match="stands approved without a valid decision"):
        ask(desk)
    assert [finding.where for finding in verify(desk.paths, desk.store)] == ["review release-1"]


def test_a_clone_without_a_database_knows_what_was_decided(tmp_path: Path) -> None:
    desk = desk_at(tmp_path / "one")
    ask(desk)
    ruling = approve(desk)
    clone = tmp_path / "two"
    clone.mkdir()
    (tmp_path / "one" / "decisions").rename(clone / "decisions")
    shutil.copytree(tmp_path / "one" / ".signoff" / "keys", clone / ".signoff" / "keys")
    there = desk_at(clone)
    outcome = ask(there)
    assert (outcome.state, outcome.entry) == ("passed", ruling.entry)
    assert there.ledger.entries() == (ruling.entry,)
    assert verify(there.paths, there.store) == []
    assert ask(there, "b").review.id == "release-2"  # type: ignore[union-attr]
    approve(there, "release-2")
    assert len(there.ledger.entries()) == 2
    assert verify(there.paths, there.store) == []


def test_a_summary_holds_what_the_screens_name(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    ask(desk)
    approve(desk)
    shown = summarise(desk, desk.store.review("release-1")).as_json()
    assert shown["checks"] == [{"name": "holdout.roc_auc", "value": 0.8, "limit": ">= 0.7", "holds": True}]
    assert {"id", "gate", "state", "digest", "opened"} <= shown.keys()
    assert shown["decisions"][0]["hash"] == desk.ledger.entries()[0].hash
    assert EVIDENCE not in shown.values()


def test_a_row_that_nobody_signed_opens_no_gate_and_releases_nothing(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    ask(desk)
    signed = approve(desk).entry
    body = {**signed.body, "review": "release-9", "digest": candidate("b").digest}
    planted = signed.model_copy(update={"sequence": 2, "previous": signed.hash, "body": body})
    planted = planted.model_copy(update={"hash": planted.expected_hash()})
    desk.store.fill((planted,))
    with pytest.raises(IntegrityError, match="the signature does not hold; where: ledger row 2"):
        ask(desk, "b")
    facts = {"project": "demo", "tag": "demo/v1", "candidate_tag": "demo/c2", "model_digest": "model-b"}
    with pytest.raises(RefusedError, match="no decision of the ledger approves demo/v1"):
        desk.ledger.record_release(
            Release(**facts, digest=candidate("b").digest, decision=planted.hash, released=now())
        )


def test_changes_that_leave_no_family_are_refused_before_they_are_signed(tmp_path: Path) -> None:
    settings = "project: p\nquestion: Q?\ntask: binary\ntarget: y\ndata: {sources: {rows: {file: rows.csv}}}\n"
    (tmp_path / "signoff.yaml").write_text(settings + "search: {families: [baseline, linear]}\n", encoding="utf-8")
    (tmp_path / "run.yaml").write_text("steering: {ban_families: [linear]}\n", encoding="utf-8")
    wishes = {"exclude_features": [], "pin_family": None, "seconds": None, "trials": None}
    with pytest.raises(SettingsError, match=r"every family of search\.families is banned"):
        ask_for_changes(tmp_path, "release-1", "", {**wishes, "ban_families": ["baseline"]}, "bo", False, False)
    pinned = {**wishes, "ban_families": [], "pin_family": "linear"}
    with pytest.raises(SettingsError, match="linear is both pinned and banned"):
        ask_for_changes(tmp_path, "release-1", "", pinned, "bo", False, False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.yaml", "signoff.yaml"]


def test_a_clock_that_was_put_back_signs_nothing(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    review = ask(desk).review
    assert review is not None
    with pytest.raises(ConflictError, match="the clock of this machine is behind the question"):
        approve(desk, moment=review.opened - timedelta(seconds=1))
    assert desk.ledger.entries() == ()
    approve(desk, moment=review.opened)
    assert verify(desk.paths, desk.store) == []


def test_to_go_back_to_an_earlier_release_is_a_question_of_its_own(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    ask(desk)
    release(desk, approve(desk))
    assert ask(desk).state == "passed"
    ask(desk, "b")
    release(desk, approve(desk, "release-2"), "b", "demo/v2")
    again = ask(desk)
    assert again.review is not None
    assert (again.state, again.review.id) == ("waiting", "release-3")
    ask(desk, "c")
    assert ask(desk).state == "waiting", "the question that was set aside is not answered by the approval of before"
    release(desk, approve(desk, "release-5"), tag="demo/v3")
    assert ask(desk).state == "passed"
    assert verify(desk.paths, desk.store) == []
