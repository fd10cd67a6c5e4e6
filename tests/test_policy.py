"""Policies against brute force: who is wanted, what silence means, which checks hold."""

from __future__ import annotations

import itertools
import random
from datetime import timedelta

import pytest

from signoff.console.review.asked import asked_of
from signoff.core.decision import Decision, Review, ReviewState, Verdict, Vote
from signoff.core.evidence import Value
from signoff.core.policy import (
    expires,
    judge,
    may_pass_alone,
    missing_approvals,
    roles_of,
    run_checks,
    same_person,
    silence_sentence,
    verdicts_of,
    why_not,
)
from signoff.core.policy_rules import rules_of
from signoff.core.policy_settings import StandIn
from signoff.core.policy_words import sentences_of
from signoff.core.record import now
from signoff.core.run import Cause
from signoff.core.settings import Approvals, Check, GatePolicy, Mode

NAMES = ("ada", "bo", "cy", "dan", "eve")
ROLES = ("reviewer", "risk", "legal")


def a_review(policy: GatePolicy, **more: object) -> Review:
    return Review.model_validate(
        {
            "id": "release-1",
            "project": "demo",
            "gate": "release",
            "digest": "d",
            "evidence_sha256": "e",
            "run": "r",
            "cause": Cause(actor="zoe"),
            "policy": policy,
            "opened": now(),
            "subject": "demo/c1",
            **more,
        }
    )


def a_decision(review: Review, actor: str, verdict: Verdict = "approve", **more: object) -> Decision:
    return Decision.model_validate(
        {
            "review": review.id,
            "project": "demo",
            "gate": review.gate,
            "digest": "d",
            "evidence_sha256": "e",
            "verdict": verdict,
            "actor": actor,
            "roles": ("reviewer",),
            "reasons": "said so",
            "policy": review.policy,
            "decided": review.opened,
            **more,
        }
    )


def seats_filled(policy: GatePolicy, votes: list[Vote]) -> bool:
    """By trying every order of people on the seats."""
    seats = [wanted.role for wanted in policy.approvals for _ in range(wanted.count)]
    held = [{*vote.roles, *(one.role for one in policy.stand_ins if vote.actor == one.name)} for vote in votes]
    return any(
        all(role in held[person] for role, person in zip(seats, order, strict=True))
        for order in itertools.permutations(range(len(held)), len(seats))
    )


def random_policy(dice: random.Random) -> GatePolicy:
    wanted = tuple(Approvals(role=dice.choice(ROLES), count=dice.randint(1, 2)) for _ in range(dice.randint(1, 3)))
    stand_ins = (StandIn(role=dice.choice(ROLES), name=dice.choice(NAMES)),) if dice.random() < 0.3 else ()
    return GatePolicy(approvals=wanted, stand_ins=stand_ins)


@pytest.mark.parametrize("seed", range(300))
def test_seats_are_filled_exactly_when_some_order_of_people_fills_them(seed: int) -> None:
    dice = random.Random(seed)
    policy = random_policy(dice)
    people = dice.sample(NAMES, dice.randint(0, 5))
    votes = [Vote(actor=name, roles=tuple(dice.sample(ROLES, dice.randint(0, 2))), entry="") for name in people]
    missing = missing_approvals(policy, votes)
    assert (missing == ()) == seats_filled(policy, votes)
    dice.shuffle(votes)
    assert len(missing_approvals(policy, votes)) == len(missing)
    assert missing_approvals(policy, [*votes, *votes]) == missing_approvals(policy, votes), "each person counts once"


def test_a_person_of_two_roles_never_blocks_who_has_one() -> None:
    policy = GatePolicy(approvals=(Approvals(role="reviewer"), Approvals(role="risk")))
    both, one = Vote(actor="a", roles=("reviewer", "risk"), entry=""), Vote(actor="b", roles=("reviewer",), entry="")
    assert missing_approvals(policy, [both]) == ("1 more approval by a risk",)
    assert missing_approvals(policy, [one, both]) == missing_approvals(policy, [both, one]) == ()
    assert missing_approvals(GatePolicy(approvals=(Approvals(count=3),)), [one]) == ("2 more approvals by a reviewer",)


@pytest.mark.parametrize("seed", range(100))
def test_more_approvals_never_undo_and_a_veto_before_the_end_always_closes(seed: int) -> None:
    dice = random.Random(seed)
    review = a_review(random_policy(dice))
    decisions = [
        a_decision(review, name, roles=tuple(dice.sample(ROLES, dice.randint(1, 3)))) for name in dice.sample(NAMES, 5)
    ]
    outcomes = [judge(review, decisions[:end], review.opened).outcome for end in range(6)]
    first = next((index for index, outcome in enumerate(outcomes) if outcome is ReviewState.APPROVED), 6)
    assert outcomes == [ReviewState.OPEN] * first + [ReviewState.APPROVED] * (6 - first)
    everybody = dict.fromkeys(("roles",), ROLES)
    for end in range(first if first < 6 else 6):
        veto = a_decision(review, "fay", "reject", **everybody)
        assert judge(review, [*decisions[:end], veto, *decisions[end:]], review.opened).outcome is ReviewState.REJECTED


