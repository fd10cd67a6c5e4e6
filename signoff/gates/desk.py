"""What every gate needs at hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from signoff.core.decision import Decision, Entry, GateName, Review, ReviewState, Verdict
from signoff.core.errors import IntegrityError, NotFoundError, did_you_mean
from signoff.core.paths import Paths
from signoff.core.policy import POLICY_ACTOR, Judgement
from signoff.core.policy_proof import refuses
from signoff.core.record import Record
from signoff.core.settings import GatePolicy, Project
from signoff.gates.telling import note_closed, tell_drill
from signoff.ledger import Ledger, broken_rules, open_ledger, read_pointer, write_pointer
from signoff.store import Store, open_store

GateState = Literal["passed", "waiting", "rejected", "changes", "acknowledged", "expired"]
STATES: dict[ReviewState, GateState] = {
    ReviewState.OPEN: "waiting",
    ReviewState.APPROVED: "passed",
    ReviewState.REJECTED: "rejected",
    ReviewState.CHANGES: "changes",
    ReviewState.ACKNOWLEDGED: "acknowledged",
    ReviewState.EXPIRED: "expired",
}


@dataclass(frozen=True)
class Desk:
    """One workspace, as those who ask and those who decide see it."""

    project: Project
    paths: Paths
    store: Store
    ledger: Ledger
    drilling: bool = False


class GateOutcome(Record):
    """How a flow finds a gate. `entry` is the ledger entry that closed the review; None while it waits."""

    state: GateState
    gate: GateName
    review: Review | None = None
    entry: Entry | None = None
    reasons: tuple[str, ...] = ()

    @property
    def decision(self) -> Decision | None:
        """What was decided."""
        return self.entry.decision() if self.entry is not None else None

    @property
    def sentence(self) -> str:
        """How a run that is held here says so."""
        asked = f"review {self.review.id}" if self.review else "an earlier decision"
        verdict = "" if self.state == "waiting" else f"{self.state}: "
        return f"{asked} at the {self.gate} gate: {verdict}{'; '.join(self.reasons)}"


class Ruling(Record):
    """What a decision did: its ledger entry, and where the review stands now."""

    entry: Entry
    judgement: Judgement
    review: Review


def open_desk(project: Project, paths: Paths) -> Desk:
    """The desk of a workspace, after what a kill left unfinished was finished.

    Raises:
        SignoffError: the state database cannot be used, or what has to be finished does not verify.
    """
    store = open_store(project, paths)
    return Desk(project, paths, store, open_ledger(store, paths))


def policy_of(project: Project, gate: GateName) -> GatePolicy:
    """The gate's policy in signoff.yaml.

    Raises:
        NotFoundError: the project has no such gate.
    """
    policy = getattr(project.gates, gate, None)
    if not isinstance(policy, GatePolicy):
        raise NotFoundError(f"there is no gate {gate}", allowed=did_you_mean(gate, type(project.gates).model_fields))
    return policy


def closing_entry(desk: Desk, review: Review) -> Entry | None:
    """The ledger entry that closed a review."""
    entries = desk.ledger.entries(about=review.id)
    return next((entry for entry in reversed(entries) if entry.body.get("outcome") == review.state.value), None)


def close_with(desk: Desk, review: Review, decision: Decision, state: ReviewState) -> tuple[Review, Entry]:
    """Keep a decision and where the review stands by it, together or not at all.

    The caller calls `publish` after its transaction: a file must never tell of what was not committed.
    """
    with desk.store.transaction():
        # Only a decision that closes says that it was a drill: until then nobody is to know.
        drill = state is not ReviewState.OPEN and desk.store.drill(review.id) is not None
        decision = decision.model_copy(update={"outcome": state, "drill": drill})
        _refuse_broken(decision)
        entry = desk.ledger.append("decision", decision.as_json())
        if state not in (ReviewState.OPEN, review.state):
            review = desk.store.close_review(review.id, state, expected=review.state, closed=decision.decided)
            note_closed(desk, review, entry)
            tell_drill(desk, review, decision, decision.decided)
    return review, entry


def _refuse_broken(decision: Decision) -> None:
    """Nothing is signed that verification would never accept: it could not be taken out of the ledger again."""
    broken = tuple(broken_rules(decision))
    if broken:
        raise IntegrityError(
            "the decision would break the policy that it is made under, so it was not signed",
            where=f"review {decision.review}",
            got="; ".join(broken),
            next_step=f"signoff review show {decision.review}",
        )


def publish(desk: Desk, entry: Entry) -> None:
    """The files of a decision that is in the table: its own, and decisions/release.json where it releases.

    What a kill leaves out here, the next `open_desk` and `pass_gate` write.
    """
    desk.ledger.publish(entry)
    if entry.body.get("drill"):
        desk.ledger.reconcile()
    elif entry.body.get("gate") == "release" and entry.body.get("outcome") == ReviewState.APPROVED.value:
        write_pointer(desk.paths.release_decision, entry)
    elif entry.body.get("gate") == "release" and refuses(entry.decision()):
        _take_back(desk, entry)


def _take_back(desk: Desk, refusal: Entry) -> None:
    """decisions/release.json names no approval that was taken back: it goes back to the champion's, or away."""
    pointer = read_pointer(desk.paths.release_decision)
    if pointer is None or pointer.about != refusal.about:
        return
    released = desk.ledger.champion()
    earlier = [one for one in desk.ledger.entries() if released is not None and one.hash == released.decision]
    if earlier:
        write_pointer(desk.paths.release_decision, earlier[0])
    else:
        desk.paths.release_decision.unlink(missing_ok=True)


def policy_decision(review: Review, *, approve: bool, reasons: str, moment: datetime) -> Decision:
    """A decision that the policy makes by itself."""
    verdict: Verdict = "approve" if approve else "reject"
    said = {"verdict": verdict, "actor": POLICY_ACTOR, "automatic": True, "reasons": reasons}
    return Decision(**facts_of(review), **said, decided=moment)


def facts_of(review: Review) -> dict[str, Any]:
    """What a decision takes over from its review: whatever was in force when the question was asked."""
    return {
        "review": review.id,
        "project": review.project,
        "gate": review.gate,
        "digest": review.digest,
        "evidence_sha256": review.evidence_sha256,
        "policy": review.policy,
        "started_by": review.started_by,
        "opened": review.opened,
        "checks": review.checks,
        "policy_asked": review.policy_asked,
        "policy_changed": review.policy_changed,
    }
