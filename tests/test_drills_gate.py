"""Drills at the gate: asked like any other, sealed, told when closed, never released."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from signoff.core.candidate import Candidate
from signoff.core.decision import Decision, Entry, Release, ReviewState
from signoff.core.digest import sha256_bytes
from signoff.core.drill import Drill, DrillKind, DrillTold, Seal, commitment_of
from signoff.core.errors import ConflictError, RefusedError
from signoff.core.evidence import Evidence, EvidenceSet, Value
from signoff.core.record import now
from signoff.core.run import Cause, Run, RunState
from signoff.core.settings import Announce, Approvals, GatePolicy, Mode, Webhook
from signoff.gates import Desk, decide, expire_reviews, next_step, pending_steps, summarise
from signoff.gates.drilling import BadCandidate, open_drill, prepare_drills
from signoff.ledger import check_release, verify
from tasks.releasing import switch
from tests.announced import receiver
from tests.ledger_cases import AUTO, CHECKS, GUARDED, approve, ask, candidate, desk_at

SECRET_WORDS = ("drill", "leaked", "salt", "seed", "on purpose")


def bad(name: str = "z", value: float = 0.95) -> BadCandidate:
    record = Evidence(
        kind="holdout",
        title="How good it is",
        business="It is good.",
        expert="ROC AUC.",
        values=(Value(name="holdout.roc_auc", value=value), Value(name="importance.top_share", value=0.99)),
    )
    text = EvidenceSet(project="demo", made=now(), records=(record,)).model_dump_json()
    facts = {"evidence_sha256": sha256_bytes(text.encode()), "dossier_sha256": sha256_bytes(b"<p>dossier</p>")}
    made = candidate(name).model_copy(update=facts)
    return BadCandidate(
        kind=DrillKind.LEAKED_COLUMN,
        seed=7,
        candidate=made,
        tag="demo/c9",
        evidence=text,
        dossier="<p>dossier</p>",
        shown="importance.top_share",
        sentence="One column carries 99 %.",
    )


def opened(desk: Desk, name: str = "z", actor: str = "ada", **more: Any) -> Drill:
    made = bad(name)
    run = Run(
        id=f"run-{name}",
        flow="retrain",
        cause=Cause(actor=actor),
        state=RunState.WAITING,
        started=now(),
        candidate=made.candidate.digest,
    )
    return open_drill(desk, made, run, **more)


def kinds(desk: Desk) -> list[str]:
    return [entry.kind for entry in desk.ledger.entries()]


def body_of(desk: Desk, kind: str) -> dict[str, Any]:
    return next(entry.body for entry in desk.ledger.entries() if entry.kind == kind)


def test_a_drill_looks_like_any_review_until_it_is_decided(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    drill = opened(desk)
    review = desk.store.review(drill.review)
    shown = [summarise(desk, review).model_dump_json(), review.model_dump_json()]
    shown += [entry.model_dump_json() for entry in desk.ledger.entries()]
    shown += [one.model_dump_json() for one in desk.store.notices()]
    shown += [one.model_dump_json() for one in desk.store.runs()]
    shown += [path.name + path.read_text() for path in (tmp_path / "decisions").glob("*.json")]
    for text in shown:
        assert not [word for word in SECRET_WORDS if word in text.lower()]
    assert kinds(desk) == ["seal"]
    assert desk.store.evidence(review.evidence_sha256) is not None
    assert desk.store.run(review.run).state is RunState.WAITING
    assert verify(desk.paths, desk.store) == []


def test_announcements_of_a_drill_and_of_a_real_review_say_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from signoff.announce import send_due

    monkeypatch.setenv("HOOK_KEY", "k" * 32)
    with receiver() as far:
        announce = Announce(webhooks=(Webhook(url=far.url, secret="env:HOOK_KEY"),))
        desk = desk_at(tmp_path, announce=announce)
        opened(desk)
        send_due(desk.store, desk.project)
        approve(desk)
        send_due(desk.store, desk.project)
        ask(desk, subject="demo/c9")
        send_due(desk.store, desk.project)
        told = [json.loads(body) for _, body in far.got]
    events = {(one["event"], one["review"]["id"]): one for one in told}
    drill, real = events["review.opened", "release-1"], events["review.opened", "release-2"]

    def skeleton(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: skeleton(one) for key, one in value.items()}
        return [skeleton(one) for one in value] if isinstance(value, list) else type(value).__name__

    assert skeleton(drill) == skeleton(real)
    assert not [word for word in SECRET_WORDS if word in json.dumps(drill).lower()]
    assert "was a drill" in events["review.drill-told", "release-1"]["text"]


@pytest.mark.parametrize(
    ("verdict", "state"), [("reject", "caught"), ("approve", "missed"), ("request-changes", "caught")]
)
def test_a_decision_tells_the_drill_and_opens_its_seal(tmp_path: Path, verdict: Any, state: str) -> None:
    from signoff.core.run import Steering

    desk = desk_at(tmp_path)
    drill = opened(desk)
    changes = Steering(exclude_features=("x",)) if verdict == "request-changes" else None
    ruling = decide(desk, drill.review, verdict, actor="bo", reasons="I looked", changes=changes)
    assert ruling.entry.decision().drill
    told = desk.store.drill(drill.review)
    assert told is not None
    assert (told.state, told.by, told.reasons) == (state, ("bo",), "I looked")
    assert told.seconds is not None
    assert told.seconds >= 0
    assert kinds(desk) == ["seal", "decision", "drill"]
    body = DrillTold.model_validate(body_of(desk, "drill"))
    assert commitment_of(body.salt, body.drill, body.digest) == body_of(desk, "seal")["commitment"]
    assert verify(desk.paths, desk.store) == []
    assert verify(desk.paths) == []
    assert not desk.paths.release_decision.exists()
    assert next_step(ruling) is None
    assert pending_steps(desk) == ()
    run = desk.store.run("run-z")
    assert run.state is RunState.DONE
    assert "was a drill" in run.message


def test_of_two_approvals_the_first_does_not_tell(tmp_path: Path) -> None:
    desk = desk_at(tmp_path, GatePolicy(approvals=(Approvals(count=2),)))
    drill = opened(desk)
    first = decide(desk, drill.review, "approve", actor="bo", reasons="fine")
    assert not first.entry.decision().drill
    assert kinds(desk) == ["seal", "decision"]
    assert "drill-told" not in {one.kind for one in desk.store.notices()}
    second = decide(desk, drill.review, "approve", actor="cy", reasons="fine")
    assert second.entry.decision().drill
    told = desk.store.drill(drill.review)
    assert told is not None
    assert (told.state, told.by) == ("missed", ("bo", "cy"))
    assert verify(desk.paths, desk.store) == []


@pytest.mark.parametrize(
    ("policy", "why"), [(GUARDED, "would let this bad candidate pass"), (AUTO, "asks nobody about any candidate")]
)
def test_where_the_machine_passes_alone_there_is_nobody_to_try(tmp_path: Path, policy: GatePolicy, why: str) -> None:
    """Under another policy than the project's, everybody who compares the two would know."""
    desk = desk_at(tmp_path, policy)
    with pytest.raises(RefusedError, match=why):
        opened(desk)
    assert (desk.store.reviews(), desk.store.runs(), desk.store.drills()) == ((), (), ())
    assert desk.ledger.entries() == ()


