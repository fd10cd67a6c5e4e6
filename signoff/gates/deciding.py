"""How people decide: one transaction, in which every rule is asked again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import get_args

from signoff.core.account import Caller, Permission
from signoff.core.decision import Decision, Entry, Review, ReviewState, Verdict, Vote
from signoff.core.errors import ConflictError, RefusedError, UsageError, did_you_mean
from signoff.core.policy import judge, roles_of, same_person, verdicts_of, why_not
from signoff.core.record import now
from signoff.core.run import Steering
from signoff.gates.desk import Desk, Ruling, close_with, facts_of, publish
from signoff.gates.expiry import entries_of, expire_reviews


def decide(
    desk: Desk,
    review_id: str,
    verdict: Verdict,
    *,
    actor: str,
    reasons: str,
    caller: Caller | None = None,
    digest: str | None = None,
    changes: Steering | None = None,
    moment: datetime | None = None,
) -> Ruling:
    """Decide on an open review. Of any number who close it at once, exactly one does.

    Args:
        desk: the workspace's desk.
        review_id: such as release-3.
        verdict: approvals are counted by the review's policy; the other verdicts close it at once.
        actor: the account's name.
        reasons: why, in words; never empty.
        caller: who proved to be the actor; their account gives the roles. Without one, project.people gives them,
            and only until accounts are in force.
        digest: what the actor saw; refused when the review is about another one.
        changes: what the next run shall do otherwise, with request-changes and only with it.
        moment: now, when not given.

    Raises:
        UsageError: no actor, no reasons, or changes that do not go with the verdict.
        NotFoundError: there is no such review.
        ConflictError: it is closed, or about another digest, or this actor has approved it already.
        RefusedError: the policy forbids it: the role, or four eyes; or accounts are in force and nobody proved to be
            the actor.
    """
    actor, reasons = _plain(actor, "actor"), _plain(reasons, "reason")
    _refuse_wrong_use(verdict, changes)
    moment = moment or now()
    roles = proven_roles(desk, actor, caller)
    desk.ledger.reconcile()
    expire_reviews(desk, moment)
    with desk.store.transaction():
        review = desk.store.review(review_id)
        _refuse_moved_on(desk, review, digest)
        _refuse_forbidden(review, verdict, actor, roles)
        earlier = entries_of(desk, review)
        if verdict == "approve":
            _refuse_twice(review, earlier, actor)
        votes = _votes(earlier) if verdict == "approve" else ()
        said = {"verdict": verdict, "actor": actor, "roles": roles, "reasons": reasons, "changes": changes}
        decision = Decision(**facts_of(review), **said, decided=moment, votes=votes)
        judgement = judge(review, [*(entry.decision() for entry in earlier), decision], moment)
        review, entry = close_with(desk, review, decision, judgement.outcome)
    publish(desk, entry)
    return Ruling(entry=entry, judgement=judgement, review=review)


def reopen(desk: Desk, review_id: str, *, actor: str, reasons: str, caller: Caller | None = None) -> Review:
    """Let an expired question be asked again: the next run opens a new review about the same digest.

    Raises:
        ConflictError: the review has not expired.
        RefusedError: the actor has no role at this gate.
    """
    actor, reasons = _plain(actor, "actor"), _plain(reasons, "reason")
    roles = proven_roles(desk, actor, caller)
    with desk.store.transaction():
        review = desk.store.review(review_id)
        _refuse_forbidden(review, "reject", actor, roles)
        note = f"reopened by {actor}: {reasons}"
        return desk.store.close_review(
            review_id, ReviewState.SUPERSEDED, expected=ReviewState.EXPIRED, closed=review.closed, note=note
        )


def proven_roles(desk: Desk, actor: str, caller: Caller | None) -> tuple[str, ...]:
    """The roles with which an actor decides here, sorted.

    Raises:
        RefusedError: accounts are in force and the actor is unproven, the proof is somebody else's, or it does not
            let its bearer decide in this project.
    """
    project = desk.project.project
    if caller is None:
        if desk.store.accounts_in_force():
            raise RefusedError(
                f"{actor} has to prove who decides: accounts are in force",
                allowed="a token with the scope decide in SIGNOFF_TOKEN, or the account's password",
                next_step="signoff user token NAME --scope decide",
            )
        return tuple(sorted(set(roles_of(desk.project.people, actor))))
    if not same_person(caller.name, actor):
        raise RefusedError(f"{caller.name} proved who they are, and may not decide as {actor}")
    if not caller.may(Permission.DECIDE, project):
        raise RefusedError(f"{actor} may not decide in {project}", got=", ".join(caller.roles_in(project)) or "no role")
    return tuple(sorted(set(caller.roles_in(project))))


def _plain(text: str, what: str) -> str:
    """Text that a person can read and a signature can cover."""
    text = text.strip()
    if not text:
        raise UsageError(
            f"a decision needs {'an actor' if what == 'actor' else 'a reason'}",
            allowed="some words",
            next_step="say why with --reason TEXT" if what == "reason" else "say who with --actor NAME",
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"the {what} is not UTF-8 text", got=repr(text)) from error
    if what == "actor" and not text.isprintable():
        raise UsageError("the actor's name holds characters that cannot be seen", got=repr(text))
    return text


def _refuse_wrong_use(verdict: str, changes: Steering | None) -> None:
    if verdict not in get_args(Verdict):
        raise UsageError("there is no such verdict", got=verdict, allowed=did_you_mean(verdict, get_args(Verdict)))
    asked = changes is not None and changes != Steering()
    if asked and verdict != "request-changes":
        raise UsageError(f"changes do not go with {verdict}", next_step="signoff review request-changes ID ...")
    if verdict == "request-changes" and not asked:
        raise UsageError(
            "request-changes names no change",
            allowed="a feature to exclude, a family to ban or pin, a budget",
            next_step="signoff review request-changes ID --exclude-feature NAME --reason TEXT",
        )


def _refuse_moved_on(desk: Desk, review: Review, digest: str | None) -> None:
    if digest is not None and digest != review.digest:
        raise ConflictError(
            f"the review {review.id} is about another digest than the one that was seen",
            got=f"{digest[:16]}…",
            allowed=f"{review.digest[:16]}…",
            next_step=f"signoff review show {review.id}",
        )
    if review.state is ReviewState.OPEN:
        return
    closer = next((e for e in reversed(entries_of(desk, review)) if e.body["outcome"] == review.state.value), None)
    by = f" by {closer.body['actor']} (entry {closer.sequence})" if closer is not None else ""
    raise ConflictError(
        f"the review {review.id} is closed: {review.state.value}{by}",
        got=review.note or None,
        next_step="signoff review list",
    )


def _refuse_forbidden(review: Review, verdict: Verdict, actor: str, roles: Sequence[str]) -> None:
    if verdict not in verdicts_of(review.gate):
        allowed = ", ".join(verdicts_of(review.gate))
        raise RefusedError(f"a review at the gate {review.gate} cannot be answered by {verdict}", allowed=allowed)
    reason = why_not(review, actor, roles, verdict)
    if reason is not None:
        raise RefusedError(reason, where=f"review {review.id}", next_step=f"signoff review show {review.id}")


def _refuse_twice(review: Review, earlier: Sequence[Entry], actor: str) -> None:
    given = next((e for e in earlier if e.body["verdict"] == "approve" and same_person(e.body["actor"], actor)), None)
    if given is not None:
        raise ConflictError(
            f"{actor} has approved {review.id} already: each person counts once",
            where=f"ledger entry {given.sequence}",
        )


def _votes(earlier: Sequence[Entry]) -> tuple[Vote, ...]:
    decisions = ((entry.hash, entry.decision()) for entry in earlier)
    return tuple(
        Vote(actor=decision.actor, roles=decision.roles, entry=hash_)
        for hash_, decision in decisions
        if decision.verdict == "approve" and not decision.automatic
    )
