"""How people decide: one transaction, in which every rule is asked again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from signoff.core.account import Caller, Permission
from signoff.core.decision import Decision, Entry, Review, ReviewState, Verdict
from signoff.core.errors import RefusedError
from signoff.core.policy import Judgement, held_back, judge, missing_overrides, overrides_in, roles_of, same_person
from signoff.core.record import now
from signoff.core.run import Steering
from signoff.gates.desk import Desk, Ruling, close_with, facts_of, publish
from signoff.gates.refusing import (
    approval_among,
    plain,
    refuse_before,
    refuse_forbidden,
    refuse_idle,
    refuse_moved_on,
    refuse_wrong_use,
)
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
        RefusedError: the policy forbids it, or accounts are in force and nobody proved to be the actor.
    """
    actor, reasons = plain(actor, "actor"), plain(reasons, "reason")
    refuse_wrong_use(verdict, changes, override)
    moment = moment or now()
    desk.ledger.reconcile()
    act_on_silence(desk, moment)
    with desk.store.transaction():
        roles = proven_roles(desk, actor, caller)
        review = desk.store.review(review_id)
        refuse_before(review, moment)
        earlier = entries_of(desk, review)
        back = verdict in REFUSALS and _waits_in_freeze(desk, review, earlier, moment)
        refuse_moved_on(desk, review, digest, override or back)
        refuse_forbidden(review, verdict, actor, roles, moment, override)
        counting, gone = counting_now(desk, review)
        if verdict == "approve":
            refuse_idle(desk, review, earlier, counting, actor, override, moment)
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
    closer = approval_among(earlier)
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
    actor, reasons = plain(actor, "actor"), plain(reasons, "reason")
    roles = proven_roles(desk, actor, caller)
    with desk.store.transaction():
        review = desk.store.review(review_id)
        refuse_forbidden(review, "reject", actor, roles, now())
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
