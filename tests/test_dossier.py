"""Dossier, card and summary: whole, escaped, silent towards the network, and the same template for every kind."""

from __future__ import annotations

import base64
import gzip
import json
import re
from html.parser import HTMLParser
from typing import Any

from signoff.core.data import FeaturePlan, FeatureStep, Profile, Snapshot
from signoff.core.decision import CheckResult
from signoff.core.evidence import Evidence, EvidenceSet, Table, Value
from signoff.core.metrics import METRICS
from signoff.core.policy import run_checks
from signoff.core.record import now
from signoff.core.search import ModelRecord, Recipe
from signoff.core.settings import Check, Project
from signoff.core.vocabulary import vocabulary
from signoff.report import Subject, render_card, render_dossier, render_summary

EVIL = "</script><script>alert('x')</script><img src=https://evil.example/x onerror=alert(1)>"


class Page(HTMLParser):
    """Tags, their attributes, the text outside of scripts, and whether every tag is closed."""

    VOID = {"meta", "br", "link", "img", "input", "hr"}

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.charts: list[Any] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            if self.tags[-1][1].get("type") == "application/json":
                self.charts.append(json.loads(data))
        elif self.open and self.open[-1] != "style":
            self.text += data


def evidence(*records: Evidence) -> EvidenceSet:
    holdout = Evidence(
        kind="holdout",
        title="Quality",
        business="It is good.",
        expert="ROC AUC with its interval.",
        values=(Value(name="holdout.roc_auc", value=0.71234, low=0.69, high=0.73),),
    )
    return EvidenceSet(project="small", made=now(), records=(holdout, *records))


def subject(**changes: Any) -> Subject:
    project = {
        "project": "small",
        "question": f"Is it? {EVIL}",
        "task": "binary",
        "target": "answer",
        "data": {"sources": {"rows": {"file": "rows.csv"}}},
    }
    plan = FeaturePlan(steps=(FeatureStep(column="x|y", action="keep", reason="a number"),))
    recipe = Recipe(
        task="binary", target="answer", classes=("no", "yes"), family="linear", parameters={}, features=plan, seed=0
    )
    model = ModelRecord(
        recipe_sha256="a" * 64, model_sha256="b" * 64, digest="c" * 64, rows=9, inputs={"x|y": "number"}
    )
    return Subject(
        project=Project.model_validate(project | changes),
        recipe=recipe,
        model=model,
        snapshot=Snapshot(md5="d" * 32, rows=1234, columns={}, as_of=None, sources=()),
        profile=Profile(train_rows=1000, holdout_rows=234, split="by chance", target={}, columns=(), warnings=(EVIL,)),
        signoff="0.0",
    )


def checks(found: EvidenceSet, *wanted: Check) -> tuple[CheckResult, ...]:
    return run_checks(wanted or (Check(metric="holdout.roc_auc", at_least=0.6),), found.values())


def test_a_kind_that_nobody_knew_is_rendered_whole() -> None:
    found = evidence(
        Evidence(
            kind="brand_new",
            title="Something new",
            business="A sentence for the business.",
            expert="A sentence for the expert.",
            values=(Value(name="novel.size_of_it", value=12345.6, low=-0.5, high=20000, unit="hats"),),
            table=Table(columns=("who", "many"), rows=(("Ann", 3), (None, 0.25), ("Bob", True))),
            chart={"data": [{"type": "bar", "x": [1], "y": [2]}], "layout": {}},
            matters="It matters to novel.size_of_it.",
        )
    )
    page = Page(render_dossier(found, checks(found), subject()))
    assert page.open == []
    for text in ("Something new", "A sentence for the business.", "A sentence for the expert.", "size of it", "12,346",
                 "hats", "-0.500 to 20,000", "Ann", "0.250", "It matters to"):  # fmt: skip
        assert text in page.text
    assert page.charts == [{"data": [{"type": "bar", "x": [1], "y": [2]}], "layout": {}}]


def test_nothing_that_data_says_becomes_markup() -> None:
    found = evidence(
        Evidence(
            kind="evil",
            title=EVIL,
            business=EVIL,
            expert=EVIL,
            values=(Value(name="evil.number", value=1, unit=EVIL),),
            table=Table(columns=(EVIL,), rows=((EVIL,),)),
            chart={"data": [{"name": EVIL}], "layout": {"title": EVIL}},
            matters=EVIL,
        )
    )
    page = Page(render_dossier(found, checks(found), subject()))
    assert not [tag for tag, _ in page.tags if tag == "img"]
    assert len([tag for tag, _ in page.tags if tag == "script"]) == 3
    assert page.charts[0]["data"][0]["name"] == EVIL
    card = render_card(found, checks(found), subject())
    assert not re.search(r"(?<!\\)<(script|img)", card)


