"""Drills at the gate: asked like any other question, sealed in the ledger, told when the review is closed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import NoReturn

from signoff.core.candidate import Candidate
from signoff.core.decision import Review, ReviewState
from signoff.core.drill import Drill, DrillKind, Seal, commitment_of, new_salt
from signoff.core.errors import ConflictError, RefusedError
from signoff.core.evidence import EvidenceSet, Value
from signoff.core.policy import may_pass_alone, run_checks
from signoff.core.record import Record, now
from signoff.core.run import Run, RunState
from signoff.core.settings import Mode, Project
from signoff.gates.desk import Desk, GateOutcome
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
    recipe: str = ""
    snapshot: str = ""


def open_drill(
    desk: Desk,
    bad: BadCandidate,
    run: Run,
    moment: datetime | None = None,
    tell: Callable[[GateOutcome], None] | None = None,
) -> Drill:
    """Open the release review of a bad candidate: review, run, evidence, seal and drill together, or nothing.

    Args:
        desk: the workspace's desk.
        bad: the candidate with its evidence; the digests of both must be those of the texts.
        run: the run under whose name it is asked; its cause says who started the drill.
        moment: now, when not given.
        tell: hears what a run hears of the gate.

    Raises:
        ConflictError: a release review is open, or was answered for this candidate.
        RefusedError: the gate would let the candidate pass without asking anybody.
    """
    moment = moment or now()
    expire_reviews(desk, moment)
    refuse_while_open(desk)
    values = EvidenceSet.model_validate_json(bad.evidence).values()
    _refuse_passing(desk.project, bad, values)
    asking = replace(desk, drilling=True)
    with desk.store.transaction():
        refuse_while_open(desk)
        desk.store.start_run(run)
        desk.store.add_candidate(bad.candidate, tag=bad.tag, run=run.id)
        evidence = desk.store.keep_evidence(bad.evidence.encode())
        desk.store.keep_evidence(bad.dossier.encode())
        facts = {"digest": bad.candidate.digest, "evidence_sha256": evidence, "values": values.values()}
        told = {"run": run.id, "cause": run.cause, "subject": bad.tag, "moment": moment}
        outcome = pass_gate(asking, "release", **facts, **told)  # type: ignore[arg-type]
        review = outcome.review
        if review is None or review.state is not ReviewState.OPEN:
            raise ConflictError("this candidate was answered already", next_step="another --seed")
        # Any run says at its end where it waits, in these words.
        desk.store.finish_run(run.id, RunState.WAITING, ended=run.ended, message=outcome.sentence, review=review.id)
        salt = new_salt()
        seal = desk.ledger.append("seal", Seal(commitment=commitment_of(salt, bad.kind, review.digest)).as_json())
        drill = _drill(bad, review, run.cause.actor, salt, seal.hash)
        desk.store.add_drill(drill)
    desk.ledger.publish(seal)
    if tell is not None:
        tell(outcome)
    return drill


def _drill(bad: BadCandidate, review: Review, actor: str, salt: str, seal: str) -> Drill:
    return Drill(
        project=review.project,
        review=review.id,
        kind=bad.kind,
        seed=bad.seed,
        digest=review.digest,
        model_digest=bad.candidate.model_digest,
        salt=salt,
        seal=seal,
        actor=actor,
        opened=review.opened,
        shown=bad.shown,
        sentence=bad.sentence,
        recipe=bad.recipe,
        snapshot=bad.snapshot,
    )


def prepare_drills(desk: Desk) -> bool:
    """Let every release review from now on have a seal, so that not even the first drill is told by the first seal.

    Returns:
        Whether anything was done: one seal of nothing is enough, and stays for good.
    """
    with desk.store.transaction():
        if desk.store.has_entries("seal"):
            return False
        seal = desk.ledger.append("seal", Seal(commitment=new_salt()).as_json())
    desk.ledger.publish(seal)
    return True


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


def refuse_without_people(project: Project) -> None:
    """A drill tries people, under the policy that every candidate meets: another one would betray it.

    Raises:
        RefusedError: the release gate lets every candidate pass without asking anybody.
    """
    policy = project.gates.release
    if policy.mode is Mode.AUTO and policy.veto_hours is None:
        _refuse_alone("the release gate asks nobody about any candidate")


def _refuse_passing(project: Project, bad: BadCandidate, values: Mapping[str, Value]) -> None:
    refuse_without_people(project)
    policy = project.gates.release
    if policy.veto_hours is None and may_pass_alone(policy, run_checks(policy.checks, values)):
        _refuse_alone("the release gate would let this bad candidate pass without asking anybody", bad.sentence)


def _refuse_alone(what: str, got: str | None = None) -> NoReturn:
    step = "gates.release.mode: manual, or a check in signoff.yaml that holds such a candidate back"
    raise RefusedError(what, got=got, allowed="a gate at which people are asked", next_step=step)
