"""How people decide: one transaction, in which every rule is asked again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import get_args

from signoff.core.account import Caller, Permission
from signoff.core.decision import Decision, Entry, Review, ReviewState, Verdict
from signoff.core.discussion import even_lines, hidden_sign
from signoff.core.errors import ConflictError, RefusedError, UsageError, did_you_mean
from signoff.core.policy import (
    Judgement,
    enough_already,
    held_back,
    judge,
    missing_overrides,
    overrides_in,
    roles_of,
    same_person,
    verdicts_of,
    why_not,
)
from signoff.core.policy_freeze import frozen
from signoff.core.record import now
from signoff.core.run import Steering
from signoff.gates.changes import ChangedError, changed_since
from signoff.gates.desk import Desk, Ruling, close_with, facts_of, publish
from signoff.gates.released import released_by
from signoff.gates.silence import act_on_silence, entries_of
from signoff.gates.votes import counting_now, votes_of

REFUSALS: tuple[Verdict, ...] = ("reject", "request-changes")


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
    override: bool = False,
    moment: datetime | None = None,
) -> Ruling:
    """Decide on an open review. Of any number who close it at once, exactly one does.

    Args:
        desk: the workspace's desk.
        review_id: such as release-3.
        verdict: approvals are counted by the review's policy; the other verdicts close it at once. A refusal also
            takes back an approval that a freeze holds back, until it is released.
        actor: the account's name.
        reasons: why, in words; never empty.
        caller: who proved to be the actor; their account gives the roles. Without one, project.people gives them,
            and only until accounts are in force.
        digest: what the actor saw; refused when the review is about another one.
        changes: what the next run shall do otherwise, with request-changes and only with it.
        override: with approve, in a freeze: release in spite of it. The policy says how many people of which role have
            to say so; it may be said of a release that is approved already and waits for the end of the freeze.
        moment: now, when not given.

    Raises:
        UsageError: no actor, no reasons, or changes that do not go with the verdict.
        NotFoundError: there is no such review.
        ConflictError: it is closed, or about another digest, or this actor has approved it already.
        RefusedError: the policy forbids it: the role, or four eyes; or accounts are in force and nobody proved to be
            the actor.
    """
    actor, reasons = _plain(actor, "actor"), _plain(reasons, "reason")
    _refuse_wrong_use(verdict, changes, override)
    moment = moment or now()
    desk.ledger.reconcile()
    act_on_silence(desk, moment)
    with desk.store.transaction():
        roles = proven_roles(desk, actor, caller)
        review = desk.store.review(review_id)
        _refuse_before(review, moment)
        earlier = entries_of(desk, review)
        back = verdict in REFUSALS and _waits_in_freeze(desk, review, earlier, moment)
        _refuse_moved_on(desk, review, digest, override or back)
        _refuse_forbidden(review, verdict, actor, roles, moment, override)
        counting, gone = counting_now(desk, review)
        if override:
            _refuse_released(desk, review, earlier)
        if verdict == "approve":
            _refuse_idle(review, counting, actor, override, moment)
        votes = votes_of(counting) if verdict == "approve" else ()
        said = {"verdict": verdict, "actor": actor, "roles": roles, "reasons": reasons, "changes": changes}
        decision = Decision(**facts_of(review), **said, decided=moment, votes=votes, override=override)
        heard = [] if back else [entry.decision() for entry in counting]  # a refusal of it is judged by itself
        judgement = judge(review, [*heard, decision], moment)
        review, entry = close_with(desk, review, decision, judgement.outcome)
    publish(desk, entry)
    return Ruling(entry=entry, judgement=_with_freeze(judgement, entry.decision(), moment, gone), review=review)


def _waits_in_freeze(desk: Desk, review: Review, earlier: Sequence[Entry], moment: datetime) -> bool:
    """Whether the review's approval is kept by a freeze and nothing was released by it."""
    if review.gate != "release" or review.state is not ReviewState.APPROVED:
        return False
    closer = next((one for one in reversed(earlier) if one.body.get("outcome") == ReviewState.APPROVED.value), None)
    if closer is None or closer.decision().drill or held_back(closer.decision(), moment) is None:
        return False
    return released_by(desk.store, review.project, earlier) is None