def test_the_page_asks_nobody_for_anything() -> None:
    found = evidence(
        Evidence(kind="x", title="t", business="b", expert="e", chart={"data": [{"type": "bar"}], "layout": {}})
    )
    html = render_dossier(found, checks(found), subject(question="Is it?"))
    page = Page(html)
    assert not [attributes for _, attributes in page.tags if {"src", "srcset", "action"} & set(attributes)]
    assert all(str(attributes.get("href", "#")).startswith("#") for _, attributes in page.tags)
    assert "url(" not in html
    assert "@import" not in html
    policy = next(one["content"] for tag, one in page.tags if one.get("http-equiv") == "Content-Security-Policy")
    assert str(policy).startswith("default-src 'none'")
    assert len(html) < 6_000_000
    packed = re.search(r'id="plotly">([^<]+)<', html)
    assert packed is not None
    assert b"plotly.js" in gzip.decompress(base64.b64decode(packed.group(1)))[:200]


def test_without_charts_there_is_no_script_to_load() -> None:
    found = evidence()
    html = render_dossier(found, checks(found), subject())
    assert len(html) < 60_000
    assert "<script" not in html.split("</style>")[1]


def test_every_record_shows_the_checks_that_read_it() -> None:
    found = evidence()
    wanted = (Check(metric="holdout.roc_auc", at_least=0.9), Check(metric="champion.delta", at_least=0))
    page = Page(render_dossier(found, checks(found, *wanted), subject()))
    assert "It is good; both checks fail: ROC AUC, lead over the champion." in page.text
    assert "ROC AUC is 0.712, the release check asks for ≥ 0.9." in page.text
    assert "no such number" in page.text


def test_the_glossary_has_the_words_of_the_page_and_no_others() -> None:
    found = evidence()
    text = Page(render_dossier(found, checks(found), subject(question="Is it?"))).text
    assert METRICS["roc_auc"].sentence in text.replace("How", "how")
    assert vocabulary().words["interval"] in text
    assert vocabulary().words["population stability index"] not in text


def test_the_card_has_the_sections_of_model_cards() -> None:
    found = evidence()
    card = render_card(found, checks(found), subject())
    for section in ("Model details", "Intended use", "Factors", "Metrics", "Evaluation and training data",
                    "Quantitative analyses", "Ethical considerations", "Caveats and recommendations"):  # fmt: skip
        assert f"\n## {section}\n" in card
    assert r"| x\|y | number |" in card
    assert "| ROC AUC (`holdout.roc_auc`) | 0.712" in card


def test_a_target_ends_no_code_span_of_the_card() -> None:
    found, about = evidence(), subject()
    recipe = about.recipe.model_copy(update={"target": "a`<img src=x>|b"})
    card = render_card(found, checks(found), about.model_copy(update={"recipe": recipe}))
    assert "target `a'<img src=x>\\|b`" in card


def test_the_summary_is_a_few_plain_lines() -> None:
    lead = Value(name="champion.delta", value=0.02, low=0.01, high=0.03)
    champion = Evidence(kind="champion", title="t", business="b", expert="e", values=(lead,))
    searched = Evidence(
        kind="search", title="t", business="Attempts: 9, families: 3; linear was taken as the simpler one. The rule.",
        expert="e",
    )  # fmt: skip
    found = evidence(champion, searched).model_copy(update={"champion": "c" * 64})
    assert render_summary(found, checks(found)) == [
        "Better than the champion on the same rows by 0.0100 to 0.0300 ROC AUC; the one check holds.",
        "The new model is better than the model that answers now by 0.0100 to 0.0300 in ranking quality.",
        "ROC AUC 0.712 (0.690 to 0.730)",
        "Attempts: 9, families: 3; linear was taken as the simpler one.",
        "holds  holdout.roc_auc 0.712, asked for >= 0.6",
    ]
    missing = checks(found, Check(metric="fairness.worst_gap", at_most=0.1))
    assert render_summary(found, missing)[-1] == "FAILS  fairness.worst_gap no such number, asked for <= 0.1"


def test_every_label_names_a_number_and_every_word_has_a_sentence() -> None:
    for name in vocabulary().labels:
        Value(name=name, value=0)
    assert all(sentence.endswith(".") and sentence[0].isupper() for sentence in vocabulary().words.values())
    assert vocabulary().label("holdout.rmse") == "RMSE"
    assert vocabulary().label("something.quite_new") == "quite new"
