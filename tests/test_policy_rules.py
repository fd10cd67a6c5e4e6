"""Rules as screens show them, and what a signed decision proves by itself: against random votes and forgeries."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from signoff.core.decision import Decision, Review, ReviewState, Vote
from signoff.core.evidence import Value
from signoff.core.policy import acts_at, held_back, judge, reminders, run_checks, same_person, why_not
from signoff.core.policy_freeze import Freeze
from signoff.core.policy_proof import broken_rules, why_not_released
from signoff.core.policy_rules import allowed_verdicts, rules_of
from signoff.core.policy_settings import Approvals, Check, GatePolicy, Mode, StandIn
from signoff.core.run import Cause
from tests.ledger_cases import caller

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)  # a Friday
CHECK = Check(metric="a.b", at_least=0.5, name="good enough")
FRIDAYS = Freeze(days=("fri", "sat", "sun"), reason="weekend")
NAMES = ("ada", "bo", "cy", "dan", "Ada ", "policy")
ROLES = ("reviewer", "risk", "owner")


def a_review(policy: GatePolicy, value: float = 0.7, **more: Any) -> Review:
    checks = run_checks(policy.checks, {"a.b": Value(name="a.b", value=value)})
    facts = {"id": "release-1", "project": "demo", "gate": "release", "digest": "d", "evidence_sha256": "e", "run": "r"}
    told = {"cause": Cause(actor="zoe"), "subject": "demo/c1", "opened": NOON}
    return Review.model_validate(facts | told | {"policy": policy, "checks": checks} | more)


def a_decision(review: Review, actor: str = "bo", hours: float = 1, **more: Any) -> Decision:
    fields = ("project", "gate", "digest", "evidence_sha256", "policy", "opened", "checks", "started_by")
    facts = {"review": review.id} | {name: getattr(review, name) for name in fields}
    said = {"verdict": "approve", "actor": actor, "roles": ("reviewer",), "reasons": "because"}
    return Decision(**(facts | said | {"decided": NOON + timedelta(hours=hours)} | more))


def automatic(review: Review, hours: float, **more: Any) -> Decision:
    given = {"actor": "policy", "roles": (), "automatic": True, "outcome": ReviewState.APPROVED}
    return a_decision(review, hours=hours, **(given | more))


def votes_of(decisions: list[Decision]) -> tuple[Vote, ...]:
    return tuple(
        Vote(actor=one.actor, roles=one.roles, entry=str(index), decided=one.decided, override=one.override)
        for index, one in enumerate(decisions)
    )


def random_case(dice: random.Random) -> tuple[Review, list[Decision]]:
    day = date(2026, 11, 20)
    stand_ins = tuple(
        StandIn(
            role=dice.choice(ROLES),
            name=dice.choice(NAMES[:4]),
            since=dice.choice([None, day, day + timedelta(days=1)]),
            until=dice.choice([None, day + timedelta(days=2)]),
        )
        for _ in range(dice.randint(0, 2))
    )
    wanted = tuple(Approvals(role=dice.choice(ROLES), count=dice.randint(1, 2)) for _ in range(dice.randint(1, 3)))
    policy = GatePolicy(approvals=wanted, four_eyes=dice.random() < 0.5, stand_ins=stand_ins)
    review = a_review(policy, cause=Cause(actor=dice.choice(NAMES[:4])), involved=(dice.choice(NAMES[:4]),))
    decisions = [
        a_decision(review, dice.choice(NAMES), hours=6 * step, roles=tuple(dice.sample(ROLES, dice.randint(0, 2))))
        for step in range(dice.randint(1, 8))
    ]
    return review, decisions


def really_filled(review: Review, decisions: list[Decision]) -> bool:
    """By trying every order of distinct, allowed people on the seats."""
    policy = review.policy
    held: dict[str, set[str]] = {}
    for one in decisions:
        forbidden = policy.four_eyes and any(same_person(one.actor, name) for name in review.started_by)
        if same_person(one.actor, "policy") or forbidden:
            continue
        stood_in = {s.role for s in policy.stand_ins if same_person(s.name, one.actor) and s.holds(one.decided)}
        held.setdefault(one.actor.strip().lower(), set()).update({*one.roles, *stood_in})
    seats = [wanted.role for wanted in policy.approvals for _ in range(wanted.count)]
    return any(
        all(role in held[name] for role, name in zip(seats, order, strict=True))
        for order in itertools.permutations(held, len(seats))
    )


@pytest.mark.parametrize("seed", range(400))
def test_no_set_of_votes_approves_with_a_seat_missing(seed: int) -> None:
    review, decisions = random_case(random.Random(seed))
    outcome = judge(review, decisions, NOON + timedelta(days=4)).outcome
    assert (outcome is ReviewState.APPROVED) == really_filled(review, decisions)


@pytest.mark.parametrize("seed", range(400))
def test_the_signed_record_proves_what_was_judged(seed: int) -> None:
    """An approval that was judged proves itself; whatever was not judged an approval never does, once signed as one."""
    review, decisions = random_case(random.Random(1000 + seed))
    counted: list[Decision] = []
    for decision in decisions:
        if any(same_person(one.actor, decision.actor) for one in counted):
            continue
        if why_not(review, decision.actor, decision.roles, moment=decision.decided) is None:
            counted.append(decision)
    if not counted:
        return
    final = counted[-1].model_copy(update={"outcome": ReviewState.APPROVED, "votes": votes_of(counted[:-1])})
    approved = judge(review, counted, NOON + timedelta(days=4)).outcome is ReviewState.APPROVED
    assert (list(broken_rules(final)) == []) == approved


@pytest.mark.parametrize(
    ("more", "value", "hours", "broken"),
    [
        ({"mode": Mode.GUARDED}, 0.7, 0, None),
        ({"mode": Mode.GUARDED}, 0.4, 0, "a check broke, and the policy approved"),
        ({"mode": Mode.AUTO}, 0.4, 0, None),
        ({"mode": Mode.GUARDED, "veto_hours": 4}, 0.7, 3.99, "before its veto window ended, 2026-11-20 16:00 UTC"),
        ({"mode": Mode.GUARDED, "veto_hours": 4}, 0.7, 4, None),
        ({"mode": Mode.GUARDED, "veto_hours": 4}, 0.4, 5, "a check broke, and the policy approved"),
        ({"mode": Mode.AUTO, "veto_hours": 4}, 0.4, 4, None),
        ({"expires_days": 1, "on_expiry": "approve"}, 0.7, 23.9, "before the review had expired"),
        ({"expires_days": 1, "on_expiry": "approve"}, 0.7, 24, None),
        ({"expires_days": 1, "on_expiry": "approve"}, 0.4, 24, "a check broke, and the policy approved"),
        ({"expires_days": 1}, 0.7, 24, "under a policy that asks people"),
        ({}, 0.7, 0, "under a policy that asks people"),
    ],
)
def test_an_automatic_approval_is_proved_by_its_record(
    more: dict[str, Any], value: float, hours: float, broken: str | None
) -> None:
    review = a_review(GatePolicy(checks=(CHECK,), **more), value)
    found = list(broken_rules(automatic(review, hours)))
    assert [broken in rule for rule in found] == [True] if broken else found == []


def test_an_automatic_approval_cannot_leave_out_what_proves_it() -> None:
    review = a_review(GatePolicy(mode=Mode.GUARDED, veto_hours=4, checks=(CHECK,)))
    assert "cannot be shown to have passed" in next(broken_rules(automatic(review, 5, opened=None)))
    assert "not those of its policy" in next(broken_rules(automatic(review, 5, checks=())))
    held = a_review(GatePolicy(mode=Mode.GUARDED, checks=(CHECK,)), 0.7).checks
    lying = a_decision(review, outcome=ReviewState.APPROVED, decided=NOON - timedelta(hours=1), checks=held)
    assert list(broken_rules(lying)) == ["it was decided before the question was asked"]


def test_a_veto_window_acts_once_it_has_passed_and_only_where_checks_hold() -> None:
    policy = GatePolicy(mode=Mode.GUARDED, veto_hours=4, checks=(CHECK,), expires_days=2)
    review = a_review(policy)
    assert acts_at(review) == NOON + timedelta(hours=4)
    before = judge(review, [], NOON + timedelta(hours=3))
    assert before.outcome is ReviewState.OPEN
    assert before.reasons[-1] == "the policy approves at 2026-11-20 16:00 UTC unless somebody refuses"
    after = judge(review, [], NOON + timedelta(hours=4))
    assert after.outcome is ReviewState.APPROVED
    assert "nobody refused within its veto window of 4 hours, until 2026-11-20 16:00 UTC" in after.reasons[0]
    assert after.reasons[1] == "good enough (a.b) 0.7 holds >= 0.5"
    refused = a_decision(review, verdict="reject")
    assert judge(review, [refused], NOON + timedelta(hours=5)).outcome is ReviewState.REJECTED
    nobody = a_decision(review, verdict="reject", roles=("viewer",))
    assert judge(review, [nobody], NOON + timedelta(hours=5)).outcome is ReviewState.APPROVED, "no seat, no veto"
    broken = a_review(policy, 0.4)
    assert acts_at(broken) is None
    assert judge(broken, [], NOON + timedelta(hours=5)).outcome is ReviewState.OPEN
    assert judge(broken, [], NOON + timedelta(days=2)).outcome is ReviewState.EXPIRED


def test_a_stand_in_counts_on_its_days_and_else_the_reason_is_told() -> None:
    one = StandIn(role="risk", name="Eve", since=date(2026, 11, 21), until=date(2026, 11, 22))
    policy = GatePolicy(approvals=(Approvals(role="risk"),), stand_ins=(one,))
    review = a_review(policy)
    days = [why_not(review, "eve", ("viewer",), moment=NOON + timedelta(days=day)) is None for day in range(4)]
    assert days == [False, True, True, False]
    reason = why_not(review, "eve", (), moment=NOON)
    assert reason is not None
    assert "eve stands in as risk from 2026-11-21 until 2026-11-22" in reason
    early = a_decision(review, "eve", roles=(), outcome=ReviewState.APPROVED)
    assert list(broken_rules(early)) == ["1 more approval by a risk"]
    assert list(broken_rules(early.model_copy(update={"decided": NOON + timedelta(days=1)}))) == []
    undated = Vote(actor="eve", entry="x")
    final = a_decision(review, "bo", hours=30, votes=(undated,), outcome=ReviewState.APPROVED)
    assert list(broken_rules(final)) == ["1 more approval by a risk"], "an undated vote fills no dated seat"


def test_the_older_form_of_stand_ins_reads_as_without_dates() -> None:
    policy = GatePolicy.model_validate({"stand_ins": {"reviewer": ["eve", "fay"]}})
    assert [(one.role, one.name, one.always) for one in policy.stand_ins] == [
        ("reviewer", "eve", True),
        ("reviewer", "fay", True),
    ]
    assert GatePolicy.model_validate(policy.as_json()) == policy


def test_a_freeze_holds_a_release_back_until_enough_people_say_so() -> None:
    policy = GatePolicy(freeze=(FRIDAYS,), override=Approvals(count=2))
    review = a_review(policy)
    first = a_decision(review, "bo", outcome=ReviewState.APPROVED, override=True)
    hit = held_back(first, NOON)
    assert hit is not None
    assert hit.until == datetime(2026, 11, 23, tzinfo=UTC)
    assert held_back(first, datetime(2026, 11, 23, tzinfo=UTC)) is None
    said = why_not_released(first, NOON + timedelta(hours=2))
    assert said is not None
    assert said.endswith("1 more override by a reviewer")
    second = a_decision(review, "cy", 2, outcome=ReviewState.APPROVED, override=True, votes=votes_of([first]))
    assert why_not_released(second, NOON + timedelta(hours=2)) is None
    assert list(broken_rules(second)) == []
    plain = second.model_copy(update={"override": False})
    assert why_not_released(plain, NOON) is not None, "an approval that does not say so overrides nothing"
    assert why_not_released(second, NOON + timedelta(days=7)) is not None, "the next freeze wants its own overrides"
    twice = a_decision(review, "BO", 2, outcome=ReviewState.APPROVED, override=True, votes=votes_of([first]))
    assert why_not_released(twice, NOON) is not None, "one person is one override"


@pytest.mark.parametrize(
    ("policy", "more", "message"),
    [
        (GatePolicy(freeze=(FRIDAYS,)), {}, "its policy lets nobody do that"),
        (GatePolicy(freeze=(FRIDAYS,), override=Approvals()), {"decided": NOON + timedelta(days=4)}, "there was none"),
        (GatePolicy(freeze=(FRIDAYS,), override=Approvals()), {"verdict": "reject"}, "only a person's approval"),
        (GatePolicy(freeze=(FRIDAYS,), override=Approvals(role="owner")), {"roles": ()}, "no role that counts"),
    ],
)
def test_an_override_that_the_policy_does_not_know_is_broken(
    policy: GatePolicy, more: dict[str, Any], message: str
) -> None:
    decision = a_decision(a_review(policy), override=True, **more)
    assert any(message in rule for rule in broken_rules(decision))


def test_four_eyes_hold_for_every_vote_and_override() -> None:
    policy = GatePolicy(four_eyes=True, freeze=(FRIDAYS,), override=Approvals(count=2))
    review = a_review(policy, involved=("cy",))
    first = a_decision(review, "CY", override=True)
    final = a_decision(review, "bo", 2, outcome=ReviewState.APPROVED, override=True, votes=votes_of([first]))
    assert "four eyes: CY started or steered the run" in list(broken_rules(final))


def test_reminders_come_before_the_end_in_order() -> None:
    review = a_review(GatePolicy(expires_days=7, remind_days=(1, 3)))
    assert reminders(review) == (NOON + timedelta(days=4), NOON + timedelta(days=6))
    assert reminders(a_review(GatePolicy())) == ()


def test_each_rule_is_shown_with_its_reason() -> None:
    policy = GatePolicy(
        mode=Mode.GUARDED,
        checks=(CHECK,),
        approvals=(Approvals(), Approvals(role="owner")),
        four_eyes=True,
        expires_days=2,
        remind_days=(1,),
        stand_ins=(StandIn(role="owner", name="eve", until=date(2026, 11, 1)),),
        freeze=(FRIDAYS,),
        override=Approvals(count=2),
    )
    review = a_review(policy, 0.4, settings_by=("Git Name",))
    rules = rules_of(review, [a_decision(review, "bo")], NOON, caller("zoe", "reviewer"))
    told = {(rule.name, rule.state): rule for rule in rules}
    assert "1 of 1 checks break" in told["mode", "blocks"].sentence
    assert told["check", "blocks"].sentence == "good enough (a.b) 0.4 breaks >= 0.5."
    assert told["approvals", "holds"].who == ("bo",)
    assert told["approvals", "waits"].who == ("owner",)
    assert told["four eyes", "blocks"].who == ("zoe",)
    assert "zoe started or steered" in told["you", "blocks"].sentence
    assert "does not count now" in told["stand-in", "blocks"].sentence
    assert told["expiry", "waits"].until == NOON + timedelta(days=2)
    assert told["reminder", "holds"].until == NOON + timedelta(days=1)
    assert told["freeze", "blocks"].until == datetime(2026, 11, 23, tzinfo=UTC)
    assert "2 more overrides by a reviewer" in told["override", "waits"].sentence
    assert "git authors are no accounts" in told["settings", "holds"].sentence


def test_the_verdicts_that_a_caller_may_give_now() -> None:
    policy = GatePolicy(four_eyes=True, freeze=(FRIDAYS,), override=Approvals(count=2))
    review = a_review(policy)

    def allowed(name: str, decisions: list[Decision], moment: datetime = NOON, state: str = "open") -> list[str]:
        asked = review.model_copy(update={"state": ReviewState(state)})
        answers = allowed_verdicts(asked, caller(name, "reviewer"), decisions, moment)
        return [one.verdict + "!" * one.override for one in answers if not one.forbidden]

    monday = NOON + timedelta(days=3)
    assert allowed("bo", []) == ["approve", "reject", "request-changes", "approve!"]
    assert allowed("bo", [], monday) == ["approve", "reject", "request-changes"]
    assert allowed("zoe", []) == ["reject", "request-changes"], "four eyes forbid no veto"
    done = a_decision(review, "bo", outcome=ReviewState.APPROVED)
    kept = ["reject", "request-changes", "approve!"]
    assert allowed("bo", [done], state="approved") == allowed("cy", [done], state="approved") == kept
    assert allowed("cy", [done], monday, "approved") == allowed("cy", [done], state="rejected") == []
    viewer = allowed_verdicts(review, caller("vic", "viewer"), [], NOON)
    assert {one.forbidden for one in viewer} == {"vic may not decide in demo"}