def test_where_the_machine_waits_for_a_veto_a_drill_waits_for_it_too(tmp_path: Path) -> None:
    policy = GUARDED.model_copy(update={"veto_hours": 4.0})
    desk = desk_at(tmp_path, policy)
    review = desk.store.review(opened(desk).review)
    assert (review.state, review.policy) == (ReviewState.OPEN, policy)
    assert review.checks[0].holds


def test_a_guarded_gate_that_asks_anyway_keeps_its_policy(tmp_path: Path) -> None:
    policy = GatePolicy(mode=Mode.GUARDED, checks=(CHECKS[0].model_copy(update={"at_least": 0.99}),))
    desk = desk_at(tmp_path, policy)
    assert desk.store.review(opened(desk).review).policy == policy


def test_nobody_answered_is_missed(tmp_path: Path) -> None:
    desk = desk_at(tmp_path, GatePolicy(expires_days=1))
    drill = opened(desk)
    expire_reviews(desk, now() + timedelta(days=2))
    told = desk.store.drill(drill.review)
    assert told is not None
    assert (told.state, told.by) == ("missed", ())
    assert kinds(desk) == ["seal", "decision", "drill"]
    assert verify(desk.paths, desk.store) == []


def test_silence_that_approves_releases_nothing(tmp_path: Path) -> None:
    desk = desk_at(tmp_path, GatePolicy(expires_days=1, on_expiry="approve", checks=CHECKS))
    drill = opened(desk)
    expire_reviews(desk, now() + timedelta(days=2))
    assert desk.store.review(drill.review).state is ReviewState.APPROVED
    assert not desk.paths.release_decision.exists()
    told = desk.store.drill(drill.review)
    assert told is not None
    assert told.state == "missed"


