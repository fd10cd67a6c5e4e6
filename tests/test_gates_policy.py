"""Windows, freezes, stand-ins and four eyes at real gates, on both databases; and two hundred who press at once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from signoff.core.account import Account, Caller, Grant, Scope
from signoff.core.decision import ReviewState
from signoff.core.digest import sha256_bytes
from signoff.core.errors import ConflictError, RefusedError, UsageError
from signoff.core.evidence import Evidence, EvidenceSet, Value
from signoff.core.policy_freeze import Freeze
from signoff.core.policy_settings import Approvals, GatePolicy, Mode, StandIn
from signoff.core.record import now
from signoff.core.run import Cause, Run, RunSettings, RunState, Steering, save_run_settings
from signoff.gates import (
    ChangedError,
    Desk,
    act_on_silence,
    decide,
    next_step,
    pending_steps,
    reopen,
    summarise,
)
from signoff.ledger import check_release, verify
from signoff.workspace.git import Git
from signoff.workspace.lock import workspace_lock
from tests.ledger_cases import CHECKS, GOOD, POOR, approve, ask, caller, candidate, desk_at, release

ROOT = Path(__file__).parent.parent
WINDOW = GatePolicy(mode=Mode.GUARDED, veto_hours=4, checks=CHECKS)


def frozen_today(**more: Any) -> GatePolicy:
    """A freeze of yesterday, today and tomorrow, so that no clock has to be moved."""
    today = datetime.now(UTC).date()
    span = f"{today - timedelta(days=1)}..{today + timedelta(days=1)}"
    return GatePolicy(freeze=(Freeze(dates=(span,), reason="inventory"),), **more)


def thaw() -> datetime:
    day = datetime.now(UTC).date() + timedelta(days=2)
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def hold(desk: Desk, name: str = "a") -> None:
    """Let the workspace hold a candidate, as evaluate would have left it."""
    desk.paths.candidate.parent.mkdir(parents=True, exist_ok=True)
    desk.paths.candidate.write_text(candidate(name).model_dump_json())


def ran(desk: Desk, flow: str, cause: Cause, state: RunState, name: str, **more: Any) -> None:
    started = more.pop("started", now())
    desk.store.start_run(Run(id=name, flow=flow, cause=cause, state=RunState.RUNNING, started=started, **more))
    if state is not RunState.RUNNING:
        desk.store.finish_run(name, state)


def test_a_window_that_nobody_uses_approves_with_a_signed_reason(database: str | None, tmp_path: Path) -> None:
    desk = desk_at(tmp_path, WINDOW, address=database)
    waiting = ask(desk)
    assert waiting.state == "waiting"
    assert "the policy approves at" in waiting.reasons[0]
    assert "unless somebody refuses" in summarise(desk, desk.store.review("release-1")).wanted[-1]
    assert act_on_silence(desk, now() + timedelta(hours=3.9)) == ()
    (closed,) = act_on_silence(desk, now() + timedelta(hours=4.1))
    assert closed.state is ReviewState.APPROVED
    (entry,) = desk.ledger.entries()
    assert "nobody refused within its veto window of 4 hours" in entry.body["reasons"]
    assert check_release(entry, candidate(), desk.paths.public_keys).automatic
    assert ask(desk).state == "passed"
    assert verify(desk.paths, desk.store) == []


def test_a_window_can_be_used_and_a_refusal_after_it_comes_too_late(database: str | None, tmp_path: Path) -> None:
    desk = desk_at(tmp_path, WINDOW, address=database)
    ask(desk)
    decide(desk, "release-1", "reject", actor="bo", reasons="not today")
    assert act_on_silence(desk, now() + timedelta(hours=5)) == ()
    assert ask(desk).state == "rejected"
    ask(desk, "b")
    with pytest.raises(ConflictError, match=r"release-2 is closed: approved by policy"):
        decide(desk, "release-2", "reject", actor="bo", reasons="late", moment=now() + timedelta(hours=5))
    assert ask(desk, "c", values=POOR).reasons == ("holdout.roc_auc 0.6 breaks >= 0.7",), "no window on broken checks"
    assert act_on_silence(desk, now() + timedelta(days=300)) == ()


def test_an_approval_in_a_freeze_is_kept_and_nothing_is_released(database: str | None, tmp_path: Path) -> None:
    desk = desk_at(tmp_path, frozen_today(), address=database)
    ask(desk)
    hold(desk)
    ruling = approve(desk)
    assert ruling.review.state is ReviewState.APPROVED
    assert "kept, no releases on" in ruling.judgement.reasons[1]
    assert next_step(ruling) is None
    held = ask(desk)
    assert held.state == "waiting"
    assert held.entry == ruling.entry
    assert "inventory" in held.reasons[1]
    with pytest.raises(RefusedError, match=r"may not be released: no releases on .*inventory"):
        release(desk, ruling)
    assert pending_steps(desk) == ()
    (step,) = pending_steps(desk, thaw())
    assert step.flow == "release"
    assert ask(desk, moment=thaw()).state == "passed"
    assert verify(desk.paths, desk.store) == []
    with pytest.raises(RefusedError, match="lets nobody override"):
        approve(desk, actor="cy", override=True)


def test_a_run_that_waits_for_the_end_of_a_freeze_is_taken_up_again(tmp_path: Path) -> None:
    desk = desk_at(tmp_path, frozen_today())
    ask(desk)
    hold(desk)
    approve(desk)
    ran(desk, "release", Cause(actor="ada"), RunState.WAITING, "r1")
    assert len(pending_steps(desk, thaw())) == 1
    ran(desk, "release", Cause(actor="ada"), RunState.FAILED, "r2")
    assert pending_steps(desk, thaw()) == (), "a release that failed wants a person, not another try each half minute"


def test_two_people_who_say_so_release_in_a_freeze(database: str | None, tmp_path: Path) -> None:
    desk = desk_at(tmp_path, frozen_today(override=Approvals(count=2), four_eyes=True), address=database)
    ask(desk)
    hold(desk)
    plain = approve(desk, actor="bo")
    with pytest.raises(UsageError, match="override does not go with reject"):
        decide(desk, "release-1", "reject", actor="bo", reasons="x", override=True)
    with pytest.raises(ConflictError, match="release-1 is closed: approved"):
        approve(desk, actor="cy")
    with pytest.raises(RefusedError, match="four eyes: ada"):
        approve(desk, actor="ada", override=True)
    first = approve(desk, actor="bo", override=True)
    assert first.judgement.reasons[-1] == "1 more override by a reviewer"
    with pytest.raises(ConflictError, match="bo has overridden release-1 already"):
        approve(desk, actor="bo", override=True)
    for ruling in (plain, first):
        with pytest.raises(RefusedError, match="may not be released"):
            release(desk, ruling)
    second = approve(desk, actor="cy", override=True)
    assert (second.entry.body["override"], second.entry.body["outcome"]) == (True, "approved")
    assert next_step(second) is not None
    assert len(pending_steps(desk)) == 1
    with pytest.raises(ConflictError, match="enough people have overridden"):
        approve(desk, actor="dan", override=True)
    outcome = ask(desk)
    assert (outcome.state, outcome.entry) == ("passed", second.entry)
    check_release(second.entry, candidate(), desk.paths.public_keys)
    release(desk, second)
    assert verify(desk.paths, desk.store) == []
    assert pending_steps(desk) == ()


def test_overrides_before_the_approval_count_with_it(tmp_path: Path) -> None:
    policy = frozen_today(override=Approvals(role="owner", count=1), approvals=(Approvals(count=2),))
    desk = desk_at(tmp_path, policy)
    ask(desk)
    over = approve(desk, actor="olga", caller=caller("olga", "operator", "owner"), override=True)
    assert over.review.state is ReviewState.OPEN
    approve(desk, actor="bo")
    last = approve(desk, actor="cy")
    assert [vote.override for vote in last.entry.decision().votes] == [True, False]
    release(desk, last)
    assert verify(desk.paths, desk.store) == []
    ask(desk, "b")
    with pytest.raises(RefusedError, match="olga has the roles operator, owner; this gate asks for reviewer"):
        approve(desk, "release-2", actor="olga", caller=caller("olga", "operator", "owner"))


def test_an_automatic_approval_in_a_freeze_waits_and_can_be_overridden(tmp_path: Path) -> None:
    policy = frozen_today(mode=Mode.GUARDED, checks=CHECKS, override=Approvals(), approvals=(Approvals(count=3),))
    desk = desk_at(tmp_path, policy)
    assert ask(desk).state == "waiting"
    assert desk.store.review("release-1").state is ReviewState.APPROVED
    ruling = approve(desk, actor="bo", override=True)
    release(desk, ruling)
    assert verify(desk.paths, desk.store) == []


def test_nothing_else_may_be_said_of_an_approved_review_and_no_freeze_is_no_override(tmp_path: Path) -> None:
    today = datetime.now(UTC).date()
    later = Freeze(dates=(f"{today + timedelta(days=5)}",))
    desk = desk_at(tmp_path, GatePolicy(freeze=(later,), override=Approvals()))
    ask(desk)
    with pytest.raises(ConflictError, match="there is no freeze to override now"):
        approve(desk, override=True)
    approve(desk)
    with pytest.raises(ConflictError, match="there is no freeze to override now"):
        approve(desk, actor="cy", override=True)
    assert len(desk.ledger.entries()) == 1


def test_a_forged_second_closing_is_found_by_verify(tmp_path: Path) -> None:
    desk = desk_at(tmp_path, frozen_today(override=Approvals()))
    ask(desk)
    decide(desk, "release-1", "reject", actor="bo", reasons="no")
    body = desk.ledger.entries()[0].body
    forged = body | {"verdict": "approve", "outcome": "approved", "override": True, "actor": "eve"}
    desk.ledger.publish(desk.ledger.append("decision", forged))
    assert "the review release-1 was closed before" in str(verify(desk.paths, desk.store))


def test_a_release_signed_inside_a_freeze_is_found_by_verify(tmp_path: Path) -> None:
    desk = desk_at(tmp_path, frozen_today())
    ask(desk)
    ruling = approve(desk)
    body = {"project": "demo", "tag": "demo/v1", "candidate_tag": "demo/a", "digest": ruling.review.digest}
    body |= {"model_digest": "m", "decision": ruling.entry.hash, "released": now().isoformat()}
    desk.ledger.publish(desk.ledger.append("release", body))
    assert "demo/v1 was released though it was held back" in str(verify(desk.paths, desk.store))


def test_a_vote_that_says_more_than_was_given_is_found_by_verify(tmp_path: Path) -> None:
    desk = desk_at(tmp_path, frozen_today(approvals=(Approvals(count=2),), override=Approvals()))
    ask(desk)
    approve(desk)
    body = desk.ledger.entries()[0].body
    vote = {"actor": "bo", "roles": body["roles"], "entry": desk.ledger.entries()[0].hash, "override": True}
    forged = body | {"actor": "cy", "outcome": "approved", "votes": [vote | {"decided": body["decided"]}]}
    desk.ledger.publish(desk.ledger.append("decision", forged))
    assert "it counts an approval that nobody gave" in str(verify(desk.paths, desk.store))


def test_a_stand_in_is_asked_for_the_day_on_which_it_decides(database: str | None, tmp_path: Path) -> None:
    today = datetime.now(UTC).date()
    policy = GatePolicy(
        approvals=(Approvals(role="risk"),),
        stand_ins=(
            StandIn(role="risk", name="eve", since=today - timedelta(days=1), until=today + timedelta(days=1)),
            StandIn(role="risk", name="fay", until=date(2020, 1, 1)),
        ),
    )
    desk = desk_at(tmp_path, policy, address=database)
    ask(desk)
    with pytest.raises(RefusedError, match=r"fay stands in as risk until 2020-01-01"):
        approve(desk, actor="fay")
    assert approve(desk, actor="Eve").review.state is ReviewState.APPROVED
    assert verify(desk.paths, desk.store) == []


@contextmanager
def an_account(desk: Desk, name: str, *roles: str) -> Iterator[Caller]:
    account = Account(name=name, grants=tuple(Grant(role=role) for role in roles), made=now())
    desk.store.add_account(account)
    yield Caller(name=name, account=account, via="session")


def test_once_accounts_are_in_force_a_bare_name_decides_nothing(database: str | None, tmp_path: Path) -> None:
    desk = desk_at(tmp_path, GatePolicy(expires_days=1), address=database, people={"bo": ("reviewer",)})
    ask(desk)
    with an_account(desk, "cy", "reviewer") as cy:
        with pytest.raises(RefusedError, match="bo has to prove who decides"):
            approve(desk, actor="bo")
        with pytest.raises(RefusedError, match="cy proved who they are, and may not decide as bo"):
            approve(desk, actor="bo", caller=cy)
        with pytest.raises(RefusedError, match="has to prove who decides"):
            reopen(desk, "release-1", actor="bo", reasons="again")
        token = cy.model_copy(update={"via": "token", "scopes": (Scope.READ,)})
        with pytest.raises(RefusedError, match="cy may not decide in demo"):
            approve(desk, actor="cy", caller=token)
        other = cy.model_copy(update={"project": "other"})
        with pytest.raises(RefusedError, match="cy may not decide in demo"):
            approve(desk, actor="cy", caller=other)
        assert desk.ledger.entries() == ()
        with pytest.raises(RefusedError, match="eve has no account here"):
            approve(desk, actor="eve", caller=caller("eve", "reviewer"))
        desk.store.save_account(cy.account.model_copy(update={"disabled": True}))
        with pytest.raises(RefusedError, match="cy may not decide in demo"):
            approve(desk, actor="cy", caller=cy)
        desk.store.save_account(cy.account)
        assert approve(desk, actor="cy", caller=cy).entry.body["roles"] == ["reviewer"]


def test_whoever_is_still_behind_a_run_may_not_approve_it(tmp_path: Path) -> None:
    desk = desk_at(tmp_path, GatePolicy(four_eyes=True))
    ask(desk)
    changes = Steering(exclude_features=("x",))
    decide(desk, "release-1", "request-changes", actor="bo", reasons="less", changes=changes)
    save_run_settings(desk.paths.run, RunSettings(steering=changes))
    ran(desk, "retrain", Cause(actor="kim"), RunState.INTERRUPTED, "killed")
    second = ask(desk, "b", cause=Cause(actor="cy")).review
    assert second is not None
    assert second.involved == ("bo", "kim"), "steering still stands, and the killed run's stages are found done"
    ran(desk, "retrain", Cause(actor="kim"), RunState.WAITING, "ended", candidate="d" * 64)
    save_run_settings(desk.paths.run, RunSettings())
    third = ask(desk, "c", cause=Cause(actor="cy")).review
    assert third is not None
    assert third.involved == ()


def test_an_expired_question_asked_again_by_somebody_else_keeps_its_first_starter(tmp_path: Path) -> None:
    desk = desk_at(tmp_path, GatePolicy(four_eyes=True, expires_days=1))
    ask(desk)
    act_on_silence(desk, now() + timedelta(days=2))
    reopen(desk, "release-1", actor="bo", reasons="holiday")
    ask(desk, cause=Cause(actor="cy"))
    with pytest.raises(RefusedError, match="four eyes: ada"):
        approve(desk, "release-2", "ada")


def test_whoever_set_the_clock_that_stands_is_behind_the_run(tmp_path: Path) -> None:
    desk = desk_at(tmp_path, GatePolicy(four_eyes=True))
    clock = datetime(2024, 1, 1, tzinfo=UTC)
    save_run_settings(desk.paths.run, RunSettings(as_of=clock))
    first = now() - timedelta(hours=2)
    ran(desk, "retrain", Cause(actor="kim"), RunState.WAITING, "r1", as_of=clock, started=first, candidate="c" * 64)
    ran(
        desk,
        "retrain",
        Cause(actor="lou"),
        RunState.WAITING,
        "r2",
        as_of=clock,
        started=first + timedelta(hours=1),
        candidate="d" * 64,
    )
    review = ask(desk, cause=Cause(actor="cy")).review
    assert review is not None
    assert review.involved == ("kim",)


def test_who_changed_the_settings_is_noted_as_git_says(tmp_path: Path) -> None:
    git = Git(tmp_path)
    git.init()
    (tmp_path / "signoff.yaml").write_text("a: 1\n")
    git.run("add", "signoff.yaml")
    git.run("-c", "user.name=Mallory", "-c", "user.email=m@localhost", "commit", "-qm", "first")
    git.run("config", "user.name", "Mallory")
    review = ask(desk_at(tmp_path)).review
    assert review is not None
    assert len(review.settings_by) == 1
    assert review.involved == (), "a git author is no account, so four eyes do not go by it"


def test_steps_that_nobody_began_are_found_and_others_are_not(database: str | None, tmp_path: Path) -> None:
    desk = desk_at(tmp_path, address=database)
    ask(desk)
    changes = Steering(exclude_features=("x",))
    asked = decide(desk, "release-1", "request-changes", actor="bo", reasons="less", changes=changes)
    (step,) = pending_steps(desk)
    assert (step.flow, step.cause.reference, step.request.steering) == ("retrain", asked.entry.hash, changes)
    with workspace_lock(desk.paths.state, "a run", "ada"):
        assert pending_steps(desk) == ()
    ran(desk, "retrain", step.cause, RunState.INTERRUPTED, "r1")
    assert pending_steps(desk) == (step,), "a killed run has not answered"
    ran(desk, "retrain", step.cause, RunState.WAITING, "r2")
    assert pending_steps(desk) == ()
    ask(desk, "b")
    ruling = approve(desk, "release-2")
    assert pending_steps(desk) == (), "the workspace holds no such candidate"
    hold(desk, "b")
    assert [one.flow for one in pending_steps(desk)] == ["release"]
    release(desk, ruling, "b")
    assert pending_steps(desk) == ()
    ask(desk, "x", gate="alert", cause=Cause(kind="alert", actor="watch", reference="a1"))
    approve(desk, "alert-1")
    (retrain,) = pending_steps(desk)
    assert (retrain.flow, retrain.cause.kind, retrain.cause.reference) == ("retrain", "alert", "a1")
    assert pending_steps(desk, now() + timedelta(days=90)) == ()


def test_a_row_that_nobody_signed_starts_nothing(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    ask(desk)
    hold(desk)
    desk.store.close_review("release-1", ReviewState.APPROVED)
    assert pending_steps(desk) == ()


def a_set(auc: float, gap: float) -> tuple[str, str]:
    values = (Value(name="holdout.roc_auc", value=auc), Value(name="holdout.gap", value=gap, unit="share"))
    record = Evidence(kind="holdout", title="t", business="b", expert="e", values=values)
    text = EvidenceSet(project="demo", made=now(), records=(record,)).model_dump_json()
    return text, sha256_bytes(text.encode())


def test_a_decision_on_evidence_that_changed_is_told_what_changed(database: str | None, tmp_path: Path) -> None:
    desk = desk_at(tmp_path, address=database)
    for name, (auc, gap), values in (("a", (0.8, 0.01), GOOD), ("b", (0.6, 0.01), POOR)):
        text, digest = a_set(auc, gap)
        desk.store.keep_evidence(text.encode())
        ask(desk, name, evidence_sha256=digest, values=values)
    with pytest.raises(ChangedError, match="release-2 is asked in its place") as caught:
        approve(desk, digest=candidate("a").digest)
    changes = caught.value.changes
    assert [(one.name, one.before, one.after) for one in changes.values] == [("holdout.roc_auc", 0.8, 0.6)]
    assert [(one.before, one.after) for one in changes.checks] == [(True, False)]
    assert (changes.before, changes.after, changes.digest, changes.compared) == ("release-1", "release-2", True, True)
    assert "holdout.roc_auc was 0.8 and is 0.6" in str(caught.value)
    with pytest.raises(ChangedError, match="about another digest than the one that was seen"):
        approve(desk, "release-2", digest=candidate("a").digest)
    assert desk.ledger.entries() == ()


def test_evidence_that_is_not_kept_here_is_said_not_to_be_compared(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    ask(desk)
    ask(desk, "b", evidence_sha256="f" * 64, values=POOR)
    with pytest.raises(ChangedError, match="held before and broke now") as caught:
        approve(desk)
    assert not caught.value.changes.compared


CROWD = """
import sys, threading
from pathlib import Path
from signoff.core.errors import ConflictError
from signoff.core.policy_settings import Approvals, GatePolicy
from tests.ledger_cases import CHECKS, approve, desk_at, release
root, address, group = sys.argv[1:]
desk = desk_at(Path(root), GatePolicy(checks=CHECKS, approvals=(Approvals(count=3),)), address=address or None)
desk.store.runs()
go, said = threading.Event(), []
def press(name):
    go.wait()
    try:
        ruling = approve(desk, actor=name)
        said.append("closed " + ruling.judgement.outcome.value)
        release(desk, ruling)
    except ConflictError as error:
        said.append("refused: " + error.what)
    except BaseException as error:
        said.append("broke: " + repr(error))
