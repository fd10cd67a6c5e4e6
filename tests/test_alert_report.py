"""The report of an alert's window in Chromium, under the headers with which the console shuts it away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from signoff.console.home import Home
from signoff.core.monitoring import Alert, WindowRequest
from signoff.core.paths import Paths
from signoff.core.settings_file import load_project
from tasks.monitor import monitor
from tests.consoles import Consoled, Notebook, served_console
from tests.monitored import make_workspace
from tests.people import chromium


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Alert]:
    """A real alert, with the page that Evidently and we made of its window."""
    context = make_workspace(tmp_path_factory.mktemp("watched"))
    report = monitor(context, window=WindowRequest(html=True, as_of=datetime(2024, 3, 31, tzinfo=UTC)))
    assert report.alert is not None
    return context.paths.root, report.alert


@pytest.fixture(scope="module")
def console(watched: tuple[Path, Alert]) -> Iterator[Consoled]:
    root, alert = watched
    starter = Notebook()
    made = Consoled(Home(Paths(root), load_project(root), starter), starter)
    made.person("vi", "viewer")
    made.desk("small").store.add_alert(alert)
    yield made
    made.home.close()


@pytest.mark.slow
def test_it_draws_everything_and_may_do_nothing_else(console: Consoled, watched: tuple[Path, Alert]) -> None:
    alert = watched[1]
    with served_console(console) as address, chromium() as browser:
        context = browser.new_context()
        session = console.enter(console.browser(), "vi")
        signed = console.home.seal.sign("session", session)
        context.add_cookies([{"name": "signoff-session", "value": signed, "url": address}])
        page = context.new_page()
        heard: list[str] = []
        page.on("console", lambda message: heard.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: heard.append(str(error)))
        asked: list[str] = []
        page.goto(f"{address}/alerts/small/{alert.id}")
        page.get_by_role("link", name="The window's whole report").click()
        page.wait_for_url(f"{address}/alerts/small/{alert.id}/report")
        page.on("request", lambda request: asked.append(request.url))
        assert f"Alert {alert.id}." in page.locator(".verdict.broken").inner_text()
        drawn = page.locator("main > .charts svg").first
        assert drawn.bounding_box()["height"] > 50  # type: ignore[index]
        page.get_by_text("All distributions (Evidently's report)").click()
        inside = page.frame_locator("iframe")
        inside.get_by_text("size").first.wait_for(timeout=60_000)
        inside.locator(".js-plotly-plot svg").first.wait_for(timeout=60_000)
        assert inside.locator(".js-plotly-plot").count() >= len(("size", "gap", "colour"))
        assert [url for url in asked if url.startswith(("http:", "https:"))] == [], "it asks nobody for anything"
        assert heard == []
        assert reaches(page, address) == {"cookie": "refused", "storage": "refused", "fetch": "refused"}


def reaches(page: Page, address: str) -> Any:
    """What a script inside of the report would come by."""
    script = """async (address) => {
      const tried = async (act) => { try { return (await act()) ? "reached" : "refused" } catch { return "refused" } };
      return {
        cookie: await tried(() => document.cookie), storage: await tried(() => window.localStorage),
        fetch: await tried(() => fetch(address + "/api/v1/account", {credentials: "include"})),
      };
    }"""
    return page.evaluate(script, address)


def test_a_report_that_is_not_there_or_not_of_this_project(console: Consoled, watched: tuple[Path, Alert]) -> None:
    browser, alert = console.browser("vi"), watched[1]
    page = browser.get(f"/alerts/small/{alert.id}/report")
    assert page.status_code == 200
    assert "sandbox allow-scripts;" in page.headers["content-security-policy"]
    assert "allow-same-origin" not in page.headers["content-security-policy"]
    other = alert.model_copy(update={"id": "0" * 12, "model": "another"})
    console.desk("small").store.add_alert(other)
    assert browser.get(f"/alerts/small/{other.id}/report").status_code == 404
    (file,) = Paths(watched[0]).monitoring.glob("*/window.json")
    assert json.loads(file.read_text())["alert"]["id"] == alert.id