def test_whoever_started_it_is_told_apart(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    drill = opened(desk, actor="ada")
    decide(desk, drill.review, "reject", actor=" Ada ", reasons="I know")
    told = desk.store.drill(drill.review)
    assert told is not None
    assert told.own
    assert "caught by Ada, who had started it" in told.told()


def test_a_drill_takes_no_real_questions_place(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    ask(desk)
    with pytest.raises(ConflictError, match="release-1 waits for a decision"):
        opened(desk)
    assert desk.store.review("release-1").state is ReviewState.OPEN
    assert desk.store.drills() == ()
    assert [run.id for run in desk.store.runs()] == []
    approve(desk)
    opened(desk)
    with pytest.raises(ConflictError, match="release-2 waits for a decision") as refused:
        opened(desk, "y")
    assert "drill" not in str(refused.value).replace("and a drill may not take its place", "")


def test_a_drill_pushed_aside_by_a_real_question_is_told_and_void(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    drill = opened(desk)
    ask(desk)
    assert desk.store.review(drill.review).state is ReviewState.SUPERSEDED
    told = desk.store.drill(drill.review)
    assert told is not None
    assert told.state == "void"
    assert kinds(desk).count("drill") == 1
    assert "drill-told" in {one.kind for one in desk.store.notices()}
    assert verify(desk.paths, desk.store) == []
    assert verify(desk.paths) == []


def test_where_drills_are_held_every_release_review_has_a_seal(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    ask(desk, "first")
    approve(desk)
    assert kinds(desk) == ["decision"]
    approve(desk, opened(desk).review)
    ask(desk, "second")
    ask(desk, "data", gate="data")
    assert kinds(desk) == ["decision", "seal", "decision", "drill", "seal"]
    assert verify(desk.paths, desk.store) == []
    assert len(list((tmp_path / "decisions").glob("*-seal.json"))) == 2


def test_once_prepared_not_even_the_first_drill_is_told_by_its_seal(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    assert prepare_drills(desk)
    assert not prepare_drills(desk)
    ask(desk, "first")
    approve(desk)
    drill = opened(desk)
    assert kinds(desk) == ["seal", "seal", "decision", "seal"]
    approve(desk, drill.review)
    ask(desk, "second")
    assert kinds(desk)[4:] == ["decision", "drill", "seal"]
    assert verify(desk.paths, desk.store) == []
    desk.store.close()
    (tmp_path / ".signoff" / "signoff.db").unlink()
    clone = desk_at(tmp_path)
    ask(clone, "third")
    assert kinds(clone)[-1] == "seal", "a clone knows no drills, and its ledger has seals"


def release_of(drill: Drill, decision: Entry, made: Candidate) -> Release:
    return Release(
        project="demo",
        tag="demo/v1",
        candidate_tag="demo/c9",
        digest=drill.digest,
        model_digest=made.model_digest,
        decision=decision.hash,
        released=now(),
    )


def test_the_ledger_records_no_release_of_a_drill(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    drill = opened(desk)
    ruling = approve(desk, drill.review)
    made = bad().candidate
    assert desk.store.candidate(drill.digest) is not None
    with pytest.raises(RefusedError, match="was made for a drill and can never be released"):
        desk.ledger.record_release(release_of(drill, ruling.entry, made))
    assert "release" not in kinds(desk)


def test_another_candidate_with_the_model_of_a_drill_is_not_released_either(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    drill = opened(desk)
    approve(desk, drill.review)
    ask(desk, "other")
    ruling = approve(desk, "release-2")
    release = release_of(drill, ruling.entry, bad().candidate).model_copy(update={"digest": ruling.review.digest})
    with pytest.raises(RefusedError, match="was made for a drill"):
        desk.ledger.record_release(release)


def test_packaging_and_serving_refuse_the_approval_of_a_drill(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    drill = opened(desk)
    ruling = approve(desk, drill.review)
    stored = desk.store.candidate(drill.digest)
    assert stored is not None
    with pytest.raises(RefusedError, match="was made for a drill"):
        check_release(ruling.entry, stored.candidate, desk.paths.public_keys)


def test_the_switch_and_the_gate_refuse_a_drill_that_somebody_smuggles_in(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    drill = opened(desk)
    ruling = approve(desk, drill.review)
    stored = desk.store.candidate(drill.digest)
    assert stored is not None
    run = cast(Any, SimpleNamespace(desk=desk, paths=desk.paths))
    with pytest.raises(RefusedError, match="was made for a drill"):
        switch(run, cast(Any, SimpleNamespace(candidate=stored.candidate, tag="demo/c9")), ruling.entry)
    with pytest.raises(RefusedError, match="was made for a drill"):
        ask(desk, digest=drill.digest, evidence_sha256=stored.candidate.evidence_sha256)


def sealed(desk: Desk, digest: str, **changes: str) -> None:
    """Entries of a forger who holds the key: a decision called a drill afterwards."""
    salt = "a" * 64
    seal = desk.ledger.append("seal", Seal(commitment=commitment_of(salt, DrillKind.TOO_SLOW, digest)).as_json())
    told = {"project": "demo", "review": "release-1", "drill": "too-slow", "digest": digest, "salt": salt}
    told |= {"seal": seal.hash, "told": now().isoformat(), **changes}
    desk.ledger.append("drill", told)
    desk.ledger.reconcile()


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({}, "was set after release-1 had been decided on"),
        ({"seal": "b" * 64}, "opens a seal that is not there"),
        ({"salt": "c" * 64}, "does not open the seal"),
        ({"salt": "short"}, "its body is no drill"),
    ],
)
def test_verify_finds_an_approval_that_is_called_a_drill_afterwards(
    tmp_path: Path, changes: dict[str, str], what: str
) -> None:
    desk = desk_at(tmp_path)
    ask(desk)
    ruling = approve(desk)
    sealed(desk, ruling.review.digest, **changes)
    assert any(what in finding.what for finding in verify(desk.paths, desk.store))


def test_verify_finds_a_decision_that_calls_itself_a_drill(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    ask(desk)
    body = approve(desk).entry.body
    claimed = Decision.model_validate({**body, "review": "release-2", "drill": True})
    desk.ledger.publish(desk.ledger.append("decision", claimed.as_json()))
    found = [finding.what for finding in verify(desk.paths, desk.store)]
    assert any("release-2 is called a drill and no seal was opened" in what for what in found)


def test_the_same_drill_twice_is_refused_whole(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    decide(desk, opened(desk).review, "reject", actor="bo", reasons="no")
    before = (len(desk.ledger.entries()), len(desk.store.reviews()), len(desk.store.runs()))
    made = bad()
    made = made.model_copy(update={"evidence": desk.store.evidence(desk.store.review("release-1").evidence_sha256)})
    digest = desk.store.review("release-1").digest
    same = desk.store.candidate(digest)
    assert same is not None
    run = Run(id="run-2", flow="retrain", cause=Cause(actor="ada"), state=RunState.WAITING, started=now())
    with pytest.raises(ConflictError, match="was answered already"):
        open_drill(desk, made.model_copy(update={"candidate": same.candidate}), run)
    assert (len(desk.ledger.entries()), len(desk.store.reviews()), len(desk.store.runs())) == before


def test_the_same_contract_on_postgresql(tmp_path: Path, postgres_address: str) -> None:
    desk = desk_at(tmp_path, address=postgres_address)
    drill = opened(desk)
    decide(desk, drill.review, "reject", actor="bo", reasons="no")
    told = desk.store.drill(drill.review)
    assert told is not None
    assert told.state == "caught"
    claimed = [one.kind for one in desk.store.notices(state="new")]
    assert sorted(claimed) == ["decided", "drill-told", "opened"]
    assert verify(desk.paths, desk.store) == []
