"""The review page in Chromium: by keyboard alone, on a phone, in both schemes, and with nothing that axe finds."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from signoff.core.evidence import Evidence, Table, Value
from tests.consoles import PASSWORD, Consoled, a_console, served_console

CHROMIUM = shutil.which("chromium")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")]
GATES = {
    "release": {
        "checks": [
            {"metric": "holdout.roc_auc", "at_least": 0.7},
            {"metric": "holdout.calibration_gap", "at_most": 0.01},
        ],
        "expires_days": 2,
    }
}


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Consoled:
    made = a_console(tmp_path_factory.mktemp("browser"), gates=GATES)
    for name in ("ada", "bo"):
        made.person(name, "reviewer")
    for name, auc in (("a", 0.75), ("b", 0.78)):
        made.review(name, auc=auc)
    made.review("c", records=records())
    return made


@pytest.fixture(scope="module")
def address(console: Consoled) -> Iterator[str]:
    with served_console(console) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield made
        made.close()


def records() -> tuple[Evidence, ...]:
    steps = tuple((round(index / 20, 2), 300.0 - index, 0.5) for index in range(21))
    threshold = Evidence(
        kind="threshold",
        title="Where yes begins",
        business="A yes is said from 0.35 on.",
        expert="Cost by threshold.",
        values=(Value(name="threshold.in_force", value=0.35),),
        table=Table(columns=("threshold", "cost", "recall"), rows=steps),
        chart={"data": [{"x": [0, 1], "y": [3, 2], "type": "scatter"}], "layout": {}},
    )
    columns = tuple((f"column_with_a_rather_long_name_{index}", float(index)) for index in range(12))
    drivers = Evidence(
        kind="importance",
        title="What drives it",
        business="Mostly one.",
        expert="Permutation importance.",
        values=tuple(Value(name=f"importance.c{index}", value=index, low=0, high=20) for index in range(12)),
        table=Table(columns=("column", "loss"), rows=columns),
    )
    return threshold, drivers


def opened(browser: Any, address: str, name: str, path: str, **more: Any) -> Any:
    page = browser.new_context(**more).new_page()
    page.goto(f"{address}/login")
    page.fill("[name=name]", name)
    page.fill("[name=password]", PASSWORD)
    page.click("main button")
    page.goto(f"{address}{path}")
    return page


@pytest.mark.parametrize(("scheme", "width"), [("light", 1400), ("dark", 360)])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(
    browser: Any, address: str, scheme: str, width: int
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = opened(browser, address, "ada", "/", color_scheme=scheme, viewport={"width": width, "height": 800})
    for path in (
        "/",
        "/reviews",
        "/reviews/release-3",
        "/reviews/release-3?lens=audit",
        "/reviews/release-3/evidence/threshold",
    ):
        page.goto(f"{address}{path}")
        found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]})
        assert found.violations_count == 0, f"{path}: {found.generate_report()}"
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    page.context.close()


def test_the_slider_walks_the_table_and_charts_are_drawn_when_seen(browser: Any, address: str) -> None:
    page = opened(browser, address, "ada", "/reviews/release-3")
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    slider = page.locator("#r-threshold input[type=range]")
    assert "0.35" in slider.get_attribute("aria-valuetext")
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert "0.4" in slider.get_attribute("aria-valuetext")
    page.locator("#r-threshold .chart").scroll_into_view_if_needed()
    page.wait_for_selector("#r-threshold .chart .main-svg", timeout=20_000)
    assert errors == []
    page.context.close()


def test_a_decision_by_keyboard_alone(browser: Any, address: str, console: Consoled) -> None:
    page = opened(browser, address, "bo", "/")
    press = page.keyboard.press
    focused = "document.activeElement.textContent.trim()"
    assert _tab_to(page, f"{focused} === 'demo/c'"), "the inbox leads to the review"
    with page.expect_navigation():
        press("Enter")
    assert _tab_to(page, f"{focused} === 'Decide'"), "the review leads to its form"
    press("Enter")
    assert _tab_to(page, "document.activeElement.name === 'verdict'")
    press("Space")
    assert _tab_to(page, "document.activeElement.id === 'reasons'")
    page.keyboard.type("read it by keyboard")
    press("Tab")
    assert page.evaluate(focused) == "Sign the decision"
    with page.expect_navigation():
        press("Enter")
    assert "Your decision is entry" in page.inner_text(".flash")
    decision = console.desk().store.entries()[-1].decision()
    assert (decision.actor, decision.verdict, decision.reasons) == ("bo", "approve", "read it by keyboard")
    page.context.close()


def test_without_scripts_the_page_reads_and_leads_to_the_numbers(browser: Any, address: str) -> None:
    page = opened(browser, address, "ada", "/reviews/release-3", java_script_enabled=False)
    assert page.locator("#r-threshold a", has_text="numbers as a table").first.is_visible()
    assert page.locator("#r-threshold table").count() == 1
    page.context.close()


def _tab_to(page: Any, condition: str, most: int = 80) -> bool:
    for _ in range(most):
        if page.evaluate(condition):
            return True
        page.keyboard.press("Tab")
    return False


def test_chromium_is_looked_for_on_the_path() -> None:
    assert CHROMIUM is not None
    assert Path(CHROMIUM).exists()
