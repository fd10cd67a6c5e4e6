"""Deciding: a form and a JSON body end in one function, which answers after the entry is on disk."""

from __future__ import annotations

import logging
from typing import Annotated, Any, get_args

from fastapi import APIRouter, Form, Response
from pydantic import Field, ValidationError

from signoff.console.deps import CallerDep, HomeDep, ReviewDep, ReviewPlace, VisitDep
from signoff.console.home import Home
from signoff.console.page import Go, action, api
from signoff.console.problems import Problem
from signoff.console.review.changed import Changed, changed_since
from signoff.console.review.form import Draft
from signoff.console.review.pages import form_again
from signoff.core.account import Caller, Permission
from signoff.core.decision import ReviewState, Verdict
from signoff.core.errors import ConflictError, RefusedError, SignoffError, UsageError
from signoff.core.policy_rules import rules_of
from signoff.core.record import Record, now
from signoff.core.run import Steering
from signoff.gates import decide
from signoff.gates.votes import counting_now

router = APIRouter()
log = logging.getLogger("signoff.console")
MOST_REASONS = 20_000


class DecisionRequest(Record):
    """What is decided, and about which bytes."""

    verdict: Verdict
    reasons: str = Field(min_length=1, max_length=MOST_REASONS, description="why; signed with the decision")
    digest: str = Field(min_length=1, max_length=80, description="of what was looked at, as the review names it")
    changes: Steering | None = Field(None, description="with request-changes: what the next run does otherwise")
    override: bool = Field(False, description="release in spite of a freeze window, where the policy lets people")


class DecisionAnswer(Record):
    """A decision that is signed and on disk."""

    project: str
    review: str
    ref: str
    verdict: Verdict
    sequence: int = Field(description="of its entry in the ledger")
    hash: str = Field(description="of its entry")
    state: ReviewState = Field(description="where the review stands now")
    waits: tuple[str, ...] = Field((), description="what is still wanted while it is open")
    follows: str = Field("", description="what was started by it")
    not_started: str = Field("", description="why what follows could not be started yet; it is tried again")
    drill: str = Field("", description="that this was a drill, and how it ended; told only when it is over")


class Refusal(Problem):
    """Why a decision was not taken, with all that a screen needs to say more."""

    rules: tuple[str, ...] = Field((), description="every rule that blocks")
    changed: Changed | None = Field(None, description="what is asked about now instead, and what differs in it")


class MovedOnError(ConflictError):
    """What was decided on is not what is asked about any more."""


EXAMPLE = {"verdict": "approve", "reasons": "better than the champion on the same rows", "digest": "9f2c…"}
DOCUMENTED: dict[str, Any] = {
    "responses": {
        403: {"model": Refusal, "description": "The policy forbids it: every rule that blocks."},
        409: {"model": Refusal, "description": "It is closed, or about other evidence: what has changed."},
    },
    "openapi_extra": {"requestBody": {"content": {"application/json": {"example": EXAMPLE}}}},
}


@api(
    router,
    "POST",
    "/reviews/{ref}/decisions",
    needs=Permission.DECIDE,
    status=201,
    title="Decide on a review",
    **DOCUMENTED,
)
def decide_by_json(home: HomeDep, caller: CallerDep, place: ReviewDep, asked: DecisionRequest) -> DecisionAnswer:
    """Sign a decision about exactly the digest that is named; answered when its ledger entry is on disk."""
    try:
        return rule(home, caller, place, asked)
    except SignoffError as error:
        refusal = refusal_of(home, caller, place, error)
        if refusal is None:
            raise
        body = refusal.model_dump_json(exclude_none=True)
        return Response(body, error.http_status, media_type="application/json")  # type: ignore[return-value]


@action(router, "/reviews/{ref}/decide", needs=Permission.DECIDE)
def decide_by_form(
    visit: VisitDep,
    home: HomeDep,
    caller: CallerDep,
    place: ReviewDep,
    verdict: Annotated[str, Form(max_length=40)] = "",
    reasons: Annotated[str, Form(max_length=MOST_REASONS)] = "",
    digest: Annotated[str, Form(max_length=80)] = "",
    exclude_features: Annotated[list[str] | None, Form(max_length=2000)] = None,
    ban_families: Annotated[list[str] | None, Form(max_length=50)] = None,
    pin_family: Annotated[str, Form(max_length=40)] = "",
    budget_seconds: Annotated[str, Form(max_length=20)] = "",
    budget_trials: Annotated[str, Form(max_length=20)] = "",
    override: Annotated[bool, Form()] = False,
) -> Go | Response:
    """The form of the review page; where it is refused it comes again with what was typed."""
    draft = Draft(reasons=reasons)
    try:
        draft = Draft.model_validate(
            {
                "verdict": verdict or None,
                "reasons": reasons,
                "exclude_features": exclude_features or (),
                "ban_families": ban_families or (),
                "pin_family": pin_family or None,
                "budget_seconds": budget_seconds,
                "budget_trials": budget_trials,
                "override": override,
            }
        )
        answer = rule(home, caller, place, asked_by(draft, digest))
    except ValidationError as error:
        # A hand-made form: our own offers only what is allowed.
        found = error.errors()[0]
        where = ".".join(str(part) for part in found["loc"])
        return form_again(visit, caller, place, draft, f"{where}: {found['msg']}", 422)
    except SignoffError as error:
        return form_again(visit, caller, place, draft, _said(error), error.http_status)
    return Go(f"/reviews/{place.ref}", told(answer))