threads = [threading.Thread(target=press, args=(f"person{group}-{n}",)) for n in range(50)]
for thread in threads: thread.start()
print("ready", flush=True)
sys.stdin.readline()
go.set()
for thread in threads: thread.join()
print("\\n".join(said))
"""


@pytest.mark.slow
def test_two_hundred_who_press_at_once_make_one_release(database: str | None, tmp_path: Path) -> None:
    desk = desk_at(tmp_path, GatePolicy(checks=CHECKS, approvals=(Approvals(count=3),)), address=database)
    ask(desk)
    approve(desk, actor="bo")
    approve(desk, actor="cy")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    crowd = [
        subprocess.Popen(
            [sys.executable, "-c", CROWD, str(tmp_path), database or "", str(group)],
            cwd=ROOT,
            env=environment,
            text=True,
            **pipes,
        )
        for group in range(4)
    ]
    for process in crowd:
        assert process.stdout.readline() == "ready\n"  # type: ignore[union-attr]
    for process in crowd:
        process.stdin.write("go\n")  # type: ignore[union-attr]
        process.stdin.flush()  # type: ignore[union-attr]
    said: list[str] = []
    for process in crowd:
        output, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
        said += output.strip().splitlines()
    assert len(said) == 200
    assert [line for line in said if not line.startswith("refused: ")] == ["closed approved"]
    kinds = [(entry.kind, entry.body.get("outcome")) for entry in desk.ledger.entries()]
    assert kinds == [("decision", "open"), ("decision", "open"), ("decision", "approved"), ("release", None)]
    winner = desk.ledger.entries()[2].body["actor"]
    clear = f"the review release-1 is closed: approved by {winner} (entry 3)"
    assert {line for line in said if line.startswith("refused: ")} == {f"refused: {clear}"}
    assert verify(desk.paths, desk.store) == []