def _with_freeze(judgement: Judgement, decision: Decision, moment: datetime, gone: Sequence[str]) -> Judgement:
    """An approval in a freeze says that it is kept, and what would still release; one that counts no more is named."""
    hit = held_back(decision, moment) if judgement.outcome is ReviewState.APPROVED else None
    wanted = missing_overrides(decision.policy, overrides_in(decision, hit)) if hit is not None else ()
    kept = (f"kept, {hit.sentence()}", *wanted) if hit is not None else ()
    return judgement.model_copy(update={"reasons": (*judgement.reasons, *kept, *gone)})


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
        _refuse_forbidden(review, "reject", actor, roles, now())
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
    account = desk.store.find_account(caller.name)
    if account is None and desk.store.accounts_in_force():
        raise RefusedError(f"{caller.name} has no account here", next_step="signoff user list")
    # What was granted when somebody logged in may have been taken away since.
    caller = caller if account is None else caller.model_copy(update={"account": account})
    if not caller.may(Permission.DECIDE, project):
        raise RefusedError(f"{actor} may not decide in {project}", got=", ".join(caller.roles_in(project)) or "no role")
    return tuple(sorted(set(caller.roles_in(project))))


def _plain(text: str, what: str) -> str:
    """Text that a person can read and a signature can cover."""
    text = even_lines(text)
    if not text:
        raise UsageError(
            f"a decision needs {'an actor' if what == 'actor' else 'a reason'}",
            allowed="some words",
            next_step="say why with --reason TEXT" if what == "reason" else "say who with --as NAME",
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"the {what} is not UTF-8 text", got=repr(text)) from error
    if what == "actor" and not text.isprintable():
        raise UsageError("the actor's name holds characters that cannot be seen", got=repr(text))
    hidden = hidden_sign(text)
    if hidden is not None:
        raise UsageError(f"the {what} holds a character that cannot be seen", got=hidden)
    return text


def _refuse_hidden(changes: Steering) -> None:
    for name in changes.exclude_features:
        hidden = hidden_sign(name, allowed="")
        if hidden is not None:
            raise UsageError("a feature's name holds a character that cannot be seen", got=hidden)


def _refuse_wrong_use(verdict: str, changes: Steering | None, override: bool) -> None:
    if verdict not in get_args(Verdict):
        raise UsageError("there is no such verdict", got=verdict, allowed=did_you_mean(verdict, get_args(Verdict)))
    if override and verdict != "approve":
        raise UsageError(f"an override does not go with {verdict}", allowed="approve")
    asked = changes is not None and changes != Steering()
    if changes is not None:
        _refuse_hidden(changes)
    if asked and verdict != "request-changes":
        raise UsageError(f"changes do not go with {verdict}", next_step="signoff review request-changes ID ...")
    if verdict == "request-changes" and not asked:
        raise UsageError(
            "request-changes names no change",
            allowed="a feature to exclude, a family to ban or pin, a budget",
            next_step="signoff review request-changes ID --exclude-feature NAME --reason TEXT",
        )


def _refuse_before(review: Review, moment: datetime) -> None:
    """A clock that was put back must not sign what no verification would ever believe."""
    if moment < review.opened:
        raise ConflictError(
            "the clock of this machine is behind the question",
            where=f"review {review.id}",
            got=f"{moment:%Y-%m-%d %H:%M:%S} UTC",
            allowed=f"{review.opened:%Y-%m-%d %H:%M:%S} UTC, when it was asked, or later",
            next_step="set the clock, and decide again",
        )


def _refuse_moved_on(desk: Desk, review: Review, digest: str | None, of_approved: bool) -> None:
    if digest is not None and digest != review.digest:
        _refuse_other_digest(desk, review, digest)
    if review.state is ReviewState.OPEN or (of_approved and review.state is ReviewState.APPROVED):
        return
    if review.state is ReviewState.SUPERSEDED:
        _refuse_changed(desk, review)
    closer = next((e for e in reversed(entries_of(desk, review)) if e.body["outcome"] == review.state.value), None)
    by = f" by {closer.body['actor']} (entry {closer.sequence})" if closer is not None else ""
    raise ConflictError(
        f"the review {review.id} is closed: {review.state.value}{by}",
        got=review.note or None,
        next_step="signoff review list",
    )


