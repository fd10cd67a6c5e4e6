"""Drills at the gate: asked like any other question, sealed in the ledger, told when the review is closed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from signoff.core.candidate import Candidate
from signoff.core.decision import ReviewState
from signoff.core.drill import Drill, DrillKind, Seal, commitment_of, new_salt
from signoff.core.errors import ConflictError
from signoff.core.evidence import EvidenceSet, Value
from signoff.core.policy import run_checks
from signoff.core.record import Record, now
from signoff.core.run import Run
from signoff.core.settings import Mode, Project
from signoff.gates.desk import Desk
from signoff.gates.expiry import expire_reviews
from signoff.gates.passing import pass_gate


class BadCandidate(Record):
    """What a drill puts before the reviewers."""

    kind: DrillKind
    seed: int
    candidate: Candidate
    tag: str
    evidence: str
    dossier: str
    shown: str
    sentence: str


def open_drill(desk: Desk, bad: BadCandidate, run: Run, moment: datetime | None = None) -> Drill:
    """Open the release review of a bad candidate: review, run, evidence, seal and drill together, or nothing.

    Args:
        desk: the workspace's desk.
        bad: the candidate with its evidence; the digests of both must be those of the texts.
        run: the run under whose name it is asked; its cause says who started the drill.
        moment: now, when not given.

    Raises:
        ConflictError: a release review is open, or was answered for this candidate.
    """
    moment = moment or now()
    expire_reviews(desk, moment)
    refuse_while_open(desk)
    values = EvidenceSet.model_validate_json(bad.evidence).values()
    asking = Desk(_manual(desk.project, values), desk.paths, desk.store, desk.ledger, drilling=True)
    with desk.store.transaction():
        refuse_while_open(desk)
        desk.store.start_run(run)
        desk.store.add_candidate(bad.candidate, tag=bad.tag, run=run.id)
        evidence = desk.store.keep_evidence(bad.evidence.encode())
        desk.store.keep_evidence(bad.dossier.encode())
        facts = {"digest": bad.candidate.digest, "evidence_sha256": evidence, "values": values.values()}
        told = {"run": run.id, "cause": run.cause, "subject": bad.tag, "moment": moment}
        review = pass_gate(asking, "release", **facts, **told).review  # type: ignore[arg-type]
        if review is None or review.state is not ReviewState.OPEN:
            raise ConflictError("this candidate was answered already", next_step="another --seed")
        salt = new_salt()
        seal = desk.ledger.append("seal", Seal(commitment=commitment_of(salt, bad.kind, review.digest)).as_json())
        drill = Drill(
            project=review.project,
            review=review.id,
            kind=bad.kind,
            seed=bad.seed,
            digest=review.digest,
            model_digest=bad.candidate.model_digest,
            salt=salt,
            seal=seal.hash,
            actor=run.cause.actor,
            opened=review.opened,
            shown=bad.shown,
            sentence=bad.sentence,
        )
        desk.store.add_drill(drill)
    desk.ledger.publish(seal)
    return drill


def refuse_while_open(desk: Desk) -> None:
    """A drill supersedes nobody's question.

    Raises:
        ConflictError: a release review is open.
    """
    waiting = desk.store.reviews(state=ReviewState.OPEN, gate="release")
    if waiting:
        raise ConflictError(
            f"{waiting[0].id} waits for a decision, and a drill may not take its place",
            got=waiting[0].subject,
            next_step=f"signoff review show {waiting[0].id}",
        )


def _manual(project: Project, values: Mapping[str, Value]) -> Project:
    """The project with a release gate that asks people, where the machine would have passed this candidate alone."""
    policy = project.gates.release
    held = all(check.holds for check in run_checks(policy.checks, values))
    if policy.mode is Mode.MANUAL or (policy.mode is Mode.GUARDED and not held):
        return project
    release = policy.model_copy(update={"mode": Mode.MANUAL, "veto_hours": None})
    return project.model_copy(update={"gates": project.gates.model_copy(update={"release": release})})
