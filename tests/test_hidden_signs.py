"""Characters that cannot be seen: refused where people write, and harmless where they were written before."""

from __future__ import annotations

from pathlib import Path

import pytest

from signoff.core.record import now
from signoff.core.run import Cause, Run, RunState
from tests.consoles import Consoled, a_console

HIDDEN = ("quick\x00brown", "quick \u202eevil", "quick\u200b")


def answer(console: Consoled, **body: object) -> int:
    review = console.desk().store.reviews()[-1]
    asked = {"verdict": "approve", "reasons": "x", "digest": review.digest, **body}
    headers = console.bearer("ada", "decide")
    path = f"/api/v1/reviews/{review.id}/decisions"
    return console.browser().client.post(path, headers=headers, json=asked).status_code


@pytest.fixture
def console(tmp_path: Path) -> Consoled:
    made = a_console(tmp_path)
    made.person("ada", "reviewer")
    made.review()
    return made


@pytest.mark.parametrize("text", HIDDEN)
def test_reasons_and_changes_hold_no_hidden_sign(console: Consoled, text: str) -> None:
    assert answer(console, reasons=text) == 400
    changes = {"exclude_features": [text]}
    assert answer(console, verdict="request-changes", reasons="x", changes=changes) == 400
    assert console.desk().ledger.entries() == ()


def test_lines_of_reasons_end_alike(console: Consoled) -> None:
    assert answer(console, reasons="one\r\ntwo\tthree") == 201
    assert console.desk().ledger.entries()[-1].body["reasons"] == "one\ntwo\tthree"


def test_an_old_row_with_nul_breaks_no_search_on_postgresql(tmp_path: Path, postgres_address: str) -> None:
    console = a_console(tmp_path, postgres_address)
    console.person("ada", "reviewer")
    run = Run(id="old", flow="retrain", cause=Cause(actor="bo", note=HIDDEN[0]), state=RunState.DONE, started=now())
    console.desk().store.start_run(run)
    client, headers = console.browser().client, console.bearer("ada", "read")
    for needle, found in (("quick", 1), ("brown", 1), ("zzz", 0)):
        said = client.get(f"/api/v1/search?q={needle}", headers=headers)
        assert said.status_code == 200, said.text
        assert len(said.json()["groups"]) == found


def test_a_failing_database_tells_callers_not_where_it_is(tmp_path: Path, postgres_address: str) -> None:
    console = a_console(tmp_path, postgres_address)
    console.person("ada", "reviewer")
    headers = console.bearer("ada", "read")
    with console.home.accounts.database.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE signoff_runs RENAME TO elsewhere")
    said = console.browser().client.get("/api/v1/runs", headers=headers)
    assert said.status_code >= 400
    assert not [word for word in ("postgresql", "127.0.0.1", "@") if word in said.text.replace("PostgreSQL", "")]
