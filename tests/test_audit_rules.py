"""The checker of audit files judges decisions as Signoff itself does: two writings of one set of rules."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from signoff.audit.verify import freeze_fault, frozen_until, rule_faults
from signoff.core.decision import CheckResult, Decision, ReviewState, Vote
from signoff.core.policy_freeze import Freeze, frozen
from signoff.core.policy_proof import broken_rules, why_not_released
from signoff.core.policy_settings import Approvals, Check, GatePolicy, Mode, StandIn

OPENED = datetime(2026, 3, 27, 9, tzinfo=UTC)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Pacific/Apia")


def drawn_freeze(draw: random.Random) -> Freeze:
    days = tuple(sorted(draw.sample(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), draw.randint(1, 6))))
    dates = (f"2026-03-{draw.randint(20, 28)}..2026-04-{draw.randint(10, 12)}",)
    kind: dict[str, Any] = {"days": days} if draw.random() < 0.7 else {"dates": dates}
    clock: dict[str, Any] = {}
    if draw.random() < 0.6:
        clock = {"from": f"{draw.randint(0, 11):02d}:30", "until": f"{draw.randint(12, 23):02d}:00"}
        if draw.random() < 0.3:
            clock = {"from": clock["until"], "until": clock["from"], "each_day": True}
    return Freeze.model_validate({**kind, **clock, "timezone": draw.choice(ZONES)})


def drawn_policy(draw: random.Random) -> GatePolicy:
    mode = draw.choice(list(Mode))
    approvals = tuple(
        Approvals(role=role, count=draw.randint(1, 2))
        for role in draw.sample(("reviewer", "owner"), draw.randint(1, 2))
    )
    silent = draw.random() < 0.4
    facts: dict[str, Any] = {"expires_days": draw.choice((1, 3))} if silent else {}
    if silent and draw.random() < 0.5:
        facts["on_expiry"] = "approve"
    if mode is not Mode.MANUAL and draw.random() < 0.5:
        facts["veto_hours"] = draw.choice((2, 20))
    if draw.random() < 0.5:
        days = {"since": "2026-03-28"} if draw.random() < 0.5 else {"until": "2026-03-28"}
        facts["stand_ins"] = (StandIn.model_validate({"role": "owner", "name": "Dan", **days}),)
    freeze = tuple(drawn_freeze(draw) for _ in range(draw.randint(0, 2)))
    if freeze and draw.random() < 0.7:
        facts["override"] = Approvals(role=draw.choice(("reviewer", "owner")), count=draw.randint(1, 2))
    checks = (Check(metric="holdout.roc_auc", at_least=0.7),) if draw.random() < 0.5 else ()
    return GatePolicy(
        mode=mode, approvals=approvals, four_eyes=draw.random() < 0.5, freeze=freeze, checks=checks, **facts
    )


def drawn_decision(draw: random.Random) -> Decision:
    policy = drawn_policy(draw)
    facts: dict[str, Any] = {
        "review": "release-1",
        "project": "toy",
        "gate": "release",
        "digest": "d" * 64,
        "evidence_sha256": "e" * 64,
        "reasons": "so",
    }
    names = draw.sample(("ada", "bo", "cy", "dan"), 4)

    def moment() -> datetime:
        return OPENED + timedelta(hours=draw.choice((-1, 1, 5, 26, 50, 80)))

    def roles() -> tuple[str, ...]:
        return tuple(sorted(draw.sample(("operator", "owner", "reviewer"), draw.randint(0, 2))))

    votes = tuple(
        Vote(actor=name, roles=roles(), entry="a" * 64, decided=moment(), override=draw.random() < 0.3)
        for name in names[1 : 1 + draw.randint(0, 3)]
    )
    automatic = draw.random() < 0.3
    checks = tuple(CheckResult(check=check, value=0.8, holds=draw.random() < 0.7) for check in policy.checks)
    return Decision(
        **facts,
        verdict="approve",
        actor=draw.choice(("policy", "bo")) if automatic else draw.choice((names[0], names[0].title(), "Policy")),
        roles=() if automatic else roles(),
        automatic=automatic,
        policy=policy,
        decided=moment(),
        outcome=ReviewState.APPROVED,
        started_by=("ada",),
        votes=() if automatic else votes,
        opened=draw.choice((OPENED, OPENED, None)),
        checks=draw.choice((checks, checks, None)),
        override=policy.override is not None and not automatic and draw.random() < 0.3,
    )


def as_voters(decision: Decision) -> list[dict[str, Any]]:
    """What the checker reads: the closing decision, and each vote as its own entry has it."""
    body = decision.as_json()
    return [body, *({**body, **vote} for vote in body["votes"])]


@pytest.mark.parametrize("seed", range(10))
def test_both_writings_of_the_rules_agree(seed: int) -> None:
    draw, seen = random.Random(seed), set()
    for _ in range(150):
        decision = drawn_decision(draw)
        ours, theirs = tuple(broken_rules(decision)), rule_faults(decision.as_json(), as_voters(decision))
        assert bool(ours) == bool(theirs), (decision, ours, theirs)
        released = OPENED + timedelta(hours=draw.choice((2, 30, 60, 90, 200)))
        held = freeze_fault(decision.as_json(), as_voters(decision), released.isoformat())
        kept = why_not_released(decision, released)
        assert (held is None) == (kept is None), (decision, held, kept)
        seen |= {bool(ours), held is None}
    assert seen == {True, False}


@pytest.mark.parametrize(("hours", "late"), [(23, False), (24, True), (200, True)])
def test_a_person_s_approval_after_the_end_holds_in_neither_writing(hours: int, late: bool) -> None:
    facts = {"review": "release-1", "project": "toy", "gate": "release", "digest": "d" * 64, "reasons": "so"}
    said = {"verdict": "approve", "actor": "bo", "roles": ("reviewer",), "outcome": ReviewState.APPROVED}
    times = {"opened": OPENED, "decided": OPENED + timedelta(hours=hours)}
    decision = Decision.model_validate(
        {**facts, **said, **times, "evidence_sha256": "e" * 64, "policy": GatePolicy(expires_days=1)}
    )
    ended = ["it was decided after the review had ended, 2026-03-28 09:00 UTC"] if late else []
    assert list(broken_rules(decision)) == rule_faults(decision.as_json(), as_voters(decision)) == ended


@pytest.mark.parametrize("seed", range(10))
def test_both_writings_of_the_freeze_agree_to_the_minute(seed: int) -> None:
    """Around both changes of the clock in Berlin and New York, and in a zone across the date line."""
    draw = random.Random(seed)
    for _ in range(60):
        windows = [drawn_freeze(draw) for _ in range(draw.randint(1, 3))]
        moment = datetime(2026, draw.choice((3, 10, 11)), draw.randint(1, 28), tzinfo=UTC)
        moment += timedelta(minutes=draw.randint(0, 24 * 60 * 5))
        hit = frozen(windows, moment)
        told = frozen_until([window.as_json() for window in windows], moment)
        assert (hit is None) == (told is None), (windows, moment)
        if hit is not None and hit.until is not None:
            assert told == hit.until
