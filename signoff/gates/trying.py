"""What a policy would have made of past reviews: the same questions and answers, judged again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from signoff.core.decision import CheckResult, Decision, GateName, Review, ReviewState
from signoff.core.evidence import Value, kept_evidence
from signoff.core.policy import POLICY_ACTOR, ends, held_back, judge, may_pass_alone, run_checks, why_not
from signoff.core.record import Moment, Record, now
from signoff.core.run import Cause
from signoff.core.settings import GatePolicy, Gates
from signoff.gates.desk import Desk


class Ended(Record):
    """How a review ended, or where it stands."""

    state: ReviewState
    by: tuple[str, ...] = ()
    moment: Moment | None = None
    held_until: Moment | None = None
    held: bool = False

    def sentence(self) -> str:
        """'approved by bo', 'approved by bo, released from 2026-11-23', 'open'."""
        by = f" by {', '.join(self.by)}" if self.by else ""
        wait = f", held until {self.held_until:%Y-%m-%d %H:%M}" if self.held_until else ", held" if self.held else ""
        return f"{self.state.value}{by}{wait}"

    def same_as(self, other: Ended) -> bool:
        """Whether the same came of it, by the policy or by people, and as soon."""
        mine, theirs = (POLICY_ACTOR in one.by for one in (self, other))
        held = (self.held, self.held_until) == (other.held, other.held_until)
        return (self.state, mine) == (other.state, theirs) and held


class Trial(Record):
    """One past review under another policy. `certain` is false where its evidence is not kept here."""

    review: str
    gate: GateName
    subject: str
    opened: Moment
    happened: Ended
    would: Ended
    differs: bool
    certain: bool
    why: tuple[str, ...]


def try_policy(desk: Desk, gates: Gates, moment: datetime | None = None) -> tuple[Trial, ...]:
    """Replay every review of the store and of the ledger under these policies, oldest first.

    People are taken to have said the same at the same time; drills are left out once they were told. What came after
    a review was closed is not known, so that one which the policy would have kept open is shown as open with what is
    wanted.
    """
    moment = moment or now()
    decided: dict[str, list[Decision]] = {}
    for entry in desk.ledger.entries():
        if entry.kind == "decision":
            decided.setdefault(entry.about, []).append(entry.decision())
    reviews = {review.id: review for review in desk.store.reviews()}
    known = [*reviews.values(), *(_from_ledger(found) for name, found in decided.items() if name not in reviews)]
    # One that is still open must not be found by its absence; it is a review like any other until it is told.
    drills = {drill.review for drill in desk.store.drills(told=True)}
    trials = [
        _try(desk, review, getattr(gates, review.gate), decided.get(review.id, []), moment)
        for review in sorted(known, key=lambda review: (review.opened, review.id))
        if review.id not in drills and isinstance(getattr(gates, review.gate, None), GatePolicy)
    ]
    return tuple(trials)


def _try(desk: Desk, review: Review, policy: GatePolicy, decisions: Sequence[Decision], moment: datetime) -> Trial:
    checks, unknown = _checks(desk, review, policy)
    asked = review.model_copy(update={"policy": policy, "checks": checks, "state": ReviewState.OPEN, "closed": None})
    people = [one.model_copy(update={"policy": policy, "checks": checks}) for one in decisions if not one.automatic]
    happened = _happened(review, decisions)
    would, why = _replay(asked, people, _last_look(review, moment))
    notes = [f"{name} is not known here: its evidence is not kept" for name in unknown]
    notes += [
        f"{one.actor}'s answer would not count: {reason}"
        for one in people
        if (reason := why_not(asked, one.actor, one.roles, one.verdict, moment=one.decided, override=one.override))
    ]
    if happened.state is ReviewState.SUPERSEDED and would.state is ReviewState.OPEN:
        would, why = happened, ("superseded before anybody answered",)
    return Trial(
        review=review.id,
        gate=review.gate,
        subject=review.subject,
        opened=review.opened,
        happened=happened,
        would=would,
        differs=not would.same_as(happened),
        certain=not unknown,
        why=(*why, *notes),
    )


def _last_look(review: Review, moment: datetime) -> datetime:
    """Nothing is asked of a review after another took its place."""
    return review.closed if review.state is ReviewState.SUPERSEDED and review.closed else moment


def _replay(review: Review, people: Sequence[Decision], moment: datetime) -> tuple[Ended, tuple[str, ...]]:
    if may_pass_alone(review.policy, review.checks) and review.policy.veto_hours is None:
        why = f"the gate's mode would have been {review.policy.mode.value}, and it would have asked nobody"
        return _approved(review, [], (POLICY_ACTOR,), review.opened), (why,)
    end = ends(review)
    said: list[Decision] = []
    for decision in people:
        if decision.decided > moment or (end is not None and decision.decided >= end):
            break
        said.append(decision)
        judgement = judge(review, said, decision.decided)
        if judgement.outcome is ReviewState.APPROVED:
            later = [one for one in people if one.override and one.decided > decision.decided]
            names = tuple(sorted({one.actor for one in said if one.verdict == "approve"}))
            return _approved(review, [*said, *later], names, decision.decided), judgement.reasons
        if judgement.outcome is not ReviewState.OPEN:
            return Ended(state=judgement.outcome, by=(decision.actor,), moment=decision.decided), judgement.reasons
    judgement = judge(review, said, moment)
    if judgement.outcome is ReviewState.APPROVED and end is not None:
        return _approved(review, said, (POLICY_ACTOR,), end), judgement.reasons
    by = (POLICY_ACTOR,) if judgement.outcome is ReviewState.EXPIRED else ()
    return Ended(state=judgement.outcome, by=by, moment=end if by else None), judgement.reasons


def _approved(review: Review, said: Sequence[Decision], by: tuple[str, ...], moment: datetime) -> Ended:
    ended = Ended(state=ReviewState.APPROVED, by=by, moment=moment)
    last = said[-1] if said else None
    facts = {"gate": review.gate, "policy": review.policy, "votes": (), "decided": moment}
    if last is None:
        asked = {"review": review.id, "project": review.project, "digest": review.digest}
        told = {"evidence_sha256": review.evidence_sha256, "verdict": "approve", "reasons": "", "actor": POLICY_ACTOR}
        return _held(ended, Decision.model_validate(asked | told | facts), moment)
    votes = tuple(
        {"actor": one.actor, "roles": one.roles, "entry": "", "decided": one.decided, "override": one.override}
        for one in said[:-1]
        if one.verdict == "approve"
    )
    closing = Decision.model_validate({**last.model_dump(), "policy": review.policy, "votes": votes})
    return _held(ended, closing, max(moment, last.decided))


def _held(ended: Ended, closing: Decision, moment: datetime) -> Ended:
    hit = held_back(closing, moment)
    return ended if hit is None else ended.model_copy(update={"held": True, "held_until": hit.until})


def _happened(review: Review, decisions: Sequence[Decision]) -> Ended:
    closers = [one for one in decisions if one.outcome is review.state]
    if not closers or review.state is ReviewState.OPEN:
        return Ended(state=review.state, moment=review.closed)
    last = closers[-1]
    voters = (*(vote.actor for vote in last.votes), last.actor) if last.verdict == "approve" else (last.actor,)
    by = (POLICY_ACTOR,) if last.automatic else tuple(sorted(set(voters)))
    ended = Ended(state=review.state, by=by, moment=closers[0].decided)
    return _held(ended, last, last.decided) if review.state is ReviewState.APPROVED else ended


def _checks(desk: Desk, review: Review, policy: GatePolicy) -> tuple[tuple[CheckResult, ...], tuple[str, ...]]:
    """The policy's checks on what was known of the candidate; and the metrics of which nothing is known here."""
    values = {
        one.check.metric: Value(name=one.check.metric, value=one.value, low=one.low, high=one.high)
        for one in review.checks
        if one.value is not None
    }
    asked_before = {one.check.metric for one in review.checks}
    kept = kept_evidence(desk.store.evidence(review.evidence_sha256))
    unknown = () if kept is not None else tuple(c.metric for c in policy.checks if c.metric not in asked_before)
    return run_checks(policy.checks, values | (kept.values() if kept is not None else {})), unknown


def _from_ledger(decisions: Sequence[Decision]) -> Review:
    """A clone has decisions of which it has no review: what they say of it is enough to judge again."""
    first, last = decisions[0], decisions[-1]
    started = last.started_by or ("unknown",)
    return Review(
        id=first.review,
        project=first.project,
        gate=first.gate,
        digest=first.digest,
        evidence_sha256=first.evidence_sha256,
        run="",
        cause=Cause(actor=started[0]),
        involved=started[1:],
        policy=first.policy,
        checks=first.checks or (),
        state=last.outcome,
        opened=first.opened or first.decided,
        closed=last.decided if last.outcome is not ReviewState.OPEN else None,
        subject=first.review,
    )


__all__ = ["Ended", "Trial", "try_policy"]
