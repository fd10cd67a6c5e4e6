"""All that the review page shows, as one frozen record; its JSON twin is the same record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from signoff.console.review.asked import Asked, Pointer, asked_of
from signoff.console.review.changed import Changed, changed_since
from signoff.console.review.checks import ShownCheck, shown_checks
from signoff.console.review.form import Draft, Form, form_of
from signoff.console.review.found import evidence_of, slugs
from signoff.console.review.headline import Headline, headline_of
from signoff.console.review.lenses import LENSES, Lens
from signoff.console.review.records import Section, sections
from signoff.console.review.signed import Audit, Serving, audit_of, serving_of
from signoff.console.review.standing import ShownDecision, decided, rules_for
from signoff.console.review.talk import ShownComment, discussion
from signoff.console.review.words import Word, words_in
from signoff.core.account import Caller, Permission
from signoff.core.decision import Decision, GateName, Review, ReviewState
from signoff.core.policy_rules import Rule, allowed_verdicts, freeze_of
from signoff.core.policy_votes import still_counting
from signoff.core.record import Moment, Record
from signoff.core.vocabulary import vocabulary
from signoff.gates.released import released_by
from signoff.gates.votes import people_left
from signoff.store import Store
from signoff.store.listing import earlier_reviews, later_review
from signoff.store.overview import entry_of_hash


class LensChoice(Record):
    """A lens that may be chosen."""

    name: str
    title: str
    sentence: str
    chosen: bool


class EvidenceState(Record):
    """Whether the evidence can be shown, and when it was made."""

    state: str
    note: str
    made: Moment | None


class ReviewContext(Record):
    """One review, as one person sees it through one lens."""

    ref: str
    id: str
    project: str
    gate: GateName
    state: ReviewState
    digest: str
    evidence_sha256: str
    note: str
    closed: Moment | None
    drill: bool
    headline: Headline
    lenses: tuple[LensChoice, ...]
    explains: bool
    names: bool
    asked: Asked
    rules: tuple[Rule, ...]
    checks: tuple[ShownCheck, ...]
    evidence: EvidenceState
    sections: tuple[Section, ...]
    serving: Serving
    audit: Audit
    decisions: tuple[ShownDecision, ...]
    changed: Changed | None
    comments: tuple[ShownComment, ...]
    may_comment: bool
    form: Form | None
    problem: str
    typed: str
    """The reasons of a decision that was refused, where no form is left to keep them."""
    dossier: str
    words: tuple[Word, ...] = ()


def review_context(
    store: Store,
    review: Review,
    caller: Caller,
    lens: Lens,
    moment: datetime,
    *,
    ref: str | None = None,
    draft: Draft | None = None,
    problem: str = "",
) -> ReviewContext:
    """The page of one review, from store and evidence alone.

    Args:
        store: of the review's project.
        review: as it stands.
        caller: who looks; the form and the rules are theirs.
        lens: whose order and words.
        moment: now.
        ref: how addresses name the review; its id when not given.
        draft: what was typed before, when the form has to be shown again.
        problem: why it has to be shown again.

    Raises:
        IntegrityError: evidence, an entry or an earlier review cannot be read.
    """
    ref = ref or review.id
    found = evidence_of(store, review)
    entries = tuple(entry for entry in store.entries(about=review.id) if entry.kind == "decision")
    counting, gone = still_counting(review, entries, store.account_lookup())
    heard = [entry.decision() for entry in counting]
    checks = shown_checks(review, found.values(), earlier_reviews(store.database, review), lens)
    released = review.state is ReviewState.APPROVED and released_by(store, review.project, entries) is not None
    form = _form(store, review, ref, caller, moment, draft, problem) if not released else None
    if form is None and draft is not None and (later := later_review(store.database, review)):
        form = _form(store, later, f"{later.project}:{later.id}", caller, moment, draft, problem)
    context = ReviewContext(
        **_identity(review, ref),
        drill=any(entry.decision().drill for entry in entries),
        headline=headline_of(review, found, lens),
        lenses=_choices(lens),
        explains=lens.explains,
        names=lens.names,
        asked=asked_of(review, moment, _named(store, review)),
        rules=() if released else _rules(store, review, heard, moment, caller, gone),
        checks=checks,
        evidence=EvidenceState(state=found.state, note=found.note, made=found.made),
        sections=sections(found.records, slugs(found.records), lens, checks),
        serving=serving_of(store, review),
        audit=audit_of(store, review, entries),
        decisions=decided(entries),
        changed=changed_since(store, review),
        comments=discussion(store, review.id),
        may_comment=caller.may(Permission.COMMENT, review.project),
        form=form,
        problem=problem,
        typed=draft.reasons if draft is not None and form is None else "",
        dossier=f"/dossier/{review.digest}" if review.gate == "release" and found.state == "kept" else "",
    )
    return context.model_copy(update={"words": words_in(_texts(context))})


def _rules(
    store: Store, review: Review, heard: Sequence[Decision], moment: datetime, caller: Caller, gone: Sequence[str]
) -> tuple[Rule, ...]:
    return (*rules_for(review, heard, moment, caller, gone), *people_left(store, review, heard, moment))


def _form(
    store: Store, review: Review, ref: str, caller: Caller, moment: datetime, draft: Draft | None, problem: str
) -> Form | None:
    """The form; None where nobody can answer any more."""
    entries = [entry for entry in store.entries(about=review.id) if entry.kind == "decision"]
    decisions = [entry.decision() for entry in still_counting(review, entries, store.account_lookup())[0]]
    answers = allowed_verdicts(review, caller, decisions, moment)
    if not answers:
        return None
    hit = freeze_of(review, decisions, moment)
    freeze = hit.sentence() if hit is not None else ""
    records = evidence_of(store, review).records
    return form_of(review, ref, answers, records, draft=draft, problem=problem, freeze=freeze)


def _identity(review: Review, ref: str) -> dict[str, Any]:
    kept = ("id", "project", "gate", "state", "digest", "evidence_sha256", "note", "closed")
    return {"ref": ref, **{name: getattr(review, name) for name in kept}}


def _choices(lens: Lens) -> tuple[LensChoice, ...]:
    return tuple(
        LensChoice(name=one.name, title=one.title, sentence=one.sentence, chosen=one.name == lens.name)
        for one in LENSES.values()
    )


def _named(store: Store, review: Review) -> Pointer | None:
    """The review whose decision asked for this run."""
    if review.cause.kind != "request" or not review.cause.reference:
        return None
    entry = entry_of_hash(store.database, review.project, review.cause.reference)
    if entry is None or entry.kind != "decision":
        return None
    decision = entry.decision()
    text = f"{decision.actor}'s request on {decision.review} (entry {entry.sequence})"
    return Pointer(text=text, to=f"/reviews/{review.project}:{decision.review}")


def _texts(context: ReviewContext) -> Iterator[str]:
    yield context.headline.sentence
    yield from (vocabulary().label(check.metric) for check in context.checks)
    yield from (rule.sentence for rule in context.rules)
    for section in context.sections:
        for record in section.records:
            yield from (record.title, record.lead, record.other, record.matters)
            yield from (vocabulary().label(one.name) for one in record.numbers)
            yield from record.table.columns if record.table is not None else ()