def test_what_the_policy_forbids_is_not_counted() -> None:
    review = a_review(GatePolicy(four_eyes=True), involved=("yan",))
    for actor, roles in (("zoe", ("reviewer",)), ("YAN", ("reviewer",)), ("bo", ("operator",))):
        decision = a_decision(review, actor, roles=roles)
        assert judge(review, [decision], review.opened).outcome is ReviewState.OPEN
        assert why_not(review, actor, roles) is not None
    assert why_not(review, "zoe", ("reviewer",), "reject") is None, "a veto needs no four eyes"
    assert judge(review, [a_decision(review, "bo", "reject", roles=())], review.opened).outcome is ReviewState.OPEN


@pytest.mark.parametrize(
    ("on_expiry", "holds", "outcome"),
    [
        ("reject", True, ReviewState.EXPIRED),
        ("approve", True, ReviewState.APPROVED),
        ("approve", False, ReviewState.EXPIRED),
    ],
)
def test_silence_approves_only_where_asked_to_and_all_checks_hold(
    on_expiry: str, holds: bool, outcome: ReviewState
) -> None:
    check = Check(metric="a.b", at_least=0.5)
    policy = GatePolicy.model_validate({"expires_days": 1, "on_expiry": on_expiry, "checks": (check,)})
    value = Value(name="a.b", value=0.6 if holds else 0.4)
    review = a_review(policy, checks=run_checks((check,), {"a.b": value}))
    end = expires(review)
    assert end == review.opened + timedelta(days=1)
    assert judge(review, [], end - timedelta(milliseconds=1)).outcome is ReviewState.OPEN
    assert judge(review, [], end).outcome is outcome
    assert expires(a_review(GatePolicy())) is None


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (GatePolicy(), "It waits until somebody answers."),
        (GatePolicy(expires_days=1), "Without an answer by {} UTC it expires and nothing follows."),
        (
            GatePolicy(expires_days=1, on_expiry="approve"),
            "Without an answer by {} UTC it is approved where every check holds, else it expires and nothing follows.",
        ),
        (GatePolicy(mode=Mode.AUTO, veto_hours=24), "Unless somebody refuses before {} UTC, the policy approves it."),
    ],
)
def test_every_screen_tells_the_end_of_a_review_in_the_same_words(policy: GatePolicy, said: str) -> None:
    review = a_review(policy)
    sentence = said.format(f"{review.opened + timedelta(days=1):%Y-%m-%d %H:%M}")
    assert silence_sentence(review) == sentence
    assert asked_of(review, now(), None).silence == sentence
    told = [rule.sentence for rule in rules_of(review, [], now()) if rule.name in ("expiry", "veto")]
    assert told == ([sentence] if "UTC" in sentence else [])
    if policy.veto_hours is None and policy.expires_days:
        outcome = sentence.partition("UTC ")[2].rstrip(".")
        assert f"without an answer within 1 day {outcome}" in sentences_of(policy)


@pytest.mark.parametrize(
    ("value", "low", "high", "holds"),
    [
        (0.7, 0.7, None, True),
        (0.69, 0.7, None, False),
        (0.1, None, 0.1, True),
        (0.11, None, 0.1, False),
        (0.5, 0.4, 0.6, True),
        (0.7, 0.4, 0.6, False),
        (None, None, 1.0, False),
    ],
)
def test_a_check_holds_at_its_limits_and_never_without_a_number(
    value: float | None, low: float | None, high: float | None, holds: bool
) -> None:
    check = Check(metric="a.b", at_least=low, at_most=high)
    values = {} if value is None else {"a.b": Value(name="a.b", value=value)}
    (result,) = run_checks((check,), values)
    assert result.holds is holds
    for mode, alone in ((Mode.MANUAL, False), (Mode.GUARDED, holds), (Mode.AUTO, True)):
        assert may_pass_alone(GatePolicy(mode=mode, checks=(check,)), (result,)) is alone


def test_names_are_compared_without_case_and_space() -> None:
    assert same_person(" Ada  Lovelace", "ada lovelace")
    assert same_person("Jos\u00e9", "jose\u0301"), "composed or not, it is one name"
    assert same_person("\uff21da", "ada"), "full-width letters make no second person"
    assert not same_person("ada", "adam")
    assert roles_of({}, "anybody") == ("operator", "reviewer")
    assert roles_of({"Ada": ("risk",), "bo": ("admin",)}, "ada") == ("risk",)
    assert roles_of({"Ada": ("risk",)}, "eve") == ()


def test_only_an_alert_can_be_acknowledged() -> None:
    assert "acknowledge" in verdicts_of("alert")
    assert "acknowledge" not in verdicts_of("release")
