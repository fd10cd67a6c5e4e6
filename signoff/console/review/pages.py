"""The routes of the review page: the page, its records, its charts, its comments."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Response

from signoff.console.deps import CallerDep, HomeDep, ReviewDep, ReviewPlace
from signoff.console.home import Home
from signoff.console.page import Go, action, api, page
from signoff.console.review.context import ReviewContext, review_context
from signoff.console.review.form import Draft
from signoff.console.review.found import evidence_of, slugs
from signoff.console.review.lenses import Lens, lens_named
from signoff.console.review.records import ShownRecord, Trace, shown_record, traces
from signoff.console.review.talk import ShownComment, shown_comment
from signoff.console.review.words import Word, words_in
from signoff.console.templating import render
from signoff.console.visit import Visit
from signoff.core.account import Caller, Permission
from signoff.core.discussion import Comment, Said
from signoff.core.errors import NotFoundError, UsageError, did_you_mean
from signoff.core.evidence import Evidence
from signoff.core.record import Record, now
from signoff.core.vocabulary import vocabulary

router = APIRouter()

LensQuery = Annotated[str | None, Query(max_length=20, description="business, science, operations or audit")]
Slug = Annotated[
    str, Path(pattern=r"^[a-z_]{1,60}(-\d{1,4})?$", description="kind of the record; KIND-2 for the second")
]


class RecordContext(Record):
    """One record of the evidence, whole."""

    ref: str
    id: str
    project: str
    subject: str
    evidence_sha256: str
    shown: ShownRecord
    record: Evidence
    traces: tuple[Trace, ...]
    explains: bool
    names: bool
    words: tuple[Word, ...]


@page(router, "/reviews/{ref}", template="review.html", needs=Permission.SEE, title="Review")
def review(home: HomeDep, caller: CallerDep, place: ReviewDep, lens: LensQuery = None) -> ReviewContext:
    """One review: the verdict line, what is asked, the rules, the checks, the evidence, the discussion, the form."""
    return _context(home, caller, place, chosen_lens(home, caller, lens))


@page(
    router,
    "/reviews/{ref}/evidence/{slug}",
    template="review_record.html",
    needs=Permission.SEE,
    title="Evidence",
)
def record(home: HomeDep, caller: CallerDep, place: ReviewDep, slug: Slug, lens: LensQuery = None) -> RecordContext:
    """One record of the evidence with its whole table, its figure, and the figure's numbers."""
    store = home.store_of(place.project)
    about = store.review(place.id)
    found = _record(home, place, slug)
    glass = chosen_lens(home, caller, lens)
    shown = shown_record(found, slug, glass, whole=True)
    texts = (
        found.title,
        found.business,
        found.expert,
        found.matters,
        *(vocabulary().label(one.name) for one in shown.numbers),
    )
    return RecordContext(
        ref=place.ref,
        id=about.id,
        project=about.project,
        subject=about.subject,
        evidence_sha256=about.evidence_sha256,
        shown=shown,
        record=found,
        traces=traces(found.chart),
        explains=glass.explains,
        names=glass.names,
        words=words_in(texts),
    )


@api(router, "GET", "/reviews/{ref}/evidence/{slug}/figure", needs=Permission.SEE, title="A record's plotly figure")
def figure(home: HomeDep, place: ReviewDep, slug: Slug) -> Response:
    """The figure of one record as plotly JSON."""
    chart = _record(home, place, slug).chart
    if chart is None:
        raise NotFoundError(f"the record {slug} has no figure", where=f"review {place.ref}")
    body = json.dumps(chart, separators=(",", ":"), allow_nan=False)
    # The evidence is named by its digest and the review by its id, so a browser may keep the figure for a while.
    return Response(body, media_type="application/json", headers={"Cache-Control": "private, max-age=300"})


@action(router, "/reviews/{ref}/comments", needs=Permission.COMMENT)
def comment_form(
    home: HomeDep, caller: CallerDep, place: ReviewDep, text: Annotated[str, Form(max_length=40_000)]
) -> Go:
    """Say something beside a review."""
    said = keep_comment(home, caller, place, text)
    return Go(f"/reviews/{place.ref}#comment-{said.number}")


@api(router, "POST", "/reviews/{ref}/comments", needs=Permission.COMMENT, status=201, title="Comment on a review")
def comment(home: HomeDep, caller: CallerDep, place: ReviewDep, said: Said) -> ShownComment:
    """Say something beside a review."""
    return shown_comment(keep_comment(home, caller, place, said.text))


def keep_comment(home: Home, caller: Caller, place: ReviewPlace, text: str) -> Comment:
    """Keep a comment on a review, open or closed.

    Raises:
        UsageError: it is empty, too long, or holds characters that cannot be seen.
    """
    store = home.store_of(place.project)
    about = store.review(place.id)
    try:
        made = Comment(number=0, project=about.project, review=about.id, actor=caller.name, said=now(), text=text)
    except ValueError as error:
        raise UsageError("the comment cannot be kept", got=_first(error), allowed="1 to 10,000 characters") from error
    return store.add_comment(made)


def chosen_lens(home: Home, caller: Caller, asked: str | None) -> Lens:
    """The lens of ?lens=, which the account then keeps; else the one it keeps.

    Raises:
        NotFoundError: there is no such lens.
    """
    lens = lens_named(asked, caller.account.lens)
    if asked is not None and asked != caller.account.lens and caller.via == "session":
        keep_lens(home, caller, asked)
    return lens


def keep_lens(home: Home, caller: Caller, lens: str) -> None:
    """The choice sticks to the account."""
    with home.accounts.transaction():
        account = home.accounts.account(caller.account.name)
        home.accounts.save_account(account.model_copy(update={"lens": lens}))


def form_again(visit: Visit, caller: Caller, place: ReviewPlace, draft: Draft, problem: str, status: int) -> Response:
    """The review as it stands now, with what was typed and why it was not taken."""
    context = _context(visit.home, caller, place, chosen_lens(visit.home, caller, None), draft=draft, problem=problem)
    return render(visit, "review.html", context, "Review", status)


def _context(
    home: Home, caller: Caller, place: ReviewPlace, lens: Lens, *, draft: Draft | None = None, problem: str = ""
) -> ReviewContext:
    store = home.store_of(place.project)
    about = store.review(place.id)
    return review_context(store, about, caller, lens, now(), ref=place.ref, draft=draft, problem=problem)


def _record(home: Home, place: ReviewPlace, slug: str) -> Evidence:
    store = home.store_of(place.project)
    found = evidence_of(store, store.review(place.id))
    named = dict(zip(slugs(found.records), found.records, strict=True))
    if slug not in named:
        raise NotFoundError(
            f"the evidence has no record {slug}",
            where=f"review {place.ref}",
            allowed=did_you_mean(slug, named) or found.note,
        )
    return named[slug]


def _first(error: ValueError) -> str:
    text = str(error).split("\n")
    return (text[2] if len(text) > 2 else text[0]).strip().removeprefix("Value error, ")[:200]
