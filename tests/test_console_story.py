"""The console's whole story in a browser, on real parts: `signoff up`, runs, four eyes, a request, two signatures."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.chain import SIGNOFF, signoff, signoff_json, small_workspace, with_settings
from tests.people import Person, chromium
from tests.waiting import eventually

ONE_TIME = re.compile(r"one-time password (\S+)")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    root = small_workspace(tmp_path, trials=2, families=("baseline", "linear"))
    approvals = [{"role": "reviewer", "count": 1}, {"role": "business owner", "count": 1}]
    return with_settings(root, {"gates": {"release": {"approvals": approvals, "four_eyes": True}}})


@pytest.fixture
def up(workspace: Path, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """`signoff up` on free ports: its addresses, and the first admin's password as it was printed."""
    log = tmp_path / "up.log"
    ports = ["--port", "0", "--prefect-port", "0", "--console-port", "0"]
    with log.open("wb") as output:
        command = [SIGNOFF, "up", "--workspace", workspace, *ports]
        process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
    try:
        addresses = eventually(lambda: json.loads((workspace / ".signoff" / "up.json").read_text()))
        password = eventually(lambda: ONE_TIME.search(log.read_text()))[1]
        eventually(lambda: urllib.request.urlopen(f"{addresses['console']}/login", timeout=5).status == 200)
        yield {**addresses, "password": password}
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
    assert process.returncode == 0, log.read_text()


@pytest.fixture
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_from_two_reviewers_to_a_served_release(
    workspace: Path, up: dict[str, Any], browser: Browser, tmp_path: Path
) -> None:
    admin = Person(browser, up["console"], "admin", up["password"])
    people = {
        name: Person(browser, up["console"], name, added(admin, name, role))
        for name, role in {"ann": "reviewer", "ben": "reviewer", "cleo": "reviewer", "dora": "business owner"}.items()
    }
    ann, ben = people["ann"], people["ben"]

    start_run(ann, "the monthly model")
    first = waiting_review(ann, "release-1")
    assert "four eyes" in first.lower()
    page = ann.go("/reviews/release-1")
    assert page.get_by_label("Approve", exact=True).is_disabled()
    assert refused_by_api(ann, "release-1") == 403

    assert "noise" in ben.text("/reviews/release-1")
    ask_to_leave_out(ben, "release-1", "noise", "noise is no property of a trip")
    waiting_review(people["cleo"], "release-2")
    asked = signoff_json("status", root=workspace)["run"]["cause"]
    assert (asked["kind"], asked["actor"], asked["note"]) == ("request", "ben", "noise is no property of a trip")
    told = people["cleo"].text("/reviews/release-2")
    assert "ben" in told
    assert "noise is no property of a trip" in told
    features = json.loads((workspace / "artifacts" / "model" / "model.json").read_text())["inputs"]
    assert "noise" not in json.dumps(features)
    assert "wind" in json.dumps(features)

    approve(people["cleo"], "release-2", "the lead holds on the same rows")
    assert signoff_json("status", root=workspace)["champion"] is None
    approve(people["dora"], "release-2", "worth it")
    champion = eventually(lambda: signoff_json("status", root=workspace)["champion"])
    assert champion["tag"] == "trips/v1"
    eventually(lambda: urllib.request.urlopen(f"{up['endpoint']}/healthz", timeout=5).status == 200)
    answer = predicted(up["endpoint"], {"wind": 12.5, "carrier": "west", "distance": 400})
    candidate = signoff_json("status", root=workspace)["candidate"]
    assert answer["model"] == candidate["model_digest"]

    audit = tmp_path / "audit.zip"
    signoff("audit", "export", "trips/v1", "--out", audit, root=workspace)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    command = [sys.executable, "-m", "signoff.audit.verify", audit]
    verified = subprocess.run(command, cwd=elsewhere, capture_output=True, text=True, check=False)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert signoff_json("verify", root=workspace)["ok"]
    every_page_opens(admin, "/people", "/access", "/policy", "/ledger", "/search?q=noise", "/account")
    every_page_opens(ann, "/", "/reviews", "/runs", "/versions", "/versions/trips/v1", "/alerts", "/projects")
    assert [said for person in (admin, *people.values()) for said in person.complaints if "403" not in said] == []


def added(admin: Person, name: str, role: str) -> str:
    """Add somebody as an admin does; the one-time password that the page shows once."""
    page = admin.go("/people")
    form = page.locator("form", has=page.get_by_role("button", name="Add", exact=True))
    form.get_by_label("Name").fill(name)
    form.get_by_label("Role").select_option(role)
    form.get_by_role("button", name="Add", exact=True).click()
    return page.locator("#told-password").inner_text()


def start_run(person: Person, note: str) -> None:
    page = person.go("/runs")
    if not page.get_by_label("Why").is_visible():
        page.get_by_text("Start a run", exact=True).click()
    page.get_by_label("Why").fill(note)
    page.get_by_role("button", name="Start", exact=True).click()


def waiting_review(person: Person, identity: str) -> str:
    """What the review's page says as soon as there is one."""

    def there() -> str | None:
        text = person.text(f"/reviews/{identity}")
        return text if "May this candidate" in text else None

    said = eventually(there)
    # While it was not there its page was not found, which the browser notes.
    person.complaints.clear()
    return said


def ask_to_leave_out(person: Person, review: str, column: str, reasons: str) -> None:
    page = person.go(f"/reviews/{review}")
    page.get_by_label("Request changes", exact=True).check()
    tick = page.locator(f"input[name=exclude_features][value={column}]")
    if not tick.is_visible():
        page.get_by_text("What the next run shall do otherwise").click()
    tick.check()
    page.get_by_label("Reasons").fill(reasons)
    page.get_by_role("button", name="Sign the decision").click()
    page.wait_for_load_state()


def approve(person: Person, review: str, reasons: str) -> None:
    page = person.go(f"/reviews/{review}")
    page.get_by_label("Approve", exact=True).check()
    page.get_by_label("Reasons").fill(reasons)
    page.get_by_role("button", name="Sign the decision").click()
    page.wait_for_load_state()


def refused_by_api(person: Person, review: str) -> int:
    """The status that the API answers to an approval which the page does not offer."""
    script = """async (review) => {
      const shown = await (await fetch(`/api/v1/reviews/${review}`)).json();
      const csrf = document.querySelector('[name=csrf]').value || document.querySelector('[name=csrf]').content;
      const body = JSON.stringify({verdict: 'approve', reasons: 'let me', digest: shown.digest});
      const headers = {'content-type': 'application/json', 'x-csrf-token': csrf};
      return (await fetch(`/api/v1/reviews/${review}/decisions`, {method: 'POST', headers, body})).status;
    }"""
    return int(person.page.evaluate(script, review))


def predicted(endpoint: str, row: dict[str, Any]) -> dict[str, Any]:
    body = json.dumps({"rows": [row]}).encode()
    request = urllib.request.Request(f"{endpoint}/predict", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as response:
        answer: dict[str, Any] = json.load(response)["predictions"][0]
    return answer


def every_page_opens(person: Person, *paths: str) -> None:
    for path in paths:
        answer = person.page.goto(person.address + path)
        assert answer is not None
        assert answer.status == 200, path
        assert person.page.locator("h1").count() == 1, path
