"""The review page's facts, without HTTP: store and evidence in, one frozen record out."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from signoff.access import caller_of
from signoff.console.review.changed import changed_since
from signoff.console.review.context import ReviewContext, review_context
from signoff.console.review.form import Draft, features_of
from signoff.console.review.found import evidence_of, read_evidence, slugs
from signoff.console.review.lenses import LENSES, TITLES, lens_named, topic_of
from signoff.console.review.records import FOLDED, traces
from signoff.console.review.words import anchor_of, marked, words_in
from signoff.core.data import FailedExpectation, Validation
from signoff.core.decision import Review
from signoff.core.digest import canonical_json
from signoff.core.discussion import Comment, spans
from signoff.core.errors import NotFoundError, UsageError
from signoff.core.evidence import Evidence, Table, Value
from signoff.core.record import now
from signoff.core.run import Cause, Steering
from signoff.core.settings import Budget
from signoff.gates import decide
from tests.consoles import Consoled, a_console

FOUR_EYES = {"release": {"checks": [{"metric": "holdout.roc_auc", "at_least": 0.7}], "four_eyes": True}}


@pytest.fixture
def console(tmp_path: Path, database: str | None) -> Consoled:
    made = a_console(tmp_path, database, gates=FOUR_EYES)
    for name in ("ada", "bo"):
        made.person(name, "reviewer")
    made.person("vic", "viewer")
    return made


def context_of(
    console: Consoled, review: Review, name: str = "ada", lens: str = "business", **more: Any
) -> ReviewContext:
    store = console.home.store_of(review.project)
    caller = caller_of(console.home.accounts, console.home.accounts.account(name))
    return review_context(store, store.review(review.id), caller, LENSES[lens], now(), **more)


def rule(context: ReviewContext, name: str) -> str:
    return " ".join(one.sentence for one in context.rules if one.name == name)


def test_a_good_candidate_says_so_and_a_poor_one_names_its_check(console: Consoled) -> None:
    good, poor = context_of(console, console.review("a")), context_of(console, console.review("b", auc=0.6))
    assert (good.headline.mood, poor.headline.mood) == ("good", "bad")
    assert "fails: ranking quality" in poor.headline.sentence
    science = context_of(console, console.review("b", auc=0.6), lens="science")
    assert "ROC AUC" in science.headline.sentence


def test_checks_tell_limit_interval_and_what_the_number_was_before(console: Consoled) -> None:
    for name, auc in (("a", 0.72), ("b", 0.65), ("c", 0.8)):
        last = console.review(name, auc=auc)
    (check,) = context_of(console, last, lens="science").checks
    assert (check.shown, check.interval, check.limit, check.holds) == ("0.800", "0.780 to 0.820", "at least 0.7", True)
    assert [(past.review, past.value, past.holds) for past in check.past] == [
        ("release-1", 0.72, True),
        ("release-2", 0.65, False),
    ]
    assert check.spark is not None
    assert "over 3 versions: from 0.720 to 0.800" in check.spark.sentence
    heights = [float(point.split(",")[1]) for point in check.spark.points.split()]
    assert heights[1] > heights[0] > heights[2], "a better number stands higher"


def test_who_started_the_run_reads_why_they_may_not_approve(console: Consoled) -> None:
    review = console.review("a", by="ada")
    own, other = context_of(console, review, "ada"), context_of(console, review, "bo")
    assert "four eyes: ada started" in rule(own, "you")
    assert rule(other, "you") == "Your approval counts here."
    assert own.form is not None
    assert {choice.verdict: bool(choice.forbidden) for choice in own.form.choices} == {
        "approve": True,
        "reject": False,
        "request-changes": False,
    }


def test_a_viewer_reads_all_and_may_say_nothing(console: Consoled) -> None:
    context = context_of(console, console.review("a"), "vic")
    assert context.form is not None
    assert not context.form.open
    assert not context.may_comment
    assert all("may not decide" in choice.forbidden for choice in context.form.choices)


def test_every_lens_has_every_topic_and_shows_the_same_facts(console: Consoled) -> None:
    assert all(sorted(lens.topics) == sorted(TITLES) for lens in LENSES.values())
    review = console.review("a")
    shown = [context_of(console, review, lens=name) for name in LENSES]
    facts = [{(n.name, n.value) for s in one.sections for r in s.records for n in r.numbers} for one in shown]
    assert all(found == facts[0] for found in facts)
    orders = [[section.topic for section in one.sections] for one in shown]
    assert len({lens.topics for lens in LENSES.values()}) == len(LENSES)
    assert orders[3][0] == "audit"
    assert orders[2][0] == "rollback", "the first topic of operations that has something to show"


def test_the_business_reads_plain_words_and_a_sentence_with_each_number(console: Consoled) -> None:
    context = context_of(console, console.review("a"))
    (number,) = (n for s in context.sections for r in s.records for n in r.numbers if n.name == "holdout.roc_auc")
    assert number.label == "ranking quality"
    assert number.meaning
    assert context.explains
    assert "ROC AUC" in {word.word for word in context.words}


def test_a_kind_that_nobody_knows_is_shown_under_more(console: Consoled) -> None:
    made = Evidence(
        kind="horoscope",
        title="Stars",
        business="They are well.",
        expert="Seen.",
        table=Table(columns=("a",), rows=((1,),)),
    )
    context = context_of(console, console.review("a", records=[made, made]))
    (more,) = (section for section in context.sections if section.topic == "more")
    assert [one.slug for one in more.records] == ["horoscope", "horoscope-2"]
    assert topic_of("horoscope") == "more"


def test_long_tables_are_folded_and_cut(console: Consoled) -> None:
    rows = tuple((index / 500, 1.0) for index in range(500))
    made = Evidence(
        kind="threshold", title="T", business="b", expert="e", table=Table(columns=("threshold", "cost"), rows=rows)
    )
    context = context_of(console, console.review("a", records=[made]))
    (shown,) = (r for s in context.sections for r in s.records if r.kind == "threshold")
    assert shown.table is not None
    assert (len(shown.table.rows), shown.rows, shown.folded, shown.slider) == (FOLDED, 500, True, True)


def test_a_clone_without_the_evidence_says_so_and_shows_the_checks(console: Consoled) -> None:
    review = console.review("a", evidence_sha256="f" * 64)
    context = context_of(console, review)
    assert context.evidence.state == "missing"
    assert "does not hold the evidence" in context.evidence.note
    assert [check.shown for check in context.checks] == ["0.810"]
    assert {section.topic for section in context.sections} == {"rollback", "audit"}
    assert not context.dossier


def test_evidence_of_another_format_is_named_unreadable() -> None:
    for text in ("{}", "[1]", '{"records": 1}', "null", "not json"):
        found = read_evidence(text)
        assert found.state == "unreadable"
        assert found.note


def test_validation_and_windows_become_records() -> None:
    failed = FailedExpectation(
        column="<i>c</i>", expectation="not null", reason="ids", observed="3", unexpected_share=0.25, examples=("x",)
    )
    validation = Validation(suite="s", rows=10, expectations=4, failures=(failed,))
    (record,) = read_evidence(validation.model_dump_json()).records
    assert record.business == "1 of 4 expectations on the data are broken."
    assert record.table is not None
    assert record.table.rows[0][:4] == ("<i>c</i>", "not null", "3", "25 %")
    values = [Value(name="drift.share", value=0.5).as_json()]
    (window,) = read_evidence(canonical_json(values).decode()).records
    assert window.values[0].name == "drift.share"


def test_an_old_review_stays_readable_after_its_decision(console: Consoled) -> None:
    review = console.review("a")
    caller = caller_of(console.home.accounts, console.home.accounts.account("bo"))
    changes = Steering(exclude_features=("wind",), budget=Budget(trials=5))
    said = {"actor": "bo", "caller": caller, "reasons": "leak?", "changes": changes}
    ruling = decide(console.desk(), review.id, "request-changes", digest=review.digest, **said)
    console.review("b", cause=Cause(kind="request", actor="bo", reference=ruling.entry.hash))
    old = context_of(console, review)
    assert old.form is None
    assert old.rules == ()
    (decision,) = old.decisions
    assert decision.changes == ("leave out the column wind", "search with 5 trials")
    new = context_of(console, console.home.store_of("demo").review("release-2"))
    assert [(about.text, about.to) for about in new.asked.about] == [
        ("bo's request on release-1 (entry 1)", "/reviews/demo:release-1")
    ]
    assert old.changed is not None
    assert old.changed.later.text == "release-2"


def test_a_superseded_review_shows_what_changed_side_by_side(console: Consoled) -> None:
    before = console.review("a", auc=0.75)
    console.review("b", auc=0.72)
    store = console.home.store_of("demo")
    changed = changed_since(store, store.review(before.id))
    assert changed is not None
    assert "superseded by release-2" in changed.sentence
    rows = {one.name: (one.before, one.after) for one in changed.differences}
    assert rows["holdout.roc_auc"] == ("0.750", "0.720")
    assert rows["subject"] == ("demo/a", "demo/b")
    assert changed_since(store, store.review("release-2")) is None


def test_columns_to_exclude_are_read_from_the_evidence() -> None:
    table = Table(columns=("column", "loss of ROC AUC"), rows=(("wind", 0.2), ("<b>x</b>", None), ("wind", 0.1)))
    other = Table(columns=("column", "moved"), rows=(("elsewhere", 1.0),))
    records = [
        Evidence(kind="drift", title="", business="", expert="", table=other),
        Evidence(kind="importance", title="", business="", expert="", table=table),
    ]
    assert [(one.name, one.note) for one in features_of(records)] == [
        ("wind", "loss of ROC AUC 0.200"),
        ("<b>x</b>", ""),
    ]
    assert [one.name for one in features_of(records[:1])] == ["elsewhere"]
    assert features_of([]) == ()


@pytest.mark.parametrize(("seconds", "trials"), [("0", ""), ("abc", ""), ("", "1.5"), ("60", "5"), ("inf", "")])
def test_a_budget_that_no_search_can_have_is_refused(seconds: str, trials: str) -> None:
    with pytest.raises(UsageError, match="the budget cannot be used"):
        Draft(budget_seconds=seconds, budget_trials=trials).changes()


def test_a_draft_without_wishes_asks_for_none() -> None:
    assert Draft(reasons="x").changes() is None
    assert Draft(budget_trials=" 7 ").changes() == Steering(budget=Budget(trials=7))


def test_an_unknown_lens_is_named() -> None:
    with pytest.raises(NotFoundError, match=r"no lens 'buisness'.*did you mean 'business'"):
        lens_named("buisness")
    assert lens_named(None, "audit").name == "audit"
    assert lens_named(None, "gone").name == "business"


def test_the_end_and_what_silence_means_are_said(tmp_path: Path) -> None:
    console = a_console(tmp_path, gates={"release": {"expires_days": 2, "on_expiry": "approve"}})
    console.person("ada", "reviewer")
    asked = context_of(console, console.review("a")).asked
    assert asked.urgency == "soon"
    assert asked.remaining == "1 day left"
    assert "it is approved where every check holds" in asked.silence
    assert asked.until == asked.since + timedelta(days=2)


def test_words_are_linked_once_and_nothing_in_a_text_becomes_markup() -> None:
    text = 'The champion & the <img src=x onerror=alert(1)> champion\'s "ROC AUC"'
    found = str(marked(text))
    assert found.count('href="#word-champion"') == 1
    assert "<img" not in found
    assert html.unescape(re.sub(r"<[^>]+>", "", found)) == text
    assert {word.anchor for word in words_in([text])} >= {"word-champion", "word-roc-auc"}
    assert anchor_of("R²") == "word-r2"
    assert 'title="ROC AUC: ' in str(marked("ranking quality"))


def test_comments_name_reviews_and_runs() -> None:
    text = "see release-3, demo:data-12 and 20261121-101010-ab12; not /x/release-3, prerelease-3 or release-3x."
    found = [(span.kind, span.project, span.name) for span in spans(text) if span.kind != "text"]
    reviews = [("review", None, "release-3"), ("review", "demo", "data-12")]
    assert found == [*reviews, ("run", None, "20261121-101010-ab12")]
    assert found == [
        ("review", None, "release-3"),
        ("review", "demo", "data-12"),
        ("run", None, "20261121-101010-ab12"),
    ]
    assert "".join(span.text for span in spans(text)) == text


@pytest.mark.parametrize("text", ["", "  \n ", "a\x00b", "a\u202eb", "x" * 10_001])
def test_comments_that_nobody_could_read_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"comment|10000"):
        Comment(number=0, project="demo", review="release-1", actor="ada", said=now(), text=text)


def test_figures_are_also_tables() -> None:
    chart = {
        "data": [{"name": "cost", "x": [0, 1], "y": [5, None]}, {"type": "heatmap", "z": [[1]]}, "odd"],
        "layout": {"xaxis": {"title": {"text": "threshold"}}, "yaxis": {"title": "EUR"}},
    }
    (trace,) = traces(chart)
    assert (trace.name, trace.columns, trace.rows) == ("cost", ("threshold", "EUR"), ((0, 5), (1, None)))
    assert traces(None) == traces({}) == ()


def test_slugs_and_evidence_are_stable(console: Consoled) -> None:
    review = console.review("a")
    store = console.home.store_of("demo")
    first, second = evidence_of(store, review), evidence_of(store, review)
    assert first is second, "read once: its digest names it"
    assert slugs(first.records) == ("holdout", "slices")


def test_a_freeze_offers_its_override_and_after_the_approval_its_taking_back(tmp_path: Path) -> None:
    always = {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "reason": "moving house"}
    override = {"role": "reviewer", "count": 2}
    console = a_console(tmp_path, gates={"release": {"freeze": [always], "override": override}})
    for name in ("ada", "bo"):
        console.person(name, "reviewer")
    review = console.review("a")
    context = context_of(console, review)
    assert "moving house" in rule(context, "freeze")
    assert context.form is not None
    assert context.form.override is not None
    assert (context.form.override.only, context.form.override.forbidden) == (False, "")
    assert "moving house" in context.form.override.sentence
    caller = caller_of(console.home.accounts, console.home.accounts.account("bo"))
    decide(console.desk(), review.id, "approve", actor="bo", caller=caller, reasons="good", digest=review.digest)
    after = context_of(console, review)
    assert after.state == "approved"
    assert "moving house" in rule(after, "freeze")
    assert after.form is not None
    assert after.form.override is not None
    assert after.form.override.only
    assert [choice.verdict for choice in after.form.choices] == ["reject", "request-changes", "approve"]
    assert after.form.choices[-1].label == "Approve in spite of the freeze"
