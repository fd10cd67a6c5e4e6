"""What a decision is refused for, each with its reason: asked again inside of the transaction that keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import get_args

from signoff.core.decision import Entry, Review, ReviewState, Verdict
from signoff.core.discussion import even_lines, hidden_sign
from signoff.core.errors import ConflictError, RefusedError, UsageError, did_you_mean
from signoff.core.policy import enough_already, held_back, same_person, verdicts_of, why_not
from signoff.core.policy_freeze import frozen
from signoff.core.run import Steering
from signoff.gates.changes import ChangedError, changed_since
from signoff.gates.desk import Desk
from signoff.gates.released import released_by
from signoff.gates.silence import entries_of


def approval_among(entries: Sequence[Entry]) -> Entry | None:
    """The last entry by which a review stood approved."""
    return next((one for one in reversed(entries) if one.body.get("outcome") == ReviewState.APPROVED.value), None)


def plain(text: str, what: str) -> str:
    """Text that a person can read and a signature can cover.

    Raises:
        UsageError: there is none, or something in it cannot be seen.
    """
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


def refuse_wrong_use(verdict: str, changes: Steering | None, override: bool) -> None:
    """There must be such a verdict, and what is said beside it must go with it.

    Raises:
        UsageError: it does not.
    """
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


def refuse_before(review: Review, moment: datetime) -> None:
    """A clock that was put back must not sign what no verification would ever believe.

    Raises:
        ConflictError: it is earlier than the question.
    """
    if moment < review.opened:
        raise ConflictError(
            "the clock of this machine is behind the question",
            where=f"review {review.id}",
            got=f"{moment:%Y-%m-%d %H:%M:%S} UTC",
            allowed=f"{review.opened:%Y-%m-%d %H:%M:%S} UTC, when it was asked, or later",
            next_step="set the clock, and decide again",
        )


def refuse_moved_on(desk: Desk, review: Review, digest: str | None, of_approved: bool) -> None:
    """The review has to be open, or approved where that may be answered too, and about the digest that was seen.

    Raises:
        ConflictError: it is not; where another question took its place, with what differs (`ChangedError`).
    """
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


def refuse_forbidden(
    review: Review, verdict: Verdict, actor: str, roles: Sequence[str], moment: datetime, override: bool = False
) -> None:
    """The gate has to know the verdict, and the review's policy has to let this person give it.

    Raises:
        RefusedError: says which rule forbids it.
    """
    if verdict not in verdicts_of(review.gate):
        allowed = ", ".join(verdicts_of(review.gate))
        raise RefusedError(f"a review at the gate {review.gate} cannot be answered by {verdict}", allowed=allowed)
    reason = why_not(review, actor, roles, verdict, moment=moment, override=override)
    if reason is not None:
        raise RefusedError(reason, where=f"review {review.id}", next_step=f"signoff review show {review.id}")


def _refuse_idle_override(review: Review, earlier: Sequence[Entry], moment: datetime) -> None:
    """An override has to be allowed by the policy, and there has to be a freeze that keeps this release back."""
    where = f"review {review.id}"
    if review.policy.override is None:
        raise RefusedError("the policy lets nobody override a freeze", where=where, next_step="signoff policy show")
    hit = frozen(review.policy.freeze, moment)
    if hit is None:
        raise ConflictError("there is no freeze to override now", where=where, next_step="approve without an override")
    closer = approval_among(earlier)
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


def refuse_idle(
    desk: Desk,
    review: Review,
    earlier: Sequence[Entry],
    counting: Sequence[Entry],
    actor: str,
    override: bool,
    moment: datetime,
) -> None:
    """An approval has to change something.

    Args:
        desk: the workspace's desk.
        review: that is approved.
        earlier: every decision on it.
        counting: those of them that still count.
        actor: who approves.
        override: in spite of a freeze.
        moment: now.

    Raises:
        RefusedError: nobody may override.
        ConflictError: there is nothing to override, or this person has approved already.
    """
    if override:
        _refuse_released(desk, review, earlier)
        _refuse_idle_override(review, counting, moment)
    _refuse_twice(review, counting, actor, override)


def _refuse_twice(review: Review, earlier: Sequence[Entry], actor: str, override: bool) -> None:
    own = [e for e in earlier if e.body["verdict"] == "approve" and same_person(e.body["actor"], actor)]
    given = next((e for e in own if not override or e.body.get("override")), None)
    if given is not None and not enough_already(review, [entry.decision() for entry in earlier]):
        raise ConflictError(
            f"{actor} has {'overridden' if override else 'approved'} {review.id} already: each person counts once",
            where=f"ledger entry {given.sequence}",
        )
