"""Versions, comparison, ledger, policy, alerts, projects and search: what they show, to whom, and never as markup."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from signoff.access import caller_of
from signoff.audit.verify import check_audit
from signoff.console.ledger_state import WATCH
from signoff.console.policy_try import gates_of
from signoff.console.problems import InvalidError
from signoff.console.search import pieces
from signoff.console.wording import lasted
from signoff.core.account import Grant
from signoff.core.decision import Release
from signoff.core.digest import sha256_json
from signoff.core.discussion import Comment
from signoff.core.errors import SettingsError
from signoff.core.evidence import Value
from signoff.core.files import write_json
from signoff.core.monitoring import Alert, ColumnDrift, Performance, Window, WindowReport
from signoff.core.policy import run_checks
from signoff.core.record import now
from signoff.core.run import Cause, Run, RunState
from signoff.core.settings import Check
from signoff.gates import decide
from signoff.gates.desk import Ruling
from signoff.workspace.git import Git
from tests.consoles import Browser, Consoled, a_console, candidate
from tests.waiting import eventually

EVIL = "<script>alert(1)</script>"


def decided(console: Consoled, name: str, *, project: str = "demo", auc: float = 0.81, reasons: str = "fine") -> Ruling:
    """A candidate with its run, asked about and approved by ana."""
    desk = console.desk(project)
    review = console.review(name, project=project, auc=auc)
    run = Run(
        id=review.run,
        flow="retrain",
        cause=Cause(actor="zoe", note=f"for {name}"),
        state=RunState.WAITING,
        started=now(),
    )
    desk.store.start_run(run)
    made = candidate(project, name, review.evidence_sha256)
    number = len(desk.store.candidates()) + 1
    desk.store.add_candidate(made, tag=f"{project}/c{number}", run=review.run)
    ana = caller_of(console.home.accounts, console.home.accounts.account("ana"))
    return decide(desk, review.id, "approve", actor="ana", reasons=reasons, caller=ana)


def released(console: Consoled, ruling: Ruling, name: str, tag: str, project: str = "demo") -> Release:
    made = Release(
        project=project,
        tag=f"{project}/{tag}",
        candidate_tag=f"{project}/c1",
        digest=ruling.review.digest,
        model_digest=candidate(project, name, ruling.review.evidence_sha256).model_digest,
        decision=ruling.entry.hash,
        released=now(),
    )
    console.desk(project).ledger.record_release(made)
    return made


@pytest.fixture
def filled(tmp_path: Path, database: str | None) -> Consoled:
    """Two candidates of demo, the first released; one candidate of other."""
    console = a_console(tmp_path, database, ("demo", "other"))
    console.person("ana", "reviewer", "operator")
    first = decided(console, "a", reasons=f"it is good {EVIL}")
    released(console, first, "a", "v1")
    decided(console, "b", auc=0.86)
    decided(console, "x", project="other", reasons="the secret of other")
    console.home.projects()
    return console


def plain(answer: Any) -> str:
    """The page, after it was looked at for markup of a stranger."""
    assert answer.status_code == 200, answer.text[-400:]
    assert EVIL not in answer.text
    return str(answer.text)


def test_the_timeline_says_who_decided_and_what_serves(filled: Consoled) -> None:
    browser = filled.browser("ana")
    context = browser.get("/api/v1/versions?project=demo").json()
    assert [one["tag"] for one in context["versions"]] == ["demo/c2", "demo/c1"]
    assert [one["serves"] for one in context["versions"]] == [False, True]
    assert context["versions"][1]["released"]["tag"] == "demo/v1"
    assert context["versions"][0]["numbers"][0] == {
        "name": "holdout.roc_auc", "value": 0.86, "low": 0.84, "high": 0.88, "unit": "",
    }  # fmt: skip
    assert [point["value"] for point in context["chart"]["points"]] == [0.81, 0.86]
    page = plain(browser.get("/versions?project=demo"))
    assert "serves now" in page
    assert "&lt;script&gt;" in page


def test_a_version_by_either_name_and_none_of_a_hidden_project(filled: Consoled) -> None:
    filled.person("ben", "viewer", project="demo")
    browser = filled.browser("ben")
    one, same = (browser.get(f"/api/v1/versions/demo/{name}").json() for name in ("c1", "v1"))
    assert one.pop("others") == ["v1", "c2"]
    assert same.pop("others") == ["c2", "c1"]
    assert one == same
    assert "Download the audit file" not in plain(browser.get("/versions/demo/v1"))
    assert browser.get("/versions/other/c1").status_code == 404
    assert browser.get("/versions?project=other").status_code == 404
    assert browser.get("/versions/demo/c9").status_code == 404
    assert browser.get("/versions/demo/c1..").status_code == 422


def test_comparing_says_how_far_and_whether_it_is_better(filled: Consoled) -> None:
    browser = filled.browser("ana")
    numbers = browser.get("/api/v1/compare?project=demo&a=v1&b=c2").json()["comparison"]["numbers"]
    auc = next(one for one in numbers if one["name"] == "holdout.roc_auc")
    assert (round(auc["difference"], 4), auc["better"], auc["apart"]) == (0.05, True, True)
    assert "better" in plain(browser.get("/compare?project=demo&a=v1&b=c2"))
    assert browser.get("/compare?a=c1&b=c2").status_code == 404


def test_comparing_reads_recipe_and_settings_from_git(filled: Consoled) -> None:
    root = filled.desk().paths.root
    git = Git(root)
    git.init()
    for name, family, rows in (("c1", "linear", 100), ("c2", "lightgbm", 150)):
        recipe = {
            "task": "binary", "target": "late", "family": family, "parameters": {"C": rows}, "seed": 0,
            "features": {"steps": [{"column": f"col_{name}", "action": "keep", "reason": "r"}]},
        }  # fmt: skip
        snapshot = {"md5": name * 16, "rows": rows, "columns": {"a": "int64"}, "as_of": None, "sources": []}
        write_json(root / "artifacts" / "recipe.json", recipe)
        write_json(root / "data" / "snapshot.json", snapshot)
        (root / "signoff.yaml").write_text((root / "signoff.yaml").read_text() + f"# {name} {EVIL}\n")
        git.run("add", "signoff.yaml", "artifacts", "data")
        git.run("commit", "--quiet", "-m", name)
        git.tag(f"demo/{name}", name)
    browser = filled.browser("ana")
    found = browser.get("/api/v1/compare?project=demo&a=c1&b=c2").json()["comparison"]
    assert (found["features_added"], found["features_removed"]) == (["col_c2"], ["col_c1"])
    assert {"name": "family", "a": "linear", "b": "lightgbm", "differs": True} in found["recipe"]
    assert {"name": "rows", "a": "100", "b": "150", "differs": True} in found["data"]
    assert any(line == f"+# c2 {EVIL}" for line in found["settings"])
    plain(browser.get("/compare?project=demo&a=c1&b=c2"))
    assert "lightgbm" in plain(browser.get("/versions/demo/c2"))


def checked(browser: Browser, path: str = "/api/v1/ledger?project=demo") -> dict[str, Any]:
    """The page once the check of its present head has been made."""

    def ask() -> dict[str, Any] | None:
        context: dict[str, Any] = browser.get(path).json()
        made = context["checked"] and not context["checking"] and context["checked"]["sequence"] == context["head"]
        return context if made else None

    return eventually(ask)


def test_the_ledger_is_checked_and_a_bent_row_is_found(filled: Consoled) -> None:
    browser = filled.browser("ana")
    context = checked(browser)
    assert context["checked"]["findings"] == []
    assert [one["kind"] for one in context["entries"]] == ["decision", "release", "decision"]
    assert "holds" in plain(browser.get("/ledger?project=demo"))
    with filled.home.accounts.database.writing() as connection:
        guard = {"sqlite": "no_update", "postgresql": "no_change ON signoff_ledger"}[connection.dialect.name]
        connection.execute(text(f"DROP TRIGGER signoff_ledger_{guard}"))
        connection.execute(text("UPDATE signoff_ledger SET record = replace(record, 'it is good', 'it is bad')"))
    assert browser.post("/ledger/demo/verify").status_code == 303
    assert eventually(lambda: not WATCH.under_way(filled.home, "demo"))
    found = checked(browser)["checked"]["findings"]
    assert any("entry 1" in one["what"] for one in found)
    assert "does not hold" in plain(browser.get("/ledger?project=demo"))
    assert "does not hold" in plain(browser.get("/ledger/demo/1"))


def test_entries_by_kind_and_person_each_with_its_json(filled: Consoled) -> None:
    browser = filled.browser("ana")
    by_ana = browser.get("/api/v1/ledger?project=demo&kind=decision&actor=ANA").json()
    assert [one["sequence"] for one in by_ana["entries"]] == [3, 1]
    assert browser.get("/api/v1/ledger?project=demo&actor=nobody").json()["total"] == 0
    context = browser.get("/api/v1/ledger/demo/1").json()
    assert (context["judged"], context["verdict"]) == (True, [])
    assert json.loads(context["text"]) == context["entry"]
    assert "whole and signed" in plain(browser.get("/ledger/demo/1"))
    assert browser.get("/ledger/demo/99").status_code == 404


def test_only_who_may_audit_gets_the_audit_file(tmp_path: Path, database: str | None) -> None:
    console = a_console(tmp_path, database)
    console.person("ana", "reviewer", "operator")
    console.person("ben", "viewer")
    review = console.review("a", gate="data", values=(Value(name="validation.failed", value=0),))
    Git(console.desk().paths.root).init()
    assert console.browser("ben").get(f"/audit/demo/{review.id}").status_code == 403
    answer = console.browser("ana").get(f"/audit/demo/{review.id}")
    assert answer.status_code == 200, answer.text[-500:]
    assert answer.headers["content-disposition"] == f'attachment; filename="demo-{review.id}.audit.zip"'
    file = tmp_path / "audit.zip"
    file.write_bytes(answer.content)
    assert check_audit(file).findings == []
    assert console.browser("ana").get("/audit/demo/..%2f..%2fetc").status_code in (404, 422)


def test_the_policy_in_words_with_who_can_fill_its_seats(tmp_path: Path, database: str | None) -> None:
    release = {
        "approvals": [{"role": "reviewer", "count": 2}, {"role": "business owner"}],
        "four_eyes": True,
        "expires_days": 7,
        "stand_ins": [{"role": "business owner", "name": "cleo"}],
        "freeze": [{"days": ["fri"], "timezone": "Europe/Berlin", "reason": f"quiet {EVIL}"}],
        "override": {"role": "reviewer", "count": 2},
    }
    console = a_console(tmp_path, database, gates={"release": release})
    console.person("ana", "reviewer")
    console.person("ben", "viewer", email="")
    browser = console.browser("ana")
    gate = next(one for one in browser.get("/api/v1/policy").json()["gates"] if one["gate"] == "release")
    assert gate["seats"] == [
        {"role": "reviewer", "count": 2, "people": ["ana"], "stand_ins": [], "enough": False},
        {"role": "business owner", "count": 1, "people": [], "stand_ins": ["cleo"], "enough": True},
    ]
    assert len(gate["stretches"]) == 4
    page = plain(browser.get("/policy"))
    assert "Four eyes" in page
    assert "too few" in page
    assert "Try a policy" not in plain(console.browser("ben").get("/policy"))


def test_trying_a_policy_tells_what_would_have_differed_and_saves_nothing(filled: Consoled) -> None:
    browser = filled.browser("ana")
    stricter = "gates:\n  release:\n    approvals: [{role: reviewer, count: 2}]\n"
    before = (filled.desk().paths.root / "signoff.yaml").read_text()
    answer = browser.post("/policy/try", {"project": "demo", "yaml": stricter})
    assert "2 of 2 past reviews would have ended otherwise" in plain(answer)
    assert (filled.desk().paths.root / "signoff.yaml").read_text() == before
    wrong = browser.post("/policy/try", {"project": "demo", "yaml": f"gates:\n  release: {{mode: {EVIL}}}\n"})
    assert wrong.status_code == 422
    assert EVIL not in wrong.text
    assert "policy.yaml" in wrong.text
    filled.person("ben", "viewer")
    assert filled.browser("ben").get("/policy/try?project=demo").status_code == 403
    header = filled.bearer("ana", "read")
    told = browser.client.post("/api/v1/policy/try", json={"project": "demo", "yaml": stricter}, headers=header)
    assert (told.status_code, told.json()["differ"]) == (200, 2)


@pytest.mark.parametrize(
    ("given", "error", "match"),
    [
        ("a: &a [1]\nb: [*a, *a]", InvalidError, "anchors or aliases"),
        ("gates: [", SettingsError, "not valid YAML"),
        ("[" * 20_000, InvalidError, "nested too deeply"),
        ("", SettingsError, "mapping"),
        ("gates: {release: {mode: never}}", SettingsError, "mode"),
        ("gates: {}\nstate: {}", SettingsError, "state"),
    ],
)
def test_a_pasted_policy_that_cannot_be_read(filled: Consoled, given: str, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        gates_of(given, filled.desk().project)


def test_search_finds_each_kind_as_typed_and_only_what_may_be_seen(filled: Consoled) -> None:
    desk = filled.desk()
    desk.store.add_comment(
        Comment(number=0, project="demo", review="release-1", actor="ana", said=now(), text="100 % sure_thing")
    )
    browser = filled.browser("ana")

    def titles(q: str, who: Browser = browser) -> dict[str, list[str]]:
        groups = who.get("/api/v1/search", params={"q": q}).json()["groups"]
        return {group["title"]: [hit["name"] for hit in group["hits"]] for group in groups}

    assert titles("IT IS GOOD") == {"Decisions": ["release-1"]}
    assert titles("100 %") == {"Comments": ["release-1"]}
    assert titles("sure_thing") == {"Comments": ["release-1"]}
    assert titles("sureXthing") == {}
    assert titles("' OR 1=1 --") == {}
    assert titles("demo/v1") == {"Releases": ["demo/v1"]}
    assert titles("c2")["Candidates"] == ["demo/c2"]
    assert titles("for b") == {"Runs": ["run-b"]}
    assert "candidate" in titles("candidate")["Words"]
    assert titles("secret") == {"Decisions": ["release-1"]}
    filled.person("ben", "viewer", project="demo")
    assert titles("secret", filled.browser("ben")) == {}
    assert titles("ana", filled.browser("ben")).get("People") is None
    page = plain(browser.get("/search", params={"q": EVIL}))
    assert "&lt;script&gt;" in page
    assert browser.get("/search", params={"q": "x" * 300}).status_code == 422


def test_what_was_looked_for_is_marked_where_it_stands() -> None:
    found = pieces("Ein Baum ist ein BAUM", "baum")
    assert [(piece.text, piece.marked) for piece in found] == [
        ("Ein ", False), ("Baum", True), (" ist ein ", False), ("BAUM", True),
    ]  # fmt: skip
    assert "".join(piece.text for piece in pieces("İstanbul", "i")) == "İstanbul"
    assert len("".join(piece.text for piece in pieces("x" * 5000 + "needle", "needle"))) < 400


def test_projects_say_what_serves_and_what_waits(filled: Consoled) -> None:
    filled.review("open one", project="other")
    cards = {card["name"]: card for card in filled.browser("ana").get("/api/v1/projects").json()["projects"]}
    assert cards["demo"]["standing"]["release"]["tag"] == "demo/v1"
    assert (cards["demo"]["standing"]["waiting"], cards["other"]["standing"]["waiting"]) == (0, 1)
    assert cards["demo"]["root"] is None
    plain(filled.browser("ana").get("/projects"))


def test_an_alert_with_its_window_and_a_report_in_a_sandbox(filled: Consoled) -> None:
    desk = filled.desk()
    check = Check(metric="drift.share", at_most=0.2)
    broken = run_checks((check,), {"drift.share": Value(name="drift.share", value=0.5)})
    alert = Alert(
        id="a1", project="demo", opened=now(), finding=f"half of the columns drifted {EVIL}", checks=broken, model="m"
    )
    desk.store.add_alert(alert)
    drift = ColumnDrift(column=EVIL, drifted=True, method="distance", score=0.4, threshold=0.1, note="more of it")
    window = Window(start=now(), end=now(), rows=500, origin="served", model="m")
    report = WindowReport(
        window=window, drift=(drift,), performance=Performance(rows=0), values=(), checks=broken, alert=alert
    )
    folder = desk.paths.monitoring / window.name
    write_json(folder / "window.json", report.as_json())
    (folder / "report.html").write_text("<p>drawn</p>")
    filled.review("alarm", gate="alert", digest=sha256_json({"alert": "a1", "model": "m"}))
    browser = filled.browser("ana")
    page = plain(browser.get("/alerts/demo/a1"))
    assert "&lt;script&gt;" in page
    assert 'href="/reviews/demo%3Aalert-1"' in page or 'href="/reviews/demo:alert-1"' in page
    assert "half of the columns" in plain(browser.get("/alerts?state=open"))
    shown = browser.get("/alerts/demo/a1/report")
    assert shown.text == "<p>drawn</p>"
    assert shown.headers["content-security-policy"].startswith("sandbox allow-scripts;")
    assert "allow-same-origin" not in shown.headers["content-security-policy"]
    assert browser.get("/alerts/demo/..%2fa1").status_code == 404


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0.0 s"),
        (9.94, "9.9 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (7500, "2 h 5 min"),
        (90000, "1 d 1 h"),
    ],
)
def test_lengths_of_time(seconds: float, words: str) -> None:
    assert lasted(seconds) == words


def test_a_role_of_the_project_alone_may_audit_it(filled: Consoled) -> None:
    account = filled.person("olga", "business owner", project="demo")
    assert account.grants == (Grant(role="business owner", project="demo"),)
    browser = filled.browser("olga")
    assert browser.get("/policy/try?project=demo").status_code == 200
    assert browser.get("/ledger?project=other").status_code == 404


def test_a_form_in_which_nothing_was_chosen_shows_everything(filled: Consoled) -> None:
    browser = filled.browser("ana")
    assert browser.get("/api/v1/runs?project=&state=").json()["total"] == 3
    assert browser.get("/api/v1/ledger?project=demo&kind=&actor=").json()["total"] == 3
    assert browser.get("/alerts?project=&state=").status_code == 200
    assert browser.get("/runs?state=asleep").status_code == 422
