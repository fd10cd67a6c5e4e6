"""The review page, the inbox and the list over HTTP, without JavaScript."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from signoff.console.inbox import InboxContext, ReviewsContext
from signoff.console.review.context import ReviewContext
from signoff.console.review.pages import RecordContext
from signoff.core.decision import Review
from signoff.core.evidence import Evidence, Table, Value
from signoff.core.record import Record
from tests.consoles import Browser, Consoled, a_console

EVIL = "<script>alert(1)</script>"
ATTRIBUTE = "\" onmouseover=\"alert(1)' x='"
TWO = {"release": {"checks": [{"metric": "holdout.roc_auc", "at_least": 0.7}], "approvals": [{"count": 2}]}}


@pytest.fixture
def console(tmp_path: Path, database: str | None) -> Consoled:
    made = a_console(tmp_path, database, ("demo", "other"))
    for name in ("ada", "bo"):
        made.person(name, "reviewer")
    made.person("vic", "viewer")
    made.person("odo", "reviewer", project="other")
    return made


def decided(browser: Browser, review: Review, verdict: str, **more: Any) -> Any:
    form = {"verdict": verdict, "reasons": "since it is so", "digest": review.digest, **more}
    return browser.post(f"/reviews/{review.id}/decide", form, page=f"/reviews/{review.id}")


@pytest.mark.parametrize(
    ("context", "templates"),
    [
        (ReviewContext, ("review.html", "review_form.html")),
        (RecordContext, ("review_record.html",)),
        (InboxContext, ("inbox.html",)),
        (ReviewsContext, ("reviews.html",)),
    ],
)
def test_a_template_shows_each_field_of_its_context_and_no_other(
    context: type[Record], templates: tuple[str, ...]
) -> None:
    folder = files("signoff.console") / "templates"
    text = "".join((folder / name).read_text() for name in templates)
    used = set(re.findall(r"\bcontext\.([a-z_0-9]+)", text))
    if "m.pager(context)" in text:
        used |= set(re.findall(r"\bpart\.([a-z_0-9]+)", (folder / "macros.html").read_text()))
    assert used == set(context.model_fields)


def test_the_page_and_its_twin_tell_the_same(console: Consoled) -> None:
    review = console.review("a")
    ada = console.browser("ada")
    page, twin = ada.get("/reviews/release-1"), ada.get("/api/v1/reviews/release-1")
    assert (page.status_code, twin.status_code) == (200, 200)
    told = ReviewContext.model_validate(twin.json())
    assert told.digest == review.digest
    assert told.headline.sentence in re.sub(r"<[^>]+>", "", page.text)
    for section in told.sections:
        assert section.title in page.text


def test_nothing_in_evidence_names_or_comments_becomes_markup(console: Consoled) -> None:
    table = Table(columns=("column", f"loss {EVIL}"), rows=((EVIL, 1.0), (ATTRIBUTE, 2.0), ("a&b", None)))
    made = Evidence(
        kind="importance",
        title=f"Drivers {EVIL}",
        business=f"Mostly {EVIL} {ATTRIBUTE}.",
        expert=f"x {EVIL}",
        matters=EVIL,
        values=(Value(name="importance.<script>", value=1, unit=EVIL),),
        table=table,
        chart={"data": [{"name": EVIL, "x": [EVIL, "</script><script>alert(2)</script>"], "y": [1, 2]}], "layout": {}},
    )
    console.review("a", records=[made], subject=f"demo/{EVIL}", by="mallory" + EVIL)
    ada = console.browser("ada")
    assert ada.post("/reviews/release-1/comments", {"text": f"{EVIL} {ATTRIBUTE}\n{EVIL}"}).status_code == 303
    for path in (
        "/reviews/release-1",
        "/reviews/release-1?lens=audit",
        "/reviews/release-1/evidence/importance",
        "/",
        "/reviews",
    ):
        text = ada.get(path).text
        assert "alert(1)" in text, f"{path} shows the text itself"
        assert EVIL not in text
        assert "alert(2)</script>" not in text
        assert not re.search(r"<[^>]*\sonmouseover=\"alert", text)
        for script in re.findall(r"<script([^>]*)>", text):
            assert 'src="/static/' in script or 'type="application/json"' in script


def test_a_decision_needs_no_javascript(console: Consoled) -> None:
    review = console.review("a")
    ada = console.browser("ada")
    answer = decided(ada, review, "approve")
    assert (answer.status_code, answer.headers["location"]) == (303, "/reviews/release-1")
    page = ada.get("/reviews/release-1").text
    assert "Your decision is entry 1 of the ledger" in page
    assert "since it is so" in page
    assert 'action="/reviews/release-1/decide"' not in page
    assert console.starter.asked[0][:2] == ("follow", "demo")


def test_changes_are_asked_for_by_ticking_columns(console: Consoled) -> None:
    table = Table(columns=("column", "loss"), rows=(("wind", 1.0), ("dist & co", 2.0)))
    made = Evidence(kind="importance", title="Drivers", business="b", expert="e", table=table)
    review = console.review("a", records=[made])
    ada = console.browser("ada")
    assert 'name="exclude_features" value="dist &amp; co"' in ada.get("/reviews/release-1").text
    wishes = {"exclude_features": ["wind", "dist & co"], "ban_families": ["linear"], "budget_trials": "9"}
    assert decided(ada, review, "request-changes", **wishes).status_code == 303
    changes = console.desk().store.entries()[-1].decision().changes
    assert changes is not None
    assert changes.exclude_features == ("dist & co", "wind")
    assert changes.ban_families == ("linear",)
    assert changes.budget is not None
    assert changes.budget.trials == 9


@pytest.mark.parametrize(
    ("more", "status", "said"),
    [
        ({"verdict": "request-changes"}, 400, "names no change"),
        ({"verdict": "request-changes", "budget_trials": "many"}, 400, "the budget cannot be used"),
        ({"verdict": ""}, 400, "no verdict was chosen"),
        ({"verdict": "approve", "digest": "0" * 64}, 409, "is not about what you have seen"),
    ],
)
def test_what_was_typed_is_kept_when_a_decision_is_refused(
    console: Consoled, more: dict[str, str], status: int, said: str
) -> None:
    review = console.review("a")
    answer = decided(console.browser("ada"), review, **more, reasons=f"typed & kept {EVIL}")
    assert answer.status_code == status
    assert said in answer.text
    assert "typed &amp; kept &lt;script&gt;" in answer.text
    assert console.desk().store.ledger_length() == 0


def test_evidence_that_moved_on_is_shown_beside_what_was_seen(console: Consoled) -> None:
    before = console.review("a", auc=0.78)
    ada = console.browser("ada")
    token = ada.csrf("/reviews/release-1")
    console.review("b", auc=0.72)
    form = {"csrf": token, "verdict": "approve", "reasons": "my long reasons", "digest": before.digest}
    answer = ada.client.post("/reviews/release-1/decide", data=form)
    assert answer.status_code == 409
    text = re.sub(r"<[^>]+>", " ", answer.text)
    assert "0.780" in text
    assert "0.720" in text
    assert "/reviews/demo:release-2" in answer.text
    assert "my long reasons" in answer.text
    # The form is about the question that stands now, and signs that one when it is sent again.
    digest = re.search(r'name="digest" value="([^"]+)"', answer.text)
    assert digest is not None
    assert digest[1] == console.home.store_of("demo").review("release-2").digest
    again = ada.client.post("/reviews/demo:release-2/decide", data=form | {"digest": digest[1]})
    assert again.status_code == 303


def test_reasons_typed_about_a_closed_question_can_be_copied(console: Consoled) -> None:
    review = console.review("a")
    ada, bo = console.browser("ada"), console.browser("bo")
    token = ada.csrf("/reviews/release-1")
    assert decided(bo, review, "reject").status_code == 303
    form = {"csrf": token, "verdict": "approve", "reasons": "my long reasons", "digest": review.digest}
    answer = ada.client.post("/reviews/release-1/decide", data=form)
    assert answer.status_code == 409
    assert "closed: rejected by bo" in answer.text
    assert ">my long reasons</textarea>" in answer.text


def test_the_lens_sticks_to_the_account(console: Consoled) -> None:
    console.review("a")
    ada, again = console.browser("ada"), console.browser("ada")
    chosen = re.compile(r'aria-current="true">([^<]+)')
    assert chosen.findall(ada.get("/reviews/release-1").text) == ["Business"]
    assert chosen.findall(ada.get("/reviews/release-1?lens=audit").text) == ["Audit"]
    assert chosen.findall(ada.get("/reviews/release-1").text) == ["Audit"]
    assert chosen.findall(again.get("/reviews/release-1").text) == ["Audit"]
    assert chosen.findall(console.browser("bo").get("/reviews/release-1").text) == ["Business"]
    assert ada.get("/reviews/release-1?lens=x").status_code == 404
    # A token reads through a lens, and changes nobody's.
    token = console.bearer("bo", "read")
    plain = console.browser().get("/api/v1/reviews/release-1?lens=science", headers=token)
    assert plain.status_code == 200
    assert console.home.accounts.account("bo").lens == ""


def test_inbox_says_what_waits_and_why_me(tmp_path: Path, database: str | None) -> None:
    console = a_console(tmp_path, database, gates=TWO | {"alert": {"approvals": [{"role": "owner"}]}})
    for name, role in (("ada", "reviewer"), ("bo", "reviewer"), ("olga", "owner"), ("vic", "viewer")):
        console.person(name, role)
    review = console.review("a")
    console.review("w", gate="alert", subject="the window drifts")
    ada, vic = console.browser("ada"), console.browser("vic")
    inbox = InboxContext.model_validate(ada.get("/api/v1/inbox").json())
    assert [(one.id, one.why) for one in inbox.mine] == [
        ("release-1", "you may answer as reviewer; it waits for 2 more approvals by a reviewer")
    ]
    assert [one.id for one in inbox.others] == ["alert-1"]
    decided(ada, review, "approve")
    inbox = InboxContext.model_validate(ada.get("/api/v1/inbox").json())
    assert inbox.mine == ()
    assert [(one.review, one.verdict) for one in inbox.done] == [("release-1", "approve")]
    assert any("you have approved; it waits for 1 more approval" in one.why for one in inbox.others)
    assert InboxContext.model_validate(vic.get("/api/v1/inbox").json()).mine_total == 0
    owner = InboxContext.model_validate(console.browser("olga").get("/api/v1/inbox").json())
    assert [one.id for one in owner.mine] == ["alert-1"]
    assert "the window drifts" in console.browser("olga").get("/").text


def test_another_project_is_nowhere(console: Consoled) -> None:
    console.review("a")
    console.review("b", project="other")
    odo, ada = console.browser("odo"), console.browser("ada")
    for path in ("/", "/reviews", "/api/v1/inbox", "/api/v1/reviews"):
        text = odo.get(path).text
        assert "other/b" in text
        assert "demo" not in text
    assert odo.get("/reviews/demo:release-1").status_code == 404
    assert odo.get("/reviews/demo:release-1/evidence/holdout").status_code == 404
    assert odo.get("/api/v1/reviews/demo:release-1/evidence/slices/figure").status_code == 404
    assert odo.post("/reviews/demo:release-1/comments", {"text": "hi"}).status_code == 404
    assert odo.get("/reviews?project=demo").status_code == 404
    # Whoever sees one project only needs no longer name; whoever sees both does.
    assert odo.get("/reviews/release-1").status_code == 200
    assert ada.get("/reviews/release-1").status_code == 404
    assert 'href="/reviews/other%3Arelease-1"' in ada.get("/reviews").text


def test_the_list_is_narrowed_and_paged(console: Consoled) -> None:
    for name in ("a", "b", "c"):
        console.review(name)
    console.review("x", project="other", gate="alert", subject="drift")
    ada = console.browser("ada")

    def listed(query: str) -> list[str]:
        page = ReviewsContext.model_validate(ada.get(f"/api/v1/reviews?{query}").json())
        return [f"{one.project}:{one.id}" for one in page.reviews]

    assert listed("")[0] == "other:alert-1"
    assert listed("state=open&project=demo") == ["demo:release-3"]
    assert listed("gate=alert") == ["other:alert-1"]
    assert listed("offset=3") == ["demo:release-1"]
    assert ada.get("/reviews?state=%27%20or%201=1").status_code == 422
    assert ada.get("/reviews?offset=-1").status_code == 422
    page = ada.get("/reviews?project=demo&state=superseded").text
    assert 'href="/reviews?project=demo&amp;state=open"' in page


def test_records_have_pages_and_figures_of_their_own(console: Consoled) -> None:
    console.review("a")
    ada = console.browser("ada")
    page = ada.get("/reviews/release-1/evidence/slices").text
    assert "&lt;b&gt;south&lt;/b&gt;" in page
    assert "The figure's numbers" in page
    figure = ada.get("/api/v1/reviews/release-1/evidence/slices/figure")
    assert json.loads(figure.text)["data"][0]["type"] == "bar"
    assert ada.get("/api/v1/reviews/release-1/evidence/holdout/figure").status_code == 404
    assert ada.get("/reviews/release-1/evidence/nothing").status_code == 404
    assert ada.get("/reviews/release-1/evidence/..%2F..%2Fetc").status_code in (404, 422)
    assert RecordContext.model_validate(ada.get("/api/v1/reviews/release-1/evidence/slices").json()).record.chart


def test_comments_are_kept_with_who_and_when(console: Consoled) -> None:
    console.review("a")
    ada, vic = console.browser("ada"), console.browser("vic")
    answer = ada.post("/reviews/release-1/comments", {"text": "see release-1\nand demo:release-1"})
    assert answer.headers["location"] == "/reviews/release-1#comment-1"
    assert ada.post("/reviews/release-1/comments", {"text": "  "}).status_code == 400
    assert ada.post("/reviews/release-1/comments", {"text": "a\x07b"}).status_code == 400
    assert vic.post("/reviews/release-1/comments", {"text": "hi"}).status_code == 403
    page = vic.get("/reviews/release-1").text
    assert 'see <a href="/reviews/demo:release-1">release-1</a><br>and' in page
    token = console.bearer("bo", "comment")
    script, path = console.browser().client, "/api/v1/reviews/release-1/comments"
    said = script.post(path, json={"text": "by script"}, headers=token)
    assert said.status_code == 201
    assert said.json()["actor"] == "bo"
    read = console.bearer("bo", "read")
    assert script.post(path, json={"text": "x"}, headers=read).status_code == 403
