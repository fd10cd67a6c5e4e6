"""Take the pictures of docs/console.md from a console that is up.

    python docs/screenshots.py ADDRESS NAME PASSWORD REVIEW [FOLDER]

NAME should be an admin who is a reviewer too, so that every page opens; REVIEW an open one at the release gate.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

PAGES = {
    "inbox": "/",
    "reviews": "/reviews",
    "review-business": "/reviews/{review}?lens=business",
    "review-science": "/reviews/{review}?lens=science",
    "review-operations": "/reviews/{review}?lens=operations",
    "review-audit": "/reviews/{review}?lens=audit",
    "runs": "/runs",
    "versions": "/versions",
    "alerts": "/alerts",
    "projects": "/projects",
    "ledger": "/ledger",
    "policy": "/policy",
    "people": "/people",
    "access": "/access",
    "account": "/account",
    "search": "/search?q=calibration",
    "compare": "/compare?project=flights&a=flights/c1&b=flights/c3",
}
WIDE, NARROW = {"width": 1280, "height": 860}, {"width": 360, "height": 740}


def main() -> None:
    """Every page once, the review also in the dark and on a phone."""
    address, name, password, review = sys.argv[1:5]
    folder = Path(sys.argv[5]) if len(sys.argv) > 5 else Path(__file__).with_name("screenshots")
    folder.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = logged_in(browser, address, name, password, WIDE, "light")
        for title, path in PAGES.items():
            take(page, address + path.format(review=review), folder / f"{title}.png")
        run = page.goto(f"{address}/runs")
        assert run is not None
        first = page.locator("main table tbody th a").first.get_attribute("href")
        take(page, f"{address}{first}", folder / "run.png")
        for title, width, scheme in (("review-dark", WIDE, "dark"), ("review-phone", NARROW, "light")):
            other = logged_in(browser, address, name, password, width, scheme)
            take(other, f"{address}/reviews/{review}?lens=business", folder / f"{title}.png")
        browser.close()


def logged_in(browser: Browser, address: str, name: str, password: str, size: dict[str, int], scheme: str) -> Page:
    """A new browser window in which somebody has logged in."""
    page = browser.new_context(viewport=size, color_scheme=scheme).new_page()  # type: ignore[arg-type]
    page.goto(f"{address}/login")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    return page


def take(page: Page, address: str, file: Path) -> None:
    """What the window shows of a page."""
    page.goto(address)
    page.wait_for_load_state("networkidle")
    page.screenshot(path=file)


if __name__ == "__main__":
    main()