def asked_by(draft: Draft, digest: str) -> DecisionRequest:
    """What the form asks for.

    Raises:
        UsageError: no verdict was chosen, or the reasons are missing.
    """
    if draft.verdict is None:
        raise UsageError("no verdict was chosen", allowed=", ".join(get_args(Verdict)))
    if not draft.reasons.strip():
        raise UsageError("a decision needs reasons", next_step="say why in a sentence: it is signed with the decision")
    return DecisionRequest(
        verdict=draft.verdict,
        reasons=draft.reasons,
        digest=digest,
        changes=draft.changes() if draft.verdict == "request-changes" else None,
        # Beside an approval that is kept stands its refusal, which overrides nothing.
        override=draft.override and draft.verdict == "approve",
    )


def rule(home: Home, caller: Caller, place: ReviewPlace, asked: DecisionRequest) -> DecisionAnswer:
    """Sign the decision, then let begin what follows from it.

    The entry is in the table and in its file before anything else happens: a console that is killed after it has
    lost nothing, since `pending_steps` finds what nobody has begun.

    Raises:
        SignoffError: the decision was not taken: policy, conflict, wrong use.
    """
    desk = home.desk(place.project)
    _refuse_moved_on(home, place, asked)
    if asked.changes is not None:
        home.starter.check(place.project, asked.changes)
    ruling = decide(
        desk,
        place.id,
        asked.verdict,
        actor=caller.name,
        caller=caller,
        reasons=asked.reasons,
        digest=asked.digest,
        changes=asked.changes,
        **_overriding(asked),
    )
    what = f"{asked.verdict} {place.project}:{place.id}"
    home.accounts.note_access(caller.name, "decision", what, f"entry {ruling.entry.sequence}")
    log.info("%s: %s, entry %d, by %s", caller.name, what, ruling.entry.sequence, caller.via)
    follows, not_started = "", ""
    try:
        follows = home.starter.follow(place.project, ruling)
    except SignoffError as error:
        # The decision stands; the sweep starts what follows as soon as it can.
        not_started = error.sentence()
        log.error("after %s: %s", what, not_started)
    still_open = ruling.review.state is ReviewState.OPEN
    drill = None if still_open else desk.store.drill(place.id)
    return DecisionAnswer(
        project=place.project,
        review=place.id,
        ref=place.ref,
        verdict=asked.verdict,
        sequence=ruling.entry.sequence,
        hash=ruling.entry.hash,
        state=ruling.review.state,
        waits=ruling.judgement.reasons if still_open else (),
        follows=follows,
        not_started=not_started,
        drill=drill.told() if drill is not None else "",
    )


def _overriding(asked: DecisionRequest) -> dict[str, Any]:
    return {"override": True} if asked.override else {}


def _blocking(home: Home, place: ReviewPlace, caller: Caller, what: str) -> tuple[str, ...]:
    """The refusal itself, and every other rule that blocks this caller."""
    desk = home.desk(place.project)
    review = desk.store.review(place.id)
    decisions = [entry.decision() for entry in counting_now(desk, review)[0]]
    rules = rules_of(review, decisions, now(), caller)
    return tuple(dict.fromkeys((what, *(rule.sentence for rule in rules if rule.state == "blocks"))))


def refusal_of(home: Home, caller: Caller, place: ReviewPlace, error: SignoffError) -> Refusal | None:
    """What is said of a refusal beyond the error; None where there is nothing more to say."""
    if not isinstance(error, RefusedError):
        return None
    store = home.store_of(place.project)
    review = store.review(place.id)
    changed = changed_since(store, review) if isinstance(error, ConflictError) else None
    rules = _blocking(home, place, caller, error.what) if error.http_status == 403 else ()
    parts = error.as_record()
    return Refusal(**parts, rules=rules, changed=changed)


def told(answer: DecisionAnswer) -> str:
    """The decision in one or two sentences."""
    said = f"Your decision is entry {answer.sequence} of the ledger; the review is {answer.state.value}."
    if answer.drill:
        return f"{said} {answer.drill}"
    if answer.waits:
        said += f" It waits for {', '.join(answer.waits)}."
    if answer.not_started:
        return f"{said} What follows could not be started yet ({answer.not_started}); it is tried again."
    return f"{said} {answer.follows[:1].upper()}{answer.follows[1:]}." if answer.follows else said


def _refuse_moved_on(home: Home, place: ReviewPlace, asked: DecisionRequest) -> None:
    store = home.store_of(place.project)
    review = store.review(place.id)
    if asked.digest != review.digest or review.state is ReviewState.SUPERSEDED:
        newer = changed_since(store, review)
        raise MovedOnError(
            f"{place.id} is not about what you have seen"
            if asked.digest != review.digest
            else f"{place.id} was set aside: {review.note or 'a newer question stands'}",
            got=f"{asked.digest[:16]}…",
            allowed=f"{review.digest[:16]}…",
            next_step=f"read {newer.later.to if newer else '/reviews/' + place.ref}",
        )


def _said(error: SignoffError) -> str:
    parts = [error.what, f"allowed: {error.allowed}" if error.allowed else "", error.next_step or ""]
    return "; ".join(part for part in parts if part)
