"""No page of the console and no answer of its API tells a drill from a review, until somebody has decided."""

from __future__ import annotations

from pathlib import Path

import pytest

from signoff.access import caller_of
from signoff.gates import decide
from tests.consoles import a_console
from tests.test_drills_gate import SECRET_WORDS, opened

PAGES = (
    "/",
    "/reviews",
    "/reviews/release-1",
    "/reviews/demo:release-1",
    "/runs",
    "/runs/run-z",
    "/versions",
    "/versions/demo/c9",
    "/ledger",
    "/ledger/demo/1",
    "/search?q=release",
    "/search?q=drill",
    "/projects",
    "/alerts",
)


@pytest.mark.parametrize("page", PAGES)
def test_no_page_betrays_a_drill(tmp_path: Path, database: str | None, page: str) -> None:
    console = a_console(tmp_path, database)
    console.person("bo", "reviewer")
    drill = opened(console.desk())
    browser = console.browser("bo")
    for path in (page, f"/api/v1{page}"):
        answer = browser.get(path)
        assert answer.status_code in (200, 404), answer.text
        # A field that says no of every open review, and a filter that every ledger has, say nothing.
        asked = answer.text.lower()
        for same in ("q=drill", 'value="drill"', '"drill":false', "<option>drill</option>"):
            asked = asked.replace(same, "")
        shown = [word for word in SECRET_WORDS if word in asked and not (word == "drill" and "?q=drill" in path)]
        assert not shown, f"{path} says {shown}"
        for secret in (drill.salt, "one column carries 99"):
            assert secret not in asked
    dossier = browser.get(f"/dossier/{drill.digest}")
    assert (dossier.status_code, dossier.text) == (200, "<p>dossier</p>")


def test_a_policy_that_is_tried_betrays_no_drill_by_leaving_it_out(tmp_path: Path, database: str | None) -> None:
    console = a_console(tmp_path, database)
    console.person("bo", "reviewer")
    desk = console.desk()
    drill = opened(desk)
    asked, header = {"project": "demo", "yaml": "gates: {}"}, console.bearer("bo", "read")

    def tried() -> list[str]:
        answer = console.browser().client.post("/api/v1/policy/try", json=asked, headers=header)
        return [one["review"] for one in answer.json()["trials"]]

    assert tried() == [drill.review]
    decide(
        desk, drill.review, "reject", actor="bo", reasons="no", caller=caller_of(desk.store, desk.store.account("bo"))
    )
    assert tried() == []


def test_the_page_tells_when_it_is_decided(tmp_path: Path, database: str | None) -> None:
    console = a_console(tmp_path, database)
    console.person("bo", "reviewer")
    drill = opened(console.desk())
    browser = console.browser("bo")
    assert browser.get("/reviews/release-1").status_code == 200
    body = {"verdict": "approve", "reasons": "all green", "digest": drill.digest}
    answer = browser.client.post(
        "/api/v1/reviews/release-1/decisions", json=body, headers=console.bearer("bo", "decide")
    )
    assert answer.status_code == 201, answer.text
    assert "release-1 was a drill" in answer.json()["drill"]
    assert "It was missed by bo" in answer.json()["drill"]
    assert "was a drill" in browser.get("/reviews/release-1").text
    told = console.desk().store.drill("release-1")
    assert told is not None
    assert (told.state, told.by) == ("missed", ("bo",))
    assert console.starter.asked in ([], [("follow", "demo", console.desk().ledger.entries()[1].hash)])
