"""How a flow asks at a gate: it is answered at once, and never waits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from signoff.core.decision import CheckResult, Entry, GateName, Review, ReviewState
from signoff.core.errors import IntegrityError
from signoff.core.evidence import Value
from signoff.core.policy import (
    acts_at,
    check_sentence,
    held_back,
    may_pass_alone,
    missing_overrides,
    overrides_in,
    run_checks,
)
from signoff.core.policy_stricter import Kept
from signoff.core.record import now
from signoff.core.run import Cause
from signoff.core.settings import GatePolicy, Mode
from signoff.gates.desk import (
    STATES,
    Desk,
    GateOutcome,
    close_with,
    closing_entry,
    policy_decision,
    policy_of,
    publish,
)
from signoff.gates.involved import involved_in, settings_by
from signoff.gates.released import released_by
from signoff.gates.silence import act_on_silence
from signoff.gates.standing import asked_under
from signoff.gates.telling import note_opened, publish_told, refuse_drill, tell_superseded
from signoff.ledger import broken_rules, read_public_keys, what_is_wrong
from signoff.store import NEW


def pass_gate(
    desk: Desk,
    gate: GateName,
    *,
    digest: str,
    evidence_sha256: str,
    values: Iterable[Value],
    run: str,
    cause: Cause,
    subject: str,
    moment: datetime | None = None,
) -> GateOutcome:
    """Ask at a gate about one digest and its evidence; asked again, however often, it is one review and one decision.

    What was decided about the same digest and evidence stands. Where the policy lets the machine pass alone, that is
    a signed decision like any other. Else a review is opened under the policy now in force, and older open ones
    of the gate are superseded (but for alerts, each of which is a question of its own).

    Args:
        desk: the workspace's desk.
        gate: the door.
        digest: what is decided on: a snapshot's, or a candidate's.
        evidence_sha256: of the evidence that a reviewer sees.
        values: the numbers that the gate's checks may name.
        run: id of the run that asks.
        cause: why that run exists; four eyes go by it.
        subject: what is judged, for people.
        moment: now, when not given.

    Raises:
        NotFoundError: the project has no such gate.
        RefusedError: the digest was made for a drill.
        SignoffError: the decision could not be signed or kept.
    """
    moment = moment or now()
    if not desk.drilling:
        refuse_drill(desk, digest)
    wanted = policy_of(desk.project, gate)
    checks = run_checks(wanted.checks, {value.name: value for value in values})
    act_on_silence(desk, moment)
    authors = settings_by(desk) if gate == "release" else ()
    with desk.store.transaction():
        behind = involved_in(desk, gate, digest, run, cause)
        kept = asked_under(desk, gate, wanted, cause, behind)
        outcome = _already_asked(desk, gate, digest, evidence_sha256, kept)
        if outcome is None:
            asked = {"gate": gate, "digest": digest, "evidence_sha256": evidence_sha256, "subject": subject}
            under = {"policy": kept.policy, "checks": checks, "run": run, "cause": cause, "settings_by": authors}
            under |= {"policy_asked": kept.asked, "policy_changed": kept.changed}
            review = Review(id=NEW, project=desk.project.project, opened=moment, involved=behind, **asked, **under)
            outcome = _answer(desk, _open(desk, review), moment)
        elif outcome.state == "passed":
            note = f"{subject} stands, so nobody needs to answer"
            _supersede_others(desk, gate, outcome.review.id if outcome.review else None, note)
        tell_superseded(desk, moment)
    publish_told(desk)
    if outcome.entry is not None:
        publish(desk, outcome.entry)
    return _unless_frozen(outcome, moment)


def _unless_frozen(outcome: GateOutcome, moment: datetime) -> GateOutcome:
    """An approval in a freeze is kept, and the release waits."""
    decision = outcome.decision
    hit = held_back(decision, moment) if decision is not None and outcome.state == "passed" else None
    if decision is None or hit is None:
        return outcome
    wanted = missing_overrides(decision.policy, overrides_in(decision, hit))
    return outcome.model_copy(update={"state": "waiting", "reasons": ("approved", hit.sentence(), *wanted)})


def _already_asked(desk: Desk, gate: GateName, digest: str, evidence_sha256: str, kept: Kept) -> GateOutcome | None:
    review = desk.store.standing_review(gate, digest)
    if review is None:
        entry = _decided_elsewhere(desk, gate, digest, evidence_sha256)
        return _outcome_of(gate, None, entry) if entry is not None else None
    if review.evidence_sha256 != evidence_sha256:
        desk.store.close_review(review.id, ReviewState.SUPERSEDED, expected=review.state, note="the evidence changed")
        return None
    if review.state is ReviewState.APPROVED and _replaced(desk, review.digest, desk.ledger.entries(about=review.id)):
        note = "it was released and another release took its place"
        desk.store.close_review(review.id, ReviewState.SUPERSEDED, expected=review.state, note=note)
        return None
    if review.state is not ReviewState.OPEN:
        return _outcome_of(gate, review, _signed_answer(desk, review))
    if (review.policy, review.policy_asked) != (kept.policy, kept.asked):
        desk.store.close_review(review.id, ReviewState.SUPERSEDED, note="the gate's policy in signoff.yaml changed")
        return None
    return _waiting(review)


def _replaced(desk: Desk, digest: str, decisions: Sequence[Entry]) -> bool:
    """An approval is used up when what it released serves no more: to go back is a question of its own."""
    serving = desk.ledger.champion()
    if serving is None or serving.digest == digest:
        return False
    return released_by(desk.store, desk.project.project, decisions) is not None


def _signed_answer(desk: Desk, review: Review) -> Entry:
    """A closed review opens no gate by itself: only its signed decision does."""
    entry = closing_entry(desk, review)
    wrong = _wrong(desk, entry) if entry is not None else "no entry of the ledger closed it"
    if entry is None or wrong is not None:
        raise IntegrityError(
            f"the review {review.id} stands {review.state.value} without a valid decision",
            where=f"review {review.id}",
            got=wrong,
            next_step="signoff verify",
        )
    return entry


def _wrong(desk: Desk, entry: Entry) -> str | None:
    """Why an entry of the table answers nothing: rows can be added by whoever can write to the database."""
    wrong = what_is_wrong(entry, read_public_keys(desk.paths.public_keys))
    return wrong[0] if wrong is not None else next(broken_rules(entry.decision()), None)


def _decided_elsewhere(desk: Desk, gate: GateName, digest: str, evidence_sha256: str) -> Entry | None:
    """A clone has decisions of which it has no review; one about the same digest and evidence stands there too."""
    question = {"gate": gate, "digest": digest, "evidence_sha256": evidence_sha256}
    answers = {ReviewState.APPROVED.value, ReviewState.REJECTED.value, ReviewState.CHANGES.value}
    found = (
        entry
        for entry in reversed(desk.ledger.entries())
        if question.items() <= entry.body.items() and entry.body.get("outcome") in answers
    )
    entry = next(found, None)
    if entry is not None and _replaced(desk, digest, (entry,)):
        return None
    wrong = _wrong(desk, entry) if entry is not None else None
    if entry is not None and wrong is not None:
        raise IntegrityError(wrong, where=f"ledger row {entry.sequence}", next_step="signoff verify")
    return entry


def _open(desk: Desk, review: Review) -> Review:
    opened = desk.store.open_review(review)
    _supersede_others(desk, review.gate, opened.id, f"superseded by {opened.id}")
    return opened


def _supersede_others(desk: Desk, gate: GateName, kept: str | None, note: str) -> None:
    """A gate asks one question at a time; but each alert is a question of its own."""
    if gate == "alert":
        return
    for older in desk.store.reviews(state=ReviewState.OPEN, gate=gate):
        if older.id != kept:
            desk.store.close_review(older.id, ReviewState.SUPERSEDED, note=note)


def _answer(desk: Desk, review: Review, moment: datetime) -> GateOutcome:
    if not may_pass_alone(review.policy, review.checks) or acts_at(review) is not None:
        note_opened(desk, review)
        return _waiting(review)
    reasons = _reasons(review.policy, review.checks)
    decision = policy_decision(review, approve=True, reasons=reasons, moment=moment)
    review, entry = close_with(desk, review, decision, ReviewState.APPROVED)
    return _outcome_of(review.gate, review, entry)


def _reasons(policy: GatePolicy, checks: tuple[CheckResult, ...]) -> str:
    mode = "guarded, and every check holds" if policy.mode is Mode.GUARDED else "auto"
    return "; ".join((f"the gate's mode is {mode}", *(check_sentence(check) for check in checks)))


def _waiting(review: Review) -> GateOutcome:
    broken = tuple(check_sentence(check) for check in review.checks if not check.holds)
    acting = acts_at(review)
    alone = (f"the policy approves at {acting:%Y-%m-%d %H:%M} UTC unless somebody refuses",) if acting else ()
    reasons = alone or broken or (f"the gate's mode is {review.policy.mode.value}",)
    return GateOutcome(state="waiting", gate=review.gate, review=review, reasons=reasons)


def _outcome_of(gate: GateName, review: Review | None, entry: Entry | None) -> GateOutcome:
    state = review.state if review is not None else ReviewState(entry.body["outcome"] if entry is not None else "open")
    reasons: tuple[str, ...] = (str(entry.body["reasons"]),) if entry is not None else ()
    if review is not None and state is ReviewState.EXPIRED:
        reasons += (f"to ask again: signoff review reopen {review.id} --reason TEXT",)
    return GateOutcome(state=STATES[state], gate=gate, review=review, entry=entry, reasons=reasons)
