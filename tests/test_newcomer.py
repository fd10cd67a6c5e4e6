"""What somebody new reads at the terminal and in the console: plain words, what was counted, what a step changes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from signoff.access import first_admin
from signoff.access.first_account import what_it_changes
from signoff.cli.app import app
from signoff.commands.announcements import list_notices
from signoff.commands.reviews import show_review
from signoff.commands.status import show_status
from signoff.commands.verification import counted, verify_workspace
from signoff.core.account import Grant
from signoff.core.data import FailedExpectation, Validation
from signoff.core.decision import Review
from signoff.core.files import write_text
from signoff.core.policy_rules import rules_of
from signoff.core.policy_words import sentences_of
from signoff.core.record import now
from signoff.core.run import Cause
from signoff.core.settings import GatePolicy
from signoff.workspace.git import Git
from tests.consoles import a_console
from tests.ledger_cases import approve, ask, caller, candidate, desk_at, release

SETTINGS = """\
project: demo
question: Is it?
task: binary
target: y
data:
  sources:
    rows: {file: rows.csv}
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    write_text(tmp_path / "signoff.yaml", SETTINGS)
    Git(tmp_path).init()
    return tmp_path


def test_the_outbox_is_listed_in_plain_words(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    desk = desk_at(workspace)
    ask(desk)
    (noted,) = desk.store.notices(limit=9)
    desk.store.close()
    list_notices(workspace, 9, as_json=False)
    assert f"to tell      {noted.kind}" in capsys.readouterr().out
    list_notices(workspace, 9, as_json=True)
    assert json.loads(capsys.readouterr().out)["notices"][0]["state"] == "new", "scripts go by the state's name"


def test_verify_says_what_it_counted_and_what_mends(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    desk = desk_at(workspace)
    ask(desk)
    ruling = approve(desk)
    desk.store.add_candidate(candidate(), tag="demo/a", run="run-a")
    assert counted(workspace).startswith("1 entry (1 decision, 0 releases), 0 tags, 0 files of the champion")
    assert verify_workspace(workspace, as_json=False) == 0
    assert "checked 1 entry (1 decision, 0 releases)" in capsys.readouterr().out
    release(desk, ruling)
    assert counted(workspace).startswith("2 entries (1 decision, 1 release)")
    file = next(desk.paths.decisions.glob("*decision*.json"))
    file.write_text(file.read_text().replace("it is good", "it is great"))
    assert verify_workspace(workspace, as_json=False) == 1
    out = capsys.readouterr().out
    assert "BAD  decisions/" in out
    assert "git checkout -- decisions" in out
    assert verify_workspace(workspace, as_json=True) == 1
    assert set(json.loads(capsys.readouterr().out)) == {"ok", "findings"}


def test_the_first_named_account_is_announced_with_what_it_changes(workspace: Path) -> None:
    store = desk_at(workspace).store
    assert "accounts are in force" in what_it_changes(store)[0]
    first_admin(store)
    told = what_it_changes(store)
    assert len(told) == 2
    assert "The first admin, admin, then decides nothing any more" in told[1]
    store.add_account(caller("bo", "reviewer").account)
    (told_after,) = what_it_changes(store)
    assert told_after.startswith("The first admin, admin, decides nothing any more")
    admin = store.account("admin")
    store.save_account(admin.model_copy(update={"grants": (*admin.grants, Grant(role="reviewer"))}))
    assert what_it_changes(store) == ()


def test_help_names_the_first_steps_first_and_cuts_no_sentence() -> None:
    shown = CliRunner().invoke(app, ["--help"], terminal_width=80).output
    commands = [line.split()[0] for line in shown.partition("Commands:")[2].splitlines() if line.strip()]
    assert commands[:4] == ["init", "demo", "run", "status"]
    assert "..." not in shown.partition("Commands:")[2]


def test_a_policy_without_four_eyes_says_so() -> None:
    assert "four eyes: off, so whoever started a run may approve what it made" in sentences_of(GatePolicy())
    assert not any("off" in said for said in sentences_of(GatePolicy(four_eyes=True)))


def test_a_review_of_data_names_column_share_and_examples(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    desk = desk_at(workspace)
    broken = FailedExpectation(
        column="income",
        expectation="values between 0 and 90,000",
        reason="what was seen when the suite was proposed",
        observed="12 values outside",
        unexpected_share=0.04,
        examples=("-5", "1200000"),
    )
    found = Validation(suite="demo", rows=300, expectations=28, failures=(broken,))
    kept = desk.store.keep_evidence(found.model_dump_json().encode())
    ask(desk, "rows", gate="data", evidence_sha256=kept)
    show_review(workspace, "data-1", as_json=False)
    out = capsys.readouterr().out
    assert "income: values between 0 and 90,000: 12 values outside (4.00% of the rows), such as -5, 1200000" in out
    assert "expected because what was seen when the suite was proposed" in out
    assert f'next: signoff review approve data-1 --workspace {workspace} --reason "..."' in out
    show_review(workspace, "data-1", as_json=True)
    assert json.loads(capsys.readouterr().out)["failures"] == [broken.as_json()]


def test_status_names_the_workspace_that_the_next_command_is_about(
    workspace: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    show_status(workspace, as_json=False)
    assert f"next: signoff run --workspace {workspace}\n" in capsys.readouterr().out
    monkeypatch.chdir(workspace)
    show_status(workspace, as_json=False)
    assert "next: signoff run\n" in capsys.readouterr().out


def test_settings_that_are_not_committed_are_nobodys_name() -> None:
    asked = Review(
        id="release-1",
        project="demo",
        gate="release",
        digest="d",
        evidence_sha256="e",
        run="r",
        cause=Cause(actor="zoe"),
        policy=GatePolicy(),
        opened=now(),
        subject="demo/c1",
        settings_by=("Ada", "uncommitted"),
    )
    (told,) = [rule.sentence for rule in rules_of(asked, [], now()) if rule.name == "settings"]
    assert "by Ada, somebody whose changes are not committed" in told
    assert "since the workspace was made" in told


def test_make_says_what_it_installs_before_it_is_silent() -> None:
    root = Path(__file__).parents[1]
    asked = ["make", "--dry-run", "--always-make", "--directory", str(root), "demo"]
    lines = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.splitlines()
    said = next(number for number, line in enumerate(lines) if "1.3 GB of locked packages" in line)
    assert said < next(number for number, line in enumerate(lines) if "-m venv" in line)
    assert "10 seconds to a minute" in lines[said]


def test_the_people_page_says_what_the_first_account_changes(tmp_path: Path) -> None:
    console = a_console(tmp_path)
    console.person("admin", "admin", bootstrap=True)
    admin = console.browser("admin")
    page = admin.get("/people").text
    assert "With the first account that is added, accounts are in force" in page
    assert "The first admin, admin, then decides nothing any more" in page
    console.person("bo", "reviewer")
    page = admin.get("/people").text
    assert "With the first account" not in page
    assert "The first admin, admin, decides nothing any more" in page
