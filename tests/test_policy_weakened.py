"""Whoever starts a run may not loosen its policy alone; people agree to the change under the rules of before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from signoff.commands.policy import show_policy
from signoff.core.decision import ReviewState
from signoff.core.errors import RefusedError
from signoff.core.policy_freeze import Freeze
from signoff.core.policy_rules import rules_of
from signoff.core.policy_settings import Approvals, Check, GatePolicy, Mode, StandIn
from signoff.core.policy_stricter import keep_stricter
from signoff.core.record import now
from signoff.core.run import Cause
from signoff.gates import Desk, decide
from signoff.gates.involved import UNCOMMITTED
from signoff.ledger import verify
from signoff.workspace.git import Git
from tests.consoles import a_console
from tests.ledger_cases import AUTO, CHECKS, approve, ask, candidate, desk_at

STRICT = GatePolicy(checks=CHECKS, four_eyes=True, approvals=(Approvals(count=2),))
WEAK = GatePolicy(checks=CHECKS)
SAID = ("approvals by a reviewer 2 -> 1", "four eyes off")


def asked_again(root: Path, policy: GatePolicy, name: str = "a", **more: Any) -> Desk:
    desk = desk_at(root, policy)
    ask(desk, name, **more)
    return desk


def test_a_policy_loosened_before_a_second_run_still_asks_for_two_others(tmp_path: Path) -> None:
    asked_again(tmp_path, STRICT)
    desk = asked_again(tmp_path, WEAK)
    review = desk.store.review("release-2")
    assert (review.policy.four_eyes, review.policy.approvals[0].count) == (True, 2)
    assert (review.policy_asked, review.policy_changed) == (WEAK, SAID)
    (told,) = (rule for rule in rules_of(review, (), now()) if rule.name == "settings")
    assert "approvals by a reviewer 2 -> 1; four eyes off" in told.sentence
    with pytest.raises(RefusedError, match="four eyes: ada"):
        approve(desk, "release-2", "ada")
    assert approve(desk, "release-2", "bo").review.state is ReviewState.OPEN
    ruling = approve(desk, "release-2", "cy")
    assert ruling.review.state is ReviewState.APPROVED
    assert ruling.entry.decision().policy_changed == SAID, "what was agreed to is under the signature"
    after = asked_again(tmp_path, WEAK, "b").store.review("release-3")
    assert (after.policy, after.policy_changed) == (WEAK, ())
    assert verify(desk.paths, desk.store) == []


@pytest.mark.parametrize("weak", [AUTO, GatePolicy(checks=CHECKS, on_expiry="approve", expires_days=1)])
def test_the_machine_does_not_take_the_place_of_people(tmp_path: Path, weak: GatePolicy) -> None:
    asked_again(tmp_path, STRICT)
    desk = desk_at(tmp_path, weak)
    for name in ("a", "b", "c"):
        outcome = ask(desk, name, cause=Cause(kind="schedule", actor="schedule"))
        assert outcome.state == "waiting"
        assert outcome.review is not None
        assert outcome.review.policy.mode is Mode.MANUAL
        assert outcome.review.policy.on_expiry == "reject"


def test_an_approval_of_the_machine_agrees_to_nothing(tmp_path: Path) -> None:
    guarded = STRICT.model_copy(update={"mode": Mode.GUARDED})
    asked_again(tmp_path, guarded)
    desk = desk_at(tmp_path, guarded.model_copy(update={"four_eyes": False}))
    assert ask(desk, "b").state == "passed"
    poor = desk_at(tmp_path, guarded.model_copy(update={"four_eyes": False}))
    held = ask(poor, "c", values=()).review
    assert held is not None
    assert (held.policy.four_eyes, held.policy_changed) == (True, ("four eyes off",))


def test_a_refusal_agrees_to_nothing_and_a_stricter_policy_holds_at_once(tmp_path: Path) -> None:
    desk = asked_again(tmp_path, WEAK)
    approve(desk, "release-1", "ada")
    desk = asked_again(tmp_path, STRICT, "b")
    assert desk.store.review("release-2").policy_changed == ()
    desk = asked_again(tmp_path, WEAK, "c")
    decide(desk, "release-3", "reject", actor="ada", reasons="mine")
    assert asked_again(tmp_path, WEAK, "d").store.review("release-4").policy_changed == SAID


def test_whose_own_approval_was_enough_changes_the_policy_at_once(tmp_path: Path) -> None:
    people = {"ada": ("reviewer",), "olga": ("operator",)}
    asked_again(tmp_path, WEAK)
    olga = desk_at(tmp_path, AUTO, people=people)
    outcome = ask(olga, "b", cause=Cause(actor="olga"))
    assert outcome.state == "waiting"
    assert outcome.review is not None
    assert outcome.review.policy_changed == ("mode manual -> auto",)
    assert ask(olga, "b", cause=Cause(actor="ada")).state == "passed"


def test_every_rule_that_is_taken_back_is_named_and_kept() -> None:
    freeze = Freeze(dates=("2026-12-24",))
    eve, mal = StandIn(role="reviewer", name="eve"), StandIn(role="reviewer", name="Mal")
    before = GatePolicy(mode=Mode.GUARDED, checks=CHECKS, veto_hours=48, freeze=(freeze,), stand_ins=(eve,))
    wider = (Check(metric="holdout.roc_auc", at_least=0.5),)
    ours = GatePolicy(mode=Mode.GUARDED, checks=wider, veto_hours=1, stand_ins=(eve, mal))
    kept = keep_stricter([before, before], ours, ("mal",))
    assert kept.changed == (
        "veto window 48 -> 1 hours",
        "check gone or wider: holdout.roc_auc at least 0.7",
        "stand-in added: Mal as reviewer",
        f"freeze lifted: {freeze.sentence()}",
    )
    assert (kept.policy.mode, kept.policy.freeze, kept.policy.stand_ins) == (Mode.MANUAL, (freeze,), (eve,))
    assert GatePolicy.model_validate(kept.policy.as_json()) == kept.policy
    frozen = GatePolicy(freeze=(freeze,), override=Approvals(count=2))
    for now_said, holds in ((1, 2), (3, 3)):
        other = frozen.model_copy(update={"override": Approvals(count=now_said)})
        assert keep_stricter([frozen], other).policy.override == Approvals(count=holds)
    none = GatePolicy(freeze=(freeze,))
    assert keep_stricter([none], frozen).policy.override is None
    assert keep_stricter([frozen], none) == keep_stricter([], none)


def test_settings_that_git_does_not_have_are_noted(tmp_path: Path) -> None:
    git = Git(tmp_path)
    git.init()
    (tmp_path / "signoff.yaml").write_text("a: 1\n")
    git.commit("settings", ["signoff.yaml"])
    clean = ask(desk_at(tmp_path)).review
    assert clean is not None
    assert UNCOMMITTED not in clean.settings_by
    (tmp_path / "signoff.yaml").write_text("a: 2\n")
    changed = ask(desk_at(tmp_path), "b").review
    assert changed is not None
    assert UNCOMMITTED in changed.settings_by
    assert candidate("b").digest == changed.digest


def test_nobody_lifts_a_freeze_alone_not_even_by_approving_twice(tmp_path: Path) -> None:
    days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    freeze = (Freeze.model_validate({"days": days}),)
    frozen = GatePolicy(checks=CHECKS, freeze=freeze, override=Approvals(count=2))
    asked_again(tmp_path, frozen)
    for number, name in enumerate(("a", "b"), start=2):
        desk = asked_again(tmp_path, WEAK, name)
        review = desk.store.review(f"release-{number}")
        assert (review.policy.freeze, review.policy.override) == (freeze, Approvals(count=2))
        approve(desk, review.id, "ada")
        assert ask(desk, name).state == "waiting", "it is kept, and nothing is released"
    approve(desk, "release-3", "ada", override=True)
    approve(desk, "release-3", "bo", override=True)
    assert ask(desk, "b").state == "passed"
    after = asked_again(tmp_path, WEAK, "c").store.review("release-4")
    assert after.policy == WEAK, "those who may release in a freeze have agreed that there is none"
    assert verify(desk.paths, desk.store) == []


def test_the_policy_page_and_the_command_say_what_holds_and_not_only_what_the_file_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    strict = {"four_eyes": True, "approvals": [{"role": "reviewer", "count": 2}]}
    console = a_console(tmp_path, gates={"release": strict})
    console.person("bo", "reviewer")
    console.review()
    root = console.desk().paths.root
    described = yaml.safe_load((root / "signoff.yaml").read_text())
    described["gates"] = {"release": {}}
    (root / "signoff.yaml").write_text(yaml.safe_dump(described))
    gates = console.browser("bo").get("/api/v1/policy").json()["gates"]
    release = next(one for one in gates if one["gate"] == "release")
    assert (release["seats"][0]["count"], release["taken_back"]) == (2, list(SAID))
    page = console.browser("bo").get("/policy").text
    assert "signoff.yaml now says otherwise: approvals by a reviewer 2 -&gt; 1; four eyes off" in page
    show_policy(root, as_json=False)
    told = capsys.readouterr().out
    assert "changed in signoff.yaml: approvals by a reviewer 2 -> 1; four eyes off; the rules above hold" in told
    assert next(one for one in gates if one["gate"] == "data")["taken_back"] == []