def _refuse_other_digest(desk: Desk, review: Review, digest: str) -> None:
    what = f"the review {review.id} is about another digest than the one that was seen"
    show = f"signoff review show {review.id}"
    seen = desk.store.reviews(gate=review.gate, digest=digest)
    if seen:
        changes = changed_since(seen[-1], review, desk.store.evidence)
        raise ChangedError(what, changes, where=f"{seen[-1].id}, then {review.id}", next_step=show)
    raise ConflictError(what, got=f"{digest[:16]}…", allowed=f"{review.digest[:16]}…", next_step=show)


def _refuse_changed(desk: Desk, review: Review) -> None:
    """Say what is asked now instead, and in what it differs from what was seen."""
    asked = desk.store.reviews(state=ReviewState.OPEN, gate=review.gate)
    newer = next((one for one in reversed(asked) if one.opened >= review.opened), None)
    if review.gate == "alert" or newer is None or newer.id == review.id:
        return
    raise ChangedError(
        f"the review {review.id} is closed: {review.state.value}, and {newer.id} is asked in its place",
        changed_since(review, newer, desk.store.evidence),
        where=f"review {review.id}",
        next_step=f"signoff review show {newer.id}",
    )


def _refuse_forbidden(
    review: Review, verdict: Verdict, actor: str, roles: Sequence[str], moment: datetime, override: bool = False
) -> None:
    if verdict not in verdicts_of(review.gate):
        allowed = ", ".join(verdicts_of(review.gate))
        raise RefusedError(f"a review at the gate {review.gate} cannot be answered by {verdict}", allowed=allowed)
    reason = why_not(review, actor, roles, verdict, moment=moment, override=override)
    if reason is not None:
        raise RefusedError(reason, where=f"review {review.id}", next_step=f"signoff review show {review.id}")


def refuse_idle_override(review: Review, earlier: Sequence[Entry], moment: datetime) -> None:
    """An override has to be allowed by the policy, and there has to be a freeze that keeps this release back.

    Raises:
        RefusedError: the policy lets nobody override, or the review was a drill.
        ConflictError: nothing is frozen now, or enough people have said so already.
    """
    where = f"review {review.id}"
    if review.policy.override is None:
        raise RefusedError("the policy lets nobody override a freeze", where=where, next_step="signoff policy show")
    hit = frozen(review.policy.freeze, moment)
    if hit is None:
        raise ConflictError("there is no freeze to override now", where=where, next_step="approve without an override")
    closer = next((one for one in reversed(earlier) if one.body.get("outcome") == ReviewState.APPROVED.value), None)
    if closer is None:
        return
    decision = closer.decision()
    if decision.drill:
        raise RefusedError("the review was a drill, of which nothing is ever released", where=where)
    if held_back(decision, moment) is None:
        raise ConflictError("enough people have overridden the freeze already", where=f"ledger entry {closer.sequence}")


def _refuse_released(desk: Desk, review: Review, earlier: Sequence[Entry]) -> None:
    """A later freeze holds back nothing that serves, or has served, already."""
    release = released_by(desk.store, review.project, earlier)
    if release is not None:
        raise ConflictError(
            "there is nothing to override: what was approved here is released",
            where=f"review {review.id}",
            got=release.tag,
            next_step="signoff review list",
        )


def _refuse_idle(review: Review, earlier: Sequence[Entry], actor: str, override: bool, moment: datetime) -> None:
    """An approval that would change nothing."""
    if override:
        refuse_idle_override(review, earlier, moment)
    _refuse_twice(review, earlier, actor, override)


def _refuse_twice(review: Review, earlier: Sequence[Entry], actor: str, override: bool) -> None:
    own = [e for e in earlier if e.body["verdict"] == "approve" and same_person(e.body["actor"], actor)]
    given = next((e for e in own if not override or e.body.get("override")), None)
    if given is not None and not enough_already(review, [entry.decision() for entry in earlier]):
        raise ConflictError(
            f"{actor} has {'overridden' if override else 'approved'} {review.id} already: each person counts once",
            where=f"ledger entry {given.sequence}",
        )
